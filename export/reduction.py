"""From pixels to one number for each sample, and from samples to one number for training."""

from __future__ import annotations

from typing import Literal

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
        values: Per-pixel values, ``(N, C, H, W)``.
        mask: Weights, ``(N, 1, H, W)``, in ``[0, 1]``; 1 = counts. A sample whose mask is all
            zero gives 0.
    """
    weight = pixel_mean(mask)
    counted = pixel_mean(values * mask)
    return torch.where(weight > 0, counted / torch.where(weight > 0, weight, 1), 0)


def safe_root(values: Tensor) -> Tensor:
    """Square root whose gradient at zero is zero instead of infinite; the value is exact."""
    positive = values > 0
    return torch.where(positive, torch.where(positive, values, 1).sqrt(), 0)


def safe_power(values: Tensor, exponent: float) -> Tensor:
    """``max(values, 0) ** exponent`` with a gradient of zero at and below zero."""
    positive = values > 0
    return torch.where(positive, torch.where(positive, values, 1).pow(exponent), 0)


def reduce_samples(scores: Tensor, reduction: Reduction) -> Tensor:
    """The scores ``(N,)`` as training wants them: their mean, their sum, or as they are."""
    match reduction:
        case "mean":
            return scores.mean()
        case "sum":
            return scores.sum()
        case "none":
            return scores
