"""Huber loss: square near zero, linear beyond delta.

Reference:
    Huber, "Robust estimation of a location parameter", Annals of Mathematical Statistics 35, 1964.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from framegauge.export.contract.spec import Grid, Spec
from framegauge.export.features import Features
from framegauge.export.maths.reduction import Reduction
from framegauge.export.metric import PixelMetric

SPEC = Spec(
    name="huber",
    title="Mean Huber loss of RGB in [0, 1]",
    kind="loss",
    better="lower",
    ideal=0.0,
    low=0.0,
    high=0.375,  # delta (1 - delta / 2)
    tolerance=1e-7,
    relative=1e-3,
    grid=Grid(),
    source="Huber 1964; delta 0.5 as FLAVR",
)


def huber(x: Tensor, y: Tensor, *, delta: float) -> Tensor:
    r""":math:`d^2/2` where :math:`|d| < \delta`, else :math:`\delta(|d| - \delta/2)`."""
    error = (x - y).abs()
    return torch.where(error < delta, error.square() / 2, delta * (error - delta / 2))


class Huber(PixelMetric):
    r"""Mean Huber loss over pixels and channels.

    Example:
        >>> import torch
        >>> Huber()(torch.full((1, 3, 4, 4), 1.0), torch.full((1, 3, 4, 4), 0.5))
        tensor(0.1250)
    """

    SPEC = SPEC

    def __init__(self, *, delta: float = 0.5, reduction: Reduction = "mean") -> None:
        """Make the loss.

        Args:
            delta: Error at which the square turns into a line.
            reduction: As for every metric.
        """
        super().__init__(reduction=reduction)
        if not delta > 0:
            raise ValueError(f"huber takes a delta above 0, got {delta}.")
        self.delta = delta

    @property
    def spec(self) -> Spec:
        """The facts; black on white is the worst."""
        delta = min(self.delta, 1)
        return replace(SPEC, high=delta * (1 - delta / 2))

    def map(self, features: Features) -> Tensor:
        """Loss of each pixel, mean over channels, ``(N, 1, H, W)``."""
        x, y = features.rgb("distorted"), features.rgb("reference")
        return huber(x, y, delta=self.delta).mean(1, keepdim=True)
