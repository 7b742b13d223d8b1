"""From pixels to one number for each sample, and from samples to one number for training."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor

Reduction = Literal["mean", "sum", "none"]


def pixel_mean(values: Tensor) -> Tensor:
    """Mean of each sample over all its other axes, ``(N, ...)`` to ``(N,)``.

    One axis at a time, the last first: a reduction of several axes in one node is summed naively
    in float32 by ONNX Runtime's CPU kernel, and is off by 2e-3 on a 4K frame.
    """
    while values.ndim > 1:
        values = values.mean(-1)
    return values


def plane_mean(values: Tensor) -> Tensor:
    """Mean over height and width, ``(N, C, H, W)`` to ``(N, C)``, one axis at a time."""
    return values.mean(-1).mean(-1)


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean of each sample over the pixels that count, ``sum(values * mask) / sum(mask)``.

    Args:
        values: Per-pixel values, ``(N, C, H, W)``; where the mask is 0 they may be anything.
        mask: Weights, ``(N, 1, H, W)``, in ``[0, 1]``; 1 = counts. A sample whose mask is all
            zero says nothing: it gives 0 and no gradient, which training wants. A host that
            measures refuses such a mask.
    """
    weight = pixel_mean(mask)
    nothing = weight <= 0
    total = pixel_mean(counted(values * mask, mask))
    return torch.where(nothing, 0, total / torch.where(nothing, 1, weight))


def counted(values: Tensor, mask: Tensor) -> Tensor:
    """Values with zeros where the mask is 0, so that neither they nor their gradients count.

    Args:
        values: ``(N, C, H, W)``.
        mask: ``(N, 1, H, W)``.
    """
    return torch.where(mask > 0, values, 0)


def exceeds(values: Tensor, bound: Tensor | float) -> Tensor:
    """1 where values exceed a bound, else 0; NaN where one of the two is. No gradient passes."""
    values = values.detach()
    excess = values - bound
    return torch.where(excess.isnan(), excess, (values > bound).to(values.dtype)).detach()


# Compared by `<=`, which NaN never is: what is not known stays NaN, and is no zero.
def safe_root(values: Tensor) -> Tensor:
    """Square root whose gradient at zero is zero instead of infinite; the value is exact."""
    nothing = values <= 0
    return torch.where(nothing, 0, torch.where(nothing, 1, values).sqrt())


def safe_power(values: Tensor, exponent: float) -> Tensor:
    """``max(values, 0) ** exponent`` with a gradient of zero at and below zero."""
    nothing = values <= 0
    return torch.where(nothing, 0, torch.where(nothing, 1, values).pow(exponent))


def check_reduction(reduction: str) -> None:
    """Refuse a reduction that there is not.

    Raises:
        ValueError: It is none of ``mean``, ``sum`` and ``none``.
    """
    if reduction not in get_args(Reduction):
        raise ValueError(f"reduction takes {', '.join(get_args(Reduction))}; got {reduction!r}.")


def reduce_samples(scores: Tensor, reduction: Reduction) -> Tensor:
    """The scores ``(N,)`` as training wants them: their mean, their sum, or as they are.

    Raises:
        ValueError: There is no such reduction.
    """
    check_reduction(reduction)
    match reduction:
        case "mean":
            return scores.mean()
        case "sum":
            return scores.sum()
        case "none":
            return scores
