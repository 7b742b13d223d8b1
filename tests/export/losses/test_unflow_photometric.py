from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from framegauge.export.losses.unflow_photometric import (
    UnFlowPhotometric,
    unflow_difference,
)
from framegauge.export.maths.penalties import generalised_charbonnier

GREY = torch.full((1, 3, 20, 20), 0.5, dtype=torch.float64)
STILL = torch.zeros(1, 2, 20, 20, dtype=torch.float64)
FLOOR = 1e-6**0.45


@pytest.mark.parametrize(
    ("term", "patch", "wanted"),
    [("census", 7, 1.2983525233), ("census", 3, 0.4746929703), ("colour", 7, 29.5008928195)],
)
def test_the_ramps_give_the_formulas_values(
    term: str, patch: int, wanted: float, ramps: Callable[[int], dict[str, Tensor]]
) -> None:
    frames = ramps()
    mask = torch.ones(1, 1, 16, 16, dtype=torch.float64)

    score = unflow_difference(
        frames["reference"], frames["distorted"], mask, term=term, patch=patch
    )

    assert score.item() == pytest.approx(wanted, abs=1e-9)


def test_the_robust_function_has_its_floor() -> None:
    assert generalised_charbonnier(torch.zeros(1).double()).item() == pytest.approx(0.0019952623)


def test_gradients_count_but_for_the_border_they_cross() -> None:
    ramp = (torch.arange(5, dtype=torch.float64) / 10).expand(1, 3, 5, 5)
    mask = torch.ones(1, 1, 5, 5, dtype=torch.float64)

    score = unflow_difference(ramp, 0 * ramp, mask, term="gradient").item()

    # Across: 3 of 5 columns see 0.8, 0.6 in the first and last row, zeros lying beyond them.
    # Down: 3 of 5 rows see nothing.
    slope = (9 * (0.64 + 1e-6) ** 0.45 + 6 * (0.36 + 1e-6) ** 0.45) / 25
    assert score == pytest.approx((slope + 15 / 25 * FLOOR) / 2)


@pytest.mark.parametrize(
    ("border", "share"),
    [("tenth", (16 / 20) ** 2), ("none", 1.0), ("outgoing", 1.0)],
)
def test_pixels_at_the_border_do_not_count(border: str, share: Any) -> None:
    loss = UnFlowPhotometric(term="colour", border=border)

    score = loss(GREY, GREY, STILL, STILL)

    assert score.item() == pytest.approx(2 * share * FLOOR)


@pytest.mark.parametrize(("size", "inner"), [(20, 16), (21, 15), (19, 15), (30, 24), (3, 1)])
def test_the_border_is_a_tenth_rounded_up(size: int, inner: int) -> None:
    grey = torch.full((1, 3, size, size), 0.5, dtype=torch.float64)
    still = torch.zeros(1, 2, size, size, dtype=torch.float64)

    score = UnFlowPhotometric(term="colour")(grey, grey, still, still)

    assert score.item() == pytest.approx(2 * (inner / size) ** 2 * FLOOR)


def test_pixels_that_leave_the_frame_do_not_count_where_asked_for() -> None:
    loss = UnFlowPhotometric(term="colour", border="outgoing")
    there = STILL.clone()
    there[:, 0] = 5

    score = loss(GREY, GREY, there, -there)

    assert score.item() == pytest.approx(2 * 15 / 20 * FLOOR)


def test_occluded_pixels_do_not_count_unless_told() -> None:
    there = STILL + 3
    loss, blind = (
        UnFlowPhotometric(term="colour", border="none", occlusion=occlusion)
        for occlusion in ("warped", "none")
    )

    assert loss(GREY, GREY + 0.2, there, there).item() == 0
    assert blind(GREY, GREY + 0.2, there, there).item() == pytest.approx(2 * 51**0.9, rel=1e-6)


def test_both_directions_are_added(ramps: Callable[[int], dict[str, Tensor]]) -> None:
    frames = ramps()
    still = torch.zeros(1, 2, 16, 16, dtype=torch.float64)
    loss = UnFlowPhotometric(border="none")

    score = loss(frames["reference"], frames["distorted"], still, still)

    assert score.item() == pytest.approx(2 * 1.2983525233, abs=1e-8)


def test_an_even_patch_is_refused() -> None:
    with pytest.raises(ValueError, match="odd patch from 3 to 31, got 4"):
        UnFlowPhotometric(patch=4)
