"""SSIM with a window over rows, columns and colours, as frame interpolation papers report it.

References:
    Wang et al., IEEE Trans. Image Processing 13(4), 2004; ``ssim_matlab`` of RIFE (Huang et al.,
    ECCV 2022) and FLAVR (Kalluri et al., WACV 2023), where the three colours are the depth of a
    volume, its borders repeated.
"""

from __future__ import annotations

import torch
from torch import Tensor

from framegauge.export.contract.spec import Grid, Spec
from framegauge.export.features import Features
from framegauge.export.maths.windows import Moments, Taps, pad, parts, separable, window_moments
from framegauge.export.metric import PixelMetric
from framegauge.export.metrics.ssim import GAUSSIAN, luminance_contrast

SPEC = Spec(
    name="ssim_3d",
    title="SSIM with a three-dimensional window (ssim_matlab)",
    kind="metric",
    better="higher",
    ideal=1.0,
    low=-1.0,
    high=1.0,
    least=11,
    tolerance=1e-4,
    grid=Grid(),
    source="RIFE and FLAVR's ssim_matlab",
    aliases=("ssim_matlab",),
)


def colour_mix(taps: Taps, channels: int = 3) -> list[list[float]]:
    """What a window along the colour axis does to a few channels whose borders are repeated.

    Row ``c`` holds the weights of the channels in the filtered channel ``c``.
    """
    mix = [[0.0] * channels for _ in range(channels)]
    for c in range(channels):
        for k, tap in enumerate(taps):
            mix[c][min(max(c + k - len(taps) // 2, 0), channels - 1)] += tap
    return mix


def volume_moments(x: Tensor, y: Tensor, *, taps: Taps) -> Moments:
    """Moments under a cubic window over ``(C, H, W)``, borders repeated; shapes as given."""
    mix = x.new_tensor(colour_mix(taps))[:, :, None, None]

    def window(stack: Tensor) -> Tensor:
        mixed = [(mix * each[:, None]).sum(2) for each in parts(stack, 4)]
        return separable(pad(torch.cat(mixed, 1), len(taps) // 2, "replicate"), taps)

    return window_moments(x, y, window, across=True)


class SSIM3D(PixelMetric):
    """SSIM under an 11x11x11 Gaussian window over colours, rows and columns.

    Example:
        >>> import torch
        >>> SSIM3D()(torch.full((1, 3, 16, 16), 0.6), torch.full((1, 3, 16, 16), 0.5))
        tensor(0.9836)
    """

    SPEC = SPEC

    def map(self, features: Features) -> Tensor:
        """Similarity at each pixel, mean over channels, ``(N, 1, H, W)``."""
        moments = features.once(
            volume_moments,
            features.rgb("distorted"),
            features.rgb("reference"),
            taps=GAUSSIAN,
        )
        luminance, contrast = luminance_contrast(moments)
        return (luminance * contrast).mean(1, keepdim=True)
