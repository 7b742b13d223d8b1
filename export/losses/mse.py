"""Mean squared error."""

from __future__ import annotations

from torch import Tensor

from framegauge.export.contract.spec import Grid, Spec
from framegauge.export.features import Features
from framegauge.export.metric import PixelMetric

SPEC = Spec(
    name="mse",
    title="Mean squared error of RGB in [0, 1]",
    kind="loss",
    better="lower",
    ideal=0.0,
    low=0.0,
    high=1.0,
    tolerance=1e-7,
    relative=1e-3,
    grid=Grid(),
    source="Definition",
)


def squared_error(x: Tensor, y: Tensor) -> Tensor:
    """``(x - y)^2`` of each pixel, mean over channels: ``(N, C, H, W)`` to ``(N, 1, H, W)``."""
    return (x - y).square().mean(1, keepdim=True)


class MSE(PixelMetric):
    r"""Mean of :math:`(x - y)^2` over pixels and channels.

    Example:
        >>> import torch
        >>> MSE()(torch.full((1, 3, 4, 4), 0.75), torch.full((1, 3, 4, 4), 0.25))
        tensor(0.2500)
    """

    SPEC = SPEC

    def map(self, features: Features) -> Tensor:
        """Squared error of each pixel, mean over channels, ``(N, 1, H, W)``."""
        return features.once(squared_error, features.rgb("distorted"), features.rgb("reference"))
