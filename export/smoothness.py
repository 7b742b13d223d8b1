"""How much a flow changes from pixel to pixel: differences, and means of them."""

from __future__ import annotations

from torch import Tensor

from framegauge.export.reduction import pixel_mean


def change_across(x: Tensor) -> Tensor:
    """Each sample less its left neighbour, ``(N, C, H, W)`` to ``(N, C, H, W - 1)``."""
    return x[..., 1:] - x[..., :-1]


def change_down(x: Tensor) -> Tensor:
    """Each sample less the one above it, ``(N, C, H, W)`` to ``(N, C, H - 1, W)``."""
    return x[..., 1:, :] - x[..., :-1, :]


def absolute_changes(x: Tensor) -> Tensor:
    """Mean absolute change across plus mean absolute change down, ``(N,)``.

    Each mean is over its own number of differences. The form of Super SloMo's port.
    """
    return pixel_mean(change_across(x).abs()) + pixel_mean(change_down(x).abs())


def variation(x: Tensor, *, epsilon: float) -> Tensor:
    """Length of each sample's change to the right and down, DAIN's.

    Args:
        x: ``(N, C, H, W)``, two pixels each way at least.
        epsilon: Its square is added inside the root.

    Returns:
        ``(N, C, H - 1, W - 1)``: the last row and column have no change of their own.
    """
    across, down = change_across(x)[..., :-1, :], change_down(x)[..., :-1]
    return (across.square() + down.square() + epsilon**2).sqrt()
