"""Where the pixels of one frame land in another: ones carried along a flow and added up.

References:
    Wang et al., "Occlusion aware unsupervised learning of optical flow", CVPR 2018, in the code of
    ARFlow (bilinear); Meister, Hur and Roth, "UnFlow", AAAI 2018, in its own operator (Gaussian).

In a model this is ``ScatterElements`` that adds: ONNX Runtime has it, TensorRT's parser refuses it
(``Unsupported reduction type``, TensorRT for RTX 1.7).
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from framegauge.export.maths.warp import known, targets

Kernel = Literal["bilinear", "gaussian"]

# Pixels from the one at or before the end of a vector; UnFlow's reach is four each way.
REACH: dict[Kernel, range] = {"bilinear": range(2), "gaussian": range(-4, 5)}


def coverage(flow: Tensor, *, kernel: Kernel = "bilinear") -> Tensor:
    r"""How often each pixel of the frame that a flow points to is hit.

    Every vector adds :math:`w(p - x)\,w(q - y)` to the pixels :math:`(p, q)` around its end
    :math:`(x, y)`, as far as they lie in the frame: :math:`w(d) = 1 - |d|` for the two nearest
    along each axis, or :math:`w(d) = \exp(-d^2 / 2)` for nine. No gradient passes.

    Args:
        flow: ``(N, 2, H, W)``, pixels.
        kernel: Which.

    Returns:
        ``(N, 1, H, W)``, with a NaN if the flow has one. Under a flow of zero it is 1 everywhere,
        or far from the border 6.2832.
    """
    flow = flow.detach()
    height, width = flow.shape[-2:]
    x, y = targets(flow)
    left, top = known(x).floor(), known(y).floor()
    total = torch.zeros_like(x).flatten(1)
    for down in REACH[kernel]:
        row = top + down
        for across in REACH[kernel]:
            column = left + across
            weight = _weight(column - x, kernel) * _weight(row - y, kernel)
            within = (column >= 0) & (column <= width - 1) & (row >= 0) & (row <= height - 1)
            index = row.clamp(0, height - 1).long() * width + column.clamp(0, width - 1).long()
            hits = torch.where(within, weight, 0)
            total = total.scatter_add(1, index.flatten(1), hits.flatten(1))
    return total.view_as(x)[:, None]


def _weight(distance: Tensor, kernel: Kernel) -> Tensor:
    return 1 - distance.abs() if kernel == "bilinear" else (-distance.square() / 2).exp()
