from typing import Any

import pytest
import torch

from framegauge.export.losses.warping import Warping

RAMP = (torch.arange(8, dtype=torch.float64) / 8).expand(1, 3, 8, 8)


def flow(u: Any) -> Any:
    vector = torch.tensor([u, 0.0], dtype=torch.float64).view(1, 2, 1, 1)
    return vector.expand(1, 2, 8, 8)


def test_what_moves_as_the_flows_say_has_no_loss() -> None:
    frame = 0.25 + RAMP / 2
    previous, next = frame + 0.0625, frame - 0.0625
    loss = Warping(masked=True)
    inner = torch.zeros(1, 1, 8, 8, dtype=torch.float64)
    inner[..., 1:7] = 1

    score = loss(frame, previous, next, flow(-1.0), flow(1.0), mask=inner)

    assert score.item() == pytest.approx(0, abs=1e-12)


def test_both_neighbours_are_averaged() -> None:
    frame = torch.full_like(RAMP, 0.5)

    score = Warping()(frame, frame + 0.2, frame - 0.1, flow(0.3), flow(2.0))

    assert score.item() == pytest.approx(0.15)


@pytest.mark.parametrize(
    ("border", "wanted"), [("clamp", 7 * 0.125 / 8), ("zeros", (7 * 0.125 + 0.875) / 8)]
)
def test_the_border_is_an_option(border: str, wanted: Any) -> None:
    loss = Warping(target="reference", sources="next", border=border)

    score = loss(reference=RAMP, next=RAMP, flow_to_next=flow(1.0))

    assert score.item() == pytest.approx(wanted)


def test_the_corners_are_an_option() -> None:
    loss = Warping(sources="next", corners="superslomo_half_pixel")

    # Half a pixel to the left, the first column clamped: seven of eight columns miss by 1/16.
    assert loss(RAMP, next=RAMP, flow_to_next=flow(0.0)).item() == pytest.approx(7 / 128)


def test_ddflows_sampler_extrapolates_beyond_any_difference_of_frames() -> None:
    corner = torch.zeros(1, 3, 2, 2, dtype=torch.float64)
    corner[..., 0, 0] = 1
    to_corner = torch.tensor([[-0.9, -1.9], [-0.9, -1.9]], dtype=torch.float64)
    loss = Warping(sources="next", border="ddflow")

    ends = torch.stack([to_corner, to_corner.T])[None]
    score = loss(0 * corner, next=corner, flow_to_next=ends)

    # All four samples lie 0.9 pixels before the first: (1 + 0.9)^2 each.
    assert score.item() == pytest.approx(3.61)
    assert (loss.spec.high, loss.spec.ideal) == (None, None)


@pytest.mark.parametrize("corners", ["half_pixel", "superslomo_aligned", "superslomo_half_pixel"])
def test_other_corners_miss_a_frame_that_stands_still(corners: str) -> None:
    loss = Warping(sources="next", corners=corners)

    assert loss(RAMP, next=RAMP, flow_to_next=flow(0.0)).item() > 0.01
    assert loss.spec.ideal is None


def test_ddflows_border_goes_with_its_own_corners() -> None:
    with pytest.raises(ValueError, match="border=ddflow with corners=aligned, got half_pixel"):
        Warping(border="ddflow", corners="half_pixel")
