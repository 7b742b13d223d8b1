from typing import Any

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from framegauge.export.maths.warp import inside, warp

RAMP = torch.arange(8, dtype=torch.float64).expand(1, 1, 3, 8)


def flow(u: Any, v: Any = 0.0, like: Any = RAMP) -> Any:
    height, width = like.shape[-2:]
    vector = torch.tensor([u, v], dtype=torch.float64).view(1, 2, 1, 1)
    return vector.expand(len(like), 2, height, width)


@pytest.mark.parametrize(
    ("corners", "wanted"),
    [
        ("aligned", [0, 1, 2, 3, 4, 5, 6, 7]),
        # Super SloMo's grid divides by 8, not 7: formulas of its port, a frame of width 8.
        ("superslomo_aligned", [0, 0.875, 1.75, 2.625, 3.5, 4.375, 5.25, 6.125]),
        ("superslomo_half_pixel", [0, 0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5]),
        # 8 x / 7 - 1/2, clamped.
        ("half_pixel", [0, *(8 * x / 7 - 0.5 for x in range(1, 7)), 7]),
    ],
)
def test_a_flow_of_zero_samples_where_the_corners_say(corners: str, wanted: list[Any]) -> None:
    warped = warp(RAMP, flow(0), corners=corners)

    assert warped[0, 0, 1].tolist() == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize(
    ("border", "wanted"),
    [
        ("clamp", [1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7, 7]),
        ("zeros", [1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 3.5, 0]),
        ("ddflow", [1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 0, 0]),
    ],
)
def test_what_lies_beyond_the_border_is_an_option(border: str, wanted: list[Any]) -> None:
    # A constant row above and below keeps rows out of it, but for DDFlow's last.
    warped = warp(RAMP, flow(1.5), border=border)

    assert warped[0, 0, 1].tolist() == pytest.approx(wanted, abs=1e-12)


def test_ddflows_sampler_extrapolates_just_before_the_frame_and_is_zero_before_that() -> None:
    picture = 10 + RAMP

    just, far = (warp(picture, flow(u), border="ddflow")[0, 0, 0, 0].item() for u in (-0.5, -1.5))

    assert (just, far) == (9.5, 0)


def test_ddflows_sampler_drops_the_last_row_and_column() -> None:
    warped = warp(torch.ones_like(RAMP), flow(0), border="ddflow")[0, 0]

    assert warped[:-1, :-1].eq(1).all()
    assert warped[-1].eq(0).all()
    assert warped[:, -1].eq(0).all()


def test_ddflows_border_goes_with_its_own_corners() -> None:
    with pytest.raises(ValueError, match="corners=aligned, got half_pixel"):
        warp(RAMP, flow(0), border="ddflow", corners="half_pixel")


@pytest.mark.parametrize("border", ["clamp", "zeros", "ddflow"])
@pytest.mark.parametrize("component", [0, 1])
def test_a_flow_that_is_not_a_number_samples_none(border: str, component: int) -> None:
    flow = torch.zeros(1, 2, 4, 5)
    flow[0, component, 2, 3] = torch.nan

    sampled = warp(torch.rand(1, 3, 4, 5), flow, border=border)

    assert sampled.isnan().nonzero()[:, 1:].tolist() == [[0, 2, 3], [1, 2, 3], [2, 2, 3]]


def test_flow_is_across_then_down() -> None:
    picture = torch.rand(1, 2, 5, 6, dtype=torch.float64)

    warped = warp(picture, flow(2, 1, like=picture))

    assert_close(warped[..., :4, :4], picture[..., 1:, 2:])


def test_ends_on_the_border_are_inside() -> None:
    field = flow(1.0)

    assert inside(field)[0, 0, 0].tolist() == [1, 1, 1, 1, 1, 1, 1, 0]
    assert inside(flow(0, -0.5))[0, 0, :, 0].tolist() == [0, 1, 1]


@pytest.mark.parametrize("border", ["clamp", "zeros", "ddflow"])
def test_gradients_are_those_of_the_values(border: str) -> None:
    generator = torch.manual_seed(3)
    picture = torch.rand(1, 2, 5, 6, dtype=torch.float64, generator=generator)
    # Away from whole pixels, where bilinear samples have kinks.
    field = 0.2 + 0.6 * torch.rand(1, 2, 5, 6, dtype=torch.float64, generator=generator)

    assert torch.autograd.gradcheck(
        lambda *given: warp(*given, border=border),
        (picture.requires_grad_(), field.requires_grad_()),
    )


@pytest.mark.slow
def test_an_exported_warp_by_half_a_pixel_lies_halfway(models: Any) -> None:
    model = models(
        ["warping[target=reference;sources=previous]"],
        "rgbf32",
        maps=["warping_target_reference_sources_previous"],
    )
    ramp = (np.arange(64, dtype=np.float32) / 64) * np.ones((1, 3, 48, 64), np.float32)
    right = np.zeros((1, 2, 48, 64), np.float32)
    right[:, 0] = 0.5

    outputs = model.run({"reference": 0 * ramp, "previous": ramp, "flow_to_previous": right})

    row = outputs["warping_target_reference_sources_previous.map"][0, 0, 20]
    np.testing.assert_allclose(row[:-1], (np.arange(63) + 0.5) / 64, rtol=0, atol=1e-6)
