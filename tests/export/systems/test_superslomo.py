import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from framegauge.export.catalog import find

VALUES = json.loads((Path(__file__).parents[2] / "golden" / "motion.json").read_text())


@pytest.mark.parametrize("scene", ["bikes_128x192", "bikes_97x131"])
@pytest.mark.parametrize(("time", "suffix"), [(0.5, ""), (0.25, ".t0250")])
@pytest.mark.parametrize(("sampling", "run"), [("aligned", "ac1"), ("half_pixel", "ac0")])
def test_terms_give_the_ports_values(
    scene: str,
    time: float,
    suffix: str,
    sampling: str,
    run: str,
    frame: Callable[[str], Tensor],
    flow: Callable[[str], Tensor],
    networks: Any,
) -> None:
    system = find(f"superslomo[sampling={sampling}]", weights=networks)

    results = system.breakdown(**neighbours(scene, time, frame, flow))

    wanted = VALUES[f"{scene}/flow"][f"ssm.{run}{suffix}.terms"]
    assert {name: value.item() for name, value in results.items()} == {
        "total": near(wanted[6]),
        "reconstruction": near(wanted[0]),
        "warping": near(wanted[2]),
        "perceptual": near(wanted[1]),
        "smoothness": near(wanted[5]),
    }


def test_the_paper_does_not_square_its_perceptual_norm(
    frame: Callable[[str], Tensor], flow: Callable[[str], Tensor], networks: Any
) -> None:
    given = neighbours("bikes_97x131", 0.5, frame, flow)
    squared = find("vgg_conv4_3[normalisation=imagenet]", weights=networks)

    results = find("superslomo[form=paper]", weights=networks).breakdown(**given)

    wanted = squared(given["distorted"], given["reference"]).sqrt()
    assert results["perceptual"].item() == near(wanted.item())


def test_weights_are_the_papers_for_samples_up_to_255(networks: Any) -> None:
    parts = find("superslomo", weights=networks).parts

    assert {name: part.weight for name, part in parts.items()} == {
        "reconstruction": 204.0,
        "warping": 102.0,
        "perceptual": 0.005,
        "smoothness": 1.0,
    }


def neighbours(scene: Any, time: Any, frame: Any, flow: Any) -> Any:
    return {
        "reference": frame(f"{scene}.target"),
        "distorted": frame(f"{scene}.blend"),
        "previous": frame(f"{scene}.frame0"),
        "next": frame(f"{scene}.frame1"),
        "flow_previous_next": flow(f"{scene}.flow_01"),
        "flow_next_previous": flow(f"{scene}.flow_10"),
        "time": torch.tensor([time], dtype=torch.float64),
    }


def near(value: Any) -> Any:
    return pytest.approx(value, rel=1e-6, abs=1e-9)
