"""Scores of the C++ host against Python's, on the same models and frames."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from framegauge.export.catalog import listings
from framegauge.export.contract.formats import FORMATS
from framegauge.export.contract.roles import FRAME_ROLES, SITINGS
from framegauge.export.lowering.model import export
from framegauge.export.networks.backbones import LAYERS
from framegauge.runtime.models.model_files import SHIPPED
from framegauge.runtime.scoring.scorer import Scorer

# Odd sides, and enough pixels for every entry.
SIZE = {"H": 181, "W": 177, "ceil(H/2)": 91, "ceil(W/2)": 89, "N": 2}

TAKE_TWO_FRAMES = {
    each.spec.name: each.spec
    for each in listings()
    if set(each.spec.inputs) == {"reference", "distorted"}
}
WITH_WEIGHTS = ("lpips_alex", "lpips_vgg", "dists", "vgg", "vgg_conv4_3", "style")
# Of these every term but those that need weights.
SYSTEMS = ("flavr", "time_lens")
PLAIN = tuple(name for name in TAKE_TWO_FRAMES if name not in (*WITH_WEIGHTS, *SYSTEMS))

READ_RGB = tuple(name for name in PLAIN if TAKE_TWO_FRAMES[name].reads != "plane")


def planes(form: Any, seed: Any) -> Any:
    """Random frames of a format: noise of a few code values on a gradient."""
    random = np.random.default_rng(seed)
    made = []
    for plane in form.planes:
        shape = [SIZE["N"], *(SIZE.get(dim, dim) for dim in plane.dims)]
        if form.dtype == "float32":
            made.append(random.random(shape, np.float32))
            continue
        if form.depth > 8:
            shape.pop()
        gradient = np.linspace(0.1, 0.8, shape[2]).reshape(-1, *[1] * (len(shape) - 3))
        codes = (gradient * form.peak + random.integers(0, form.peak // 8, shape)).astype("<u2")
        codes <<= form.shift
        made.append(codes.astype(np.uint8) if form.depth == 8 else codes)
    return made


def tensor(each: Any, seed: Any) -> Any:
    """Random values of an input that is no frame."""
    shape = [SIZE.get(dim, dim) for dim in each.dims]
    values = np.random.default_rng(seed).random(shape, np.float32)
    if each.role == "mask":
        return (values > 0.3).astype(np.float32)
    return values if each.role == "time" else 4 * values - 1


def compared(library: Any, path: Any, **colours: Any) -> Any:
    """Python's scores and the host's."""
    with Scorer(path) as scorer:
        form = scorer.form
        feed = {
            role: planes(form, seed)
            for seed, role in enumerate(scorer.roles)
            if role in FRAME_ROLES
        }
        feed |= {
            each.role: [tensor(each, seed)]
            for seed, each in enumerate(scorer.models[0].manifest.inputs)
            if each.role not in FRAME_ROLES
        }
        given = {role: arrays[0] if len(arrays) == 1 else arrays for role, arrays in feed.items()}
        wanted = scorer(**given, **colours)
    numbers = {
        "matrix": {"bt601": 1, "bt709": 2, "bt2020": 3}.get(colours.get("matrix"), 0),
        "range": {"limited": 1, "full": 2}.get(colours.get("range"), 0),
        "chroma_siting": ["left", *SITINGS].index(colours.get("chroma_siting", "left")),
    }
    return wanted, library.score(path, form, feed, **numbers)


def assert_equal(wanted: Any, got: Any) -> None:
    assert got.keys() == wanted.keys()
    for label, values in wanted.items():
        assert got[label] == pytest.approx(values, rel=1e-6, abs=0), label


def noise(network: Any) -> Any:
    """Random weights of a network, in torchvision's form."""
    random = torch.Generator().manual_seed(1)
    tensors = {}
    for layer in (layer for layer in LAYERS[network] if layer.kind == "conv"):
        scale = (2 / np.prod(layer.shape[1:])) ** 0.5
        weight = torch.randn(layer.shape, generator=random) * scale
        tensors[f"features.{layer.index}.weight"] = weight
        tensors[f"features.{layer.index}.bias"] = torch.zeros(layer.shape[0])
    return tensors


@pytest.mark.parametrize(
    "entry", [name for name in PLAIN if TAKE_TWO_FRAMES[name].reads != "plane"]
)
def test_entries_score_rgb_as_in_python(library: Any, entry: Any) -> None:
    assert_equal(*compared(library, SHIPPED / "rgb24" / f"{entry}.onnx"))


@pytest.mark.parametrize("entry", PLAIN)
def test_entries_score_planes_as_in_python(library: Any, entry: Any) -> None:
    assert_equal(*compared(library, SHIPPED / "yuv420p" / f"{entry}.onnx"))


@pytest.mark.parametrize("format", ["yuv420p10le", "yuv422p10le", "yuv444p"])
@pytest.mark.parametrize("entry", ["default", "ssim"])
def test_shipped_formats_score_as_in_python(library: Any, format: str, entry: str) -> None:
    assert_equal(*compared(library, SHIPPED / format / f"{entry}.onnx"))


def test_floats_score_as_in_python(library: Any, float_model: Any) -> None:
    assert_equal(*compared(library, float_model.path))


# Of the planar formats that differ by their depth only, one.
@pytest.mark.slow
@pytest.mark.parametrize(
    "format", ["nv12", "p010le", "gray8", "gray12le", "yuv422p", "yuv444p12le", "yuv420p16le"]
)
def test_other_formats_score_as_in_python(library: Any, models: Any, format: str) -> None:
    assert_equal(*compared(library, models(["psnr"], format).path))


@pytest.mark.parametrize("range", ["limited", "full"])
@pytest.mark.parametrize("matrix", ["bt601", "bt709", "bt2020"])
def test_colours_of_frames_count_as_in_python(library: Any, matrix: str, range: str) -> None:
    path = SHIPPED / "yuv420p10le" / "psnr.onnx"

    assert_equal(*compared(library, path, matrix=matrix, range=range))


@pytest.mark.parametrize("siting", SITINGS)
@pytest.mark.parametrize("format", ["yuv420p", "yuv422p10le"])
def test_sitings_of_frames_count_as_in_python(library: Any, format: str, siting: str) -> None:
    path = SHIPPED / format / "psnr.onnx"

    assert_equal(*compared(library, path, chroma_siting=siting))


def test_flows_score_as_in_python(library: Any, flow_model: Any) -> None:
    assert_equal(*compared(library, flow_model.path))


@pytest.mark.slow
@pytest.mark.parametrize("entry", ["epe[masked=true]", "superslomo_warping", "gan_generator"])
def test_flows_masks_times_and_logits_score_as_in_python(
    library: Any, models: Any, entry: str
) -> None:
    assert_equal(*compared(library, models([entry], "rgb24").path))


@pytest.mark.slow
@pytest.mark.parametrize("entry", [*WITH_WEIGHTS, *SYSTEMS])
def test_entries_with_weights_score_as_in_python(library: Any, tmp_path: Path, entry: Any) -> None:
    assert entry in TAKE_TWO_FRAMES
    channels = torch.arange(1475, dtype=torch.float64).view(1, -1, 1, 1)
    mix = (0.5 + 0.4 * channels.cos()).float()
    weights = {network: noise(network) for network in ("alexnet", "vgg16", "vgg19")}
    weights["dists"] = {"alpha": mix, "beta": mix}

    model = export([entry], tmp_path / "m.onnx", format="rgb24", weights=weights, offline=True)

    assert_equal(*compared(library, model))


def test_eight_threads_score_as_one_does(library: Any) -> None:
    path, form = SHIPPED / "yuv420p" / "default.onnx", FORMATS["yuv420p"]
    feed = {"reference": planes(form, 1), "distorted": planes(form, 2)}
    wanted = library.score(path, form, feed)

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: library.score(path, form, feed), range(8)))

    assert found == [wanted] * 8
