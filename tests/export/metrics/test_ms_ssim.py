from collections.abc import Callable

import pytest
import torch
from pytorch_msssim import ms_ssim
from torch import Tensor

from framegauge.export.catalog import find


@pytest.mark.parametrize(
    ("text", "value", "tolerance"),
    [
        ("ms_ssim", 0.9138933612, 5e-6),  # pytorch-msssim, whose window is float32
        ("ms_ssim[form=rife]", 0.7468980150, 5e-11),
        ("ms_ssim[form=rife_intended]", 0.8783542898, 5e-11),
    ],
)
def test_the_ramps_give_their_table_values(
    ramps: Callable[[int], dict[str, Tensor]], text: str, value: float, tolerance: float
) -> None:
    assert find(text)(**ramps(16)).item() == pytest.approx(value, abs=tolerance)


@pytest.mark.parametrize(("height", "width"), [(161, 170), (163, 162), (200, 177), (190, 213)])
def test_odd_levels_are_those_of_pytorch_msssim(height: int, width: int) -> None:
    generator = torch.manual_seed(1)
    reference = torch.rand(2, 3, height, width, dtype=torch.float64, generator=generator)
    noise = torch.rand(reference.shape, dtype=torch.float64, generator=generator)
    distorted = 0.8 * reference + 0.2 * noise

    ours = find("ms_ssim")(distorted, reference).item()

    # Its window is float32.
    assert ours == pytest.approx(ms_ssim(distorted, reference, data_range=1.0).item(), abs=5e-6)
