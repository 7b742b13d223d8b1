"""Minkowski error: a mean of powers of the difference.

Reference:
    Wang and Bovik, "Mean squared error: love it or leave it?", IEEE Signal Processing Magazine
    26(1), 2009, which calls it the l_p norm.
"""

from __future__ import annotations

from torch import Tensor

from framegauge.export.contract.spec import Grid, Spec
from framegauge.export.features import Features
from framegauge.export.maths.reduction import Reduction
from framegauge.export.metric import PixelMetric

SPEC = Spec(
    name="minkowski",
    title="Mean of |error|^power, RGB in [0, 1]",
    kind="loss",
    better="lower",
    ideal=0.0,
    low=0.0,
    high=1.0,
    tolerance=1e-7,
    relative=1e-3,
    grid=Grid(),
    source="Wang and Bovik, 2009",
)


def minkowski(x: Tensor, y: Tensor, *, power: int) -> Tensor:
    """``|x - y|^power``, elementwise."""
    return (x - y).abs().pow(power)


class Minkowski(PixelMetric):
    r"""Mean of :math:`|x - y|^p` over pixels and channels.

    Example:
        >>> import torch
        >>> Minkowski()(torch.full((1, 3, 4, 4), 0.75), torch.full((1, 3, 4, 4), 0.25))
        tensor(0.1250)
    """

    SPEC = SPEC

    def __init__(self, *, power: int = 3, reduction: Reduction = "mean") -> None:
        """Make the loss.

        Args:
            power: The exponent, at least 1.
            reduction: As for every metric.
        """
        super().__init__(reduction=reduction)
        if power < 1:
            raise ValueError(f"minkowski takes a power of at least 1, got {power}.")
        self.power = power

    def map(self, features: Features) -> Tensor:
        """Error of each pixel, mean over channels, ``(N, 1, H, W)``."""
        x, y = features.rgb("distorted"), features.rgb("reference")
        return minkowski(x, y, power=self.power).mean(1, keepdim=True)
