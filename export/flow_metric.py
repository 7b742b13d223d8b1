"""The form of metrics that judge optical flow.

Flows are ``(N, 2, H, W)`` in pixels, channel 0 to the right, channel 1 down.
"""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from framegauge.export.contract.spec import Spec
from framegauge.export.features import Features
from framegauge.export.maths.reduction import (
    Reduction,
    counted,
    masked_mean,
    pixel_mean,
)
from framegauge.export.metric import MapMetric


class FlowMetric(MapMetric):
    """A metric of a flow against a reference flow: the mean of a map, of all pixels or some."""

    def __init__(self, *, masked: bool = False, reduction: Reduction = "mean") -> None:
        """Make the metric.

        Args:
            masked: Take a further input ``mask``; the score is ``sum(map * mask) / sum(mask)``.
                Flows may be anything where it is 0; a mask of zeros gives 0 and no gradient.
            reduction: As for every metric.
        """
        super().__init__(reduction=reduction)
        self.masked = masked

    @property
    def spec(self) -> Spec:
        """The facts; a mask is one input more."""
        inputs = ("flow", "flow_reference", *(("mask",) if self.masked else ()))
        return replace(self.SPEC, inputs=inputs)

    def score(self, features: Features) -> Tensor:
        """Mean of the map, ``(N,)``."""
        if not self.masked:
            return pixel_mean(features.once(self.map, features))
        mask = features.tensor("mask")
        # Not the map alone: the gradient of a root of infinity is NaN before it is masked.
        flows = {
            role: features.once(counted, features.tensor(role), mask)
            for role in ("flow", "flow_reference")
        }
        return masked_mean(self.map(features.joined(flows)), mask)

    def forward(self, flow: Tensor, flow_reference: Tensor, mask: Tensor | None = None) -> Tensor:
        """Judge flows in eager code.

        Args:
            flow: Flow to judge, ``(N, 2, H, W)``, pixels.
            flow_reference: What it should be, same shape.
            mask: Weights, ``(N, 1, H, W)``, 1 = counts; needed if and only if ``masked``.

        Returns:
            The scores, reduced as the module was told.

        Raises:
            ValueError: Shapes differ, values that count are not finite, or the mask is missing,
                not wanted or not in [0, 1].
        """
        if (mask is not None) != self.masked:
            raise ValueError(
                f"{self.SPEC.name}(masked={self.masked}) was called "
                f"{'with' if mask is not None else 'without'} a mask. Make it with masked="
                f"{not self.masked}."
            )
        given = {"flow": flow, "flow_reference": flow_reference}
        if mask is not None:
            given["mask"] = mask
        return self.judge(given)
