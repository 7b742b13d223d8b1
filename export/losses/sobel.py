"""Sobel loss: L1 of the two frames' gradients.

References:
    Sobel and Feldman, "A 3x3 isotropic gradient operator for image processing", 1968; Huang et
    al., "Real-time intermediate flow estimation for video frame interpolation" (RIFE), ECCV 2022.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from framegauge.export.contract.spec import Grid, Spec
from framegauge.export.features import Features
from framegauge.export.metric import PixelMetric

SPEC = Spec(
    name="sobel",
    title="L1 of Sobel gradients, both directions added",
    kind="loss",
    better="lower",
    ideal=0.0,
    low=0.0,
    high=12.0,
    tolerance=1e-7,
    relative=1e-3,
    grid=Grid(),
    source="RIFE (Huang et al., ECCV 2022)",
)

ACROSS = ((1.0, 0.0, -1.0), (2.0, 0.0, -2.0), (1.0, 0.0, -1.0))


def sobel(x: Tensor) -> Tensor:
    """Gradients of each channel, zeros beyond the border: ``(N, C, H, W)`` to ``(N, 2C, H, W)``.

    Channels alternate: across, down, across, down, ...
    """
    across = x.new_tensor(ACROSS)
    kernels = torch.stack([across, across.T])[:, None].repeat(x.shape[1], 1, 1, 1)
    return F.conv2d(x, kernels, padding=1, groups=x.shape[1])


class Sobel(PixelMetric):
    """Mean over pixels and channels of ``|d/dx error| + |d/dy error|``.

    Example:
        >>> import torch
        >>> Sobel()(torch.ones(1, 3, 5, 5), torch.zeros(1, 3, 5, 5))
        tensor(2.8800)
    """

    SPEC = SPEC

    def map(self, features: Features) -> Tensor:
        """Loss of each pixel, mean over channels, ``(N, 1, H, W)``."""
        # The operator is linear: the difference of the gradients is that of the difference.
        error = features.rgb("distorted") - features.rgb("reference")
        return 2 * sobel(error).abs().mean(1, keepdim=True)
