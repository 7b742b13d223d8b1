"""Super SloMo's training loss.

References:
    Jiang, Sun, Jampani, Yang, Learned-Miller and Kautz, "Super SloMo: high quality estimation of
    multiple intermediate frames for video interpolation", CVPR 2018, and its PyTorch port by
    Paliwal, whose lines are the default.
"""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from framegauge.export.contract.spec import Spec
from framegauge.export.features import Features
from framegauge.export.losses.flow_smoothness import FlowSmoothness
from framegauge.export.losses.l1 import L1
from framegauge.export.losses.superslomo_warping import BETWEEN, SuperSloMoWarping
from framegauge.export.losses.vgg_conv4_3 import VGGConv43
from framegauge.export.maths.reduction import Reduction, safe_root
from framegauge.export.networks.backbones import Weights
from framegauge.export.system import System, Term

SPEC = Spec(
    name="superslomo",
    title="Super SloMo's loss: four weighted terms",
    kind="system",
    better="lower",
    ideal=None,
    low=0.0,
    high=None,
    least=8,
    tolerance=1.234e-4,
    relative=1e-3,
    inputs=("reference", "distorted", "previous", "next", *BETWEEN, "time"),
    symmetric=False,
    weights=("vgg16",),
    source="Super SloMo (Jiang et al., CVPR 2018), PyTorch port",
)

# Of absolute differences of frames: the paper's 0.8 and 0.4, for samples of [0, 255].
RECONSTRUCTION, WARPING = 0.8 * 255, 0.4 * 255


class SuperSloMo(System):
    """``204 reconstruction + 102 warping + 0.005 perceptual + smoothness``, frames in [0, 1].

    Terms: L1 of the frame made; four L1 of warped frames (flows from the middle approximated at
    ``time``); squared difference of VGG16's conv4_3; change of the flows between the neighbours.

    ``form=paper`` differs in the perceptual term alone, whose norm the paper does not square. Where
    it is silent: norms are means over pixels, that term a root of the mean square, and VGG16 is
    given frames as ImageNet's networks are; the port gives it frames less its data set's mean. For
    samples of [0, 255], as the paper has them, its 0.8 and 0.4 are the port's 204 and 102 in
    [0, 1].
    """

    SPEC = SPEC

    def __init__(
        self,
        *,
        form: Literal["port", "paper"] = "port",
        sampling: Literal["aligned", "half_pixel", "exact"] = "aligned",
        weights: Weights | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        """Make the system.

        Args:
            form: The port's or the paper's perceptual term.
            sampling: Of the warps: the port's in the PyTorch that it names (``aligned``) or under
                PyTorch 1.3 and later (``half_pixel``), mean colour beyond the border; or where the
                flow says, clamped at the border (``exact``).
            weights: Where VGG16's weights are, ``None`` to look for the published file.
            reduction: As for every metric.

        Raises:
            WeightsError: The weights are not available.
        """
        match sampling:
            case "aligned":
                warping = SuperSloMoWarping(corners="superslomo_aligned")
            case "half_pixel":
                warping = SuperSloMoWarping(corners="superslomo_half_pixel")
            case "exact":
                warping = SuperSloMoWarping(corners="aligned", border="clamp")
        perceptual = (
            VGGConv43(normalisation="superslomo", weights=weights)
            if form == "port"
            else _RootVGGConv43(normalisation="imagenet", weights=weights)
        )
        super().__init__(
            {
                "reconstruction": Term(weight=RECONSTRUCTION, loss=L1()),
                "warping": Term(weight=WARPING, loss=warping),
                "perceptual": Term(weight=0.005, loss=perceptual),
                "smoothness": Term(weight=1.0, loss=FlowSmoothness()),
            },
            reduction=reduction,
        )


class _RootVGGConv43(VGGConv43):
    """Root of the mean squared difference of each sample."""

    def score(self, features: Features) -> Tensor:
        return safe_root(super().score(features))
