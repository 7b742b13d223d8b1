"""BMBC's photometric loss: neighbours warped to the middle, at several levels.

Reference:
    Park, Ko, Lee and Kim, "BMBC: bilateral motion estimation with bilateral cost volume for video
    interpolation", ECCV 2020. Its training code is not public; what the paper leaves open is
    chosen here, and said where.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor

from framegauge.export.contract.spec import Spec
from framegauge.export.features import Features
from framegauge.export.maths.penalties import charbonnier
from framegauge.export.maths.pyramid import box_halved
from framegauge.export.maths.reduction import Reduction, pixel_mean
from framegauge.export.maths.warp import warp
from framegauge.export.motion_metric import MotionMetric

SPEC = Spec(
    name="bmbc_photometric",
    title="Charbonnier of both warped neighbours, four levels, BMBC's",
    kind="loss",
    better="lower",
    ideal=6e-7,
    low=0.0,
    high=None,
    least=16,
    tolerance=1e-7,
    relative=1e-3,
    inputs=("reference", "previous", "next", "flow_to_previous", "flow_to_next"),
    symmetric=False,
    source="BMBC (Park et al., ECCV 2020)",
)


def halved_flow(flow: Tensor) -> Tensor:
    """A flow for a frame of half the size, ``(N, 2, floor(H/2), floor(W/2))``, in its pixels."""
    return box_halved(flow) / 2


class BMBCPhotometric(MotionMetric):
    r"""Weighted sum over levels of both neighbours' mean Charbonnier distance to the middle.

    :math:`\sum_l \alpha_l\,\text{mean}[\rho(W(I_0, V_{t0}) - I_t) + \rho(W(I_1, V_{t1}) - I_t)]`
    with :math:`\alpha_l = 0.01 \cdot 2^l`, :math:`\rho(d) = \sqrt{d^2 + \epsilon^2}`. Chosen where
    the paper is silent: level 1 is the full size; frames and flows are halved by 2x2 means (an
    odd last row or column dropped), flows then by two; sums over pixels are means over pixels and
    channels; warps clamp at the border.

    Example:
        >>> import torch
        >>> grey, flow = torch.full((1, 3, 16, 16), 0.5), torch.zeros(1, 2, 16, 16)
        >>> loss = BMBCPhotometric()(grey, grey + 0.1, grey - 0.1, flow, flow)
        >>> loss.round(decimals=4)  # (0.02 + 0.04 + 0.08 + 0.16) * 0.2
        tensor(0.0600)
    """

    SPEC = SPEC

    def __init__(
        self,
        *,
        levels: int = 4,
        first: Literal["finest", "coarsest"] = "finest",
        alpha: float = 0.01,
        epsilon: float = 1e-6,
        sampling: Literal["clamped", "bmbc"] = "clamped",
        reduction: Reduction = "mean",
    ) -> None:
        """Make the loss.

        Args:
            levels: How many, each half the size of the one before.
            first: Which of them is level 1, the one that weighs least.
            alpha: Half the weight of level 1; each level weighs twice the one before.
            epsilon: Where the root turns linear; its square is added inside.
            sampling: Warps that clamp at the border, or those of the released network:
                half-pixel corners on a corner-aligned grid, zero wherever a part of the sample
                lies beyond the border.
            reduction: As for every metric.
        """
        super().__init__(reduction=reduction)
        if levels < 1:
            raise ValueError(f"bmbc_photometric takes at least 1 level, got {levels}.")
        if not (alpha > 0 and epsilon > 0):
            raise ValueError(
                f"bmbc_photometric takes alpha and epsilon above 0, got {alpha} and {epsilon}."
            )
        self.count, self.epsilon, self.sampling = levels, epsilon, sampling
        weights: tuple[float, ...] = tuple(alpha * 2.0**level for level in range(1, levels + 1))
        self.level_weights = weights if first == "finest" else weights[::-1]

    @property
    def spec(self) -> Spec:
        """The facts; the smallest level has two pixels each way, the floor is epsilon's.

        The released network's sampling misses even a frame that stands still.
        """
        floor = 2 * self.epsilon * sum(self.level_weights)
        ideal = floor if self.sampling == "clamped" else None
        return replace(SPEC, least=2**self.count, ideal=ideal)

    def levels(self, features: Features) -> list[Tensor]:
        """Mean distance of both neighbours at each level, finest first, ``(N,)`` each."""
        frames = [features.rgb(role) for role in ("reference", "previous", "next")]
        flows = [features.tensor(role) for role in ("flow_to_previous", "flow_to_next")]
        means = []
        for level in range(self.count):
            if level:
                frames = [features.once(box_halved, frame) for frame in frames]
                flows = [features.once(halved_flow, flow) for flow in flows]
            reference, *neighbours = frames
            distances = [
                charbonnier(self._warped(features, frame, flow), reference, epsilon=self.epsilon)
                for frame, flow in zip(neighbours, flows, strict=True)
            ]
            means.append(pixel_mean(distances[0]) + pixel_mean(distances[1]))
        return means

    def score(self, features: Features) -> Tensor:
        """Weighted sum over the levels, ``(N,)``."""
        first, *rest = (
            weight * mean
            for weight, mean in zip(self.level_weights, self.levels(features), strict=True)
        )
        return sum(rest, first)

    def forward(
        self,
        reference: Tensor,
        previous: Tensor,
        next: Tensor,
        flow_to_previous: Tensor,
        flow_to_next: Tensor,
    ) -> Tensor:
        """Judge flows in eager code.

        Args:
            reference: The true middle frame, ``(N, 3, H, W)`` RGB in ``[0, 1]``.
            previous: Frame before, the same.
            next: Frame after, the same.
            flow_to_previous: From the middle to the frame before, ``(N, 2, H, W)``, pixels.
            flow_to_next: From the middle to the frame after, the same.

        Returns:
            The losses, reduced as the module was told.

        Raises:
            ValueError: Shapes differ, or the frames are too small for the levels.
        """
        return self.reduced(
            reference=reference,
            previous=previous,
            next=next,
            flow_to_previous=flow_to_previous,
            flow_to_next=flow_to_next,
        )

    def _warped(self, features: Features, frame: Tensor, flow: Tensor) -> Tensor:
        if self.sampling == "clamped":
            return features.once(warp, frame, flow, border="clamp", corners="aligned")
        warped = features.once(warp, frame, flow, border="zeros", corners="half_pixel")
        ones = torch.ones_like(frame[:, :1])
        seen = warp(ones, flow.detach(), border="zeros", corners="half_pixel")
        return warped * (seen >= 0.999).to(frame.dtype)
