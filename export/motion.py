"""Frames and the motion between them: the form of metrics that are given flows with frames."""

from __future__ import annotations

from torch import Tensor

from framegauge.export.features import Features
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


def flows_at(forward: Tensor, backward: Tensor, time: Tensor) -> tuple[Tensor, Tensor]:
    """Flows from a time between two frames to both, as Super SloMo approximates them.

    Args:
        forward: From the previous to the next frame, ``(N, 2, H, W)``, pixels.
        backward: From the next to the previous, the same.
        time: Of each sample, ``(N,)``, in (0, 1): 0 is the previous frame, 1 the next.

    Returns:
        Flow to the previous frame and flow to the next.

    Example:
        >>> import torch
        >>> forward, half = torch.ones(1, 2, 1, 1), torch.tensor([0.5])
        >>> [flow.flatten().tolist() for flow in flows_at(forward, -forward, half)]
        [[-0.5, -0.5], [0.5, 0.5]]
    """
    t = time.view(-1, 1, 1, 1)
    rest = 1 - t
    to_previous = t * t * backward - rest * t * forward
    to_next = rest * rest * forward - t * rest * backward
    return to_previous, to_next


def approximated(features: Features) -> tuple[Tensor, Tensor]:
    """:func:`flows_at` the time given, from the flows between the neighbours, once a trace."""
    return features.once(
        flows_at,
        features.tensor("flow_previous_next"),
        features.tensor("flow_next_previous"),
        features.tensor("time"),
    )
