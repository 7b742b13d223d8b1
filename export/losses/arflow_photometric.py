"""ARFlow's occlusion-aware data term: census, structural dissimilarity and L1, weighted.

Reference:
    Liu et al., "Learning by analogy: reliable supervision from transformations for unsupervised
    optical flow estimation" (ARFlow), CVPR 2020, whose code this follows at one level.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from framegauge.export.contract.spec import Spec
from framegauge.export.features import Features
from framegauge.export.losses.census import census_distance
from framegauge.export.maths.colour import luma
from framegauge.export.maths.reduction import Reduction, pixel_mean
from framegauge.export.maths.visibility import occluded, uncovered, without_border
from framegauge.export.maths.windows import window_moments
from framegauge.export.two_way_photometric import INPUTS, TwoWayPhotometric

SPEC = Spec(
    name="arflow_photometric",
    title="Census of both frames warped to each other, ARFlow's",
    kind="loss",
    better="lower",
    ideal=0.0,
    low=0.0,
    high=None,
    least=3,
    tolerance=1e-4,
    relative=1e-3,
    inputs=INPUTS,
    source="ARFlow (Liu et al., CVPR 2020)",
)


def arflow_census(x: Tensor, y: Tensor) -> Tensor:
    """Census distance of 3x3 pixels, luma of 0..255, a border of one pixel counted as zero.

    ``(N, 3, H, W)`` each, RGB in [0, 1], to ``(N, 1, H, W)``.
    """
    gray = (255 * luma(each, matrix="rounded") for each in (x, y))
    return without_border(census_distance(*gray, patch=3), 1, 1)


def arflow_dissimilarity(x: Tensor, y: Tensor) -> Tensor:
    """``(1 - SSIM) / 2`` under a box of 3x3 pixels, in [0, 1].

    ``(N, C, H, W)`` each, in [0, 1], to ``(N, C, H - 2, W - 2)``.
    """
    # Pooling in place of windows.local_moments, whose filters of this graph TensorRT cannot fuse.
    m = window_moments(x, y, lambda stack: F.avg_pool2d(stack, 3, 1))
    c1, c2 = 0.01**2, 0.03**2
    above = (2 * m.mu_x * m.mu_y + c1) * (2 * m.cov + c2)
    below = (m.mu_x.square() + m.mu_y.square() + c1) * (m.var + c2)
    return ((1 - above / below) / 2).clamp(0, 1)


class ARFlowPhotometric(TwoWayPhotometric):
    """Distance of each frame and the other warped to it, of the pixels seen; mean of both ways.

    Both frames are multiplied by the mask before they are compared (L1 after), and the mean is
    divided by the mask's; where no pixel is seen it is 0. The default is the authors' after 50
    epochs; before, ``census=0;l1=0.15;dssim=0.85;visibility=range``.

    Example:
        >>> import torch
        >>> grey, flow = torch.full((1, 3, 8, 8), 0.5), torch.zeros(1, 2, 8, 8)
        >>> loss = ARFlowPhotometric(census=0, l1=1)
        >>> loss(grey, grey + 0.25, flow, flow).round(decimals=4)
        tensor(0.2500)
    """

    SPEC = SPEC

    def __init__(
        self,
        *,
        census: float = 1.0,
        dssim: float = 0.0,
        l1: float = 0.0,
        occlusion: bool = True,
        visibility: Literal["consistency", "range"] = "consistency",
        reduction: Reduction = "mean",
    ) -> None:
        """Make the loss.

        Args:
            census: Weight of the census distance.
            dssim: Weight of the structural dissimilarity.
            l1: Weight of the absolute difference of colours.
            occlusion: Leave out pixels that are not seen in the other frame.
            visibility: How they are found: flows there and back do not cancel, the flow back
                being zero beyond the frame; or too few vectors of the flow back end there, which
                no TensorRT engine can hold.
            reduction: As for every metric.
        """
        super().__init__(reduction=reduction)
        if not (min(census, dssim, l1) >= 0 and 0 < census + dssim + l1 < math.inf):
            raise ValueError(
                "arflow_photometric takes finite weights of at least 0, not all of them 0, got "
                f"census={census}, dssim={dssim}, l1={l1}."
            )
        if not occlusion:
            self.refuse_idle("occlusion=false", visibility=visibility)
        self.factors = {"census": census, "dssim": dssim, "l1": l1}
        self.occlusion, self.visibility = occlusion, visibility

    @property
    def spec(self) -> Spec:
        """The facts; colours alone need no neighbourhood."""
        neighbours = self.factors["census"] > 0 or self.factors["dssim"] > 0
        return replace(SPEC, least=3 if neighbours else 1)

    def visible(self, features: Features, flow: Tensor, back: Tensor) -> Tensor:
        """1 where a pixel is seen, else 0, ``(N, 1, H, W)``."""
        if not self.occlusion:
            return torch.ones_like(flow[:, :1])
        if self.visibility == "range":
            return 1 - features.once(uncovered, back, kernel="bilinear", least=0.2)
        return 1 - features.once(
            occluded,
            flow,
            back,
            border="zeros",
            threshold="warped",
            relative=0.01,
            absolute=0.5,
        )

    def distance(self, x: Tensor, y: Tensor, mask: Tensor) -> Tensor:
        """Half the distance of one direction, ``(N,)``: the sum of both is their mean."""
        x, y = x * mask, y * mask
        total = torch.zeros_like(mask[:, 0, 0, 0])
        if self.factors["census"]:
            total = total + self.factors["census"] * pixel_mean(arflow_census(x, y))
        if self.factors["dssim"]:
            total = total + self.factors["dssim"] * pixel_mean(arflow_dissimilarity(x, y))
        if self.factors["l1"]:
            total = total + self.factors["l1"] * pixel_mean((x - y).abs())
        seen = pixel_mean(mask)
        nothing = seen <= 0
        return torch.where(nothing, 0, total / torch.where(nothing, 1, 2 * seen))
