"""Mean absolute error, the L1 loss."""

from __future__ import annotations

from torch import Tensor

from framegauge.export.contract.spec import Grid, Spec
from framegauge.export.features import Features
from framegauge.export.metric import PixelMetric

SPEC = Spec(
    name="l1",
    title="Mean absolute error of RGB in [0, 1]",
    kind="loss",
    better="lower",
    ideal=0.0,
    low=0.0,
    high=1.0,
    tolerance=1e-7,
    relative=1e-3,
    grid=Grid(),
    source="Definition; FLAVR (Kalluri et al., WACV 2023) trains on it",
)


def absolute_error(x: Tensor, y: Tensor) -> Tensor:
    """``|x - y|`` of each pixel, mean over channels: ``(N, C, H, W)`` to ``(N, 1, H, W)``."""
    return (x - y).abs().mean(1, keepdim=True)


class L1(PixelMetric):
    r"""Mean of :math:`|x - y|` over pixels and channels.

    Example:
        >>> import torch
        >>> L1()(torch.full((1, 3, 4, 4), 0.75), torch.full((1, 3, 4, 4), 0.25))
        tensor(0.5000)
    """

    SPEC = SPEC

    def map(self, features: Features) -> Tensor:
        """Absolute error of each pixel, mean over channels, ``(N, 1, H, W)``."""
        return features.once(absolute_error, features.rgb("distorted"), features.rgb("reference"))
