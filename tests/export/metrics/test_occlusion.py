from typing import Any

import pytest
import torch

from framegauge.export.maths.visibility import motion_boundaries, occluded, without_border
from framegauge.export.metrics.occlusion import Occlusion


def constant(u: Any, v: Any = 0.0, size: Any = 6) -> Any:
    return torch.tensor([u, v], dtype=torch.float64).view(1, 2, 1, 1).expand(1, 2, size, size)


@pytest.mark.parametrize(
    ("there", "back", "wanted"),
    [
        (2.0, -2.0, 0.0),
        (2.0, 2.0, 1.0),
        # 0.7^2 = 0.49 is allowed by the constant alone, 0.72^2 = 0.5184 > 0.5052 is not.
        (0.7, 0.0, 0.0),
        (0.0, 0.72, 1.0),
        # 0.01 (100 + 121) + 0.5 = 2.71: a sum of 1 is allowed; 0.01 (25 + 49) + 0.5 < 2^2 is not.
        (10.0, -11.0, 0.0),
        (5.0, -7.0, 1.0),
    ],
)
def test_the_bound_is_unflows(there: float, back: float, wanted: float) -> None:
    assert Occlusion()(constant(there), constant(back)).item() == wanted


def test_the_bound_is_strict() -> None:
    there = torch.full((1, 2, 1, 1), 0.5, dtype=torch.float64)

    score = Occlusion(relative=0)(there, torch.zeros_like(there))

    assert score.item() == 0


def test_constants_are_options() -> None:
    assert Occlusion(absolute=2.0)(constant(1.2), constant(0.0)).item() == 0
    assert Occlusion(relative=0.0)(constant(10.0), constant(-11.0)).item() == 1


def test_beyond_the_frame_lies_what_the_border_says() -> None:
    there, back = constant(2.0), constant(-2.0)

    clamped, zeros, ddflow = (
        Occlusion(border=border)(there, back).item() for border in ("clamp", "zeros", "ddflow")
    )

    # Two of six columns point beyond the frame; DDFlow loses the last row and column as well.
    assert clamped == 0
    assert zeros == pytest.approx(2 / 6)
    assert ddflow == pytest.approx(1 - 3 / 6 * 5 / 6)


def test_the_bound_can_look_at_the_flow_back_where_the_vector_starts() -> None:
    there, back = constant(3.0).clone(), constant(0.0).clone()
    there[:, 0, :, 3:] = 0
    back[:, 0, :, :3], back[:, 0, :, 3:] = -60, -5

    warped = occluded(there, back, threshold="warped")[0, 0, 0]
    unwarped = occluded(there, back, threshold="unwarped")[0, 0, 0]

    # Pixels 0 to 2 meet -5: 2^2 > 0.01 (9 + 25) + 0.5, and 2^2 < 0.01 (9 + 3600) + 0.5.
    assert warped.tolist() == [1, 1, 1, 1, 1, 1]
    assert unwarped.tolist() == [0, 0, 0, 1, 1, 1]


def test_boundaries_of_motion_count_where_asked_for() -> None:
    there = constant(0.0).clone()
    there[:, 0, :, 3:] = 0.5
    back = torch.zeros_like(there)

    assert motion_boundaries(there)[0, 0].sum(0).tolist() == [0, 0, 6, 0, 0, 0]
    assert Occlusion()(there, back).item() == 0
    assert Occlusion(boundaries=True)(there, back).item() == pytest.approx(1 / 6)


def test_the_last_row_and_column_are_no_boundary() -> None:
    ramp = torch.arange(6, dtype=torch.float64).expand(1, 2, 6, 6)

    rows = motion_boundaries(ramp)[0, 0]

    assert rows[:, -1].tolist() == [0] * 6
    assert rows[:, 0].tolist() == [1] * 6


def test_no_gradient_passes() -> None:
    there = constant(1.0).clone().requires_grad_()

    assert not Occlusion()(there, -there).requires_grad


def test_a_border_is_cleared() -> None:
    cleared = without_border(torch.ones(1, 1, 4, 5), 0, 2)[0, 0]

    assert cleared.tolist() == [[0, 0, 1, 0, 0]] * 4


def test_constants_below_zero_are_refused() -> None:
    with pytest.raises(ValueError, match=r"at least 0, got -1 and 0\.5"):
        Occlusion(relative=-1)
