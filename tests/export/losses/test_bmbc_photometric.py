import pytest
import torch
from torch.testing import assert_close

from framegauge.export.losses.bmbc_photometric import BMBCPhotometric, halved_flow

GREY = torch.full((1, 3, 32, 32), 0.5, dtype=torch.float64)
STILL = torch.zeros(1, 2, 32, 32, dtype=torch.float64)


def test_a_constant_difference_is_weighed_by_the_levels() -> None:
    score = BMBCPhotometric(levels=1)(GREY, GREY + 0.1, GREY - 0.1, STILL, STILL)

    # Level 1 weighs 0.02; both neighbours are 0.1 away.
    assert score.item() == pytest.approx(0.004)


def test_the_floor_is_epsilons() -> None:
    score = BMBCPhotometric()(GREY, GREY, GREY, STILL, STILL)

    assert score.item() == pytest.approx(2 * 0.30 * 1e-6)
    assert BMBCPhotometric().spec.ideal == pytest.approx(6e-7)


def test_the_first_level_can_be_the_coarsest() -> None:
    board = GREY + 0.1 * (-1.0) ** torch.arange(32)
    finest, coarsest = (
        BMBCPhotometric(levels=2, first=first)(board, GREY, GREY, STILL, STILL).item()
        for first in ("finest", "coarsest")
    )

    # A board of single columns has no difference at half the size.
    assert finest == pytest.approx(0.02 * 0.2, rel=1e-4)
    assert coarsest == pytest.approx(0.04 * 0.2, rel=1e-4)


def test_a_halved_flow_is_in_pixels_of_the_halved_frame() -> None:
    assert_close(halved_flow(STILL + 3), torch.full((1, 2, 16, 16), 1.5, dtype=torch.float64))


def test_bmbcs_sampling_is_zero_where_a_part_lies_beyond_the_border() -> None:
    loss = BMBCPhotometric(levels=1, sampling="bmbc")

    score = loss(GREY, GREY, GREY, STILL, STILL)

    # Half-pixel corners lose the outermost ring of pixels.
    lost = 1 - (30 / 32) ** 2
    assert score.item() == pytest.approx(0.02 * 2 * 0.5 * lost, abs=1e-7)


@pytest.mark.parametrize(("option", "value"), [("levels", 0), ("alpha", 0.0), ("epsilon", -1.0)])
def test_impossible_options_are_refused(option: str, value: float) -> None:
    with pytest.raises(ValueError, match="bmbc_photometric takes"):
        BMBCPhotometric(**{option: value})
