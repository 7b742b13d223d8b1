"""Sliding windows: their taps, how they meet the border, and local moments under them."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

Padding = Literal["valid", "replicate", "reflect"]
Taps = tuple[float, ...]


def gaussian(size: int, sigma: float) -> Taps:
    """Taps of a Gaussian of ``size`` samples around its centre, summing to one."""
    weights = [math.exp(-((k - size // 2) ** 2) / (2 * sigma**2)) for k in range(size)]
    total = math.fsum(weights)
    return tuple(weight / total for weight in weights)


def uniform(size: int) -> Taps:
    """Taps of a box of ``size`` samples, summing to one."""
    return (1 / size,) * size


def separable(x: Tensor, taps: Taps) -> Tensor:
    """Each channel filtered along rows, then columns, at the positions the window fits in.

    Args:
        x: ``(N, C, H, W)``.
        taps: The window along one axis, ``K`` numbers.

    Returns:
        ``(N, C, H - K + 1, W - K + 1)``.
    """
    channels, size = x.shape[1], len(taps)
    kernel = x.new_tensor(taps).expand(channels, 1, 1, size)
    rows = F.conv2d(x, kernel, groups=channels)
    return F.conv2d(rows, kernel.transpose(2, 3), groups=channels)


def pad(x: Tensor, width: int, padding: Padding) -> Tensor:
    """``width`` samples more on every side, or none where the padding is ``valid``."""
    return x if padding == "valid" else F.pad(x, (width,) * 4, mode=padding)


def positions(like: Tensor, count: int) -> Tensor:
    """``0, 1, ..., count - 1``, with the element type and device of ``like``."""
    return torch.arange(count, dtype=like.dtype, device=like.device)


class Moments(NamedTuple):
    """Local means, variances and covariance of two pictures, ``(N, C, h, w)`` each."""

    mu_x: Tensor
    mu_y: Tensor
    var_x: Tensor
    var_y: Tensor
    cov: Tensor


def local_moments(x: Tensor, y: Tensor, *, taps: Taps, padding: Padding, centre: float) -> Moments:
    """Moments under the window, biased: ``E[x^2] - E[x]^2``.

    Args:
        x: First picture, ``(N, C, H, W)``.
        y: Second picture, same shape.
        taps: The window along one axis.
        padding: What lies beyond the border; ``valid`` leaves out windows that reach it.
        centre: Middle of the samples' range. Around zero, the difference of the squares loses
            fewer digits; the moments returned are those of the pictures as given.
    """
    x, y = x - centre, y - centre
    stack = torch.cat([x, y, x * x, y * y, x * y], 1)
    means = separable(pad(stack, len(taps) // 2, padding), taps)
    c = x.shape[1]
    return moments_about(
        centre,
        means[:, :c],
        means[:, c : 2 * c],
        means[:, 2 * c : 3 * c],
        means[:, 3 * c : 4 * c],
        means[:, 4 * c :],
        mass=math.fsum(taps) ** 2,
    )


def moments_about(
    centre: float,
    mean_x: Tensor,
    mean_y: Tensor,
    mean_xx: Tensor,
    mean_yy: Tensor,
    mean_xy: Tensor,
    *,
    mass: float = 1.0,
) -> Moments:
    """Moments of pictures from weighted means taken after ``centre`` was subtracted.

    Args:
        centre: What was subtracted from both pictures.
        mean_x: Of the first picture.
        mean_y: Of the second.
        mean_xx: Of the first's square.
        mean_yy: Of the second's square.
        mean_xy: Of the product.
        mass: Sum of the window's weights. Where rounded taps miss one, ``E[x^2] - E[x]^2`` is
            not free of the centre, and the difference is added back.
    """
    var_x = mean_xx - mean_x * mean_x
    var_y = mean_yy - mean_y * mean_y
    cov = mean_xy - mean_x * mean_y
    missing = 1 - mass
    if abs(missing) > 1e-9:
        base = missing * mass * centre**2
        var_x = var_x + (missing * centre * (mean_x + mean_x) + base)
        var_y = var_y + (missing * centre * (mean_y + mean_y) + base)
        cov = cov + (missing * centre * (mean_x + mean_y) + base)
    return Moments(mean_x + centre * mass, mean_y + centre * mass, var_x, var_y, cov)
