from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from framegauge.export.catalog import find
from framegauge.export.metrics.flolpips import weighted_mean


def test_the_weights_are_the_lengths_of_the_difference() -> None:
    values = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    difference = torch.zeros(1, 2, 2, 2)
    difference[0, :, 0, 0] = torch.tensor([3.0, 4.0])
    difference[0, 0, 1, 1] = 15.0

    assert weighted_mean(values, difference).item() == pytest.approx((5 * 1 + 15 * 4) / 20)


def test_vectors_are_resized_before_their_length_is_taken() -> None:
    values = torch.ones(1, 1, 1, 2) * torch.tensor([1.0, 3.0])
    difference = torch.tensor([[1.0, -1.0, 2.0, 2.0], [0.0, 0.0, 0.0, 0.0]]).view(1, 2, 1, 4)

    # The two opposite vectors cancel.
    assert weighted_mean(values, difference).item() == pytest.approx(3)


@pytest.mark.parametrize("length", [0.0, 1e-3, 7.0])
def test_an_error_that_is_the_same_everywhere_gives_lpips(
    length: float, frame: Callable[[str], Tensor], trained: Any
) -> None:
    x, y = frame("bikes_97x131.blur"), frame("bikes_97x131.target")
    reference = torch.rand(1, 2, 97, 131, dtype=torch.float64)

    score = find("flolpips", weights=trained)(x, y, reference + length, reference)

    assert score.item() == pytest.approx(find("lpips_alex", weights=trained)(x, y).item(), rel=1e-6)


def test_errors_of_motion_draw_attention_to_a_place(
    frame: Callable[[str], Tensor], flow: Callable[[str], Tensor], trained: Any
) -> None:
    y = frame("bikes_97x131.target")
    x = y.clone()
    x[..., :50, :60] = frame("bikes_97x131.noise")[..., :50, :60]
    metric = find("flolpips", weights=trained)
    here, elsewhere = (torch.zeros(1, 2, 97, 131, dtype=torch.float64) for _ in range(2))
    here[..., :50, :60] = 2
    elsewhere[..., 50:, 60:] = 2
    none = torch.zeros_like(here)

    assert metric(x, y, here, none) > metric(x, y, none, none) > metric(x, y, elsewhere, none)


def test_a_score_does_not_depend_on_the_rest_of_the_batch(
    frame: Callable[[str], Tensor], flow: Callable[[str], Tensor], trained: Any
) -> None:
    metric = find("flolpips", weights=trained)
    metric.reduction = "none"
    x, y = (frame(f"bikes_97x131.{name}") for name in ("blend", "target"))
    wrong, right = flow("bikes_97x131.flow_pred"), flow("bikes_97x131.flow_01")

    together = metric(
        torch.cat([x, y]),
        torch.cat([y, y]),
        torch.cat([wrong, 9 * wrong]),
        right.repeat(2, 1, 1, 1),
    )

    assert together[0].item() == pytest.approx(metric(x, y, wrong, right).item(), rel=1e-9)
    assert together[1].item() == 0


def test_gradients_are_finite_where_the_motion_is_right(trained: Any) -> None:
    x = torch.rand(1, 3, 48, 48, requires_grad=True)
    flow = torch.zeros(1, 2, 48, 48, requires_grad=True)

    find("flolpips", weights=trained)(x, torch.rand(1, 3, 48, 48), flow, flow.detach()).backward()

    assert bool(x.grad.isfinite().all())
    assert bool(flow.grad.isfinite().all())
