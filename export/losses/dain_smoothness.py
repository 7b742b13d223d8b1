"""DAIN's smoothness of flow, weighted down where the frame has gradients.

Reference:
    Bao et al., "Depth-aware video frame interpolation" (DAIN), CVPR 2019, ``gra_adap_tv_loss`` of
    its code, which logs the term and leaves it out of the total.
"""

from __future__ import annotations

from torch import Tensor

from framegauge.export.contract.spec import Spec
from framegauge.export.features import Features
from framegauge.export.maths.reduction import Reduction, pixel_mean
from framegauge.export.maths.smoothness import change_across, change_down, variation
from framegauge.export.motion_metric import MotionMetric

SPEC = Spec(
    name="dain_smoothness",
    title="Change of flow, weighted down at gradients, DAIN's",
    kind="loss",
    better="lower",
    ideal=None,
    low=0.0,
    high=None,
    unit="px",
    least=2,
    tolerance=1e-6,
    relative=1e-3,
    inputs=("previous", "next", "flow_to_previous", "flow_to_next"),
    source="DAIN (Bao et al., CVPR 2019)",
)


def gradient_adaptive_variation(flow: Tensor, picture: Tensor, *, epsilon: float) -> Tensor:
    r"""Mean change of a flow, less where the picture changes.

    .. math::
        \text{mean}\; e^{-\sum_c (|\partial_x I| + |\partial_y I|)}
        \sum_{u, v} \sqrt{(\partial_x F)^2 + (\partial_y F)^2 + \epsilon^2}

    Args:
        flow: ``(N, 2, H, W)``, pixels.
        picture: ``(N, C, H, W)``, in ``[0, 1]``.
        epsilon: In pixels.

    Returns:
        ``(N,)``, pixels. The last row and column are left out.
    """
    across, down = change_across(picture)[..., :-1, :].abs(), change_down(picture)[..., :-1].abs()
    weight = (-(across + down).sum(1, keepdim=True)).exp()
    return pixel_mean(weight * variation(flow, epsilon=epsilon).sum(1, keepdim=True))


class DAINSmoothness(MotionMetric):
    """Change of the flow to each neighbour, weighted by that neighbour's gradients, both added.

    At most 4e-6 are left of flows that do not change: epsilon for each of four components, where
    the frames are flat.

    Example:
        >>> import torch
        >>> ramp = torch.stack([torch.arange(4.0).expand(4, 4), torch.zeros(4, 4)])[None]
        >>> flat = torch.zeros(1, 3, 4, 4)
        >>> DAINSmoothness()(flat, flat, ramp, ramp)
        tensor(2.0000)
    """

    SPEC = SPEC

    def __init__(self, *, epsilon: float = 1e-6, reduction: Reduction = "mean") -> None:
        """Make the loss.

        Args:
            epsilon: In pixels; its square is added inside the root.
            reduction: As for every metric.
        """
        super().__init__(reduction=reduction)
        if not epsilon > 0:
            raise ValueError(f"dain_smoothness takes an epsilon above 0, got {epsilon}.")
        self.epsilon = epsilon

    def score(self, features: Features) -> Tensor:
        """Sum of both flows' losses, ``(N,)``."""
        to_previous, to_next = (
            gradient_adaptive_variation(
                features.tensor(f"flow_to_{frame}"), features.rgb(frame), epsilon=self.epsilon
            )
            for frame in ("previous", "next")
        )
        return to_previous + to_next

    def forward(
        self, previous: Tensor, next: Tensor, flow_to_previous: Tensor, flow_to_next: Tensor
    ) -> Tensor:
        """Judge flows in eager code.

        Args:
            previous: Frame before, ``(N, 3, H, W)`` RGB in ``[0, 1]``.
            next: Frame after, the same.
            flow_to_previous: From the middle to the frame before, ``(N, 2, H, W)``, pixels.
            flow_to_next: From the middle to the frame after, the same.

        Returns:
            The losses, pixels, reduced as the module was told.

        Raises:
            ValueError: Shapes differ.
        """
        return self.reduced(
            previous=previous,
            next=next,
            flow_to_previous=flow_to_previous,
            flow_to_next=flow_to_next,
        )
