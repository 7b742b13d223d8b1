import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from framegauge.export.losses.edge_aware_smoothness import EdgeAwareSmoothness

Y, X = torch.meshgrid(*[torch.arange(16, dtype=torch.float64)] * 2, indexing="ij")
FIELD = torch.stack([X - Y, Y / 2])[None]
FLAT = torch.zeros(1, 3, 16, 16, dtype=torch.float64)


def test_first_order_gives_arflows_value(ramps: Callable[[int], dict[str, Tensor]]) -> None:
    loss = EdgeAwareSmoothness(scale="pixels")

    assert loss(ramps()["reference"], FIELD).item() == pytest.approx(0.2239160346, abs=1e-10)


def test_a_ramp_of_flow_on_a_flat_frame_has_closed_forms() -> None:
    ramp, bowl = (torch.stack([u, 0 * X])[None] for u in (X, X.square()))

    assert EdgeAwareSmoothness(scale="pixels")(FLAT, ramp).item() == 0.125
    assert EdgeAwareSmoothness(scale="pixels", order="2")(FLAT, ramp).item() == 0
    # The second difference of a square is 2, in one of two components, halved.
    assert EdgeAwareSmoothness(scale="pixels", order="2")(FLAT, bowl).item() == 0.5


def test_an_edge_weighs_less(ramps: Callable[[int], dict[str, Tensor]]) -> None:
    edge = FLAT.clone()
    edge[..., 8:] = 0.3
    step = torch.stack([(X >= 8).double(), 0 * X])[None]

    loss = EdgeAwareSmoothness(scale="pixels", alpha=10.0)

    assert loss(edge, step).item() == pytest.approx(math.exp(-3) / 15 / 8)


def test_second_order_takes_the_weight_of_the_later_change() -> None:
    edge = FLAT.clone()
    edge[..., 8:] = 0.3
    kink = torch.stack([(X - 7).clamp(min=0), 0 * X])[None]
    loss = EdgeAwareSmoothness(scale="pixels", order="2")

    # The only second difference, at column 7, straddles the edge between 7 and 8.
    assert loss(edge, kink).item() == pytest.approx(math.exp(-3) / 14 / 4)


def test_flows_are_in_units_of_the_shorter_side() -> None:
    frame, flow = FLAT[..., :10], FIELD[..., :10]

    pixels = EdgeAwareSmoothness(scale="pixels")(frame, flow).item()

    assert EdgeAwareSmoothness()(frame, flow).item() == pytest.approx(pixels / 10)


def test_both_directions_are_averaged(ramps: Callable[[int], dict[str, Tensor]]) -> None:
    frames = ramps()
    loss = EdgeAwareSmoothness(both=True)
    single = EdgeAwareSmoothness()

    both = loss(
        frames["reference"],
        FIELD,
        next=frames["distorted"],
        flow_next_previous=2 * FIELD,
    )

    there = single(frames["reference"], FIELD)
    back = single(frames["distorted"], 2 * FIELD)
    assert both.item() == pytest.approx((there + back).item() / 2)


def test_a_negative_alpha_is_refused() -> None:
    with pytest.raises(ValueError, match="alpha of at least 0, got -1"):
        EdgeAwareSmoothness(alpha=-1)
