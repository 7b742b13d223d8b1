from collections.abc import Callable
from typing import Any

import pytest
from torch import Tensor

from framegauge.export.catalog import find


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("gmsd", 0.1363812665),  # piq
        ("gmsd[form=rgb]", 0.1916328476),  # IQA_pytorch
    ],
)
def test_the_ramps_give_their_table_values(
    ramps: Callable[[int], dict[str, Tensor]], text: str, value: float
) -> None:
    assert find(text)(**ramps()).item() == pytest.approx(value, abs=5e-10)


@pytest.mark.parametrize(
    ("form", "count"),
    [("luma", 64), ("rgb", 3 * 64)],  # half of 16 x 16 pixels, of one channel or three
)
def test_either_deviation_is_had_in_every_form(
    ramps: Callable[[int], dict[str, Tensor]], form: str, count: Any
) -> None:
    biased, unbiased = (
        find(f"gmsd[form={form};deviation={deviation}]")(**ramps()).item()
        for deviation in ("biased", "unbiased")
    )

    assert unbiased / biased == pytest.approx((count / (count - 1)) ** 0.5, abs=1e-12)


def test_the_unbiased_deviation_divides_by_one_less(
    ramps: Callable[[int], dict[str, Tensor]],
) -> None:
    biased, unbiased = (
        find(text)(**ramps()).item() for text in ("gmsd", "gmsd[deviation=unbiased]")
    )

    # Half of 16 x 16 pixels: 64 values.
    assert unbiased / biased == pytest.approx((64 / 63) ** 0.5, abs=1e-12)
