import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from framegauge.export.losses.dain_smoothness import DAINSmoothness, gradient_adaptive_variation

Y, X = torch.meshgrid(*[torch.arange(16, dtype=torch.float64)] * 2, indexing="ij")
FIELD = torch.stack([X - Y, Y / 2])[None]
FLAT = torch.zeros(1, 3, 16, 16, dtype=torch.float64)


def test_one_flow_gives_dains_value(ramps: Callable[[int], dict[str, Tensor]]) -> None:
    value = gradient_adaptive_variation(FIELD, ramps()["reference"], epsilon=1e-6)

    assert value.item() == pytest.approx(1.5672255115, abs=1e-10)


def test_a_ramp_on_a_flat_frame_leaves_epsilon_for_the_other_component() -> None:
    ramp = torch.stack([X, 0 * X])[None]

    value = gradient_adaptive_variation(ramp, FLAT, epsilon=1e-6)

    assert value.item() == pytest.approx(1.000001, abs=1e-11)


def test_a_still_flat_frame_leaves_four_epsilons_and_detail_leaves_less(
    ramps: Callable[[int], dict[str, Tensor]],
) -> None:
    flat = DAINSmoothness()(FLAT, FLAT, 0 * FIELD, 0 * FIELD)
    detail = DAINSmoothness()(*ramps().values(), 0 * FIELD, 0 * FIELD)

    assert flat.item() == pytest.approx(4e-6, rel=1e-9)
    assert detail.item() < 3.9e-6
    assert DAINSmoothness.SPEC.ideal is None


def test_both_flows_are_weighted_by_their_own_frames() -> None:
    ramp = torch.stack([X, 0 * X])[None]
    slope = (X / 30).expand(1, 3, 16, 16)

    score = DAINSmoothness()(FLAT, slope, 0 * ramp, ramp)

    # exp of three channels' change of 1/30; 2e-6 for the flow that does not change.
    assert score.item() == pytest.approx(1.000001 * math.exp(-0.1) + 2e-6, abs=1e-11)


def test_an_epsilon_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="epsilon above 0, got 0"):
        DAINSmoothness(epsilon=0)
