"""UnFlow's occlusion-aware data terms: census, colours, or gradients.

Reference:
    Meister, Hur and Roth, "UnFlow: unsupervised learning of optical flow with a bidirectional
    census loss", AAAI 2018, whose code this follows at one level.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor

from framegauge.export.contract.spec import Spec
from framegauge.export.features import Features
from framegauge.export.losses.census import census_distance, check_patch
from framegauge.export.losses.sobel import sobel
from framegauge.export.maths.colour import luma
from framegauge.export.maths.penalties import generalised_charbonnier
from framegauge.export.maths.reduction import Reduction, pixel_mean
from framegauge.export.maths.visibility import occluded, uncovered, without_border
from framegauge.export.maths.warp import inside
from framegauge.export.maths.windows import positions
from framegauge.export.two_way_photometric import INPUTS, TwoWayPhotometric

SPEC = Spec(
    name="unflow_photometric",
    title="Census of both frames warped to each other, UnFlow's",
    kind="loss",
    better="lower",
    ideal=None,
    low=0.0,
    high=None,
    least=7,
    tolerance=1e-4,
    relative=1e-3,
    inputs=INPUTS,
    source="UnFlow (Meister et al., AAAI 2018)",
)

Term = Literal["census", "colour", "gradient"]


def unflow_difference(
    x: Tensor, y: Tensor, mask: Tensor, *, term: Term = "census", patch: int = 7
) -> Tensor:
    """UnFlow's distance of a frame and another warped to it.

    Args:
        x: RGB in [0, 1], ``(N, 3, H, W)``.
        y: The same.
        mask: 1 = counts, ``(N, 1, H, W)``. Pixels that do not count are zeros in the mean.
        term: Sum of census distances over the patch (luma of 0..255, its border of half a patch
            left out), colours of 0..255, or Sobel gradients of [0, 1] (each without the border
            it crosses); all under :func:`generalised_charbonnier`.
        patch: Side of the census' neighbourhood, odd.

    Returns:
        ``(N,)``.
    """
    match term:
        case "census":
            gray = (255 * luma(each, matrix="rounded") for each in (x, y))
            hamming = patch**2 * census_distance(*gray, patch=patch)
            counted = mask * without_border(torch.ones_like(mask), patch // 2, patch // 2)
            return pixel_mean(counted * generalised_charbonnier(hamming))
        case "colour":
            return pixel_mean(mask * generalised_charbonnier(255 * (x - y)))
        case "gradient":
            gradients = generalised_charbonnier(sobel(x - y))
            across = without_border(mask * gradients[:, 0::2], 0, 1)
            down = without_border(mask * gradients[:, 1::2], 1, 0)
            return (pixel_mean(across) + pixel_mean(down)) / 2


class UnFlowPhotometric(TwoWayPhotometric):
    """Distance of each frame and the other warped to it, where it is seen; both added.

    Means are over all pixels, those that do not count as zeros. The floor of two equal frames is
    0.002 for each direction, times the share of pixels that count; where none does the loss is 0,
    the least there is, as the authors have it. Published weights: census 1,
    summed over five levels by 12.7, 4.35, 3.9, 3.4, 1.1; this is one level.

    Example:
        >>> import torch
        >>> grey, flow = torch.full((1, 3, 16, 16), 0.5), torch.zeros(1, 2, 16, 16)
        >>> loss = UnFlowPhotometric(term="colour", border="none")
        >>> loss(grey, grey + 0.1, flow, flow).round(decimals=3)  # 2 * 25.5^0.9
        tensor(36.8910)
    """

    SPEC = SPEC

    def __init__(
        self,
        *,
        term: Term = "census",
        patch: int = 7,
        occlusion: Literal["warped", "unwarped", "disocclusion", "none"] = "warped",
        border: Literal["tenth", "outgoing", "none"] = "tenth",
        reduction: Reduction = "mean",
    ) -> None:
        """Make the loss.

        Args:
            term: What is compared.
            patch: Side of the census' neighbourhood, odd: 7 at the finest level, then 5, 5, 3, 3.
            occlusion: Leave out pixels whose flows there and back do not cancel; the bound looks
                at the flow back where the vector ends, or where it starts (versions of the code
                differ). ``disocclusion``, its code's ``disocc``: leave out pixels at which too
                few vectors of the flow back end; no TensorRT engine can hold it. ``none`` where
                the authors train without (Flying Chairs).
            border: Leave out a tenth of the shorter side all round, or the pixels whose flow
                leaves the frame, or nothing.
            reduction: As for every metric.
        """
        super().__init__(reduction=reduction)
        check_patch("unflow_photometric", patch)
        if term != "census":
            self.refuse_idle(f"term={term}", patch=patch)
        self.term, self.patch = term, patch
        self.occlusion, self.frame_border = occlusion, border

    @property
    def spec(self) -> Spec:
        """The facts; the least size leaves a pixel within the border."""
        return replace(SPEC, least=self.patch if self.term == "census" else 3)

    def visible(self, features: Features, flow: Tensor, back: Tensor) -> Tensor:
        """1 where a pixel counts, else 0, ``(N, 1, H, W)``."""
        mask = torch.ones_like(flow[:, :1])
        if self.frame_border == "tenth":
            mask = mask * _inner_tenths(mask)
        elif self.frame_border == "outgoing":
            mask = features.once(inside, flow)
        if self.occlusion == "none":
            return mask
        if self.occlusion == "disocclusion":
            return mask * (1 - features.once(uncovered, back, kernel="gaussian", least=0.8))
        hidden = features.once(
            occluded,
            flow,
            back,
            border="clamp",
            threshold=self.occlusion,
            relative=0.01,
            absolute=0.5,
        )
        return mask * (1 - hidden)

    def distance(self, x: Tensor, y: Tensor, mask: Tensor) -> Tensor:
        """Distance of one direction, ``(N,)``."""
        return unflow_difference(x, y, mask, term=self.term, patch=self.patch)


def _inner_tenths(like: Tensor) -> Tensor:
    """1 further than a tenth of the shorter side from every border, else 0, ``(H, W)``."""
    rows, columns = (positions(like, count) for count in like.shape[-2:])
    # Sizes as tensors: the least of two open sizes is no constant.
    width = torch.minimum(rows[-1] + 1, columns[-1] + 1) / 10
    down = (rows >= width) & (rows[-1] - rows >= width)
    across = (columns >= width) & (columns[-1] - columns >= width)
    return (down[:, None] & across).to(like.dtype)
