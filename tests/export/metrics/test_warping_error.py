import pytest
import torch

from framegauge.export.metrics.warping_error import WarpingError

GREY = torch.full((1, 3, 8, 8), 0.5, dtype=torch.float64)
STILL = torch.zeros(1, 2, 8, 8, dtype=torch.float64)


def test_a_constant_change_is_squared() -> None:
    assert WarpingError()(GREY, GREY - 0.1, STILL, STILL).item() == pytest.approx(0.01)


def test_channels_are_averaged() -> None:
    red = GREY.clone()
    red[:, 0] += 0.3

    assert WarpingError()(GREY, red, STILL, STILL).item() == pytest.approx(0.03)


def test_what_moves_with_the_flow_has_no_error() -> None:
    frame = torch.rand(1, 3, 8, 8, dtype=torch.float64, generator=torch.manual_seed(4))
    moved = frame.roll(1, -1)
    right = STILL.clone()
    right[:, 0] = 1

    score = WarpingError()(frame, moved, right, -right)

    # Beyond the last column lies the column itself, which shows the one before.
    last = (frame[..., 6] - frame[..., 7]).square().mean() / 8
    assert score.item() == pytest.approx(last.item())


def test_occluded_pixels_and_boundaries_do_not_count() -> None:
    changed = GREY.clone()
    changed[..., 4:] = 1.0
    there = STILL.clone()
    there[:, 0, :, 4:] = 2
    boundary = GREY.clone()
    boundary[..., 3] = 0.0

    # Right half: the flows do not cancel. Column 3: the flow jumps after it.
    assert WarpingError()(boundary, changed, there, STILL).item() == 0


def test_no_pixel_that_counts_gives_zero() -> None:
    assert WarpingError()(GREY, GREY + 0.5, STILL + 3, STILL + 3).item() == 0
