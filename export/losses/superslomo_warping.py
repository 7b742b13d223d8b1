"""Super SloMo's warping loss: both neighbours to the middle and to each other.

Reference:
    Jiang et al., "Super SloMo: high quality estimation of multiple intermediate frames for video
    interpolation", CVPR 2018; the PyTorch port's lines, which average where the paper adds up.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from torch import Tensor

from framegauge.export.contract.spec import Spec
from framegauge.export.features import Features
from framegauge.export.maths.reduction import Reduction, pixel_mean
from framegauge.export.maths.warp import Corners, warp
from framegauge.export.motion_metric import MotionMetric, approximated
from framegauge.export.networks.backbones import NO_STD, SUPERSLOMO_MEAN, normalised

BETWEEN = ("flow_previous_next", "flow_next_previous")

SPEC = Spec(
    name="superslomo_warping",
    title="Four warping terms of Super SloMo",
    kind="loss",
    better="lower",
    ideal=None,
    low=0.0,
    high=4.0,
    least=2,
    tolerance=1e-6,
    relative=1e-3,
    inputs=("reference", "previous", "next", *BETWEEN, "time"),
    symmetric=False,
    source="Super SloMo (Jiang et al., CVPR 2018), PyTorch port",
)


class SuperSloMoWarping(MotionMetric):
    """Sum of four mean absolute differences of a frame and another, warped to it.

    Previous to middle, next to middle, previous to next, next to previous. The defaults are the
    port's, in the PyTorch that it names: frames less the mean colour (0.429, 0.431, 0.397), which
    is thus what lies beyond the border, and a grid that shrinks the frame by a pixel. Flows of
    zero between equal frames then score above zero; with ``corners=aligned`` they score zero.

    Example:
        >>> import torch
        >>> grey = torch.full((1, 3, 8, 8), 0.5)
        >>> flow = torch.zeros(1, 2, 8, 8)
        >>> loss = SuperSloMoWarping(corners="aligned", border="clamp")
        >>> loss(grey, grey + 0.25, grey, flow, flow, torch.tensor([0.5])).round(decimals=4)
        tensor(0.7500)
    """

    SPEC = SPEC

    def __init__(
        self,
        *,
        corners: Corners = "superslomo_aligned",
        border: Literal["zeros", "clamp"] = "zeros",
        middle: Literal["approximated", "given"] = "approximated",
        reduction: Reduction = "mean",
    ) -> None:
        """Make the loss.

        Args:
            corners: Where samples are taken; ``superslomo_half_pixel`` is the port under PyTorch
                1.3 and later, ``aligned`` what the flow says.
            border: What lies beyond a frame: the mean colour, or its nearest pixel.
            middle: Flows from the middle: approximated from those between the neighbours at the
                input ``time``, as the authors do, or the inputs ``flow_to_previous`` and
                ``flow_to_next``.
            reduction: As for every metric.
        """
        super().__init__(reduction=reduction)
        self.corners, self.border, self.middle = corners, border, middle

    @property
    def spec(self) -> Spec:
        """The facts; the port's grids miss even a frame that stands still."""
        middle = (
            ("time",) if self.middle == "approximated" else ("flow_to_previous", "flow_to_next")
        )
        return replace(
            SPEC,
            inputs=("reference", "previous", "next", *BETWEEN, *middle),
            ideal=0.0 if self.corners == "aligned" else None,
        )

    def terms(self, features: Features) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The four means, ``(N,)`` each, in the order of the class's words."""
        forward, backward = (features.tensor(role) for role in BETWEEN)
        if self.middle == "approximated":
            to_previous, to_next = features.once(approximated, features)
        else:
            to_previous, to_next = (
                features.tensor(role) for role in ("flow_to_previous", "flow_to_next")
            )
        return (
            self._term(features, "previous", to_previous, "reference"),
            self._term(features, "next", to_next, "reference"),
            self._term(features, "previous", backward, "next"),
            self._term(features, "next", forward, "previous"),
        )

    def score(self, features: Features) -> Tensor:
        """Sum of the four terms, ``(N,)``."""
        first, *rest = features.once(self.terms, features)
        return sum(rest, first)

    def forward(
        self,
        reference: Tensor,
        previous: Tensor,
        next: Tensor,
        flow_previous_next: Tensor,
        flow_next_previous: Tensor,
        time: Tensor | None = None,
        *,
        flow_to_previous: Tensor | None = None,
        flow_to_next: Tensor | None = None,
    ) -> Tensor:
        """Judge flows in eager code.

        Args:
            reference: The true middle frame, ``(N, 3, H, W)`` RGB in ``[0, 1]``.
            previous: Frame before, the same.
            next: Frame after, the same.
            flow_previous_next: From the frame before to the one after, ``(N, 2, H, W)``, pixels.
            flow_next_previous: From the frame after to the one before.
            time: Of the middle frame, ``(N,)``, in (0, 1); unless ``middle="given"``.
            flow_to_previous: From the middle to the frame before, where given.
            flow_to_next: From the middle to the frame after, where given.

        Returns:
            The losses, reduced as the module was told.

        Raises:
            ValueError: An input is missing or not wanted, or shapes differ.
        """
        return self.reduced(
            reference=reference,
            previous=previous,
            next=next,
            flow_previous_next=flow_previous_next,
            flow_next_previous=flow_next_previous,
            time=time,
            flow_to_previous=flow_to_previous,
            flow_to_next=flow_to_next,
        )

    def _term(self, features: Features, source: str, flow: Tensor, target: str) -> Tensor:
        moved, still = (
            features.once(normalised, features.rgb(role), mean=SUPERSLOMO_MEAN, std=NO_STD)
            for role in (source, target)
        )
        warped = features.once(warp, moved, flow, border=self.border, corners=self.corners)
        return pixel_mean((warped - still).abs())
