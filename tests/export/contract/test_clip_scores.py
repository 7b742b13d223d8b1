import math
from typing import Any

import numpy as np
import pytest

from framegauge.export.contract.clip_scores import clip_score, mean
from framegauge.export.contract.interface import Aggregate


def kind(finish: Any, *of: str, **parameters: float) -> Aggregate:
    return Aggregate(name="clip", of=of, finish=finish, **parameters)


def test_a_mean_is_the_sum_in_the_order_of_frames() -> None:
    values = [1e16, 1.0, -1e16, 1.0]

    # 1e16 + 1 is 1e16 again; a compensated or pairwise sum would give 2 / 4.
    assert mean(values) == 0.25
    assert mean(values) == float(np.add.accumulate(np.array(values))[-1]) / 4


@pytest.mark.parametrize(
    ("aggregate", "moments", "wanted"),
    [
        (kind("mean", "a"), {"a": [1.0, 2.0, 6.0]}, 3.0),
        (kind("root", "a"), {"a": [4.0, 14.0]}, 3.0),
        (kind("ratio", "a", "b"), {"a": [1.0, 5.0], "b": [10.0, 2.0]}, 0.5),
        (kind("psnr", "a", peak=255, cap=60), {"a": [650.25] * 3}, 20.0),
        (kind("psnr", "a", peak=255, cap=60), {"a": [0.0]}, 60.0),
        (kind("psnr", "a", peak=255, cap=60), {"a": [1e-9]}, 60.0),
        (kind("psnr", "a", peak=1, cap=100), {"a": [0.001, 0.003]}, 10 * math.log10(500)),
    ],
)
def test_finishes_have_closed_forms(
    aggregate: Aggregate, moments: dict[str, list[float]], wanted: float
) -> None:
    assert clip_score(aggregate, moments) == pytest.approx(wanted, rel=1e-15)


@pytest.mark.parametrize(
    ("aggregate", "moments"),
    [
        (kind("mean", "a"), {"a": []}),
        (kind("mean", "a"), {"a": [1.0, math.nan]}),
        (kind("root", "a"), {"a": [-1.0]}),
        (kind("ratio", "a", "b"), {"a": [1.0], "b": [0.0]}),
        (kind("psnr", "a", peak=1, cap=100), {"a": [-0.5]}),
        (kind("psnr", "a", peak=1, cap=100), {"a": [math.inf]}),
    ],
)
def test_what_has_no_score_is_not_a_number(
    aggregate: Aggregate, moments: dict[str, list[float]]
) -> None:
    assert math.isnan(clip_score(aggregate, moments))
