"""Style loss: distance of the correlations of a network's channels (Gram matrices).

References:
    Gatys, Ecker and Bethge, "Image style transfer using convolutional neural networks", CVPR 2016;
    Johnson, Alahi and Fei-Fei, "Perceptual losses for real-time style transfer and
    super-resolution", ECCV 2016; Reda et al., "FILM: frame interpolation for large motion", ECCV
    2022 (the default's form); Chen and Koltun, ICCV 2017 (the default's weights).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from torch import Tensor

from framegauge.export.losses import vgg
from framegauge.export.maths.reduction import Reduction
from framegauge.export.networks.backbones import Weights

SPEC = replace(
    vgg.SPEC,
    name="style",
    title="Squared difference of five Gram matrices, weighted",
    source="FILM (Reda et al., ECCV 2022)",
)

FILM_TAPS = "relu1_2+relu2_2+relu3_2+relu4_2+relu5_2"
FILM_FACTORS = "+".join(map(repr, (1 / 2.6, 1 / 4.8, 1 / 3.7, 1 / 5.6, 10 / 1.5)))


def gram(x: Tensor) -> Tensor:
    """Mean over positions of each product of two channels, ``(N, C, h, w)`` to ``(N, C, C)``."""
    rows = x.flatten(2)
    return rows @ rows.transpose(1, 2) / (x.shape[-2] * x.shape[-1])


class Style(vgg.VGG):
    r"""Weighted sum over layers of the mean distance of two Gram matrices.

    The default is FILM's: :math:`G = F F^T / (h w)` and the mean of :math:`(G_x - G_y)^2` over the
    entries. No paper's choice is another's: ``normaliser=elements`` divides by :math:`C h w`
    (Johnson), whose squared Frobenius norm is :math:`C^2` times the mean over entries;
    ``squared=false`` takes absolute differences. FILM pools by means in a network of other
    weights, on samples of [0, 255]; here it is torchvision's VGG19 with its maxima.
    """

    SPEC = SPEC

    def __init__(
        self,
        *,
        network: Literal["vgg16", "vgg19"] = "vgg19",
        taps: str = FILM_TAPS,
        factors: str = FILM_FACTORS,
        squared: bool = True,
        normaliser: Literal["positions", "elements"] = "positions",
        normalisation: vgg.Normalisation = "imagenet",
        weights: Weights | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        """Make the loss.

        Args:
            network: Which network.
            taps: Layers, joined by ``+``: ``conv4_3`` is before its ReLU, ``relu4_3`` after.
            factors: Weight of each tap's mean, joined by ``+``; one number is for all.
            squared: Square the differences; else take them absolute.
            normaliser: What a matrix is divided by: positions, or positions times channels.
            normalisation: Of RGB in [0, 1], before the network.
            weights: Where the network's weights are, ``None`` to look for the published file.
            reduction: As for every metric.

        Raises:
            ValueError: There is no such layer, or the numbers do not fit the taps.
            WeightsError: The weights are not available.
        """
        super().__init__(
            network=network,
            taps=taps,
            factors=factors,
            distance="squared" if squared else "l1",
            normalisation=normalisation,
            weights=weights,
            reduction=reduction,
        )
        self.normaliser = normaliser

    def represented(self, activation: Tensor) -> Tensor:
        """The Gram matrix of an activation, ``(N, C, C)``."""
        matrix = gram(activation)
        return matrix / activation.shape[1] if self.normaliser == "elements" else matrix
