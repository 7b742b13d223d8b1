"""Percent of pixels whose flow is wrong by more than a bound.

References:
    Menze and Geiger, "Object scene flow for autonomous vehicles", CVPR 2015 (KITTI's Fl-all); RAFT
    (Teed and Deng, ECCV 2020), which reports the complement of the plain bounds.
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from torch import Tensor

from framegauge.export.contract.spec import Grid, Spec
from framegauge.export.features import Features
from framegauge.export.flow_metric import FlowMetric
from framegauge.export.maths.flow import endpoint_error, squared_length
from framegauge.export.maths.reduction import exceeds, safe_root


def _spec(bound: int) -> Spec:
    return Spec(
        name=f"epe_{bound}px",
        title=f"Pixels whose flow is off by more than {bound} px",
        kind="metric",
        better="lower",
        ideal=0.0,
        low=0.0,
        high=100.0,
        unit="%",
        tolerance=0.01,
        inputs=("flow", "flow_reference"),
        grid=Grid(),
        source="RAFT (Teed and Deng, ECCV 2020)",
    )


class Outliers(FlowMetric):
    """Percent of pixels with an end-point error above a bound, strictly.

    Attributes:
        BOUND: In pixels.
    """

    BOUND: ClassVar[float]

    def map(self, features: Features) -> Tensor:
        """100 where the flow is wrong, else 0, ``(N, 1, H, W)``."""
        flow, reference = features.tensor("flow"), features.tensor("flow_reference")
        error = features.once(endpoint_error, flow, reference)
        return 100 * exceeds(error, self.BOUND)


class EPE1px(Outliers):
    """Percent of pixels that are off by more than one pixel."""

    SPEC = _spec(1)
    BOUND = 1


class EPE3px(Outliers):
    """Percent of pixels that are off by more than three pixels."""

    SPEC = _spec(3)
    BOUND = 3


class EPE5px(Outliers):
    """Percent of pixels that are off by more than five pixels."""

    SPEC = _spec(5)
    BOUND = 5


class FlAll(FlowMetric):
    """Percent of pixels that are off by more than three pixels and five percent of the motion."""

    SPEC = replace(
        _spec(3),
        name="fl_all",
        title="KITTI's flow outliers: more than 3 px and 5 %",
        symmetric=False,
        source="Menze and Geiger, CVPR 2015; strict as RAFT",
    )

    def map(self, features: Features) -> Tensor:
        """100 where the flow is wrong, else 0, ``(N, 1, H, W)``."""
        flow, reference = features.tensor("flow"), features.tensor("flow_reference")
        error = features.once(endpoint_error, flow, reference)
        motion = safe_root(squared_length(reference))
        return 100 * exceeds(error, 3) * exceeds(error, 0.05 * motion)
