"""Warping loss: a middle frame against its neighbours, moved to it by the flows.

References:
    Jiang et al., "Super SloMo", CVPR 2018 (the loss); RIFE (Huang et al., ECCV 2022), whose warp
    is the default.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from torch import Tensor

from framegauge.export.contract.spec import Grid, Spec
from framegauge.export.features import Features
from framegauge.export.maths.reduction import Reduction, counted, masked_mean, pixel_mean
from framegauge.export.maths.warp import Border, Corners, warp
from framegauge.export.metric import MapMetric
from framegauge.export.motion_metric import MotionMetric

SPEC = Spec(
    name="warping",
    title="L1 of a frame and its neighbours warped to it",
    kind="loss",
    better="lower",
    ideal=0.0,
    low=0.0,
    high=1.0,
    least=2,
    tolerance=1e-5,
    relative=1e-3,
    inputs=("distorted", "previous", "next", "flow_to_previous", "flow_to_next"),
    symmetric=False,
    grid=Grid(),
    source="Super SloMo (Jiang et al., CVPR 2018); warp of RIFE",
)


class Warping(MotionMetric, MapMetric):
    """Mean absolute difference of a middle frame and its neighbours, sampled where flows point.

    Of both neighbours it is the mean. The frame is the predicted one, to judge how well it fits
    the motion, or the true one, to train the flows.

    Example:
        >>> import torch
        >>> ramp = (torch.arange(8.0) / 8).expand(1, 3, 8, 8)
        >>> right = torch.tensor([1.0, 0.0]).view(1, 2, 1, 1).expand(1, 2, 8, 8)
        >>> loss = Warping(sources="next")
        >>> loss(distorted=ramp, next=ramp, flow_to_next=right).round(decimals=4)
        tensor(0.1094)
    """

    SPEC = SPEC

    def __init__(
        self,
        *,
        target: Literal["distorted", "reference"] = "distorted",
        sources: Literal["both", "previous", "next"] = "both",
        border: Border = "clamp",
        corners: Corners = "aligned",
        masked: bool = False,
        reduction: Reduction = "mean",
    ) -> None:
        """Make the loss.

        Args:
            target: The middle frame: the predicted one, or the true one.
            sources: Which neighbours are warped.
            border: What lies beyond a neighbour: its nearest pixel, zeros, or as DDFlow has it.
            corners: Where samples are taken; see :func:`framegauge.export.maths.warp.warp`.
            masked: Take a further input ``mask``; the score is ``sum(map * mask) / sum(mask)``.
                Flows may be anything where it is 0; a mask of zeros gives 0 and no gradient.
            reduction: As for every metric.

        Raises:
            ValueError: The border and the corners do not go together.
        """
        super().__init__(reduction=reduction)
        if border == "ddflow" and corners != "aligned":
            raise ValueError(f"warping takes border=ddflow with corners=aligned, got {corners}.")
        self.target, self.border, self.corners, self.masked = target, border, corners, masked
        self.sources = ("previous", "next") if sources == "both" else (sources,)

    @property
    def spec(self) -> Spec:
        """The facts; the options say what is read, and whether a still frame is met exactly."""
        inputs = (
            self.target,
            *self.sources,
            *(f"flow_to_{source}" for source in self.sources),
            *(("mask",) if self.masked else ()),
        )
        exact = self.corners == "aligned" and self.border != "ddflow"
        return replace(
            SPEC,
            inputs=inputs,
            ideal=SPEC.ideal if exact else None,
            high=None if self.border == "ddflow" else SPEC.high,  # it extrapolates
        )

    def map(self, features: Features) -> Tensor:
        """Loss of each pixel, mean over channels and neighbours, ``(N, 1, H, W)``."""
        target = features.rgb(self.target)
        first, *rest = (
            (self._warped(features, source) - target).abs().mean(1, keepdim=True)
            for source in self.sources
        )
        return sum(rest, first) / len(self.sources)

    def score(self, features: Features) -> Tensor:
        """Mean of the map, ``(N,)``."""
        if not self.masked:
            return pixel_mean(features.once(self.map, features))
        mask = features.tensor("mask")
        roles = [f"flow_to_{source}" for source in self.sources]
        flows = {role: features.once(counted, features.tensor(role), mask) for role in roles}
        return masked_mean(self.map(features.joined(flows)), mask)

    def forward(
        self,
        distorted: Tensor | None = None,
        previous: Tensor | None = None,
        next: Tensor | None = None,
        flow_to_previous: Tensor | None = None,
        flow_to_next: Tensor | None = None,
        *,
        reference: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor:
        """Score frames in eager code; which inputs, the options say.

        Args:
            distorted: The predicted frame, ``(N, 3, H, W)`` RGB in ``[0, 1]``.
            previous: Frame before, the same.
            next: Frame after, the same.
            flow_to_previous: From the middle to the frame before, ``(N, 2, H, W)``, pixels.
            flow_to_next: From the middle to the frame after, the same.
            reference: The true frame.
            mask: Weights, ``(N, 1, H, W)``, 1 = counts.

        Returns:
            The scores, reduced as the module was told.

        Raises:
            ValueError: An input is missing or not wanted, or shapes differ.
        """
        return self.reduced(
            reference=reference,
            distorted=distorted,
            previous=previous,
            next=next,
            flow_to_previous=flow_to_previous,
            flow_to_next=flow_to_next,
            mask=mask,
        )

    def _warped(self, features: Features, source: str) -> Tensor:
        return features.once(
            warp,
            features.rgb(source),
            features.tensor(f"flow_to_{source}"),
            border=self.border,
            corners=self.corners,
        )
