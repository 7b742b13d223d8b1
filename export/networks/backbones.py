"""Frozen VGG16, VGG19 and AlexNet: activations by name, each layer computed once.

References:
    Simonyan and Zisserman, "Very deep convolutional networks for large-scale image recognition",
    ICLR 2015; Krizhevsky, "One weird trick for parallelizing convolutional neural networks",
    arXiv 1404.5997, 2014; layouts as torchvision's ``features``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from framegauge.export.contract.entry import nearest
from framegauge.export.networks.checkpoint import LoadedWeights
from framegauge.export.networks.weights import PUBLISHED, Source, load

Network = Literal["vgg16", "vgg19", "alexnet"]

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
NO_MEAN = (0.0, 0.0, 0.0)
NO_STD = (1.0, 1.0, 1.0)
# Super SloMo's port subtracts the mean of its own data set and divides by nothing.
SUPERSLOMO_MEAN = (0.429, 0.431, 0.397)


@dataclass(frozen=True)
class Layer:
    """One step of a network.

    Attributes:
        name: ``conv3_2``, ``relu3_2``, ``pool3``; of AlexNet ``conv3``, ``relu3``.
        kind: What it does.
        index: Its place in torchvision's ``features``.
        shape: Of a convolution's weights.
        stride: Of a convolution or pooling.
        padding: Of a convolution.
        window: Side of a pooling's window.
    """

    name: str
    kind: Literal["conv", "relu", "pool"]
    index: int
    shape: tuple[int, int, int, int] = (0, 0, 0, 0)
    stride: int = 1
    padding: int = 0
    window: int = 0


def _vgg(convolutions: Sequence[int]) -> tuple[Layer, ...]:
    """A VGG of five blocks with so many convolutions each."""
    layers: list[Layer] = []
    channels = 3
    for block, (count, width) in enumerate(
        zip(convolutions, (64, 128, 256, 512, 512), strict=True), start=1
    ):
        for step in range(1, count + 1):
            shape = (width, channels, 3, 3)
            layers.append(Layer(f"conv{block}_{step}", "conv", len(layers), shape=shape, padding=1))
            layers.append(Layer(f"relu{block}_{step}", "relu", len(layers)))
            channels = width
        layers.append(Layer(f"pool{block}", "pool", len(layers), stride=2, window=2))
    return tuple(layers)


def _alexnet() -> tuple[Layer, ...]:
    layers: list[Layer] = []
    channels = 3
    for step, (width, side, stride, padding) in enumerate(
        ((64, 11, 4, 2), (192, 5, 1, 2), (384, 3, 1, 1), (256, 3, 1, 1), (256, 3, 1, 1)), start=1
    ):
        shape = (width, channels, side, side)
        layers.append(
            Layer(f"conv{step}", "conv", len(layers), shape=shape, stride=stride, padding=padding)
        )
        layers.append(Layer(f"relu{step}", "relu", len(layers)))
        if step in (1, 2, 5):
            layers.append(Layer(f"pool{step}", "pool", len(layers), stride=2, window=3))
        channels = width
    return tuple(layers)


LAYERS: dict[str, tuple[Layer, ...]] = {
    "vgg16": _vgg((2, 2, 3, 3, 3)),
    "vgg19": _vgg((2, 2, 4, 4, 4)),
    "alexnet": _alexnet(),
}

Pool = Callable[[Tensor], Tensor]
Channels = tuple[float, float, float]


class Backbone:
    """A frozen network. No module: its weights are nobody's parameters or state.

    Attributes:
        network: Which one.
        layers: In order.
        weights: Where its tensors are from.
    """

    def __init__(self, network: Network, weights: LoadedWeights) -> None:
        """Take over weights, after checking that they are this network's.

        Args:
            network: Which one.
            weights: torchvision's state dictionary, whole or of ``features`` alone.

        Raises:
            WeightsError: A tensor is missing or has another shape.
        """
        self.network = network
        self.layers = LAYERS[network]
        self.weights = weights
        self._tensors: dict[str, tuple[Tensor, Tensor]] = {}
        self._cast: dict[tuple[str, torch.device, torch.dtype], tuple[Tensor, Tensor]] = {}
        for layer in self.layers:
            if layer.kind == "conv":
                self._tensors[layer.name] = (
                    self._tensor(layer, "weight", layer.shape),
                    self._tensor(layer, "bias", layer.shape[:1]),
                )

    def _tensor(self, layer: Layer, kind: str, shape: tuple[int, ...]) -> Tensor:
        whole, alone = f"features.{layer.index}.{kind}", f"{layer.index}.{kind}"
        key = alone if alone in self.weights.tensors else whole
        return self.weights.tensor(key, shape, wanted=f"torchvision's file of {self.network}")

    def convolution(self, layer: Layer, like: Tensor) -> tuple[Tensor, Tensor]:
        """Weights and bias of a layer, with the element type and device of ``like``."""
        weight, bias = self._tensors[layer.name]
        if (weight.dtype, weight.device) == (like.dtype, like.device):
            return weight, bias
        if torch.compiler.is_compiling():
            return weight.to(like), bias.to(like)
        key = (layer.name, like.device, like.dtype)
        if key not in self._cast:
            # Kept for training too, which tensors made in inference mode are not fit for.
            with torch.inference_mode(False):
                self._cast[key] = weight.to(*key[1:]), bias.to(*key[1:])
        return self._cast[key]


class Activations:
    """What the layers of a network make of one input, each computed when it is first reached."""

    def __init__(self, backbone: Backbone, x: Tensor, *, pool: Pool | None = None) -> None:
        """Start at the input, ``(N, 3, H, W)``, normalised as the network's user wants.

        Args:
            backbone: The network.
            x: Its input.
            pool: What takes the place of max pooling, ``None`` for max pooling itself.
        """
        self._backbone = backbone
        self._x = x
        self._pool = pool
        self._known: dict[str, Tensor] = {}

    def __getitem__(self, name: str) -> Tensor:
        """The activation of a layer by its name, ``(N, C, h, w)``."""
        layers = self._backbone.layers
        names = [layer.name for layer in layers]
        for layer in layers[len(self._known) : names.index(name) + 1]:
            self._x = self._step(layer, self._x)
            self._known[layer.name] = self._x
        return self._known[name]

    def _step(self, layer: Layer, x: Tensor) -> Tensor:
        match layer.kind:
            case "conv":
                weight, bias = self._backbone.convolution(layer, x)
                return F.conv2d(x, weight, bias, stride=layer.stride, padding=layer.padding)
            case "relu":
                return F.relu(x)
            case "pool":
                if self._pool is not None:
                    return self._pool(x)
                return F.max_pool2d(x, layer.window, stride=layer.stride)


def normalised(x: Tensor, *, mean: Channels, std: Channels) -> Tensor:
    """``(x - mean) / std`` by channel, ``(N, 3, H, W)``."""
    shape = (1, 3, 1, 1)
    return (x - x.new_tensor(mean).view(shape)) / x.new_tensor(std).view(shape)


class PairActivations:
    """What the layers make of two frames: one pass over both, as deep as was asked for."""

    def __init__(
        self,
        backbone: Backbone,
        x: Tensor,
        y: Tensor,
        *,
        mean: Channels = IMAGENET_MEAN,
        std: Channels = IMAGENET_STD,
        pool: Pool | None = None,
    ) -> None:
        """Start at two frames.

        Args:
            backbone: The network.
            x: Distorted frames, RGB in [0, 1], ``(N, 3, H, W)``.
            y: Reference frames, same shape. No gradient reaches them.
            mean: Subtracted from each channel first.
            std: What each channel is divided by then.
            pool: What takes the place of max pooling, ``None`` for max pooling itself.
        """
        self._count = x.shape[0]
        # One batch of both is one pass; while gradients are wanted, the reference needs none.
        self._together = not (torch.is_grad_enabled() and x.requires_grad)
        inputs = [torch.cat([x, y.detach()], 0)] if self._together else [x, y.detach()]
        self._passes = [
            Activations(backbone, normalised(each, mean=mean, std=std), pool=pool)
            for each in inputs
        ]

    def __getitem__(self, name: str) -> tuple[Tensor, Tensor]:
        """The activations of a layer for the distorted and the reference frames."""
        if self._together:
            both = self._passes[0][name]
            return both[: self._count], both[self._count :]
        with torch.no_grad():
            target = self._passes[1][name]
        return self._passes[0][name], target


class Weights:
    """Weights for the metrics of one suite: every file is read once, every network made once."""

    def __init__(
        self, sources: Mapping[str, Source] | None = None, *, offline: bool = False
    ) -> None:
        """Remember where to look.

        Args:
            sources: For names of weights, a file or tensors; others are looked for where
                :func:`framegauge.export.networks.weights.load` says.
            offline: Download nothing.

        Raises:
            ValueError: There are no weights of a name given.
        """
        self._sources = dict(sources or {})
        self._offline = offline
        self._loaded: dict[str, LoadedWeights] = {}
        self._backbones: dict[Network, Backbone] = {}
        for name in self._sources:
            if name not in PUBLISHED:
                raise ValueError(
                    f"There are no weights called {name!r}{nearest(name, PUBLISHED)} "
                    f"Names: {', '.join(PUBLISHED)}."
                )

    @property
    def used(self) -> list[LoadedWeights]:
        """What was loaded so far, by name."""
        return [self._loaded[name] for name in sorted(self._loaded)]

    def load(self, name: str) -> LoadedWeights:
        """Weights by name; see :func:`framegauge.export.networks.weights.load`."""
        if name not in self._loaded:
            self._loaded[name] = load(name, self._sources.get(name), offline=self._offline)
        return self._loaded[name]

    def backbone(self, network: Network) -> Backbone:
        """A frozen network.

        Raises:
            WeightsError: The weights are not available, or are not this network's.
        """
        if network not in self._backbones:
            self._backbones[network] = Backbone(network, self.load(network))
        return self._backbones[network]
