"""SSIM of the luma plane, as libvmaf computes it.

Reference:
    Netflix, libvmaf, feature ``float_ssim``, after Wang et al., IEEE Trans. Image Processing
    13(4), 2004; the reduction of large frames is that paper's authors' recommendation.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from framegauge.export.contract.spec import Spec
from framegauge.export.features import Features
from framegauge.export.maths.reduction import pixel_mean, safe_root
from framegauge.export.maths.windows import Halves, second_moment, separable
from framegauge.export.metric import PairMetric

SPEC = Spec(
    name="float_ssim",
    title="Structural similarity of the luma plane, as libvmaf's",
    kind="metric",
    better="higher",
    ideal=1.0,
    low=-1.0,
    high=1.0,
    least=11,
    tolerance=1e-4,
    reads="plane",
    planes=("y",),
    branches=(384,),
    source="libvmaf",
)

C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
C3 = C2 / 2

# libvmaf's six decimals of the 11-tap Gaussian, sigma 1.5.
TAPS = (
    0.001028,
    0.007599,
    0.036001,
    0.109361,
    0.213006,
    0.266012,
    0.213006,
    0.109361,
    0.036001,
    0.007599,
    0.001028,
)


def eight_bit(plane: Tensor, *, depth: int) -> Tensor:
    """Code values on the scale of 8 bits, ``[0, 256)``."""
    return plane / float(2 ** (depth - 8))


def components(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Luminance, contrast and structure at each position of two planes in ``[0, 256)``.

    The taps sum to a little more than one, so that variances of flat places come out a little below
    zero. libvmaf takes those for zero, and so does this.

    Args:
        x: ``(N, 1, H, W)``.
        y: The same.

    Returns:
        Three maps, ``(N, 1, H - 10, W - 10)``.
    """
    halves, mass = Halves.of(x, y), math.fsum(TAPS) ** 2
    means = separable(torch.cat([*halves.terms, halves.p * halves.q], 1), TAPS)
    mu_x, mu_y, var, cov = halves.moments(means[:, :4], mass)
    # cov(p, q) is a quarter of what the two variances differ by.
    crossed = second_moment(
        means[:, 4:], (means[:, :1], means[:, 1:2]), (halves.base_p, halves.base_q), mass
    )
    var_x = (var / 2 + 2 * crossed).clamp(min=0)
    var_y = (var / 2 - 2 * crossed).clamp(min=0)
    root = safe_root(var_x * var_y)
    luminance = (2 * mu_x * mu_y + C1) / (mu_x * mu_x + mu_y * mu_y + C1)
    contrast = (2 * root + C2) / (var_x + var_y + C2)
    structure = (torch.where((cov < 0) & (root <= 0), 0, cov) + C3) / (root + C3)
    return luminance, contrast, structure


def reduced(plane: Tensor) -> Tensor:
    """Box means of ``f x f`` samples where ``f = round(min(H, W) / 256)`` is above one.

    ``(N, 1, H, W)`` to ``(N, 1, floor(H / f) + H % 2, floor(W / f) + W % 2)``.
    """
    height, width = plane.shape[-2:]
    factor = torch.sym_max(1, (torch.sym_min(height, width) + 128) // 256)
    return box_means(box_means(plane, factor).transpose(-1, -2), factor).transpose(-1, -2)


def box_means(plane: Tensor, factor: int) -> Tensor:
    """Means of every ``factor`` samples of a row, which it also steps by, ``(N, 1, H, w)``.

    Place ``i`` averages the samples from ``i f - floor(f / 2)`` on, mirrored about the edges. The
    factor depends on the frame's size, so no convolution does it; a product with a matrix does,
    but RTX has none in float32 for Turing.
    """
    width = plane.shape[-1]
    places = width // factor + (width % 2) * torch.sym_min(factor - 1, 1)
    place, tap = (torch.arange(count, device=plane.device) for count in (places, factor))
    sample = place[:, None] * factor + tap - factor // 2
    sample = torch.where(sample < 0, -1 - sample, sample)
    sample = torch.where(sample >= width, 2 * width - 1 - sample, sample)
    boxes = plane[..., sample]
    return boxes.mean(-1)


class FloatSSIM(PairMetric):
    """Mean of luminance, contrast and structure, multiplied at each position.

    Frames whose smaller side is from 384 on are reduced first.

    Example:
        >>> import torch
        >>> plane = torch.rand(1, 1, 16, 16) * 255
        >>> FloatSSIM()(plane, plane)
        tensor(1.)
    """

    SPEC = SPEC

    def score(self, features: Features) -> Tensor:
        """Similarity of each sample, ``(N,)``."""
        x, y = (
            features.once(reduced, luma_plane(features, role))
            for role in ("distorted", "reference")
        )
        luminance, contrast, structure = features.once(components, x, y)
        return pixel_mean(luminance * contrast * structure)


def luma_plane(features: Features, role: str) -> Tensor:
    """The luma plane of a frame on the scale of 8 bits, ``(N, 1, H, W)``, in ``[0, 256)``."""
    frame = features.frame(role)
    return features.once(eight_bit, frame.plane("y"), depth=frame.depth)
