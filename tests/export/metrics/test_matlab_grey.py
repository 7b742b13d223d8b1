"""Metrics of the grey that MATLAB makes of 8-bit images: by other libraries, of grey by NumPy."""

from typing import Any

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from framegauge.export.catalog import find
from framegauge.export.contract.entry import parse_entries
from framegauge.export.contract.formats import find_format
from framegauge.export.graph import Graph


@pytest.fixture
def pair(pictures: dict[str, np.ndarray]) -> Any:
    """Two frames of 8 bits, ``(H, W, 3)``: reference and distorted."""
    return pictures["bikes_192x256.target"], pictures["bikes_192x256.blend"]


def test_ssim_is_that_of_the_rounded_grey(pair: Any) -> None:
    _, similarity = structural_similarity(
        *map(grey, pair),
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=255,
        full=True,
    )

    score = find("ssim_luma[matrix=rgb2gray]")(**tensors(pair)).item()

    assert score == pytest.approx(similarity[5:-5, 5:-5].mean(), abs=1e-9)
    assert abs(score - find("ssim_luma")(**tensors(pair)).item()) > 1e-6


def test_psnr_is_that_of_the_rounded_grey(pair: Any) -> None:
    wanted = peak_signal_noise_ratio(*map(grey, pair), data_range=255)

    score = find("psnr_luma[matrix=rgb2gray]")(**tensors(pair)).item()

    assert score == pytest.approx(wanted, abs=1e-9)


def test_gmsd_is_that_of_the_rounded_grey(pair: Any) -> None:
    # piq 0.8.0: piq.gmsd(distorted, reference, data_range=255) of the grey, float64.
    wanted = 0.10175739757244326

    score = find("gmsd[matrix=rgb2gray]")(**tensors(pair)).item()

    assert score == pytest.approx(wanted, abs=1e-9)


def test_a_half_is_rounded_up() -> None:
    # The weights give 114.558: MATLAB's grey of this colour is 115.
    reference = torch.zeros(1, 3, 1, 1)
    distorted = torch.tensor([58, 139, 137])[None, :, None, None] / 255

    score = find("psnr_luma[matrix=rgb2gray]")(distorted, reference).item()

    assert score == pytest.approx(-20 * np.log10(115 / 255), abs=1e-5)


def test_the_y_plane_is_no_substitute_for_the_grey_of_colours() -> None:
    graph = Graph(parse_entries("ssim_luma[matrix=rgb2gray]"), find_format("yuv420p"))

    assert "reference_colour" in [each.name for each in graph.inputs]


def test_gmsd_of_three_channels_has_no_grey() -> None:
    with pytest.raises(ValueError, match="gmsd reads no matrix with form=rgb"):
        find("gmsd[form=rgb;matrix=rgb2gray]")


def grey(frame: Any) -> Any:
    """MATLAB's ``rgb2gray``, as float64."""
    weights = np.array([0.298936021293775, 0.587043074451121, 0.114020904255103])
    return np.floor(frame @ weights + 0.5)


def tensors(pair: Any) -> dict[str, torch.Tensor]:
    reference, distorted = (
        torch.from_numpy(each).permute(2, 0, 1)[None].double() / 255 for each in pair
    )
    return {"reference": reference, "distorted": distorted}
