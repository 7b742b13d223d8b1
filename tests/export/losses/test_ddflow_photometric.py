from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from framegauge.export.losses.ddflow_photometric import (
    DDFlowPhotometric,
    ddflow_census,
    robust_mean,
)

STILL = torch.zeros(1, 2, 16, 16, dtype=torch.float64)
ONES = torch.ones(1, 1, 16, 16, dtype=torch.float64)


def test_the_ramps_give_the_formulas_values(ramps: Callable[[int], dict[str, Tensor]]) -> None:
    x, y = ramps()["reference"], ramps()["distorted"]

    assert ddflow_census(x, y, ONES).item() == pytest.approx(0.8256559901, abs=1e-9)
    assert robust_mean(x - y, ONES).item() == pytest.approx(0.7260749909, abs=1e-9)


def test_both_directions_are_added(ramps: Callable[[int], dict[str, Tensor]]) -> None:
    x, y = ramps()["reference"], ramps()["distorted"]

    census = DDFlowPhotometric(border="clamp")(x, y, STILL, STILL)
    colour = DDFlowPhotometric(border="clamp", term="colour")(x, y, STILL, STILL)

    assert census.item() == pytest.approx(2 * 0.8256559901, abs=1e-8)
    assert colour.item() == pytest.approx(2 * 0.7260749909, abs=1e-8)


@pytest.mark.parametrize(("term", "floor"), [("census", 0.1584893192), ("colour", 0.4754679577)])
def test_the_floor_is_that_of_the_robust_function(term: str, floor: float) -> None:
    grey = torch.full((1, 3, 16, 16), 0.5, dtype=torch.float64)
    loss = DDFlowPhotometric(term=term, border="clamp")

    assert loss(grey, grey, STILL, STILL).item() == pytest.approx(floor, rel=1e-7)
    assert loss.spec.ideal == pytest.approx(floor)


def test_its_own_sampler_sees_the_border_even_in_equal_frames() -> None:
    grey = torch.full((1, 3, 16, 16), 0.5, dtype=torch.float64)
    loss = DDFlowPhotometric(term="colour")

    # 31 of 256 pixels, in the last row and column, are warped to zero.
    lost, kept = 31 * 0.51**0.4, 225 * 0.01**0.4
    assert loss(grey, grey, STILL, STILL).item() == pytest.approx(3 * (lost + kept) / 256, rel=1e-7)


def test_the_mean_is_over_the_pixels_seen(ramps: Callable[[int], dict[str, Tensor]]) -> None:
    x, y = ramps()["reference"], ramps()["distorted"]
    mask = ONES.clone()
    mask[..., 8:] = 0

    score = robust_mean(x - y, mask)

    assert score.item() == pytest.approx(robust_mean((x - y)[..., :8], ONES[..., :8]).item())


def test_no_pixel_seen_gives_zero() -> None:
    there = STILL + 2
    grey = torch.full((1, 3, 16, 16), 0.5, dtype=torch.float64)

    assert DDFlowPhotometric(border="clamp")(grey, grey, there, there).item() == 0


def test_an_even_patch_is_refused() -> None:
    with pytest.raises(ValueError, match="odd patch from 3 to 31, got 2"):
        DDFlowPhotometric(patch=2)
