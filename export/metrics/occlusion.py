"""Share of pixels that the flows there and back call occluded.

References:
    Meister, Hur and Roth, "UnFlow: unsupervised learning of optical flow with a bidirectional
    census loss", AAAI 2018; Liu et al., "DDFlow", AAAI 2019; Liu et al., "Learning by analogy"
    (ARFlow), CVPR 2020; Lai et al., "Learning blind video temporal consistency", ECCV 2018.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor

from framegauge.export.contract.spec import Grid, Spec
from framegauge.export.features import Features
from framegauge.export.maths.reduction import Reduction, pixel_mean
from framegauge.export.maths.visibility import Threshold, motion_boundaries, occluded, uncovered
from framegauge.export.maths.warp import Border
from framegauge.export.metric import MapMetric
from framegauge.export.motion_metric import MotionMetric

SPEC = Spec(
    name="occlusion",
    title="Share of pixels occluded, by the flows there and back",
    kind="metric",
    better="lower",
    ideal=0.0,
    low=0.0,
    high=1.0,
    tolerance=1e-3,
    inputs=("flow_previous_next", "flow_next_previous"),
    symmetric=False,
    grid=Grid(),
    source="UnFlow (Meister et al., AAAI 2018)",
)


class Occlusion(MotionMetric, MapMetric):
    """Share of the previous frame's pixels that are not seen in the next.

    The map is 1 where ``|f + b'|^2 > 0.01 (|f|^2 + |b'|^2) + 0.5`` (px^2), ``b'`` being the flow
    back at the end of ``f``. UnFlow's form is the default; ARFlow's is ``border=zeros``, DDFlow's
    ``border=ddflow``, Lai's ``boundaries=true``. For the next frame, exchange the flows. It says
    where photometric losses do not apply, and has no gradient.

    ``form=range`` and ``form=disocclusion`` ask instead which pixels no vector of the flow back
    ends at, and take no other flow. TensorRT has no operator for them: such a model is for ONNX
    Runtime alone.

    Example:
        >>> import torch
        >>> there = torch.tensor([2.0, 0.0]).view(1, 2, 1, 1).expand(1, 2, 4, 4)
        >>> Occlusion()(there, -there), Occlusion()(there, there)
        (tensor(0.), tensor(1.))
    """

    SPEC = SPEC

    def __init__(
        self,
        *,
        form: Literal["consistency", "range", "disocclusion"] = "consistency",
        border: Border = "clamp",
        threshold: Threshold = "warped",
        relative: float = 0.01,
        absolute: float = 0.5,
        boundaries: bool = False,
        reduction: Reduction = "mean",
    ) -> None:
        """Make the metric.

        Args:
            form: Flows there and back that do not cancel; ARFlow's range map, where bilinear hits
                of the flow back add up to less than 0.2; or UnFlow's ``disocc``, where Gaussian
                ones do to less than 0.8. The latter two take none of the options but
                ``boundaries``.
            border: What the flow back is beyond the frame: as at the nearest pixel, zero, or as
                DDFlow samples it.
            threshold: Which flow back the bound looks at: the one at the end of the vector, or
                the one at its start, as versions of UnFlow's code do.
            relative: Part of the squared lengths of both flows that their sum may have.
            absolute: Squared pixels that it may have besides.
            boundaries: Count abrupt changes of the flow as occluded too.
            reduction: As for every metric.
        """
        super().__init__(reduction=reduction)
        if not (0 <= relative < math.inf and 0 <= absolute < math.inf):
            raise ValueError(
                "occlusion takes finite relative and absolute of at least 0, got "
                f"{relative} and {absolute}."
            )
        if form != "consistency":
            self.refuse_idle(
                f"form={form}",
                border=border,
                threshold=threshold,
                relative=relative,
                absolute=absolute,
            )
        self.form, self.border, self.threshold = form, border, threshold
        self.relative, self.absolute = relative, absolute
        self.boundaries = boundaries

    @property
    def spec(self) -> Spec:
        """The facts; hits are counted along the flow back alone."""
        if self.form == "consistency" or self.boundaries:
            return SPEC
        return replace(SPEC, inputs=("flow_next_previous",))

    def map(self, features: Features) -> Tensor:
        """1 where a pixel is occluded, else 0, ``(N, 1, H, W)``."""
        back = features.tensor("flow_next_previous")
        match self.form:
            case "consistency":
                hidden = features.once(
                    occluded,
                    features.tensor("flow_previous_next"),
                    back,
                    border=self.border,
                    threshold=self.threshold,
                    relative=self.relative,
                    absolute=self.absolute,
                )
            case "range":
                hidden = features.once(uncovered, back, kernel="bilinear", least=0.2)
            case "disocclusion":
                hidden = features.once(uncovered, back, kernel="gaussian", least=0.8)
        if not self.boundaries:
            return hidden
        flow = features.tensor("flow_previous_next")
        return torch.maximum(hidden, features.once(motion_boundaries, flow))

    def score(self, features: Features) -> Tensor:
        """Mean of the map, ``(N,)``."""
        return pixel_mean(features.once(self.map, features))

    def forward(
        self,
        flow_previous_next: Tensor | None = None,
        flow_next_previous: Tensor | None = None,
    ) -> Tensor:
        """Judge flows in eager code.

        Args:
            flow_previous_next: From the previous frame to the next, ``(N, 2, H, W)``, pixels;
                none where hits are counted without ``boundaries``.
            flow_next_previous: From the next frame to the previous, same shape.

        Returns:
            The shares, in [0, 1], reduced as the module was told.

        Raises:
            ValueError: A flow is missing or not wanted, or shapes differ.
        """
        return self.reduced(
            flow_previous_next=flow_previous_next, flow_next_previous=flow_next_previous
        )
