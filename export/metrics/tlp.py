"""tLP: how far a video's perceptual change over time is from that of its original.

Reference:
    Chu, Xie, Mayer, Leal-Taixe and Thuerey, "Learning temporal coherence via self-supervision for
    GAN-based video generation" (TecoGAN), ACM Transactions on Graphics 39(4), 2020.
"""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from framegauge.export.contract.spec import Spec
from framegauge.export.features import Features, Frame
from framegauge.export.maths.reduction import Reduction
from framegauge.export.metrics.lpips import LPIPSAlex
from framegauge.export.metrics.tof import tecogan_crop
from framegauge.export.motion_metric import MotionMetric
from framegauge.export.networks.backbones import Weights

SPEC = Spec(
    name="tlp",
    title="Difference of LPIPS over time, times 100, TecoGAN's",
    kind="metric",
    better="lower",
    ideal=0.0,
    low=0.0,
    high=None,
    least=80,  # the crop then is 64, and AlexNet's last layer more than one pixel
    tolerance=0.1,
    inputs=("reference", "distorted", "reference_previous", "distorted_previous"),
    weights=LPIPSAlex.SPEC.weights,
    source="TecoGAN (Chu et al., ACM TOG 2020)",
)


class TLP(MotionMetric):
    """Difference of how far LPIPS, on AlexNet, finds each frame from the one before it.

    .. math::
        100 |LPIPS(r_{t-1}, r_t) - LPIPS(d_{t-1}, d_t)|
    """

    SPEC = SPEC

    def __init__(
        self,
        *,
        crop: bool = True,
        weights: Weights | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        """Make the metric.

        Args:
            crop: Score the middle alone, as the authors do; see
                :func:`framegauge.export.metrics.tof.tecogan_crop`.
            weights: Where the weights of LPIPS are, ``None`` to look for the published files.
            reduction: As for every metric.

        Raises:
            WeightsError: The weights are not available.
        """
        super().__init__(reduction=reduction)
        self.crop = crop
        self.lpips = LPIPSAlex(weights=weights)

    @property
    def spec(self) -> Spec:
        """The facts; a whole frame may be as small as AlexNet takes."""
        return SPEC if self.crop else replace(SPEC, least=LPIPSAlex.SPEC.least)

    def score(self, features: Features) -> Tensor:
        """Difference of the two distances, ``(N,)``."""
        truth, made = (self._change(features, role) for role in ("reference", "distorted"))
        return 100 * (truth - made).abs()

    def forward(
        self,
        reference: Tensor,
        distorted: Tensor,
        reference_previous: Tensor,
        distorted_previous: Tensor,
    ) -> Tensor:
        """Score frames in eager code.

        Args:
            reference: What the frames should be, ``(N, 3, H, W)`` RGB in ``[0, 1]``.
            distorted: Frames to judge, the same.
            reference_previous: The reference's frame before, the same.
            distorted_previous: The judged video's frame before, the same.

        Returns:
            The scores, reduced as the module was told.

        Raises:
            ValueError: Shapes differ, or the frames are too small.
        """
        return self.reduced(
            reference=reference,
            distorted=distorted,
            reference_previous=reference_previous,
            distorted_previous=distorted_previous,
        )

    def _change(self, features: Features, role: str) -> Tensor:
        frame, previous = (
            features.once(tecogan_crop, features.rgb(each)) if self.crop else features.rgb(each)
            for each in (role, f"{role}_previous")
        )
        pair = {"distorted": Frame(lambda: frame), "reference": Frame(lambda: previous)}
        return self.lpips.score(Features(pair))
