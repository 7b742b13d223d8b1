"""Backward warping: pictures sampled where a flow points, in the ways that authors do it.

References:
    Jaderberg et al., "Spatial transformer networks", NIPS 2015; the code of RIFE, ARFlow, UnFlow,
    DDFlow, DAIN, BMBC and Super SloMo's PyTorch port, each for its own borders and corners.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from framegauge.export.maths.windows import positions

Border = Literal["clamp", "zeros", "ddflow"]
Corners = Literal["aligned", "half_pixel", "superslomo_aligned", "superslomo_half_pixel"]


def warp(
    picture: Tensor, flow: Tensor, *, border: Border = "clamp", corners: Corners = "aligned"
) -> Tensor:
    """A picture sampled bilinearly at ``(x + u, y + v)``, or where authors' code misses that.

    Where a sample is taken along an axis of ``W`` pixels, for the position ``p = x + u``:

    ========================== ======================= ==========================================
    corners                    position                whose
    ========================== ======================= ==========================================
    ``aligned``                p                       RIFE, ARFlow, DAIN, UnFlow, DDFlow, Lai
    ``half_pixel``             p W / (W - 1) - 1/2     BMBC under PyTorch 1.3 and later
    ``superslomo_aligned``     p (W - 1) / W           Super SloMo's port under the PyTorch it names
    ``superslomo_half_pixel``  p - 1/2                 the same under PyTorch 1.3 and later
    ========================== ======================= ==========================================

    Args:
        picture: ``(N, C, H, W)``. ``half_pixel`` needs two pixels each way.
        flow: ``(N, 2, H, W)``, pixels, channel 0 to the right, channel 1 down.
        border: What lies beyond the frame: the nearest pixel (UnFlow's and Lai's clamped indices
            are the same), zeros, or what DDFlow's sampler makes of it (see :func:`_truncated`).
        corners: Where the samples are taken; ``aligned`` if the border is DDFlow's.

    Returns:
        ``(N, C, H, W)``, NaN where the flow is.

    Raises:
        ValueError: DDFlow's border is asked for with other corners than its own.

    Example:
        >>> import torch
        >>> ramp = torch.tensor([[[[0.0, 1.0, 2.0, 3.0]]]])
        >>> warp(ramp, torch.full((1, 2, 1, 4), 0.5))
        tensor([[[[0.5000, 1.5000, 2.5000, 3.0000]]]])
    """
    x, y = targets(flow)
    if border == "ddflow":
        if corners != "aligned":
            raise ValueError(f"DDFlow's border goes with corners=aligned, got {corners}.")
        return _truncated(picture, x, y)
    height, width = picture.shape[-2:]
    # The graph samples half-pixel corners throughout: a frame of one pixel has no distance
    # between its outer centres to divide by.
    across = (2 * _moved(x, width, corners) + 1) / width - 1
    down = (2 * _moved(y, height, corners) + 1) / height - 1
    sampled = F.grid_sample(
        picture,
        torch.stack([across, down], -1),
        mode="bilinear",
        padding_mode="border" if border == "clamp" else "zeros",
        align_corners=False,
    )
    # The operator takes NaN for a place at the border, whose sample would pass for an answer.
    ends = (x + y).detach()[:, None]
    return torch.where(ends.isnan(), ends, sampled)


def targets(flow: Tensor) -> tuple[Tensor, Tensor]:
    """Where the vectors of a flow end: columns and rows, ``(N, H, W)`` each, pixels."""
    height, width = flow.shape[-2:]
    return flow[:, 0] + positions(flow, width), flow[:, 1] + positions(flow, height)[:, None]


def known(position: Tensor) -> Tensor:
    """Positions to make indices of: NaN, which has none, is taken for 0."""
    return torch.where(position.isnan(), 0, position)


def inside(flow: Tensor) -> Tensor:
    """1 where a flow's vectors end within the frame, else 0, ``(N, 1, H, W)``."""
    height, width = flow.shape[-2:]
    x, y = targets(flow)
    within = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    return within[:, None].to(flow.dtype)


def _moved(position: Tensor, size: int, corners: Corners) -> Tensor:
    match corners:
        case "aligned":
            return position
        case "half_pixel":
            return position * size / (size - 1) - 0.5
        case "superslomo_aligned":
            return position * (size - 1) / size
        case "superslomo_half_pixel":
            return position - 0.5


def _truncated(picture: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """DDFlow's sampler: positions truncated towards zero, weights from the clamped corners.

    Within the first and the last pixel it is bilinear. From the last pixel on, and a pixel before
    the first, all corners coincide and it gives zero; just before the first it extrapolates.
    """
    channels, height, width = picture.shape[1:]
    flat = picture.flatten(2)
    left, right = (known(x).trunc() + k for k in (0, 1))
    top, bottom = (known(y).trunc() + k for k in (0, 1))
    left, right = (each.detach().clamp(0, width - 1) for each in (left, right))
    top, bottom = (each.detach().clamp(0, height - 1) for each in (top, bottom))

    def corner(column: Tensor, row: Tensor) -> Tensor:
        index = (row.long() * width + column.long()).flatten(1)[:, None]
        picked: Tensor = flat.gather(2, index.expand(-1, channels, -1))
        return picked.view(-1, channels, height, width)

    def weighted(column: Tensor, row: Tensor, across: Tensor, down: Tensor) -> Tensor:
        return (across * down)[:, None] * corner(column, row)

    return (
        weighted(left, top, right - x, bottom - y)
        + weighted(left, bottom, right - x, y - top)
        + weighted(right, top, x - left, bottom - y)
        + weighted(right, bottom, x - left, y - top)
    )
