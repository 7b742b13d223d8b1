"""Edge-aware smoothness: change of a flow, forgiven where the picture changes too.

References:
    Liu et al., "Learning by analogy: reliable supervision from transformations for unsupervised
    optical flow estimation" (ARFlow), CVPR 2020, whose code this follows; Tomasi and Manduchi,
    "Bilateral filtering for gray and color images", ICCV 1998 (the weights).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor

from framegauge.export.contract.spec import Spec
from framegauge.export.features import Features
from framegauge.export.maths.reduction import Reduction, pixel_mean
from framegauge.export.maths.smoothness import change_across, change_down
from framegauge.export.maths.windows import positions
from framegauge.export.motion_metric import MotionMetric

SPEC = Spec(
    name="edge_aware_smoothness",
    title="Change of flow, weighted down at edges of the picture",
    kind="loss",
    better="lower",
    ideal=0.0,
    low=0.0,
    high=None,
    least=2,
    tolerance=1e-7,
    relative=1e-3,
    inputs=("previous", "flow_previous_next"),
    symmetric=False,
    source="ARFlow (Liu et al., CVPR 2020)",
)


def edge_aware(flow: Tensor, picture: Tensor, *, order: int, alpha: float) -> Tensor:
    r"""Mean weighted change of a flow, ARFlow's.

    With :math:`w_x = \exp(-\alpha\,\text{mean}_c |\partial_x I|)`, order 1 is
    :math:`\frac14 (\text{mean}\,w_x |\partial_x F| + \text{mean}\,w_y |\partial_y F|)`, order 2 is
    :math:`\frac12 (\text{mean}\,w_x |\partial_{xx} F| + \text{mean}\,w_y |\partial_{yy} F|)`, the
    weight being that of the later of the two changes.

    Args:
        flow: ``(N, 2, H, W)``.
        picture: The frame that the flow starts at, ``(N, C, H, W)``.
        order: 1 or 2; the frame has at least ``order + 1`` pixels each way.
        alpha: How fast an edge weighs less.

    Returns:
        ``(N,)``, in the unit of the flow.
    """
    weight_across = (-alpha * change_across(picture).abs().mean(1, keepdim=True)).exp()
    weight_down = (-alpha * change_down(picture).abs().mean(1, keepdim=True)).exp()
    across, down = change_across(flow), change_down(flow)
    if order == 1:
        across, down = across / 2, down / 2
    else:
        across, down = change_across(across), change_down(down)
        weight_across, weight_down = weight_across[..., 1:], weight_down[..., 1:, :]
    return (pixel_mean(weight_across * across.abs()) + pixel_mean(weight_down * down.abs())) / 2


class EdgeAwareSmoothness(MotionMetric):
    """Mean change of the flow, each weighted by ``exp(-alpha * change of the picture)``.

    Example:
        >>> import torch
        >>> flow = torch.stack([torch.arange(4.0).expand(4, 4), torch.zeros(4, 4)])[None]
        >>> EdgeAwareSmoothness(scale="pixels")(torch.zeros(1, 3, 4, 4), flow)
        tensor(0.1250)
    """

    SPEC = SPEC

    def __init__(
        self,
        *,
        order: Literal["1", "2"] = "1",
        alpha: float = 10.0,
        scale: Literal["frame", "pixels"] = "frame",
        both: bool = False,
        reduction: Reduction = "mean",
    ) -> None:
        """Make the loss.

        Args:
            order: First differences (ARFlow on Sintel) or second (on KITTI).
            alpha: How fast an edge weighs less; pictures are in [0, 1].
            scale: Unit of the flow: the frame's shorter side, as ARFlow's finest level, or pixels.
            both: Take the flow back and the next frame too, and the mean of both directions.
            reduction: As for every metric.
        """
        super().__init__(reduction=reduction)
        if alpha < 0:
            raise ValueError(f"edge_aware_smoothness takes an alpha of at least 0, got {alpha}.")
        self.order, self.alpha, self.scale, self.both = int(order), alpha, scale, both

    @property
    def spec(self) -> Spec:
        """The facts; the least size has one difference."""
        inputs = (
            ("previous", "next", "flow_previous_next", "flow_next_previous")
            if self.both
            else SPEC.inputs
        )
        unit = "px" if self.scale == "pixels" else "1"
        return replace(SPEC, inputs=inputs, least=self.order + 1, unit=unit, symmetric=self.both)

    def score(self, features: Features) -> Tensor:
        """Loss of one flow, or mean of both, ``(N,)``."""
        pairs = {"previous": "flow_previous_next", "next": "flow_next_previous"}
        first, *rest = (
            edge_aware(
                features.tensor(flow), features.rgb(frame), order=self.order, alpha=self.alpha
            )
            for frame, flow in pairs.items()
            if frame in self.spec.inputs
        )
        mean = sum(rest, first) / (1 + len(rest))
        if self.scale == "pixels":
            return mean
        # Lengths as tensors: the least of two open sizes is no constant.
        rows, columns = features.rgb("previous").shape[-2:]
        sides = (positions(mean, count)[-1] + 1 for count in (rows, columns))
        return mean / torch.minimum(*sides)

    def forward(
        self,
        previous: Tensor,
        flow_previous_next: Tensor,
        *,
        next: Tensor | None = None,
        flow_next_previous: Tensor | None = None,
    ) -> Tensor:
        """Judge flows in eager code.

        Args:
            previous: Frame that the flow starts at, ``(N, 3, H, W)`` RGB in ``[0, 1]``.
            flow_previous_next: Its flow to the next frame, ``(N, 2, H, W)``, pixels.
            next: The next frame; needed if and only if ``both``.
            flow_next_previous: Its flow back; needed if and only if ``both``.

        Returns:
            The losses, reduced as the module was told.

        Raises:
            ValueError: An input is missing or not wanted, or shapes differ.
        """
        return self.reduced(
            previous=previous,
            next=next,
            flow_previous_next=flow_previous_next,
            flow_next_previous=flow_next_previous,
        )
