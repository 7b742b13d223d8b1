from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from framegauge.export.losses.flow_smoothness import FlowSmoothness
from framegauge.export.maths.smoothness import absolute_changes, variation

Y, X = torch.meshgrid(*[torch.arange(16, dtype=torch.float64)] * 2, indexing="ij")
FIELD = torch.stack([X - Y, Y / 2])[None]


def test_superslomos_form_has_a_closed_form() -> None:
    # Across: (1 + 0) / 2; down: (1 + 1/2) / 2.
    assert absolute_changes(FIELD).item() == 1.25
    assert FlowSmoothness()(FIELD, FIELD / 2).item() == 1.875


def test_means_are_over_each_ones_own_differences() -> None:
    edge = torch.zeros(1, 2, 2, 5)
    edge[..., 1:] = 1

    assert FlowSmoothness(flows="one")(flow=edge).item() == 0.25


def test_rifes_form_is_sobels() -> None:
    loss = FlowSmoothness(form="sobel", flows="one")

    assert loss(flow=FIELD).item() == 13.47265625


def test_dains_form_is_the_length_of_both_changes(
    ramps: Callable[[int], dict[str, Tensor]],
) -> None:
    frame = ramps()["reference"]
    flat = torch.zeros(1, 2, 4, 4, dtype=torch.float64)
    loss = FlowSmoothness(form="dain", flows="middle")

    # DAIN's tv_loss of the ramps, by its formula.
    assert variation(frame, epsilon=1e-6).mean().item() == pytest.approx(0.0601579285, abs=1e-10)
    assert loss(flow_to_previous=flat, flow_to_next=flat).item() == pytest.approx(2e-6)
    assert loss.spec.ideal == 2e-6


def test_unflows_first_order_counts_every_change_under_its_root() -> None:
    step = torch.zeros(1, 2, 3, 4, dtype=torch.float64)
    step[:, 0, :, 2:] = 2

    found = FlowSmoothness(form="unflow", flows="one")(flow=step).item()

    # Across 3 x 3 changes and down 2 x 4, of each component; three of them are of 2 px.
    assert found == pytest.approx((3 * psi(2) + 31 * psi(0)) / (3 * 4 * 2), rel=1e-12)


def test_unflows_second_order_counts_every_bend_under_its_root() -> None:
    spike = torch.zeros(1, 2, 5, 5, dtype=torch.float64)
    spike[:, 0, 2, 2] = 3

    found = FlowSmoothness(form="unflow_second", flows="one")(flow=spike).item()

    # 15 bends across, 15 down and 9 along either diagonal, of each component; in each direction
    # the spike is one of twice its height, and half of two neighbours'.
    wanted = (4 * psi(6) + 8 * psi(3) + (2 * 48 - 12) * psi(0)) / (5 * 5 * 4)
    assert found == pytest.approx(wanted, rel=1e-12)


def test_unflows_second_order_lets_a_slope_pass() -> None:
    plane = torch.stack([3 * X - 2 * Y, X + 5 * Y])[None]

    found = FlowSmoothness(form="unflow_second", flows="between")(plane, plane).item()

    share = (2 * 14 / 16 + 2 * (14 / 16) ** 2) / 2
    assert found == pytest.approx(2 * share * psi(0), rel=1e-9)


def psi(bend: Any) -> Any:
    """UnFlow's generalised Charbonnier function, as its code writes it."""
    return (bend**2 + 0.001**2) ** 0.45
