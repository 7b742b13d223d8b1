"""End-point error of optical flow.

References:
    Otte and Nagel, "Optical flow estimation: advances and comparisons", ECCV 1994; RIFE (Huang et
    al., ECCV 2022), whose map adds an epsilon inside the root.
"""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from framegauge.export.contract.spec import Grid, Spec
from framegauge.export.features import Features
from framegauge.export.flow_metric import FlowMetric
from framegauge.export.maths.flow import endpoint_error, squared_length

EPE_SPEC = Spec(
    name="epe",
    title="Mean end-point error of flow, RIFE's with epsilon",
    kind="metric",
    better="lower",
    ideal=1e-3,
    low=0.0,
    high=None,
    unit="px",
    tolerance=0.01,
    inputs=("flow", "flow_reference"),
    grid=Grid(),
    source="RIFE (Huang et al., ECCV 2022)",
)

AEE_SPEC = replace(
    EPE_SPEC,
    name="aee",
    title="Average end-point error of flow",
    ideal=0.0,
    source="Otte and Nagel, ECCV 1994",
)


class EPE(FlowMetric):
    """Mean of ``sqrt(|f - f*|^2 + 1e-6)``; two equal flows are 0.001 px apart.

    Example:
        >>> import torch
        >>> flow = torch.tensor([3.0, 4.0]).view(1, 2, 1, 1)
        >>> EPE()(flow, torch.zeros(1, 2, 1, 1))
        tensor(5.)
    """

    SPEC = EPE_SPEC

    def map(self, features: Features) -> Tensor:
        """Error of each pixel, ``(N, 1, H, W)``, pixels."""
        difference = features.tensor("flow") - features.tensor("flow_reference")
        return (squared_length(difference) + 1e-6).sqrt()


class AEE(FlowMetric):
    """Mean of ``|f - f*|``."""

    SPEC = AEE_SPEC

    def map(self, features: Features) -> Tensor:
        """Error of each pixel, ``(N, 1, H, W)``, pixels."""
        return features.once(
            endpoint_error, features.tensor("flow"), features.tensor("flow_reference")
        )
