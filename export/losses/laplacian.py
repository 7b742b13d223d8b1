"""Laplacian pyramid loss: L1 of the band-pass levels of two frames.

References:
    Burt and Adelson, "The Laplacian pyramid as a compact image code", IEEE Trans. Communications
    31(4), 1983; Niklaus and Liu, "Context-aware synthesis for video frame interpolation", CVPR
    2018; Huang et al., "Real-time intermediate flow estimation for video frame interpolation"
    (RIFE), ECCV 2022 (this form: plain sum of the levels' means, without the low-pass rest).
"""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from framegauge.export.contract.spec import Spec
from framegauge.export.features import Features
from framegauge.export.maths.pyramid import laplacian_bands
from framegauge.export.maths.reduction import Reduction, pixel_mean
from framegauge.export.metric import PairMetric

SPEC = Spec(
    name="laplacian",
    title="L1 of Laplacian pyramids, five levels",
    kind="loss",
    better="lower",
    ideal=0.0,
    low=0.0,
    high=None,
    least=64,
    tolerance=1e-7,
    relative=1e-3,
    source="RIFE (Huang et al., ECCV 2022)",
    aliases=("lap",),
)


def laplacian_levels(x: Tensor, y: Tensor, *, levels: int) -> list[Tensor]:
    """Mean absolute difference of each band, finest first, ``(N,)`` each.

    The pyramid is linear, so the bands of the difference are the differences of the bands.
    """
    return [pixel_mean(band.abs()) for band in laplacian_bands(x - y, levels=levels)]


class Laplacian(PairMetric):
    """Sum over levels of the mean absolute difference of the bands.

    Takes any size: a level is ``ceil(size / 2)`` of the one above, and zeros are inserted up to
    its exact size. RIFE's own code runs at multiples of 32 only, and gives the same there.

    Example:
        >>> import torch
        >>> board = (torch.arange(64)[:, None] + torch.arange(64)) % 2
        >>> Laplacian()(board.expand(1, 3, 64, 64).float(), torch.full((1, 3, 64, 64), 0.5))
        tensor(0.5000)
    """

    SPEC = SPEC

    def __init__(self, *, levels: int = 5, reduction: Reduction = "mean") -> None:
        """Make the loss.

        Args:
            levels: Band-pass levels of the pyramid.
            reduction: As for every metric.
        """
        super().__init__(reduction=reduction)
        if levels < 1:
            raise ValueError(f"laplacian takes at least 1 level, got {levels}.")
        self.levels = levels

    @property
    def spec(self) -> Spec:
        """The facts; every level needs three samples for its reflected border."""
        return replace(SPEC, least=2 ** (self.levels + 1))

    def score(self, features: Features) -> Tensor:
        """Sum of the levels' means, ``(N,)``."""
        x, y = features.rgb("distorted"), features.rgb("reference")
        first, *rest = laplacian_levels(x, y, levels=self.levels)
        return sum(rest, first)
