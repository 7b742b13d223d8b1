from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir
import pytest
import torch

from framegauge.export.catalog import find, listings
from framegauge.export.contract.entry import parse_entries
from framegauge.export.contract.formats import find_format
from framegauge.export.graph import Graph
from framegauge.export.lowering.onnx import translate
from framegauge.export.lowering.proof import feeds
from framegauge.export.lowering.trace import trace

ROLES = ("reference", "distorted")
NAMES = [
    listing.spec.name
    for listing in listings()
    if listing.spec.inputs == ("reference", "distorted") and not listing.spec.weights
]
MEANS_OF_MAPS = [
    ("pixel_model", name) for name in ("mse", "l1", "charbonnier", "huber", "sobel")
] + [("window_model", name) for name in ("ssim", "ssim_luma", "ssim_3d", "census")]


@pytest.fixture(scope="module")
def everything(shared: Callable[..., Path]) -> onnx_ir.Model:
    """The graph of every entry at once, on planes with colours."""

    def fill(folder: Path) -> None:
        suite = Graph(parse_entries(NAMES), find_format("yuv420p"))
        onnx_ir.save(translate(trace(suite), suite), folder / "everything.onnx")

    return onnx_ir.load(shared("everything", fill) / "everything.onnx")


@pytest.mark.slow
def test_the_whole_catalogue_casts_each_plane_once(everything: onnx_ir.Model) -> None:
    planes = [value for value in everything.graph.inputs if value.name[-2:] in ("_y", "_u", "_v")]

    uses = {value.name: [use.node.op_type for use in value.uses()] for value in planes}

    assert list(uses.values()) == [["Cast"]] * 6


@pytest.mark.slow
def test_the_whole_catalogue_makes_luma_once_for_each_frame(everything: onnx_ir.Model) -> None:
    # Weights of red and green: BT.601 for gmsd, and rounded, with the same green, for census.
    assert factors(everything)[0.587] == 2
    assert factors(everything)[0.299] == 2
    assert factors(everything)[0.2989] == 2


@pytest.mark.slow
def test_the_whole_catalogue_makes_colours_once_for_each_frame(everything: onnx_ir.Model) -> None:
    steps = Counter(
        tuple(node.attributes["strides"].as_ints())
        for node in everything.graph
        if node.op_type == "ConvTranspose"
    )

    # Two planes of chroma in two frames, across and down; laplacian inserts its zeros five times.
    assert steps == {(1, 2): 8, (2, 2): 5}


@pytest.mark.slow
def test_the_whole_catalogue_makes_each_level_of_a_pyramid_once(everything: onnx_ir.Model) -> None:
    boxes = [node for node in everything.graph if node.op_type == "AveragePool"]
    halvings = Counter(
        tuple(node.inputs[1].const_value.shape[-2:])
        for node in everything.graph
        if node.op_type == "Conv" and 2 in node.attributes["strides"].as_ints()
    )

    # ms_ssim: four levels of two frames; gmsd: one of each.
    assert len(boxes) == 10
    # float_ms_ssim: four levels of two planes, across and down; laplacian: five of the difference.
    assert halvings == {(1, 9): 8, (9, 1): 8, (5, 5): 5}


@pytest.mark.parametrize(
    ("one", "other", "operator"),
    [
        pytest.param("ssim", "ms_ssim", "Conv", marks=pytest.mark.slow),
        ("gmsd", "gmsd[form=multi_scale]", "AveragePool"),
        ("mse", "psnr", "ReduceMean"),
        ("ssim", "ssim[form=dssim]", "Conv"),
    ],
)
def test_an_entry_whose_work_is_shared_adds_no_more_of_it(
    one: str, other: str, operator: str
) -> None:
    alone, together = count(other)[operator], count(one, other)[operator]

    assert together == alone > 0


def test_another_name_for_an_entry_costs_nothing() -> None:
    plain, twice = count("psnr", "ssim"), count("psnr", "ssim", "mine=ssim", "again=psnr")

    # An output of its own is a node of its own that does nothing.
    assert twice - plain == {"Identity": twice["Identity"] - plain["Identity"]}
    assert not plain - twice


@pytest.mark.slow
def test_outputs_that_are_one_value_keep_their_names(models: Any) -> None:
    model = models(["psnr", "mse", "psnr[cap=60]", "mine=mse"], "rgb24")

    scores = model.run(feeds(model.exact, (41, 43), batch=2))

    error = scores["mse"].tolist()
    assert [name for name in scores if scores[name].tolist() == error] == [
        "psnr.mse",
        "mse",
        "psnr_cap_60_0.mse",
        "mine",
    ]


def test_two_entries_of_one_label_are_refused() -> None:
    with pytest.raises(ValueError, match=r"mse and mse would both be called 'mse'.*other=mse"):
        suite("mse,mse")


def test_an_alias_of_an_entry_has_its_label() -> None:
    with pytest.raises(ValueError, match="ie would both be called 'interpolation_error'"):
        suite("interpolation_error,ie")


@pytest.mark.parametrize(
    ("entry", "format", "has"),
    [
        ("psnr_y", "rgb24", "none, only RGB"),
        ("float_ssim", "rgbf32", "none, only RGB"),
        ("psnr_cb", "gray8", "y"),
    ],
)
def test_a_plane_is_refused_where_the_format_has_none(entry: str, format: str, has: str) -> None:
    with pytest.raises(ValueError, match=rf"{entry} reads the plane .*has {has}\. Planes are"):
        suite(f"psnr,{entry}", format)


@pytest.mark.parametrize(
    ("entry", "format"), [("psnr_cb", "yuv420p"), ("psnr_cr", "yuv422p"), ("psnr_cb", "nv12")]
)
def test_a_crop_through_a_sample_of_chroma_is_refused(entry: str, format: str) -> None:
    with pytest.raises(ValueError, match="crop_border=3 cuts through a sample of the plane"):
        suite(entry, format, crop_border=3)


@pytest.mark.parametrize(
    ("entry", "format"), [("psnr_y", "yuv420p"), ("psnr_cb", "yuv444p"), ("psnr", "rgb24")]
)
def test_an_odd_crop_is_fine_where_nothing_is_halved(entry: str, format: str) -> None:
    assert suite(entry, format, crop_border=3).crop_border == 3


@pytest.mark.parametrize("quantise", [0, 7, 10, 16])
def test_rounding_to_other_than_8_bits_is_refused(quantise: int) -> None:
    with pytest.raises(ValueError, match="quantise takes 8"):
        suite("psnr", quantise=quantise)


def test_a_crop_below_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="crop_border takes at least 0"):
        suite("psnr", crop_border=-1)


@pytest.mark.parametrize("label", ["psnr", "laplacian", "nothing"])
def test_a_map_of_what_has_none_is_refused_with_those_there_are(label: str) -> None:
    with pytest.raises(ValueError, match=rf"no map of '{label}' here.*: ssim, mine\."):
        suite("psnr,laplacian,ssim,mine=census", maps=[label])


@pytest.mark.parametrize(
    ("entries", "format", "inputs"),
    [
        ("psnr", "rgb24", ["reference", "distorted"]),
        ("psnr_y", "yuv420p", ["reference_y", "distorted_y"]),
        ("psnr_luma", "yuv420p", ["reference_y", "distorted_y"]),
        ("psnr_cr", "yuv420p", ["reference_v", "distorted_v"]),
        ("psnr_cb", "nv12", ["reference_uv", "distorted_uv"]),
        ("psnr", "gray8", ["reference_y", "distorted_y", "reference_colour", "distorted_colour"]),
        (
            "psnr_y,psnr",
            "p010le",
            [f"{role}_{part}" for part in ("y", "uv", "colour", "siting") for role in ROLES],
        ),
    ],
)
def test_a_model_takes_only_what_is_read(entries: str, format: str, inputs: Any) -> None:
    assert sorted(each.name for each in suite(entries, format).inputs) == sorted(inputs)


def test_a_crop_raises_the_least_size_and_moves_the_map() -> None:
    cropped = suite("ssim", crop_border=4, maps=["ssim"])

    outputs = {output.name: output for output in cropped.outputs}

    assert cropped.least == outputs["ssim"].least == 11 + 2 * 4
    assert outputs["ssim.map"].grid.offset == 5 + 4


@pytest.mark.parametrize(
    "entry", ["psnr", "ssim[padding=replicate]", "census", "gmsd", "interpolation_error"]
)
def test_cropping_and_rounding_are_those_done_by_hand(entry: str) -> None:
    generator = torch.manual_seed(2)
    reference, distorted = (torch.rand(2, 3, 40, 47, generator=generator) for _ in range(2))
    exact = suite(entry, "rgbf32", crop_border=5, quantise=8, dtype=torch.float64)
    metric = find(entry)
    metric.reduction = "none"

    (score, *_) = exact(reference, distorted)

    rounded = (distorted.double() * 255).round() / 255
    wanted = metric(rounded[..., 5:-5, 5:-5], reference.double()[..., 5:-5, 5:-5])
    torch.testing.assert_close(score, wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("entry", "part"), [("psnr_y", "y"), ("psnr_cb", "u"), ("float_ssim", "y")]
)
def test_cropping_and_rounding_of_planes_are_those_done_by_hand(entry: str, part: str) -> None:
    exact = suite(entry, "yuv420p10le", crop_border=4, quantise=8, dtype=torch.float64)
    feed = feeds(exact, (41, 52), batch=1)

    (score, *_) = exact(*(torch.from_numpy(feed[each.name]) for each in exact.inputs))

    cut = 4 if part == "y" else 2
    reference, distorted = (
        torch.from_numpy(feed[f"{role}_{part}"].view("<u2")[..., 0].astype(float))[
            :, None, cut:-cut, cut:-cut
        ]
        for role in ("reference", "distorted")
    )
    rounded = (distorted / 4).round().clamp(max=255) * 4
    wanted = find(entry)(rounded, reference, depth=10)
    torch.testing.assert_close(score[0], wanted, rtol=1e-12, atol=1e-12)


def test_the_reference_is_never_rounded() -> None:
    exact = suite("mse", "rgbf32", quantise=8, dtype=torch.float64)
    reference = torch.full((1, 3, 2, 2), 100.4 / 255)

    (score,) = exact(reference, reference)

    assert score.item() == pytest.approx((0.4 / 255) ** 2, rel=1e-4)


@pytest.mark.parametrize(("name", "label"), MEANS_OF_MAPS)
def test_the_mean_of_a_map_is_the_score(
    request: pytest.FixtureRequest, name: Any, label: Any
) -> None:
    model = request.getfixturevalue(name)

    results = model.run(feeds(model.exact, (69, 75), batch=2))

    means = results[f"{label}.map"].mean((1, 2, 3), dtype=np.float64)
    np.testing.assert_allclose(results[label], means, rtol=2e-6)


@pytest.mark.parametrize(
    ("name", "label", "size"),
    [
        ("pixel_model", "sobel", (69, 75)),
        ("window_model", "ssim", (59, 65)),
        ("window_model", "ssim_3d", (69, 75)),
        ("window_model", "gmsd", (35, 38)),
        ("window_model", "census", (69, 75)),
    ],
)
def test_maps_have_the_size_of_their_grid(
    request: pytest.FixtureRequest, name: str, label: str, size: tuple[Any, ...]
) -> None:
    model = request.getfixturevalue(name)

    results = model.run(feeds(model.exact, (69, 75), batch=2))

    assert results[f"{label}.map"].shape == (2, 1, *size)


def test_the_map_of_a_deviation_is_a_similarity(window_model: Any) -> None:
    outputs = {output.name: output for output in window_model.manifest.outputs}

    score, picture = outputs["gmsd"], outputs["gmsd.map"]
    assert (score.better, score.ideal) == ("lower", 0.0)
    assert (picture.better, picture.ideal, picture.low, picture.high) == ("higher", 1.0, 0.0, 1.0)


def test_a_map_lies_where_its_grid_says(window_model: Any) -> None:
    reference = np.full((1, 80, 90, 3), 128, np.uint8)
    distorted = reference.copy()
    distorted[0, 40, 50] = 255

    results = window_model.run({"reference": reference, "distorted": distorted})

    grids = {output.name: output.grid for output in window_model.manifest.outputs}
    worst = np.unravel_index(results["ssim.map"][0, 0].argmin(), results["ssim.map"].shape[2:])
    assert [grids["ssim.map"].offset + place for place in worst] == [40, 50]


def suite(entries: Any, format: Any = "rgb24", **options: Any) -> Any:
    return Graph(parse_entries(entries), find_format(format), **options)


def count(*entries: Any) -> Any:
    """Nodes of the translated suite by operator."""
    graph = suite(list(entries))
    model = translate(trace(graph), graph)
    return Counter(node.op_type for node in model.graph)


def factors(model: Any) -> Any:
    """How often each constant is a factor."""
    return Counter(
        round(float(value.const_value.numpy()), 6)
        for node in model.graph
        if node.op_type == "Mul"
        for value in node.inputs
        if value.const_value is not None and value.const_value.size == 1
    )
