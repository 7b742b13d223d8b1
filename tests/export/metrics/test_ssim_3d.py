import pytest

from framegauge.export.metrics.ssim import GAUSSIAN
from framegauge.export.metrics.ssim_3d import colour_mix


def test_the_window_over_colours_is_a_fixed_mix() -> None:
    mix = colour_mix(GAUSSIAN)

    assert [value for row in mix for value in row] == pytest.approx(
        [0.6330, 0.2130, 0.1540, 0.3670, 0.2660, 0.3670, 0.1540, 0.2130, 0.6330], abs=5e-5
    )
