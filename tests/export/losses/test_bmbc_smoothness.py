import pytest
import torch

from framegauge.export.losses.bmbc_smoothness import BMBCSmoothness

RAMP = torch.arange(8, dtype=torch.float64).expand(1, 2, 8, 8)


def test_both_flows_are_added() -> None:
    assert BMBCSmoothness()(RAMP, 2 * RAMP).item() == 3


def test_a_further_level_is_in_its_own_pixels() -> None:
    # Halved, the ramp climbs by two columns in half as many pixels each: by one again.
    assert BMBCSmoothness(levels=2)(RAMP, 0 * RAMP).item() == 2


def test_no_level_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1 level, got 0"):
        BMBCSmoothness(levels=0)
