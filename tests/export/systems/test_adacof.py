from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from framegauge.export.catalog import find


def test_the_released_loss_is_given_in_training(
    frame: Callable[[str], Tensor], tensors: dict[str, Tensor], learned: dict[str, dict[str, Any]]
) -> None:
    kernels = {
        f"{kind}_{side}": tensors[f"adacof.{kind}{number}"][None]
        for kind in ("weight", "alpha", "beta")
        for number, side in (("1", "previous"), ("2", "next"))
    }
    frames = {
        "distorted": frame("bikes_97x131.blend"),
        "reference": frame("bikes_97x131.target"),
    }

    results = find("adacof").breakdown(
        **frames, **kernels, occlusion=tensors["adacof.occlusion"][None]
    )

    *_, spatial, occlusion = learned["extras"]["adacof.reg_terms"]
    charbonnier = find("charbonnier")(**frames).item()
    assert results["g_spatial"].item() == pytest.approx(spatial, rel=1e-6)
    assert results["g_occlusion"].item() == pytest.approx(occlusion, rel=1e-6)
    assert results["charb"].item() == pytest.approx(charbonnier)
    assert results["total"].item() == pytest.approx(
        charbonnier + 0.01 * spatial + 0.005 * occlusion
    )


def test_perception_adds_vgg_and_the_generators_term(
    networks: Any,
    learned: dict[str, dict[str, Any]],
    frame: Callable[[str], Tensor],
    tensors: dict[str, Tensor],
) -> None:
    system = find("adacof[loss=perception]", weights=networks)
    frames = {
        "distorted": frame("bikes_97x131.blend"),
        "reference": frame("bikes_97x131.target"),
    }
    # One number for each sample: six logits of one frame are a mean.
    logits = {
        "logits_previous_distorted": tensors["adv.d_01_for_g"],
        "logits_distorted_next": tensors["adv.d_12_for_g"],
    }
    batch = {role: each.expand(6, -1, -1, -1) for role, each in frames.items()}

    results = system.breakdown(**batch, **logits)

    assert results["vgg"].item() == pytest.approx(
        learned["bikes_97x131/blend"]["detvgg.adacof_vgg"], rel=1e-6
    )
    assert results["fi_gan"].item() == pytest.approx(
        learned["extras"]["adacof.FI_GAN.d_and_g"][1], rel=1e-6
    )
    assert {name: part.weight for name, part in system.parts.items()} == {
        "charb": 0.01,
        "vgg": 1.0,
        "fi_gan": 0.005,
    }


def test_the_papers_distortion_is_charbonnier_alone() -> None:
    frames = torch.rand(2, 1, 3, 8, 8)

    assert find("adacof[loss=distortion]")(*frames) == find("charbonnier")(*frames)


def test_a_loss_of_no_name_is_refused_with_the_names() -> None:
    with pytest.raises(ValueError, match=r"'lw' is none of the losses of adacof.*Names: charb, l1"):
        find("adacof[loss=1*Charb+0.1*Lw]")
