"""Steps between the levels of multi-scale metrics."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

# Burt and Adelson's generating kernel at a = 3/8.
BINOMIAL = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)

# Low-pass of the biorthogonal 9/7 wavelet, to libvmaf's six decimals.
BIORTHOGONAL = (
    0.026727,
    -0.016828,
    -0.078201,
    0.266846,
    0.602914,
    0.266846,
    -0.078201,
    -0.016828,
    0.026727,
)


def box_halved(x: Tensor) -> Tensor:
    """Means of 2x2 samples, those left over at the right and bottom dropped.

    ``(N, C, H, W)`` to ``(N, C, floor(H/2), floor(W/2))``.
    """
    return F.avg_pool2d(x, 2)


def box_halved_leading(x: Tensor) -> Tensor:
    """Means of 2x2 samples; an odd axis starts with a sample of zero before the first.

    ``(N, C, H, W)`` to ``(N, C, ceil(H/2), ceil(W/2))``. The form of pytorch-msssim.
    """
    return F.avg_pool2d(F.pad(x, (x.shape[-1] % 2, 0, x.shape[-2] % 2, 0)), 2)


def box_halved_trailing(x: Tensor) -> Tensor:
    """Means of 2x2 samples; an odd axis ends with a sample of zero after the last.

    ``(N, C, H, W)`` to ``(N, C, ceil(H/2), ceil(W/2))``. The form of piq's GMSD.
    """
    return F.avg_pool2d(F.pad(x, (0, 1, 0, 1)), 2)


def binomial_blurred(x: Tensor) -> Tensor:
    """Each channel blurred by the 5x5 binomial kernel, borders reflected; same shape."""
    c = x.shape[1]
    taps = x.new_tensor(BINOMIAL)
    kernel = (taps[:, None] * taps).expand(c, 1, 5, 5)
    return F.conv2d(F.pad(x, (2, 2, 2, 2), mode="reflect"), kernel, groups=c)


def binomial_halved(x: Tensor) -> Tensor:
    """Blurred, then every second sample from the first.

    ``(N, C, H, W)`` to ``(N, C, ceil(H/2), ceil(W/2))``.
    """
    c = x.shape[1]
    taps = x.new_tensor(BINOMIAL)
    kernel = (taps[:, None] * taps).expand(c, 1, 5, 5)
    return F.conv2d(F.pad(x, (2, 2, 2, 2), mode="reflect"), kernel, stride=2, groups=c)


def zeros_inserted(x: Tensor, height: int, width: int) -> Tensor:
    """Samples at even positions of a picture of ``height x width``, zeros between them."""
    c = x.shape[1]
    kernel = x.new_tensor([[1.0, 0.0], [0.0, 0.0]]).expand(c, 1, 2, 2)
    return F.conv_transpose2d(x, kernel, stride=2, groups=c)[..., :height, :width]


def laplacian_bands(x: Tensor, *, levels: int) -> list[Tensor]:
    """Band-pass levels of the Laplacian pyramid, finest first; the low-pass rest is left out.

    Args:
        x: ``(N, C, H, W)``. Every level must be at least 3 samples high and wide.
        levels: Number of bands.
    """
    bands = []
    for _ in range(levels):
        coarse = binomial_halved(x)
        bands.append(x - 4 * binomial_blurred(zeros_inserted(coarse, *x.shape[-2:])))
        x = coarse
    return bands


def biorthogonal_halved(x: Tensor) -> Tensor:
    """Low-pass of the 9/7 wavelet, then every second sample from the first.

    Borders are mirrored about the edge between samples. libvmaf rounds the two-dimensional kernel
    to six decimals; the product of the taps is within 5e-7 of it, and moves no score by 1e-6.
    ``(N, 1, H, W)`` to ``(N, 1, ceil(H/2), ceil(W/2))``.
    """
    taps = x.new_tensor(BIORTHOGONAL)[None, None, None]
    rows = F.conv2d(mirrored(x, 4), taps, stride=(1, 2))
    return F.conv2d(rows, taps.transpose(2, 3), stride=(2, 1))


def mirrored(x: Tensor, width: int) -> Tensor:
    """``width`` samples more on every side, mirrored about the edge: index -1 is sample 0."""
    for axis in (-1, -2):
        size = x.shape[axis]
        before = [x.narrow(axis, k, 1) for k in reversed(range(width))]
        after = [x.narrow(axis, size - 1 - k, 1) for k in range(width)]
        x = torch.cat([*before, x, *after], axis)
    return x
