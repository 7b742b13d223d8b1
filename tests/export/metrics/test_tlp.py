from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from framegauge.export.lowering.model import export
from framegauge.export.metrics.lpips import LPIPSAlex
from framegauge.export.metrics.tlp import TLP
from framegauge.export.networks.backbones import LAYERS, Weights


@pytest.fixture(scope="module")
def tensors() -> Any:
    """Weights of the right shapes, drawn at random."""
    generator = torch.manual_seed(11)
    trunk, linear = {}, {}
    for layer in LAYERS["alexnet"]:
        if layer.kind == "conv":
            scale = (2 / (layer.shape[1] * layer.shape[2] ** 2)) ** 0.5
            trunk[f"features.{layer.index}.weight"] = scale * torch.randn(
                layer.shape, generator=generator
            )
            trunk[f"features.{layer.index}.bias"] = torch.zeros(layer.shape[0])
    for number, count in enumerate(LPIPSAlex.CHANNELS):
        linear[f"lin{number}.model.1.weight"] = torch.rand(1, count, 1, 1, generator=generator)
    return {"alexnet": trunk, "lpips_alex": linear}


@pytest.fixture(scope="module")
def weights(tensors: dict[str, Tensor]) -> Any:
    return Weights(tensors)


@pytest.fixture(scope="module")
def frames() -> Any:
    generator = torch.manual_seed(12)
    return [torch.rand(2, 3, 80, 114, generator=generator) for _ in range(4)]


def test_it_is_the_difference_of_two_distances(weights: Any, frames: Any) -> None:
    reference, distorted, before, made_before = frames
    lpips = LPIPSAlex(weights=weights, reduction="none")

    score = TLP(crop=False, weights=weights, reduction="none")(*frames)

    truth, made = lpips(reference, before), lpips(distorted, made_before)
    assert score.tolist() == pytest.approx((100 * (truth - made).abs()).tolist(), rel=1e-4)


def test_the_authors_crop_is_the_default(weights: Any, frames: Any) -> None:
    whole, cropped = (TLP(crop=crop, weights=weights) for crop in (False, True))

    inner = [frame[..., 8:72, 9:105] for frame in frames]

    assert cropped(*frames).item() == pytest.approx(whole(*inner).item(), rel=1e-4)


def test_equal_frames_are_ideal(weights: Any, frames: Any) -> None:
    reference, _, before, _ = frames

    assert TLP(weights=weights)(reference, reference, before, before).item() == 0


def test_gradients_reach_the_frame_judged(weights: Any, frames: Any) -> None:
    reference, distorted, before, made_before = frames
    distorted = distorted.clone().requires_grad_()

    TLP(weights=weights)(reference, distorted, before, made_before).backward()

    assert bool(distorted.grad.isfinite().all())
    assert bool(distorted.grad.any())


@pytest.mark.slow
def test_it_is_exported(tensors: dict[str, Tensor], tmp_path: Path) -> None:
    assert export(["tlp"], tmp_path / "tlp.onnx", weights=tensors).is_file()
