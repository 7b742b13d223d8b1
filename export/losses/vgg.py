"""VGG loss: distance of two frames' activations in a frozen network.

References:
    Johnson, Alahi and Fei-Fei, "Perceptual losses for real-time style transfer and
    super-resolution", ECCV 2016; Chen and Koltun, "Photographic image synthesis with cascaded
    refinement networks", ICCV 2017 (the weights); RIFE (Huang et al., ECCV 2022), which pairs
    them with relu*_1 (the default); FLAVR (Kalluri et al., WACV 2023), whose variants are options.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor

from framegauge.export.contract.entry import nearest
from framegauge.export.contract.spec import Spec
from framegauge.export.features import Features
from framegauge.export.maths.reduction import Reduction, pixel_mean
from framegauge.export.metric import PairMetric
from framegauge.export.networks.backbones import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    LAYERS,
    NO_MEAN,
    NO_STD,
    SUPERSLOMO_MEAN,
    PairActivations,
    Weights,
)

SPEC = Spec(
    name="vgg",
    title="L1 of five VGG19 activations, weighted",
    kind="loss",
    better="lower",
    ideal=0.0,
    low=0.0,
    high=None,
    least=16,
    tolerance=1e-6,
    relative=1e-3,
    weights=("vgg19",),
    source="RIFE (Huang et al., ECCV 2022)",
)

Normalisation = Literal["imagenet", "none", "superslomo"]
NORMALISATIONS = {
    "imagenet": (IMAGENET_MEAN, IMAGENET_STD),
    "none": (NO_MEAN, NO_STD),
    "superslomo": (SUPERSLOMO_MEAN, NO_STD),
}

RIFE_TAPS = "relu1_1+relu2_1+relu3_1+relu4_1+relu5_1"
RIFE_WEIGHTS = (0.1 / 2.6, 0.1 / 4.8, 0.1 / 3.7, 0.1 / 5.6, 0.1 * 10 / 1.5)


class VGG(PairMetric):
    """Weighted sum over layers of the mean distance of activations.

    FLAVR's variants are ``taps=conv2_2`` (VGG22), ``relu3_3`` (33), ``conv4_4`` (44), ``conv5_4``
    (54) and ``relu2_2+relu3_3+relu4_4+conv5_4`` (P), each with ``factors=1;distance=squared``. In
    FLAVR's code P taps convolutions, and the in-place ReLUs that follow change two of them; these
    are what it computes.
    """

    SPEC = SPEC

    def __init__(
        self,
        *,
        network: Literal["vgg16", "vgg19"] = "vgg19",
        taps: str = RIFE_TAPS,
        factors: str = "rife",
        distance: Literal["l1", "squared"] = "l1",
        normalisation: Normalisation = "imagenet",
        weights: Weights | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        """Make the loss.

        Args:
            network: Which network.
            taps: Layers, joined by ``+``: ``conv4_3`` is before its ReLU, ``relu4_3`` after.
            factors: Weight of each tap's mean, joined by ``+``; one number is for all. ``rife``:
                a tenth of 1/2.6, 1/4.8, 1/3.7, 1/5.6 and 10/1.5.
            distance: Of two activations: absolute or squared difference.
            normalisation: Of RGB in [0, 1], before the network.
            weights: Where the network's weights are, ``None`` to look for the published file.
            reduction: As for every metric.

        Raises:
            ValueError: There is no such layer, or the numbers do not fit the taps.
            WeightsError: The weights are not available.
        """
        super().__init__(reduction=reduction)
        self.taps = taps.split("+")
        known = [layer.name for layer in LAYERS[network]]
        for tap in self.taps:
            if tap not in known:
                raise ValueError(
                    f"{network} has no layer {tap!r}{nearest(tap, known)} "
                    f"Layers: {', '.join(known)}."
                )
        self.factors = _factors(factors, len(self.taps))
        self.distance = distance
        self.mean, self.std = NORMALISATIONS[normalisation]
        self.backbone = (weights or Weights()).backbone(network)
        deepest = max(known.index(tap) for tap in self.taps)
        self.pools = sum(name.startswith("pool") for name in known[: deepest + 1])

    @property
    def spec(self) -> Spec:
        """The facts; the deepest layer has a position left."""
        return replace(self.SPEC, least=2**self.pools)

    def represented(self, activation: Tensor) -> Tensor:
        """What of an activation, ``(N, C, h, w)``, is compared: all of it."""
        return activation

    def score(self, features: Features) -> Tensor:
        """Weighted sum of the taps' distances, ``(N,)``."""
        activations = features.once(
            PairActivations,
            self.backbone,
            features.rgb("distorted"),
            features.rgb("reference"),
            mean=self.mean,
            std=self.std,
        )
        total = torch.zeros_like(features.rgb("distorted")[:, 0, 0, 0])
        for tap, factor in zip(self.taps, self.factors, strict=True):
            x, y = activations[tap]
            error = self.represented(x) - self.represented(y)
            total = total + factor * pixel_mean(
                error.abs() if self.distance == "l1" else error.square()
            )
        return total


def _factors(text: str, count: int) -> tuple[float, ...]:
    if text == "rife" and count == len(RIFE_WEIGHTS):
        return RIFE_WEIGHTS
    try:
        factors = tuple(float(word) for word in text.split("+"))
    except ValueError:
        factors = ()
    if len(factors) == 1:
        factors *= count
    if len(factors) == count and not (min(factors) >= 0 and 0 < sum(factors) < math.inf):
        raise ValueError(f"factors takes finite numbers of at least 0, not all 0; got {text!r}.")
    if len(factors) != count:
        raise ValueError(
            f"factors takes one number for each of the {count} taps, joined by +, or one for all; "
            f"got {text!r}."
        )
    return factors
