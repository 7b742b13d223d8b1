"""Warping error: how much a video changes along the motion of its original.

Reference:
    Lai, Huang, Wang, Shechtman, Yumer and Yang, "Learning blind video temporal consistency", ECCV
    2018, whose code this follows; the paper counts a pixel's three channels as one.
"""

from __future__ import annotations

import torch
from torch import Tensor

from framegauge.export.contract.spec import Grid, Spec
from framegauge.export.features import Features
from framegauge.export.maths.reduction import Reduction, masked_mean
from framegauge.export.maths.visibility import motion_boundaries, occluded
from framegauge.export.maths.warp import warp
from framegauge.export.metric import MapMetric
from framegauge.export.motion_metric import MotionMetric

SPEC = Spec(
    name="warping_error",
    title="Squared change between frames along the motion, Lai's",
    kind="metric",
    better="lower",
    ideal=0.0,
    low=0.0,
    high=1.0,
    tolerance=1e-5,
    relative=1e-2,
    inputs=(
        "distorted",
        "distorted_previous",
        "flow_from_reference_previous",
        "flow_to_reference_previous",
    ),
    symmetric=False,
    grid=Grid(),
    source="Lai et al., ECCV 2018",
)


class WarpingError(MotionMetric, MapMetric):
    """Mean squared difference of a frame and the following one warped to it, where it is seen.

    The two frames follow each other in the video judged, the flows are those of the original there.
    Pixels count that are neither occluded (the flows there and back
    do not cancel) nor at a boundary of motion; if none counts, the error is 0. A video's error is
    the mean over its pairs.

    Example:
        >>> import torch
        >>> grey, flow = torch.full((1, 3, 4, 4), 0.5), torch.zeros(1, 2, 4, 4)
        >>> WarpingError()(grey, grey + 0.25, flow, flow)
        tensor(0.0625)
    """

    SPEC = SPEC

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        """Make the metric.

        Args:
            reduction: As for every metric.
        """
        super().__init__(reduction=reduction)

    def visible(self, features: Features) -> Tensor:
        """1 where a pixel counts, else 0, ``(N, 1, H, W)``."""
        flow, back = (features.tensor(f"flow_{way}_reference_previous") for way in ("from", "to"))
        hidden = features.once(
            occluded,
            flow,
            back,
            border="clamp",
            threshold="warped",
            relative=0.01,
            absolute=0.5,
        )
        return 1 - torch.maximum(hidden, features.once(motion_boundaries, flow))

    def errors(self, features: Features) -> Tensor:
        """Squared difference of each pixel, mean over channels, ``(N, 1, H, W)``."""
        warped = features.once(
            warp,
            features.rgb("distorted"),
            features.tensor("flow_from_reference_previous"),
            border="clamp",
            corners="aligned",
        )
        return (warped - features.rgb("distorted_previous")).square().mean(1, keepdim=True)

    def map(self, features: Features) -> Tensor:
        """Squared difference of each pixel that counts, 0 elsewhere, ``(N, 1, H, W)``."""
        return features.once(self.errors, features) * features.once(self.visible, features)

    def score(self, features: Features) -> Tensor:
        """Mean over the pixels that count, ``(N,)``."""
        return masked_mean(
            features.once(self.errors, features), features.once(self.visible, features)
        )

    def forward(
        self,
        distorted_previous: Tensor,
        distorted: Tensor,
        flow_from_reference_previous: Tensor,
        flow_to_reference_previous: Tensor,
    ) -> Tensor:
        """Score pairs of frames in eager code.

        Args:
            distorted_previous: First of the two frames, ``(N, 3, H, W)`` RGB in ``[0, 1]``.
            distorted: The one that follows, the same.
            flow_from_reference_previous: The original's flow from the first moment to the second,
                ``(N, 2, H, W)``, pixels.
            flow_to_reference_previous: Back from the second to the first, the same.

        Returns:
            The errors, in [0, 1], reduced as the module was told.

        Raises:
            ValueError: Shapes differ.
        """
        return self.reduced(
            distorted_previous=distorted_previous,
            distorted=distorted,
            flow_from_reference_previous=flow_from_reference_previous,
            flow_to_reference_previous=flow_to_reference_previous,
        )
