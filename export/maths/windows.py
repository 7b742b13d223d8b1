"""Sliding windows: their taps, how they meet the border, and local moments under them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal, NamedTuple, Self

import torch
import torch.nn.functional as F
from torch import Tensor

from framegauge.export.maths.reduction import pixel_mean, plane_mean

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
    """Local moments of two pictures, ``(N, C, h, w)`` each.

    Attributes:
        mu_x: Mean of the first picture.
        mu_y: Mean of the second.
        var: Sum of the two variances.
        cov: Covariance.
    """

    mu_x: Tensor
    mu_y: Tensor
    var: Tensor
    cov: Tensor


Window = Callable[[Tensor], Tensor]
"""Weighted local means of every channel, ``(N, C, H, W)`` to ``(N, C, h, w)``."""


def window_moments(
    x: Tensor, y: Tensor, window: Window, *, mass: float = 1.0, across: bool = False
) -> Moments:
    """Biased moments of two pictures under a window; see :class:`Halves`.

    Args:
        x: First picture, ``(N, C, H, W)``.
        y: Second picture, same shape.
        window: The window.
        mass: Sum of its weights.
        across: It reaches across channels.
    """
    halves = Halves.of(x, y, across=across)
    return halves.moments(window(torch.cat(halves.terms, 1)), mass)


def local_moments(x: Tensor, y: Tensor, *, taps: Taps, padding: Padding) -> Moments:
    """Biased moments of two pictures under a separable window.

    Args:
        x: First picture, ``(N, C, H, W)``.
        y: Second picture, same shape.
        taps: The window along one axis.
        padding: What lies beyond the border; ``valid`` leaves out windows that reach it.
    """
    return window_moments(
        x,
        y,
        lambda stack: separable(pad(stack, len(taps) // 2, padding), taps),
        mass=math.fsum(taps) ** 2,
    )


class Halves(NamedTuple):
    """Half the sum and half the difference of two pictures, each without its mean over the frame.

    ``E[x^2] - E[x]^2`` of samples far from zero loses its digits, which shows where a frame is
    nearly flat: 1e-4 of SSIM. With ``p = (x + y) / 2`` and ``q = (x - y) / 2`` the sum of the
    variances is ``2 (var p + var q)`` and the covariance ``var p - var q``: what var p loses
    cancels in their ratio, and q is small. Variances do not change with what is subtracted.

    Attributes:
        p: Half the sum, ``(N, C, H, W)``.
        q: Half the difference.
        base_p: What was subtracted from the former, ``(N, C, 1, 1)`` or ``(N, 1, 1, 1)``.
        base_q: What was subtracted from the latter.
    """

    p: Tensor
    q: Tensor
    base_p: Tensor
    base_q: Tensor

    @classmethod
    def of(cls, x: Tensor, y: Tensor, *, across: bool = False) -> Self:
        """The halves of two pictures.

        Args:
            x: First picture, ``(N, C, H, W)``.
            y: Second picture, same shape.
            across: One mean for all channels, for windows that reach across them.
        """
        p, q = (x + y) / 2, (x - y) / 2
        base_p, base_q = (frame_mean(each.detach(), across=across) for each in (p, q))
        return cls(p - base_p, q - base_q, base_p, base_q)

    @property
    def terms(self) -> list[Tensor]:
        """What is to be averaged."""
        return [self.p, self.q, self.p * self.p, self.q * self.q]

    def moments(self, means: Tensor, mass: float = 1.0) -> Moments:
        """The moments, of the terms' averages.

        Args:
            means: Weighted means of the terms, in their order on the axis of channels.
            mass: Sum of the weights. Where rounded ones miss one, ``E[x^2] - E[x]^2`` is not free
                of what was subtracted, and the difference is added back.
        """
        mean_p, mean_q, square_p, square_q = parts(means, 4)
        var_p = second_moment(square_p, (mean_p, mean_p), (self.base_p, self.base_p), mass)
        var_q = second_moment(square_q, (mean_q, mean_q), (self.base_q, self.base_q), mass)
        mu_p, mu_q = mean_p + self.base_p * mass, mean_q + self.base_q * mass
        return Moments(mu_p + mu_q, mu_p - mu_q, 2 * (var_p + var_q), var_p - var_q)


def parts(stack: Tensor, count: int) -> list[Tensor]:
    """So many tensors that lie one after the other on the axis of channels."""
    size = stack.shape[1] // count
    return [stack[:, place * size : (place + 1) * size] for place in range(count)]


def second_moment(
    product: Tensor, means: tuple[Tensor, Tensor], bases: tuple[Tensor, Tensor], mass: float
) -> Tensor:
    """Covariance ``E[a b] - E[a] E[b]`` of two pictures from which something was subtracted.

    Args:
        product: Weighted mean of the product of what was left.
        means: Weighted means of what was left.
        bases: What was subtracted.
        mass: Sum of the weights.
    """
    moment = product - means[0] * means[1]
    missing = 1 - mass
    if abs(missing) > 1e-9:
        crossed = bases[0] * means[1] + bases[1] * means[0]
        moment = moment + missing * (crossed + mass * bases[0] * bases[1])
    return moment


def frame_mean(x: Tensor, *, across: bool) -> Tensor:
    """Mean of each channel over the frame, ``(N, C, 1, 1)``, or of all, ``(N, 1, 1, 1)``."""
    if across:
        return pixel_mean(x)[:, None, None, None]
    return plane_mean(x)[..., None, None]
