"""BMBC's smoothness loss: change of the flows from the middle frame.

Reference:
    Park, Ko, Lee and Kim, "BMBC: bilateral motion estimation with bilateral cost volume for video
    interpolation", ECCV 2020. Its training code is not public; what the paper leaves open is
    chosen here, and said where.
"""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from framegauge.export.contract.spec import Spec
from framegauge.export.features import Features
from framegauge.export.losses.bmbc_photometric import halved_flow
from framegauge.export.maths.reduction import Reduction
from framegauge.export.maths.smoothness import absolute_changes
from framegauge.export.motion_metric import MotionMetric

SPEC = Spec(
    name="bmbc_smoothness",
    title="Mean change of the flows from the middle, BMBC's",
    kind="loss",
    better="lower",
    ideal=0.0,
    low=0.0,
    high=None,
    unit="px",
    least=2,
    tolerance=1e-6,
    relative=1e-3,
    inputs=("flow_to_previous", "flow_to_next"),
    source="BMBC (Park et al., ECCV 2020)",
)


class BMBCSmoothness(MotionMetric):
    """Mean ``|change across|`` plus mean ``|change down|`` of both flows, added up.

    Chosen where the paper is silent: differences to the next pixel, means over both components
    and over pixels, the full size alone, a weight of one.

    Example:
        >>> import torch
        >>> ramp = torch.arange(4.0).expand(1, 2, 4, 4)
        >>> BMBCSmoothness()(ramp, -ramp)
        tensor(2.)
    """

    SPEC = SPEC

    def __init__(self, *, levels: int = 1, reduction: Reduction = "mean") -> None:
        """Make the loss.

        Args:
            levels: At how many sizes, from the full one on; their losses are added up, each in
                its own pixels. Flows are halved as for ``bmbc_photometric``.
            reduction: As for every metric.
        """
        super().__init__(reduction=reduction)
        if levels < 1:
            raise ValueError(f"bmbc_smoothness takes at least 1 level, got {levels}.")
        self.levels = levels

    @property
    def spec(self) -> Spec:
        """The facts; the smallest level has two pixels each way."""
        return replace(SPEC, least=2**self.levels)

    def score(self, features: Features) -> Tensor:
        """Sum over flows and levels, ``(N,)``."""
        changes = []
        for role in SPEC.inputs:
            flow = features.tensor(role)
            for level in range(self.levels):
                flow = features.once(halved_flow, flow) if level else flow
                changes.append(features.once(absolute_changes, flow))
        return sum(changes[1:], changes[0])

    def forward(self, flow_to_previous: Tensor, flow_to_next: Tensor) -> Tensor:
        """Judge flows in eager code.

        Args:
            flow_to_previous: From the middle to the frame before, ``(N, 2, H, W)``, pixels.
            flow_to_next: From the middle to the frame after, the same.

        Returns:
            The losses, pixels, reduced as the module was told.

        Raises:
            ValueError: Shapes differ, or the flows are too small for the levels.
        """
        return self.reduced(flow_to_previous=flow_to_previous, flow_to_next=flow_to_next)
