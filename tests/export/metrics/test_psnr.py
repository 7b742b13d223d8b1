import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from framegauge.export.catalog import find
from framegauge.export.eager import eager_features
from framegauge.export.metrics.psnr import PSNR


@pytest.mark.parametrize(("error", "decibels"), [(0.5, 6.0206), (0.1, 20.0), (1 / 255, 48.1308)])
def test_a_uniform_error_has_a_closed_form(error: Any, decibels: float) -> None:
    reference = torch.full((1, 3, 6, 7), 0.25, dtype=torch.float64)

    assert PSNR()(reference + error, reference).item() == pytest.approx(decibels, abs=5e-5)


def test_the_ramps_give_their_table_values(
    ramps: Callable[[int], dict[str, Tensor]],
    rounded: Callable[[dict[str, Tensor]], dict[str, Tensor]],
) -> None:
    pair = ramps()

    # Both conventions of formulas in print: none rounded, both rounded to 8 bits first.
    assert find("psnr")(**pair).item() == pytest.approx(14.4883876417, abs=5e-11)
    assert find("psnr")(**rounded(pair)).item() == pytest.approx(14.4986660802, abs=5e-11)


def test_flavr_adds_an_epsilon_to_the_error(ramps: Callable[[int], dict[str, Tensor]]) -> None:
    pair = ramps()
    identical = {"distorted": pair["reference"], "reference": pair["reference"]}

    assert find("psnr[epsilon=1e-8]")(**pair).item() == pytest.approx(14.4883864210, abs=5e-11)
    assert find("psnr[epsilon=1e-8]")(**identical).item() == pytest.approx(80.0, abs=1e-9)


def test_the_cap_is_what_identical_frames_get() -> None:
    frame = torch.rand(1, 3, 4, 4)

    assert find("psnr[cap=60]")(frame, frame).item() == pytest.approx(60, abs=1e-5)
    assert find("psnr[cap=60]")(frame, frame + 1e-5).item() == pytest.approx(60, abs=1e-5)


def test_frames_of_a_batch_are_scored_each_by_itself() -> None:
    reference = torch.zeros(2, 3, 4, 4)
    distorted = torch.stack([torch.full((3, 4, 4), 0.1), torch.full((3, 4, 4), 0.01)])

    scores = PSNR(reduction="none")(distorted, reference)

    # Not the decibels of the mean error, which are 22.97.
    assert scores.tolist() == pytest.approx([20.0, 40.0], abs=1e-4)
    assert PSNR()(distorted, reference).item() == pytest.approx(30.0, abs=1e-4)


def test_a_clip_is_made_of_the_mean_squared_error() -> None:
    (aggregate,) = PSNR(cap=90).aggregates("mine", depth=8)

    assert (aggregate.name, aggregate.of) == ("amine", ("mine.mse",))
    assert (aggregate.peak, aggregate.cap) == (1.0, 90)


def test_a_clips_score_has_the_ceiling_of_its_frames() -> None:
    frame = torch.rand(2, 3, 4, 4, dtype=torch.float64)
    metric = PSNR(epsilon=1e-8)

    (noise,) = metric.moments(eager_features(metric.spec, {"distorted": frame, "reference": frame}))

    # What the clip's score is made of: -10 log10 of it is 80 dB.
    assert noise.tolist() == pytest.approx([1e-8, 1e-8])


def test_the_greatest_cap_is_reached_in_float32() -> None:
    frame = torch.rand(1, 3, 4, 4)

    assert PSNR(cap=370)(frame, frame).item() == pytest.approx(370, rel=1e-6)
    with pytest.raises(ValueError, match=r"psnr takes a cap above 0 and up to 370 dB.* got 371"):
        PSNR(cap=371)


@pytest.mark.parametrize(
    "options",
    [
        {"cap": 0.0},
        {"cap": math.nan},
        {"cap": math.inf},
        {"epsilon": -1e-9},
        {"epsilon": math.nan},
    ],
)
def test_senseless_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="psnr takes"):
        PSNR(**options)
