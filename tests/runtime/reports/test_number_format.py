import math

import pytest

from framegauge.runtime.pooling.gate import Gate
from framegauge.runtime.reports.number_format import bound_of, rounded, told_apart


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([38.123456, 4.5], ["38.123", "4.500"]),
        ([0.98765432, 0.5], ["0.98765", "0.50000"]),
        ([100.0], ["100.00"]),
        ([123456.7], ["123457"]),
        ([0.0000123456, 0.0], ["1.235e-05", "0"]),
        ([0.0], ["0.0000"]),
        ([-1.25], ["-1.2500"]),
        ([math.nan, None, 1.0], ["n/a", "n/a", "1.0000"]),
        ([math.inf, 1.0], ["inf", "1.0000"]),
        ([], []),
    ],
)
def test_numbers_of_one_kind_have_the_same_decimals(
    values: list[float | None], texts: list[str]
) -> None:
    assert rounded(values) == texts


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.95, "0.95"),
        (0.94999, "0.94999"),
        (0.9499999999, "0.9499999999"),
        (math.nextafter(0.95, 0), "0.9499999999999998"),
        (37.0289, "37.029"),
        (None, "n/a"),
    ],
)
def test_a_value_near_the_bound_never_reads_like_the_bound(value: float, text: str) -> None:
    assert told_apart(value, 0.95) == text


def test_a_bound_is_written_with_its_sign() -> None:
    assert bound_of(Gate("ssim", "p5", ">=", 0.95)) == "≥ 0.95"
