"""Smoothness of flows: what they change from pixel to pixel.

References:
    Jiang et al., "Super SloMo: high quality estimation of multiple intermediate frames for video
    interpolation", CVPR 2018, in the lines of its PyTorch port; DAIN (Bao et al., CVPR 2019);
    RIFE (Huang et al., ECCV 2022), whose Sobel operator on flows is the same idea; UnFlow (Meister
    et al., AAAI 2018), which also bends: second differences under a robust function.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from torch import Tensor

from framegauge.export.contract.spec import Spec
from framegauge.export.features import Features
from framegauge.export.losses.sobel import sobel
from framegauge.export.maths.reduction import Reduction, pixel_mean
from framegauge.export.maths.smoothness import (
    absolute_changes,
    unflow_bends,
    unflow_changes,
    variation,
)
from framegauge.export.motion_metric import MotionMetric

FLOWS = {
    "between": ("flow_previous_next", "flow_next_previous"),
    "middle": ("flow_to_previous", "flow_to_next"),
    "one": ("flow",),
}

SPEC = Spec(
    name="flow_smoothness",
    title="Mean change of flows from pixel to pixel",
    kind="loss",
    better="lower",
    ideal=0.0,
    low=0.0,
    high=None,
    unit="px",
    least=2,
    tolerance=1e-6,
    relative=1e-3,
    inputs=FLOWS["between"],
    source="Super SloMo (Jiang et al., CVPR 2018), PyTorch port",
)


class FlowSmoothness(MotionMetric):
    """Mean ``|change across|`` plus mean ``|change down|``, added up over the flows.

    Means are over both components, and each over its own number of differences.

    Example:
        >>> import torch
        >>> ramp = torch.arange(4.0).expand(1, 2, 4, 4)
        >>> FlowSmoothness(flows="one")(flow=ramp)
        tensor(1.)
    """

    SPEC = SPEC

    def __init__(
        self,
        *,
        form: Literal["superslomo", "dain", "sobel", "unflow", "unflow_second"] = "superslomo",
        flows: Literal["between", "middle", "one"] = "between",
        reduction: Reduction = "mean",
    ) -> None:
        """Make the loss.

        Args:
            form: Super SloMo's; DAIN's ``tv_loss`` (also its ``smooth_loss``), the mean of
                ``sqrt(across^2 + down^2 + 1e-12)``, which leaves 1e-6 a flow that does not change;
                RIFE's, the mean of ``|across| + |down|`` by Sobel's operator, with zeros beyond
                the border; or UnFlow's, ``(d^2 + 1e-6)^0.45`` of first differences or of second
                ones (diagonals too), whose floor is at most 0.004 for each flow.
            flows: Which flows: the two between the neighbours, the two from the middle to them,
                or ``flow`` alone.
            reduction: As for every metric.
        """
        super().__init__(reduction=reduction)
        self.form, self.flows = form, flows

    @property
    def spec(self) -> Spec:
        """The facts; DAIN's form has a floor, UnFlow's one that depends on the size, no unit."""
        inputs = FLOWS[self.flows]
        robust = self.form.startswith("unflow")
        ideal = None if robust else 1e-6 * len(inputs) if self.form == "dain" else 0.0
        least = 3 if self.form == "unflow_second" else 2
        unit = "1" if robust else "px"
        return replace(SPEC, inputs=inputs, ideal=ideal, least=least, unit=unit)

    def score(self, features: Features) -> Tensor:
        """Sum over the flows, ``(N,)``."""
        measure = {
            "superslomo": absolute_changes,
            "dain": _mean_variation,
            "sobel": _mean_sobel,
            "unflow": unflow_changes,
            "unflow_second": unflow_bends,
        }
        first, *rest = (
            features.once(measure[self.form], features.tensor(role)) for role in self.spec.inputs
        )
        return sum(rest, first)

    def forward(
        self,
        flow_previous_next: Tensor | None = None,
        flow_next_previous: Tensor | None = None,
        *,
        flow_to_previous: Tensor | None = None,
        flow_to_next: Tensor | None = None,
        flow: Tensor | None = None,
    ) -> Tensor:
        """Judge flows in eager code; which ones, the option ``flows`` says.

        Args:
            flow_previous_next: From the previous frame to the next, ``(N, 2, H, W)``, pixels.
            flow_next_previous: From the next frame to the previous.
            flow_to_previous: From the middle to the previous frame.
            flow_to_next: From the middle to the next frame.
            flow: Any.

        Returns:
            The losses, pixels, reduced as the module was told.

        Raises:
            ValueError: A flow is missing or not wanted, or shapes differ.
        """
        return self.reduced(
            flow_previous_next=flow_previous_next,
            flow_next_previous=flow_next_previous,
            flow_to_previous=flow_to_previous,
            flow_to_next=flow_to_next,
            flow=flow,
        )


def _mean_variation(flow: Tensor) -> Tensor:
    return pixel_mean(variation(flow, epsilon=1e-6))


def _mean_sobel(flow: Tensor) -> Tensor:
    return 2 * pixel_mean(sobel(flow).abs())
