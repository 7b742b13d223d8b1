"""The form of metrics that are given frames and the flows between them."""

from __future__ import annotations

from torch import Tensor

from framegauge.export.features import Features
from framegauge.export.maths.motion import flows_at
from framegauge.export.metric import Metric


class MotionMetric(Metric):
    """A metric of frames, flows and what else its Spec names, some of it by its options."""

    def reduced(self, **given: Tensor | None) -> Tensor:
        """The scores of what eager code gives, by role, reduced as the module was told.

        Raises:
            ValueError: An input is missing or not wanted, or shapes do not fit.
        """
        wanted = self.spec.inputs
        missing = [role for role in wanted if given.get(role) is None]
        unwanted = [role for role, tensor in given.items() if tensor is not None]
        unwanted = [role for role in unwanted if role not in wanted]
        if missing or unwanted:
            problem = f"needs {', '.join(missing)}" if missing else f"reads no {unwanted[0]}"
            raise ValueError(
                f"{self.spec.name} with these options {problem}. Its inputs: {', '.join(wanted)}."
            )
        tensors = {role: tensor for role in wanted if (tensor := given[role]) is not None}
        return self.judge(tensors)


def approximated(features: Features) -> tuple[Tensor, Tensor]:
    """:func:`flows_at` the time given, from the flows between the neighbours, once a trace."""
    return features.once(
        flows_at,
        features.tensor("flow_previous_next"),
        features.tensor("flow_next_previous"),
        features.tensor("time"),
    )
