"""Learned perceptual image patch similarity (LPIPS), version 0.1.

Reference:
    Zhang, Isola, Efros, Shechtman and Wang, "The unreasonable effectiveness of deep features as a
    perceptual metric", CVPR 2018.
"""

from __future__ import annotations

from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor

from framegauge.export.contract.spec import Grid, Spec
from framegauge.export.features import Features
from framegauge.export.maths.reduction import Reduction, pixel_mean, safe_root
from framegauge.export.metric import MapMetric, PairMetric
from framegauge.export.networks.backbones import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    Network,
    PairActivations,
    Weights,
)
from framegauge.export.networks.checkpoint import LoadedWeights


def _spec(name: str, title: str, least: int, weights: tuple[str, ...]) -> Spec:
    return Spec(
        name=name,
        title=f"Learned perceptual distance on {title}",
        kind="metric",
        better="lower",
        ideal=0.0,
        low=0.0,
        high=None,
        least=least,
        tolerance=1e-3,
        grid=Grid(),
        weights=weights,
        source="LPIPS v0.1 (Zhang et al., CVPR 2018)",
    )


def unit(x: Tensor) -> Tensor:
    """Activations scaled to length one over channels; a vector of zeros stays zero."""
    return x / (safe_root(x.square().sum(1, keepdim=True)) + 1e-10)


def linear_layers(weights: LoadedWeights, channels: tuple[int, ...]) -> list[Tensor]:
    """The trained weight of each channel of each layer, ``(C,)`` each.

    Raises:
        WeightsError: A layer is missing, has another number of channels, or values that no trained
            layer has.
    """
    return [
        weights.tensor(
            f"lin{number}.model.1.weight",
            (1, count, 1, 1),
            wanted="the file of the lpips package, weights/v0.1",
            low=0,
        ).flatten()
        for number, count in enumerate(channels)
    ]


class LPIPS(PairMetric, MapMetric):
    """Sum over layers of the mean weighted squared difference of unit activations.

    Attributes:
        NETWORK: The trunk.
        TAPS: Its layers.
        CHANNELS: How many channels each has.
        LINEAR: Name of the trained weights.
    """

    NETWORK: ClassVar[Network]
    TAPS: ClassVar[tuple[str, ...]]
    CHANNELS: ClassVar[tuple[int, ...]]
    LINEAR: ClassVar[str]

    def __init__(self, *, weights: Weights | None = None, reduction: Reduction = "mean") -> None:
        """Make the metric.

        Args:
            weights: Where the trunk's and the linear layers' weights are, ``None`` to look for
                the published files.
            reduction: As for every metric.

        Raises:
            WeightsError: The weights are not available.
        """
        super().__init__(reduction=reduction)
        found = weights or Weights()
        self.backbone = found.backbone(self.NETWORK)
        self.linear = linear_layers(found.load(self.LINEAR), self.CHANNELS)

    def layers(self, features: Features) -> list[Tensor]:
        """Weighted squared difference at each position of each layer, ``(N, 1, h, w)`` each."""
        # (2x - 1 - shift) / scale of the authors' code is ImageNet's normalisation of x.
        activations = features.once(
            PairActivations,
            self.backbone,
            features.rgb("distorted"),
            features.rgb("reference"),
            mean=IMAGENET_MEAN,
            std=IMAGENET_STD,
        )
        maps = []
        for tap, linear in zip(self.TAPS, self.linear, strict=True):
            x, y = activations[tap]
            squared = (unit(x) - unit(y)).square()
            maps.append((squared * linear.to(x).view(1, -1, 1, 1)).sum(1, keepdim=True))
        return maps

    def score(self, features: Features) -> Tensor:
        """Distance of each sample, ``(N,)``."""
        first, *rest = (pixel_mean(each) for each in features.once(self.layers, features))
        return sum(rest, first)

    def map(self, features: Features) -> Tensor:
        """The layers' maps at the frame's size, added, ``(N, 1, H, W)``."""
        size = features.rgb("distorted").shape[-2:]
        first, *rest = (
            F.interpolate(each, size=size, mode="bilinear", align_corners=False)
            for each in features.once(self.layers, features)
        )
        return sum(rest, first)


class LPIPSAlex(LPIPS):
    """LPIPS on AlexNet, the authors' recommendation for measuring."""

    SPEC = _spec("lpips_alex", "AlexNet", 31, ("alexnet", "lpips_alex"))
    NETWORK = "alexnet"
    TAPS = ("relu1", "relu2", "relu3", "relu4", "relu5")
    CHANNELS = (64, 192, 384, 256, 256)
    LINEAR = "lpips_alex"


class LPIPSVGG(LPIPS):
    """LPIPS on VGG16, the authors' recommendation for training."""

    SPEC = _spec("lpips_vgg", "VGG16", 16, ("vgg16", "lpips_vgg"))
    NETWORK = "vgg16"
    TAPS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3")
    CHANNELS = (64, 128, 256, 512, 512)
    LINEAR = "lpips_vgg"
