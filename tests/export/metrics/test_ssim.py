from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from framegauge.export.catalog import find
from framegauge.export.metrics.ssim import GAUSSIAN, SSIM

# (2 * 0.5 * 0.6 + 1e-4) / (0.5^2 + 0.6^2 + 1e-4): flat frames have no variance.
FLAT = 0.9836092444


@pytest.mark.parametrize(
    "text",
    [
        "ssim",
        "ssim[padding=replicate]",
        "ssim[padding=reflect]",
        "ssim[window=uniform;size=7;covariance=sample]",
        "ssim_3d",
        "ssim_luma",
    ],
)
def test_flat_frames_have_a_closed_form(text: str) -> None:
    reference = torch.full((1, 3, 20, 21), 0.5, dtype=torch.float64)

    assert find(text)(reference + 0.1, reference).item() == pytest.approx(FLAT, abs=5e-11)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("ssim[padding=replicate]", 0.6667068698),  # RIFE
        ("ssim_3d", 0.7446370743),  # RIFE's ssim_matlab
        ("ssim", 0.7806488456),  # pytorch-msssim
        ("ssim[window=uniform;size=3;form=dssim]", 0.1615440647),  # ARFlow
    ],
)
def test_the_ramps_give_their_table_values(
    ramps: Callable[[int], dict[str, Tensor]], text: str, value: float
) -> None:
    # pytorch-msssim's own window is float32, worth some 1e-8 here.
    assert find(text)(**ramps()).item() == pytest.approx(value, abs=2e-8)


def test_the_gaussian_has_its_printed_taps() -> None:
    taps = (0.00102838, 0.00759876, 0.03600077, 0.10936069, 0.21300554, 0.26601172)

    assert GAUSSIAN[:6] == pytest.approx(taps, abs=5e-9)
    assert GAUSSIAN[::-1] == GAUSSIAN


def test_the_map_of_arflow_loses_one_pixel_on_every_side() -> None:
    spec = find("ssim[window=uniform;size=3]").spec

    assert (spec.least, spec.grid.offset) == (3, 1)


def test_dssim_falls_as_similarity_rises(ramps: Callable[[int], dict[str, Tensor]]) -> None:
    similarity = find("ssim")(**ramps()).item()
    distance = find("ssim[form=dssim]")
    spec = distance.spec

    assert distance(**ramps()).item() == pytest.approx((1 - similarity) / 2, abs=1e-12)
    assert (spec.better, spec.ideal, spec.low, spec.high) == ("lower", 0.0, 0.0, 1.0)


def test_luma_is_compared_with_the_weights_asked_for(
    ramps: Callable[[int], dict[str, Tensor]],
) -> None:
    y = {
        role: 0.2126 * frame[:, 0:1] + 0.7152 * frame[:, 1:2] + 0.0722 * frame[:, 2:3]
        for role, frame in ramps().items()
    }

    assert find("ssim_luma[matrix=bt709]")(**ramps()).item() == pytest.approx(
        SSIM()(**{role: plane.expand(-1, 3, -1, -1) for role, plane in y.items()}).item(), abs=1e-12
    )


@pytest.mark.parametrize("options", [{"size": 4}, {"size": 1}, {"sigma": 0.0}])
def test_senseless_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="ssim takes"):
        SSIM(**options)
