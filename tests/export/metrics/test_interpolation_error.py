from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from framegauge.export.catalog import find


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("interpolation_error", 83.3069866685),  # Middlebury: length of the RGB difference
        ("interpolation_error[form=rms_all]", 48.0973111784),
    ],
)
def test_the_ramps_give_their_table_values(
    ramps: Callable[[int], dict[str, Tensor]], text: str, value: float
) -> None:
    assert find(text)(**ramps()).item() == pytest.approx(value, abs=5e-10)


def test_the_ramps_in_eight_bits_give_the_mean_absolute_error(
    ramps: Callable[[int], dict[str, Tensor]],
    rounded: Callable[[dict[str, Tensor]], dict[str, Tensor]],
) -> None:
    score = find("ie[form=mae]")(**rounded(ramps())).item()

    assert score == pytest.approx(43.6328125, abs=1e-9)


def test_the_normalised_error_is_divided_by_the_slope_of_the_reference() -> None:
    ramp = torch.arange(8, dtype=torch.float64).expand(1, 3, 8, 8) * 4 / 255
    distorted = ramp + 7 / 255

    score = find("ie[form=normalised]")(distorted, ramp).item()

    # Each pixel: 3 * 7^2 over a slope of 4 in three channels plus one, 3 * 4^2 + 1.
    assert score == pytest.approx((3 * 49 / 49) ** 0.5, abs=1e-9)


@pytest.mark.parametrize(
    ("form", "value"), [("rms", 255 * 3**0.5), ("mae", 255.0), ("rms_all", 255.0)]
)
def test_black_against_white_is_the_highest_error(form: str, value: Any) -> None:
    metric = find(f"ie[form={form}]")

    score = metric(torch.zeros(1, 3, 4, 4), torch.ones(1, 3, 4, 4)).item()

    assert score == pytest.approx(value, rel=1e-6)
    assert metric.spec.high == pytest.approx(value)
