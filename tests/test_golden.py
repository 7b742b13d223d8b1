"""Values that other people's code gives for real frames; ``golden/README.md`` names them all."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from framegauge.export.catalog import find, listings
from framegauge.export.contract.entry import find_listing, parse_entries
from framegauge.export.features import Features, Frame
from framegauge.export.losses.laplacian import laplacian_levels
from framegauge.export.losses.sobel import sobel

GOLDEN = Path(__file__).parent / "golden"
EXPECTED = json.loads((GOLDEN / "expected.json").read_text())

ENTRY = {
    "np.mse": "mse",
    "np.mae": "l1",
    "np.psnr": "psnr",
    "rife.ternary.mean": "census",
    "rife.sobel.mean": "sobel",
    "rife.laploss": "laplacian",
    "rife.laploss.crop32": "laplacian",
    "rife.ssim2d": "ssim[padding=replicate]",
    "rife.dssim": "ssim[padding=replicate;form=dssim]",
    "rife.ssim_matlab": "ssim_3d",
    "rife.msssim_as_coded": "ms_ssim[form=rife]",
    "rife.psnr_vimeo": "psnr",
    "rife.ie_middlebury": "interpolation_error[form=mae]",
    "flavr.l1": "l1",
    "flavr.mse": "mse",
    "flavr.huber": "huber",
    "flavr.ssim_loss": "ssim[padding=replicate;form=dssim]",
    "flavr.ssim": "ssim_3d",
    "flavr.psnr": "psnr[epsilon=1e-8]",
    "adacof.charb": "charbonnier",
    "dain.charb": "charbonnier[epsilon=1e-6]",
    "dain.ie": "interpolation_error[form=mae]",
    "dain.psnr": "psnr",
    "ssm.psnr.blend": "psnr",
    "transcription.ie_rms_rgbnorm": "interpolation_error",
    "transcription.ie_rms_all": "interpolation_error[form=rms_all]",
    "transcription.ne_rms_rgb": "interpolation_error[form=normalised]",
    "skimage.ssim_gauss": "ssim",
    "skimage.ssim_default": "ssim[window=uniform;size=7;covariance=sample]",
    "skimage.psnr": "psnr",
    "piq.ssim": "ssim",
    "piq.ms_ssim": "ms_ssim",
    "piq.gmsd": "gmsd",
    "piq.ms_gmsd": "gmsd[form=multi_scale]",
    "vainf.ssim": "ssim",
    "vainf.ssim255": "ssim",
    "vainf.ms_ssim": "ms_ssim",
    "torchmetrics.ssim": "ssim[padding=reflect]",
    "torchmetrics.psnr": "psnr",
    "iqapytorch.gmsd": "gmsd[form=rgb]",
}
LISTS = {
    "rife.ternary.probe",
    "rife.sobel.probe",
    "rife.laploss.levels",
    "rife.laploss.crop32.levels",
}
CASES = [
    pytest.param(case, key, id=f"{case}-{key}")
    for case, values in EXPECTED.items()
    for key in values
    if key not in LISTS
]
PROBES = [
    pytest.param(case, id=case)
    for case, values in EXPECTED.items()
    if "rife.ternary.probe" in values
]
PYRAMIDS = [
    pytest.param(case, key, id=f"{case}-{key}")
    for case, values in EXPECTED.items()
    for key in values
    if key in LISTS and "levels" in key
]


def test_every_value_kept_is_compared() -> None:
    keys = {key for values in EXPECTED.values() for key in values}

    assert keys == ENTRY.keys() | LISTS


@pytest.mark.parametrize(("case", "key"), CASES)
def test_float64_graph_gives_the_value(
    case: Any, key: Any, pair_of: Callable[[str], dict[str, np.ndarray]]
) -> None:
    score = graph_score(ENTRY[key], cropped(pair_of(case), key))

    np.testing.assert_allclose(score, wanted(case, key), rtol=1e-6, atol=graph_tolerance(key))


@pytest.mark.parametrize(("case", "key"), CASES)
def test_exported_file_gives_the_value(
    case: Any,
    key: Any,
    pair_of: Callable[[str], dict[str, np.ndarray]],
    pixel_model: Any,
    window_model: Any,
    variant_model: Any,
    large_model: Any,
) -> None:
    output = label(ENTRY[key])
    model = next(
        model
        for model in (pixel_model, window_model, variant_model, large_model)
        if output in (each.name for each in model.manifest.outputs)
    )

    score = file_scores(model, cropped(pair_of(case), key))[output].item()

    np.testing.assert_allclose(score, wanted(case, key), rtol=1e-5, atol=file_tolerance(key))


@pytest.mark.parametrize("case", PROBES)
def test_census_map_gives_the_values_at_probes(
    case: Any, pair_of: Callable[[str], dict[str, np.ndarray]], window_model: Any
) -> None:
    pair = pair_of(case)
    features = features_of(pair)

    in_graph = find("census").map(features)[0, 0].numpy()
    in_file = file_scores(window_model, pair)["census.map"][0, 0]

    want = EXPECTED[case]["rife.ternary.probe"]
    np.testing.assert_allclose(probes(in_graph), want, rtol=1e-6, atol=1e-9)
    # Differences of luma next to zero lose digits in float32 before they are squared.
    np.testing.assert_allclose(probes(in_file), want, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("case", PROBES)
def test_sobel_of_the_error_gives_the_values_at_probes(
    case: Any, pair_of: Callable[[str], dict[str, np.ndarray]]
) -> None:
    pair = {role: as_tensor(frame) for role, frame in pair_of(case).items()}

    across, down = sobel(pair["distorted"] - pair["reference"])[0, :2].abs()

    want = EXPECTED[case]["rife.sobel.probe"]
    np.testing.assert_allclose(probes((across + down).numpy()), want, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(("case", "key"), PYRAMIDS)
def test_laplacian_levels_give_the_values(
    case: Any, key: Any, pair_of: Callable[[str], dict[str, np.ndarray]]
) -> None:
    pair = {role: as_tensor(frame) for role, frame in cropped(pair_of(case), key).items()}

    levels = laplacian_levels(pair["distorted"], pair["reference"], levels=5)

    np.testing.assert_allclose(torch.cat(levels), EXPECTED[case][key], rtol=1e-6, atol=1e-9)


def as_tensor(frame: Any) -> Any:
    return torch.from_numpy(frame).permute(0, 3, 1, 2).double() / 255


def features_of(pair: Any) -> Any:
    frames = {role: as_tensor(frame) for role, frame in pair.items()}
    return Features({role: Frame(lambda rgb=rgb: rgb) for role, rgb in frames.items()})


def cropped(pair: Any, key: Any) -> Any:
    """RIFE's own pyramid runs at multiples of 32; those keys are of the top left corner."""
    height, width = (side // 32 * 32 for side in pair["reference"].shape[1:3])
    crop = np.s_[:, :height, :width] if "crop32" in key else np.s_[:]
    return {role: np.ascontiguousarray(frame[crop]) for role, frame in pair.items()}


def wanted(case: Any, key: Any) -> Any:
    """The value; where others give infinite decibels we give our cap of 100."""
    value = EXPECTED[case][key]
    return 100.0 if value == "inf" else value


def graph_tolerance(key: Any) -> Any:
    """pytorch-msssim's window is float32 even in its float64 run."""
    return 5e-6 if key.startswith("vainf.") else 1e-9


def file_tolerance(key: Any) -> Any:
    """Differences of local moments lose digits in float32, most of all in three dimensions."""
    entry = ENTRY[key].partition("[")[0]
    return {"ssim": 3e-5, "ms_ssim": 3e-5, "gmsd": 3e-5, "ssim_3d": 2e-4}.get(entry, 1e-7)


def label(text: Any) -> Any:
    (entry,) = parse_entries(text)
    return find_listing(entry, listings()).label(entry)


def probes(values: Any) -> Any:
    height, width = values.shape
    return [
        values[at]
        for at in (
            (0, 0),
            (1, 1),
            (2, 2),
            (3, 3),
            (height // 2, width // 2),
            (height // 3, width // 4),
            (height - 2, width - 2),
            (height - 1, width - 1),
        )
    ]


KNOWN: dict[tuple[str, bytes, bytes], Any] = {}


def graph_score(entry: Any, pair: Any) -> Any:
    """What the float64 graph of an entry gives for a pair of frames; many keys ask for one."""
    key = entry, pair["distorted"].tobytes(), pair["reference"].tobytes()
    if key not in KNOWN:
        frames = {role: as_tensor(frame) for role, frame in pair.items()}
        KNOWN[key] = find(entry)(**frames).item()
    return KNOWN[key]


def file_scores(model: Any, pair: Any) -> Any:
    """What the file gives for a pair of frames."""
    key = str(model.path), pair["distorted"].tobytes(), pair["reference"].tobytes()
    if key not in KNOWN:
        KNOWN[key] = model.run(pair)
    return KNOWN[key]
