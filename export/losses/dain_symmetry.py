"""DAIN's symmetry of motion: the flows to the two neighbours are opposite.

Reference:
    Bao et al., "Depth-aware video frame interpolation" (DAIN), CVPR 2019, ``motion_sym_loss`` of
    its code, which logs the term and leaves it out of the total.
"""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from framegauge.export.contract.spec import Grid, Spec
from framegauge.export.features import Features
from framegauge.export.maths.reduction import Reduction, pixel_mean
from framegauge.export.metric import MapMetric
from framegauge.export.motion_metric import MotionMetric

SPEC = Spec(
    name="dain_symmetry",
    title="How far the flows to both neighbours are from opposite, DAIN's",
    kind="loss",
    better="lower",
    ideal=1e-6,
    low=0.0,
    high=None,
    unit="px",
    tolerance=1e-6,
    relative=1e-3,
    inputs=("flow_to_previous", "flow_to_next"),
    grid=Grid(),
    source="DAIN (Bao et al., CVPR 2019)",
)


class DAINSymmetry(MotionMetric, MapMetric):
    """Mean over pixels and components of ``sqrt((f0 + f1)^2 + epsilon^2)``.

    Example:
        >>> import torch
        >>> flow = torch.full((1, 2, 2, 2), 3.0)
        >>> DAINSymmetry()(flow, 1 - flow)
        tensor(1.)
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
            raise ValueError(f"dain_symmetry takes an epsilon above 0, got {epsilon}.")
        self.epsilon = epsilon

    @property
    def spec(self) -> Spec:
        """The facts; the ideal is epsilon."""
        return replace(SPEC, ideal=self.epsilon)

    def map(self, features: Features) -> Tensor:
        """Loss of each pixel, mean over the components, ``(N, 1, H, W)``."""
        total = features.tensor("flow_to_previous") + features.tensor("flow_to_next")
        return (total.square() + self.epsilon**2).sqrt().mean(1, keepdim=True)

    def score(self, features: Features) -> Tensor:
        """Mean of the map, ``(N,)``."""
        return pixel_mean(features.once(self.map, features))

    def forward(self, flow_to_previous: Tensor, flow_to_next: Tensor) -> Tensor:
        """Judge flows in eager code.

        Args:
            flow_to_previous: From the middle to the frame before, ``(N, 2, H, W)``, pixels.
            flow_to_next: From the middle to the frame after, the same.

        Returns:
            The losses, pixels, reduced as the module was told.

        Raises:
            ValueError: Shapes differ.
        """
        return self.reduced(flow_to_previous=flow_to_previous, flow_to_next=flow_to_next)
