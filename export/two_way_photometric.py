"""Two frames warped to each other and compared where both see the same: what such losses share."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor

from framegauge.export.features import Features
from framegauge.export.maths.warp import Border, warp
from framegauge.export.motion_metric import MotionMetric

INPUTS = ("previous", "next", "flow_previous_next", "flow_next_previous")


class TwoWayPhotometric(MotionMetric):
    """Distance of each of two frames and the other warped to it; both added.

    Attributes:
        border: What lies beyond the frame that is warped.
    """

    border: Border = "clamp"

    @abstractmethod
    def visible(self, features: Features, flow: Tensor, back: Tensor) -> Tensor:
        """1 where a pixel at the start of ``flow`` counts, else 0, ``(N, 1, H, W)``."""

    @abstractmethod
    def distance(self, x: Tensor, y: Tensor, mask: Tensor) -> Tensor:
        """Distance of frames and others warped to them, ``(N, 3, H, W)`` each, to ``(N,)``."""

    def score(self, features: Features) -> Tensor:
        """Sum of both directions, ``(N,)``."""
        targets, warped, masks = [], [], []
        for target, source in (("previous", "next"), ("next", "previous")):
            flow = features.tensor(f"flow_{target}_{source}")
            back = features.tensor(f"flow_{source}_{target}")
            frame = features.rgb(source)
            targets.append(features.rgb(target))
            warped.append(features.once(warp, frame, flow, border=self.border, corners="aligned"))
            masks.append(self.visible(features, flow, back))
        # One batch of both directions: half the graph of two.
        both = self.distance(torch.cat(targets), torch.cat(warped), torch.cat(masks))
        count = targets[0].shape[0]
        return both[:count] + both[count:]

    def forward(
        self,
        previous: Tensor,
        next: Tensor,
        flow_previous_next: Tensor,
        flow_next_previous: Tensor,
    ) -> Tensor:
        """Judge flows in eager code.

        Args:
            previous: Frame before, ``(N, 3, H, W)`` RGB in ``[0, 1]``.
            next: Frame after, the same.
            flow_previous_next: From the frame before to the one after, ``(N, 2, H, W)``, pixels.
            flow_next_previous: From the frame after to the one before, the same.

        Returns:
            The losses, reduced as the module was told.

        Raises:
            ValueError: Shapes differ, or the frames are too small.
        """
        return self.reduced(
            previous=previous,
            next=next,
            flow_previous_next=flow_previous_next,
            flow_next_previous=flow_next_previous,
        )
