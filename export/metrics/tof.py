"""tOF: how far a video's motion is from that of its original.

Reference:
    Chu, Xie, Mayer, Leal-Taixe and Thuerey, "Learning temporal coherence via self-supervision for
    GAN-based video generation" (TecoGAN), ACM Transactions on Graphics 39(4), 2020, whose code
    takes the length of the difference where the paper writes its L1 norm.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from torch import Tensor

from framegauge.export.contract.spec import Grid, Spec
from framegauge.export.features import Features
from framegauge.export.maths.flow import endpoint_error
from framegauge.export.maths.reduction import Reduction, pixel_mean
from framegauge.export.metric import MapMetric
from framegauge.export.motion_metric import MotionMetric

SPEC = Spec(
    name="tof",
    title="Distance of the videos' flows, TecoGAN's",
    kind="metric",
    better="lower",
    ideal=0.0,
    low=0.0,
    high=None,
    unit="px",
    least=48,
    tolerance=0.01,
    inputs=("flow", "flow_reference"),
    source="TecoGAN (Chu et al., ACM TOG 2020)",
)


def tecogan_crop(x: Tensor) -> Tensor:
    """The middle of a picture as TecoGAN scores it, ``(N, C, H, W)``, 48 pixels each way at least.

    Each side is the greatest multiple of 32 that leaves out 16 pixels or more.
    """
    height, width = x.shape[-2:]
    rows, columns = (height - 16) // 32 * 32, (width - 16) // 32 * 32
    top, left = (height - rows) // 2, (width - columns) // 2
    return x[..., top : top + rows, left : left + columns]


class TOF(MotionMetric, MapMetric):
    """Mean distance of the flow between two frames of a video and of its original.

    Each flow goes from one frame to the next of its own video. The authors estimate them by
    Farneback's method; published scores are for theirs.

    Example:
        >>> import torch
        >>> flow = torch.tensor([3.0, 4.0]).view(1, 2, 1, 1).expand(1, 2, 48, 48)
        >>> TOF()(flow, 0 * flow)
        tensor(5.)
    """

    SPEC = SPEC

    def __init__(
        self,
        *,
        norm: Literal["euclidean", "l1"] = "euclidean",
        crop: bool = True,
        reduction: Reduction = "mean",
    ) -> None:
        """Make the metric.

        Args:
            norm: Of the difference: its length, as coded, or ``|du| + |dv|``, as written.
            crop: Score the middle alone, as the authors do; see :func:`tecogan_crop`.
            reduction: As for every metric.
        """
        super().__init__(reduction=reduction)
        self.norm, self.crop = norm, crop

    @property
    def spec(self) -> Spec:
        """The facts; a whole frame has a map."""
        return SPEC if self.crop else replace(SPEC, least=1, grid=Grid())

    def map(self, features: Features) -> Tensor:
        """Error of each pixel that counts, ``(N, 1, h, w)``, pixels."""
        flow, reference = features.tensor("flow"), features.tensor("flow_reference")
        if self.norm == "euclidean":
            errors = features.once(endpoint_error, flow, reference)
        else:
            errors = (flow - reference).abs().sum(1, keepdim=True)
        return tecogan_crop(errors) if self.crop else errors

    def score(self, features: Features) -> Tensor:
        """Mean of the map, ``(N,)``."""
        return pixel_mean(features.once(self.map, features))

    def forward(self, flow: Tensor, flow_reference: Tensor) -> Tensor:
        """Judge flows in eager code.

        Args:
            flow: Of the video judged, ``(N, 2, H, W)``, pixels.
            flow_reference: Of the original, same shape.

        Returns:
            The scores, pixels, reduced as the module was told.

        Raises:
            ValueError: Shapes differ, or are too small for the crop.
        """
        return self.reduced(flow=flow, flow_reference=flow_reference)
