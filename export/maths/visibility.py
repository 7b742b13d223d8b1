"""Where a pixel of one frame cannot be seen in the other, by its flows there and back.

References:
    Sundaram, Brox and Keutzer, "Dense point trajectories by GPU-accelerated large displacement
    optical flow", ECCV 2010; Meister, Hur and Roth, "UnFlow", AAAI 2018; Wang et al., "Occlusion
    aware unsupervised learning of optical flow", CVPR 2018 (range maps, ARFlow's); Ruder,
    Dosovitskiy and Brox, "Artistic style transfer for videos", GCPR 2016 (motion boundaries).
"""

from __future__ import annotations

from typing import Literal

import torch.nn.functional as F
from torch import Tensor

from framegauge.export.maths.flow import squared_length
from framegauge.export.maths.reduction import exceeds
from framegauge.export.maths.splat import Kernel, coverage
from framegauge.export.maths.warp import Border, warp

Threshold = Literal["warped", "unwarped"]


def occluded(
    flow: Tensor,
    back: Tensor,
    *,
    border: Border = "clamp",
    threshold: Threshold = "warped",
    relative: float = 0.01,
    absolute: float = 0.5,
) -> Tensor:
    """1 where the flow there and the flow back do not cancel, else 0; NaN where a flow is.

    A pixel is occluded if ``|f + b'|^2 > relative * (|f|^2 + |b'|^2) + absolute``, ``b'`` being
    the flow back at the end of ``f``. No gradient passes.

    Args:
        flow: From the frame judged to the other, ``(N, 2, H, W)``, pixels.
        back: From the other to the frame judged, the same.
        border: What the flow back is beyond the frame.
        threshold: Whose length bounds the sum: the flow back where ``f`` ends, or where it starts.
        relative: Part of the squared lengths that is allowed.
        absolute: Squared pixels that are allowed.

    Returns:
        ``(N, 1, H, W)``.
    """
    flow, back = flow.detach(), back.detach()
    returned = warp(back, flow, border=border)
    bound = squared_length(returned if threshold == "warped" else back)
    allowed = relative * (squared_length(flow) + bound) + absolute
    return exceeds(squared_length(flow + returned), allowed)


def uncovered(back: Tensor, *, kernel: Kernel, least: float) -> Tensor:
    """1 where too few vectors of the flow back end for a pixel to be seen there, else 0.

    A sample with a vector that is NaN is NaN: where that one ends, nobody knows.

    ARFlow's range map is ``bilinear`` with 0.2, UnFlow's disocclusion ``gaussian`` with 0.8. No
    gradient passes. See :mod:`framegauge.export.maths.splat` on where it runs.

    Args:
        back: From the other frame to the one judged, ``(N, 2, H, W)``, pixels.
        kernel: How a vector spreads over the pixels where it ends.
        least: Coverage below which a pixel is occluded.

    Returns:
        ``(N, 1, H, W)``.
    """
    return exceeds(-coverage(back, kernel=kernel), -least)


def motion_boundaries(flow: Tensor) -> Tensor:
    """1 where a flow changes abruptly, else 0, ``(N, 1, H, W)``.

    Where ``|du|^2 + |dv|^2 > 0.01 |f|^2 + 0.002``, with differences to the right and down, zero in
    the last column and row.
    """
    flow = flow.detach()
    across = F.pad(flow[..., 1:] - flow[..., :-1], (0, 1))
    down = F.pad(flow[..., 1:, :] - flow[..., :-1, :], (0, 0, 0, 1))
    change = squared_length(across) + squared_length(down)
    return exceeds(change, 0.01 * squared_length(flow) + 0.002)


def without_border(mask: Tensor, rows: int, columns: int) -> Tensor:
    """A map ``(N, C, H, W)`` with zeros in so many rows and columns at every side."""
    height, width = mask.shape[-2:]
    inner = mask[..., rows : height - rows, columns : width - columns]
    return F.pad(inner, (columns, columns, rows, rows))
