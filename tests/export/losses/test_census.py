from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from framegauge.export.catalog import find
from framegauge.export.features import Features, Frame
from framegauge.export.losses.census import Census


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("census", 0.0250379639),  # RIFE
        ("census[patch=3;scale=255]", 0.0549288712),  # ARFlow, whose weights are the same
    ],
)
def test_the_ramps_give_their_table_values(
    ramps: Callable[[int], dict[str, Tensor]], text: str, value: float
) -> None:
    # The tenth decimal of the first is one too high in the table.
    assert find(text)(**ramps()).item() == pytest.approx(value, abs=1e-10)


def test_one_white_pixel_on_black_has_a_closed_form() -> None:
    black = torch.zeros(1, 3, 16, 16, dtype=torch.float64)
    dotted = black.clone()
    dotted[..., 8, 8] = 1

    values = census_map(dotted, black)

    assert values[8, 8].item() == pytest.approx(0.8294482622, abs=5e-11)
    assert values[5, 11].item() == pytest.approx(0.0172801721, abs=5e-11)
    assert values.sum().item() == pytest.approx(1.6588965244, abs=5e-10)
    assert find("census")(dotted, black).item() == pytest.approx(0.0064800645, abs=5e-11)


def test_the_border_counts_as_zero_and_beyond_it_lie_zeros() -> None:
    black, white = torch.zeros(1, 3, 16, 16).double(), torch.ones(1, 3, 16, 16).double()

    values = census_map(black, white)

    at = {
        (0, 0): 0.0,
        (1, 1): 0.4147241311,
        (1, 8): 0.2419224098,
        (2, 2): 0.2246422377,
        (3, 3): 0.0,
    }
    assert {place: values[place].item() for place in at} == pytest.approx(at, abs=5e-11)
    assert values.mean().item() == pytest.approx(0.0769507665, abs=5e-11)


@pytest.mark.parametrize("border", [0, 1, 3])
def test_the_border_is_as_wide_as_asked_for(border: int) -> None:
    generator = torch.manual_seed(0)
    x, y = (torch.rand(1, 3, 12, 13, generator=generator) for _ in range(2))

    values = census_map(x, y, border=border)

    inside = torch.zeros(12, 13, dtype=torch.bool)
    inside[border : 12 - border, border : 13 - border] = True
    assert torch.equal(values > 0, inside)
    assert Census(border=border).spec.least == max(3, 2 * border + 1)


@pytest.mark.parametrize(
    "options", [{"patch": 4}, {"patch": 1}, {"patch": 33}, {"scale": 0.0}, {"border": -1}]
)
def test_senseless_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="census takes"):
        Census(**options)


def census_map(distorted: Any, reference: Any, **options: Any) -> Any:
    frames = {"distorted": Frame(lambda: distorted), "reference": Frame(lambda: reference)}
    return Census(**options).map(Features(frames))[0, 0]
