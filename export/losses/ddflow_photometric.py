"""DDFlow's occlusion-aware data terms: census, or colours.

Reference:
    Liu, King, Lyu and Xu, "DDFlow: learning optical flow with unlabeled data distillation", AAAI
    2019, whose code this follows.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor

from framegauge.export.contract.spec import Spec
from framegauge.export.features import Features
from framegauge.export.losses.census import census_distance, check_patch
from framegauge.export.maths.colour import luma
from framegauge.export.maths.reduction import Reduction
from framegauge.export.maths.visibility import occluded, without_border
from framegauge.export.maths.warp import Border
from framegauge.export.two_way_photometric import INPUTS, TwoWayPhotometric

FLOOR = 0.01**0.4

SPEC = Spec(
    name="ddflow_photometric",
    title="Census of both frames warped to each other, DDFlow's",
    kind="loss",
    better="lower",
    ideal=None,
    low=0.0,
    high=None,
    least=7,
    tolerance=1e-4,
    relative=1e-3,
    inputs=INPUTS,
    source="DDFlow (Liu et al., AAAI 2019)",
)


def robust_mean(difference: Tensor, mask: Tensor) -> Tensor:
    r"""DDFlow's ``abs_robust_loss``.

    :math:`\sum m (|d| + 0.01)^{0.4} / (2 \sum m + 10^{-6})`; the 2 is there whatever the channels.

    Args:
        difference: ``(N, C, H, W)``.
        mask: 1 = counts, ``(N, 1, H, W)``.

    Returns:
        ``(N,)``: the sums are each sample's, the authors' those of the batch.
    """
    return _total(mask * (difference.abs() + 0.01).pow(0.4)) / (2 * _total(mask) + 1e-6)


def ddflow_census(x: Tensor, y: Tensor, mask: Tensor, *, patch: int = 7) -> Tensor:
    """DDFlow's census distance of a frame and another warped to it.

    Args:
        x: RGB in [0, 1], ``(N, 3, H, W)``.
        y: The same.
        mask: 1 = counts, ``(N, 1, H, W)``; half a patch at the border never counts.
        patch: Side of the neighbourhood, odd.

    Returns:
        ``(N,)``, 0.079245 for equal frames.
    """
    gray = (255 * luma(each, matrix="rounded") for each in (x, y))
    hamming = patch**2 * census_distance(*gray, patch=patch)
    return robust_mean(hamming, without_border(mask, patch // 2, patch // 2))


class DDFlowPhotometric(TwoWayPhotometric):
    """Distance of each frame and the other warped to it, of the pixels seen; both added.

    Equal frames whose warp is exact score 0.158489. DDFlow's own sampler gives zero in the last
    row and column even at flows of zero, and so scores a little more. Where no pixel is seen the
    loss is 0, below that floor, as the authors have it.

    Example:
        >>> import torch
        >>> grey, flow = torch.full((1, 3, 16, 16), 0.5), torch.zeros(1, 2, 16, 16)
        >>> DDFlowPhotometric(border="clamp")(grey, grey, flow, flow)
        tensor(0.1585)
    """

    SPEC = SPEC

    def __init__(
        self,
        *,
        term: Literal["census", "colour"] = "census",
        patch: int = 7,
        occlusion: bool = True,
        border: Border = "ddflow",
        reduction: Reduction = "mean",
    ) -> None:
        """Make the loss.

        Args:
            term: What is compared: census of luma in 0..255, or colours in [0, 1] (the authors'
                first stage).
            patch: Side of the census' neighbourhood, odd, at most 31.
            occlusion: Leave out pixels whose flows there and back do not cancel.
            border: What lies beyond the frame, for frames and flows: DDFlow's sampler, the
                nearest pixel, or zeros.
            reduction: As for every metric.
        """
        super().__init__(reduction=reduction)
        check_patch("ddflow_photometric", patch)
        if term != "census":
            self.refuse_idle(f"term={term}", patch=patch)
        self.term, self.patch, self.occlusion, self.border = term, patch, occlusion, border

    @property
    def spec(self) -> Spec:
        """The facts; colours have three channels to the census' one, and no border."""
        colour = self.term == "colour"
        floor = 3 * FLOOR if colour else FLOOR
        return replace(
            SPEC,
            ideal=None if self.border == "ddflow" else floor,
            least=1 if colour else self.patch,
        )

    def visible(self, features: Features, flow: Tensor, back: Tensor) -> Tensor:
        """1 where a pixel is seen, else 0, ``(N, 1, H, W)``."""
        if not self.occlusion:
            return torch.ones_like(flow[:, :1])
        return 1 - features.once(
            occluded,
            flow,
            back,
            border=self.border,
            threshold="warped",
            relative=0.01,
            absolute=0.5,
        )

    def distance(self, x: Tensor, y: Tensor, mask: Tensor) -> Tensor:
        """Distance of one direction, ``(N,)``."""
        if self.term == "colour":
            return robust_mean(x - y, mask)
        return ddflow_census(x, y, mask, patch=self.patch)


def _total(values: Tensor) -> Tensor:
    """Sum of each sample, ``(N, C, H, W)`` to ``(N,)``, one axis at a time."""
    return values.sum(-1).sum(-1).sum(-1)
