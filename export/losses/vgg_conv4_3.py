"""Mean squared difference of VGG16's conv4_3, before its ReLU.

References:
    AdaCoF (Lee et al., CVPR 2020), which gives RGB in [0, 1] to the network as it is; Super SloMo
    (Jiang et al., CVPR 2018), whose port subtracts its data set's mean.
"""

from __future__ import annotations

from dataclasses import replace

from framegauge.export.losses import vgg
from framegauge.export.maths.reduction import Reduction
from framegauge.export.networks.backbones import Weights

SPEC = replace(
    vgg.SPEC,
    name="vgg_conv4_3",
    title="Mean squared difference of VGG16's conv4_3",
    least=8,
    weights=("vgg16",),
    source="AdaCoF (Lee et al., CVPR 2020); normalisation=superslomo as its port",
)


class VGGConv43(vgg.VGG):
    """Mean over channels and positions of the squared difference of conv4_3."""

    SPEC = SPEC

    def __init__(
        self,
        *,
        normalisation: vgg.Normalisation = "none",
        weights: Weights | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        """Make the loss.

        Args:
            normalisation: Of RGB in [0, 1], before the network.
            weights: Where VGG16's weights are, ``None`` to look for the published file.
            reduction: As for every metric.

        Raises:
            WeightsError: The weights are not available.
        """
        super().__init__(
            network="vgg16",
            taps="conv4_3",
            factors="1",
            distance="squared",
            normalisation=normalisation,
            weights=weights,
            reduction=reduction,
        )
