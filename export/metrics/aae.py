"""Average angular error of optical flow.

References:
    Barron, Fleet and Beauchemin, "Performance of optical flow techniques", IJCV 12, 1994; Baker et
    al., "A database and evaluation methodology for optical flow", IJCV 92, 2011.
"""

from __future__ import annotations

import math

from torch import Tensor

from framegauge.export.contract.spec import Grid, Spec
from framegauge.export.features import Features
from framegauge.export.flow_metric import FlowMetric
from framegauge.export.maths.flow import squared_length
from framegauge.export.maths.reduction import safe_root

SPEC = Spec(
    name="aae",
    title="Average angular error of flow",
    kind="metric",
    better="lower",
    ideal=0.0,
    low=0.0,
    high=180.0,
    unit="degrees",
    tolerance=0.01,
    inputs=("flow", "flow_reference"),
    grid=Grid(),
    source="Barron et al., IJCV 1994",
)


class AAE(FlowMetric):
    """Mean angle between the space-time vectors ``(u, v, 1)`` of two flows.

    Example:
        >>> import torch
        >>> flow = torch.tensor([1.0, 0.0]).view(1, 2, 1, 1)
        >>> AAE()(flow, torch.zeros(1, 2, 1, 1))
        tensor(45.)
    """

    SPEC = SPEC

    def map(self, features: Features) -> Tensor:
        """Angle of each pixel, ``(N, 1, H, W)``, degrees."""
        flow, reference = features.tensor("flow"), features.tensor("flow_reference")
        dot = 1 + (flow * reference).sum(1, keepdim=True)
        lengths = ((1 + squared_length(flow)) * (1 + squared_length(reference))).sqrt()
        turned = flow[:, 0:1] * reference[:, 1:2] - flow[:, 1:2] * reference[:, 0:1]
        # |a x b| / (|a||b| + a.b) is the tangent of half the angle: exact at zero, where the
        # arc cosine that the definition has loses half its digits and its gradient is infinite.
        cross = safe_root(squared_length(flow - reference) + turned.square())
        return (360 / math.pi) * (cross / (lengths + dot)).atan()
