import pytest
import torch

from framegauge.export.metrics.tof import TOF, tecogan_crop


@pytest.mark.parametrize(
    ("size", "start", "length"),
    [(64, 16, 32), (100, 18, 64), (256, 16, 224), (448, 16, 416), (480, 16, 448), (48, 8, 32)],
)
def test_the_crop_is_tecogans(size: int, start: int, length: int) -> None:
    ramp = torch.arange(size).expand(1, 1, 48, size)

    cropped = tecogan_crop(ramp)

    assert cropped.shape == (1, 1, 32, length)
    assert cropped[0, 0, 0, 0].item() == start


@pytest.mark.parametrize(("norm", "wanted"), [("euclidean", 5.0), ("l1", 7.0)])
def test_the_norm_is_an_option(norm: str, wanted: float) -> None:
    flow = torch.tensor([3.0, 4.0]).view(1, 2, 1, 1).expand(1, 2, 4, 4)

    assert TOF(norm=norm, crop=False)(flow, 0 * flow).item() == wanted


def test_what_lies_outside_the_crop_does_not_count() -> None:
    flow = torch.zeros(1, 2, 64, 64)
    flow[..., :16, :] = 9

    assert TOF()(flow, 0 * flow).item() == 0
    assert TOF(crop=False)(flow, 0 * flow).item() > 0


def test_flows_too_small_for_the_crop_are_refused() -> None:
    flow = torch.zeros(1, 2, 47, 64)

    with pytest.raises(ValueError, match="tof needs frames of at least 48x48 pixels"):
        TOF()(flow, flow)
