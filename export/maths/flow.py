"""Arithmetic of optical flow, ``(N, 2, H, W)`` in pixels, channel 0 to the right, 1 down."""

from __future__ import annotations

from torch import Tensor

from framegauge.export.maths.reduction import safe_root


def squared_length(flow: Tensor) -> Tensor:
    """Squared length of each vector, ``(N, 2, H, W)`` to ``(N, 1, H, W)``."""
    return flow.square().sum(1, keepdim=True)


def endpoint_error(flow: Tensor, flow_reference: Tensor) -> Tensor:
    """Distance between the ends of two flows' vectors, ``(N, 1, H, W)``, pixels."""
    return safe_root(squared_length(flow - flow_reference))
