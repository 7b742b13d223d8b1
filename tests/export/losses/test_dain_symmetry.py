import pytest
import torch

from framegauge.export.losses.dain_symmetry import DAINSymmetry


def test_opposite_flows_leave_epsilon() -> None:
    flow = torch.rand(1, 2, 4, 4, dtype=torch.float64)

    assert DAINSymmetry()(flow, -flow).item() == pytest.approx(1e-6)
    assert DAINSymmetry(epsilon=1e-3).spec.ideal == 1e-3


def test_the_components_are_averaged() -> None:
    flow = torch.zeros(1, 2, 4, 4, dtype=torch.float64)
    flow[:, 0] = 3

    assert DAINSymmetry()(flow, flow).item() == pytest.approx(3.0000005, abs=1e-11)


def test_an_epsilon_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="epsilon above 0, got 0"):
        DAINSymmetry(epsilon=0)
