"""How much a flow changes from pixel to pixel: differences, and means of them."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from framegauge.export.maths.penalties import generalised_charbonnier
from framegauge.export.maths.reduction import pixel_mean


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


def unflow_changes(flow: Tensor) -> Tensor:
    """UnFlow's first-order smoothness: robust changes to the right and down.

    Sums over the changes there are, divided by twice the number of pixels; components added.

    Args:
        flow: ``(N, 2, H, W)``, two pixels each way at least.

    Returns:
        ``(N,)``. A flow that does not change has twice the floor of
        :func:`generalised_charbonnier`, less for the last row and column.
    """
    across, down = (generalised_charbonnier(d) for d in (change_across(flow), change_down(flow)))
    return pixel_mean(F.pad(across, (0, 1))) + pixel_mean(F.pad(down, (0, 0, 0, 1)))


def unflow_bends(flow: Tensor) -> Tensor:
    """UnFlow's second-order smoothness: robust second differences across, down and diagonally.

    Sums over the differences there are, divided by four times the number of pixels; components
    added.

    Args:
        flow: ``(N, 2, H, W)``, three pixels each way at least.

    Returns:
        ``(N,)``.
    """
    middle = -2 * flow
    across = flow[..., 2:] + middle[..., 1:-1] + flow[..., :-2]
    down = flow[..., 2:, :] + middle[..., 1:-1, :] + flow[..., :-2, :]
    inner = middle[..., 1:-1, 1:-1]
    falling = flow[..., :-2, :-2] + inner + flow[..., 2:, 2:]
    rising = flow[..., 2:, :-2] + inner + flow[..., :-2, 2:]
    first, *rest = (
        pixel_mean(F.pad(generalised_charbonnier(bend), border))
        for bend, border in (
            (across, (1, 1)),
            (down, (0, 0, 1, 1)),
            (falling, (1, 1, 1, 1)),
            (rising, (1, 1, 1, 1)),
        )
    )
    return sum(rest, first) / 2
