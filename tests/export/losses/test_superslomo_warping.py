import pytest
import torch

from framegauge.export.losses.superslomo_warping import SuperSloMoWarping

GREY = torch.full((1, 3, 8, 8), 0.5, dtype=torch.float64)
STILL = torch.zeros(1, 2, 8, 8, dtype=torch.float64)
HALF = torch.tensor([0.5], dtype=torch.float64)


def test_four_differences_are_added() -> None:
    loss = SuperSloMoWarping(corners="aligned", border="clamp")

    score = loss(GREY, GREY + 0.25, GREY - 0.1, STILL, STILL, HALF)

    # Previous and next to the middle, and twice between each other.
    assert score.item() == pytest.approx(0.25 + 0.1 + 2 * 0.35)


def test_the_mean_colour_lies_beyond_the_border() -> None:
    far = STILL + 100
    loss = SuperSloMoWarping(middle="given")
    mean = torch.tensor([0.429, 0.431, 0.397], dtype=torch.float64).view(1, 3, 1, 1)
    frame = mean.expand(1, 3, 8, 8) + 0.1

    score = loss(frame, frame, frame, far, far, flow_to_previous=far, flow_to_next=far)

    assert score.item() == pytest.approx(0.4)


def test_the_middles_flows_can_be_given() -> None:
    frames = [torch.rand(1, 3, 8, 8, dtype=torch.float64) for _ in range(3)]
    there, back = (torch.rand(1, 2, 8, 8, dtype=torch.float64) for _ in range(2))

    approximated = SuperSloMoWarping()(*frames, there, back, HALF)
    given = SuperSloMoWarping(middle="given")(
        *frames,
        there,
        back,
        flow_to_previous=(back - there) / 4,
        flow_to_next=(there - back) / 4,
    )

    assert approximated.item() == pytest.approx(given.item())
