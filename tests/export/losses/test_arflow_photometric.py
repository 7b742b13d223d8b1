from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from framegauge.export.losses.arflow_photometric import (
    ARFlowPhotometric,
    arflow_census,
    arflow_dissimilarity,
)

STILL = torch.zeros(1, 2, 16, 16, dtype=torch.float64)


def test_the_ramps_give_the_authors_values(ramps: Callable[[int], dict[str, Tensor]]) -> None:
    x, y = ramps()["reference"], ramps()["distorted"]

    # Means of ARFlow's own maps, float64.
    assert arflow_census(x, y).mean().item() == pytest.approx(0.0549288712, abs=1e-10)
    assert arflow_dissimilarity(x, y).mean().item() == pytest.approx(0.1615440647, abs=1e-9)


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({}, 0.0549288712),
        ({"census": 0, "dssim": 1}, 0.1615440647),
        ({"census": 0, "l1": 1}, 37 / 216),
        ({"census": 0, "l1": 0.15, "dssim": 0.85}, 0.15 * 37 / 216 + 0.85 * 0.1615440647),
    ],
)
def test_terms_are_weighted_and_directions_averaged(
    options: dict[str, Any], wanted: Any, ramps: Callable[[int], dict[str, Tensor]]
) -> None:
    x, y = ramps()["reference"], ramps()["distorted"]

    score = ARFlowPhotometric(**options)(x, y, STILL, STILL)

    assert score.item() == pytest.approx(wanted, abs=1e-9)


def test_the_mean_is_divided_by_the_masks() -> None:
    grey = torch.full((1, 3, 16, 16), 0.5, dtype=torch.float64)
    there = STILL.clone()
    there[:, 0] = 4
    loss = ARFlowPhotometric(census=0, l1=1)

    # Four of sixteen columns point beyond the frame, where the flow back is zero.
    assert loss(grey, grey + 0.1, there, -there).item() == pytest.approx(0.1)


def test_no_pixel_seen_gives_zero() -> None:
    grey = torch.full((1, 3, 16, 16), 0.5, dtype=torch.float64)
    there = STILL + 2

    assert ARFlowPhotometric()(grey, grey, there, there).item() == 0
    assert ARFlowPhotometric(census=0, l1=1, occlusion=False)(
        grey, grey + 0.1, there, there
    ).item() == pytest.approx(0.1)


def test_weights_that_leave_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match=r"not all of them 0, got census=0, dssim=0\.0"):
        ARFlowPhotometric(census=0)


def test_a_range_map_leaves_out_what_no_vector_reaches() -> None:
    grey = torch.full((1, 3, 8, 8), 0.5, dtype=torch.float64)
    spoilt = grey.clone()
    spoilt[..., :2] = 0.1
    back = torch.zeros(1, 2, 8, 8, dtype=torch.float64)
    back[:, 0] = 2  # the two left columns are left behind

    scores = [
        ARFlowPhotometric(census=0, l1=1, **option)(spoilt, grey, STILL[..., :8, :8], back)
        for option in ({"visibility": "range"}, {"occlusion": False})
    ]

    # Two of eight columns differ by 0.4 in one direction; the other looks two columns on.
    assert scores[0].item() == 0
    assert scores[1].item() == pytest.approx(2 / 8 * 0.4 / 2)
