"""Half precision: which convolutions are in it, what that does to scores, and who is told."""

import contextlib
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_ir
import onnxruntime
import pytest
import torch
import torch.nn.functional as F
from onnx import TensorProto
from torch import Tensor

from framegauge.export import export
from framegauge.export.contract.entry import parse_entries
from framegauge.export.contract.formats import find_format
from framegauge.export.contract.interface import Output
from framegauge.export.contract.manifest import Manifest, ManifestError
from framegauge.export.contract.rounding import Rounding
from framegauge.export.graph import Graph
from framegauge.export.lowering import precision
from framegauge.export.lowering.convolutions import convolutions, reach
from framegauge.export.lowering.half import halved
from framegauge.export.lowering.model import describe
from framegauge.export.lowering.onnx import serialise, translate
from framegauge.export.lowering.precision import Measurement, in_half
from framegauge.export.lowering.rounding_trial import rounded
from framegauge.export.lowering.trace import trace
from framegauge.export.networks.backbones import Weights
from framegauge.runtime import cli, score
from framegauge.runtime.backends.model import Model
from framegauge.runtime.models import export_cache as exports
from framegauge.runtime.models.export_cache import CACHE_VARIABLE, ExportRequest, cached

CLIPS = Path(__file__).parents[2] / "clips"

# The first two layers of VGG16, in L1, want more than half gives; a thousandth of the squares of
# the third does not.
FINE = "fine=vgg[network=vgg16;taps=relu1_2;factors=1]"
COARSE = "coarse=vgg[network=vgg16;taps=conv2_1;factors=1e-3;distance=squared]"

NETWORK = """
    <ir_version: 10, opset_import: ["" : 18]>
    network (float[1, 2, h, w] x) => (float[1, 1, k, l] y, float[1, 1, h, w] z)
        <float[1, 2, 1, 1] first = {1.0, 1.0}, float[1, 2, 1, 1] second = {1.0, 0.0},
         float[2, 1, 1, 1] each = {1.0, 1.0}> {
        blurred = Conv <group = 2> (x, each)
        sum = Conv (blurred, first)
        positive = Relu (sum)
        largest = MaxPool <kernel_shape = [2, 2]> (positive)
        y = Abs (largest)
        left = Conv (blurred, second)
        z = Neg (left)
    }
"""

PAIR = """
    <ir_version: 10, opset_import: ["" : 18]>
    pair (float[2, 3, 12, 13] x) => (float[2, 4, 8, 9] y) {
        found = Conv (x, first)
        positive = Relu (found)
        y = Conv (positive, second)
    }
"""


@pytest.fixture
def network() -> Any:
    return onnx_ir.from_onnx_text(NETWORK)


@pytest.fixture(scope="module")
def lpips(trained: Any) -> Any:
    """LPIPS on the trained AlexNet with its map, and PSNR: graphs and their model in float32."""
    return made("lpips_alex,psnr", trained, maps=["lpips_alex"])


@pytest.fixture(scope="module")
def mixed(deterministic: dict[str, dict[str, Tensor]]) -> Any:
    """An entry that half cannot hold and one that it can: their model, its half, and the errors."""
    graph, exact, model, test = made(f"{FINE},{COARSE}", Weights(deterministic, offline=True))
    return model, *in_half(model, graph, exact, test)


@pytest.fixture(scope="module")
def exported(alexnet: dict[str, Tensor], linear: None, shared: Callable[..., Path]) -> Any:
    """A file that the command line wrote in half precision, and what it said."""

    def write(folder: Any) -> None:
        torch.save(alexnet, folder / "alexnet.pth")
        request = ["export", "--metrics", "lpips_alex,psnr", "--format", "yuv420p"]
        request += ["--precision", "fp16", "--weights", f"alexnet={folder / 'alexnet.pth'}"]
        said = io.StringIO()
        with contextlib.redirect_stderr(said), pytest.raises(SystemExit) as left:
            cli.main([*request, "-o", str(folder / "model.onnx")])
        assert left.value.code == 0
        (folder / "said").write_text(said.getvalue())

    folder = shared("half", write)
    return folder / "model.onnx", (folder / "said").read_text()


def test_only_convolutions_that_sum_over_channels_are_chosen(network: Any) -> None:
    assert [node.outputs[0].name for node in convolutions(network)] == ["sum", "left"]


def test_an_output_rests_on_the_convolutions_before_it(network: Any) -> None:
    assert reach(network) == {"y": {0}, "z": {1}}


def test_half_ends_where_something_else_than_a_maximum_begins(network: Any) -> None:
    types = types_of(halved(network, [0, 1]))

    assert {key: found for key, found in types.items() if key[0] != "Cast"} == {
        ("Conv", 2): {"float"},
        ("Conv", 1): {"float16"},
        ("Relu", 1): {"float16"},
        ("MaxPool", 1): {"float16"},
        ("Abs", 1): {"float"},
        ("Neg", 1): {"float"},
    }


def test_a_convolution_that_is_not_chosen_stays_in_float32(network: Any) -> None:
    model = halved(network, [1])

    assert types_of(model)["Relu", 1] == {"float"}
    assert types_of(model)["Conv", 1] == {"float", "float16"}


def test_the_model_given_is_left_as_it_was(network: Any) -> None:
    before = serialise(onnx_ir.from_onnx_text(NETWORK))

    halved(network, [0])
    rounded(network, [0])

    assert serialise(network) == before


def test_the_twin_rounds_where_the_halved_model_does(
    network: Any, session_of: Callable[[bytes], onnxruntime.InferenceSession]
) -> None:
    # Half has eleven bits: 1024 + 1025 becomes 2048.
    x = np.zeros((1, 2, 2, 2), np.float32)
    x[0, :, 0, 0] = 1024, 1025

    found = {
        name: session_of(serialise(model)).run(["y"], {"x": x})[0].item()
        for name, model in {
            "float32": network,
            "halved": halved(network, [0]),
            "twin": rounded(network, [0]),
        }.items()
    }

    # The halved model shows no error in ONNX Runtime on the CPU; hence the twin.
    assert found == {"float32": 2049, "halved": 2049, "twin": 2048}


def test_the_twin_is_pytorch_in_half(
    session_of: Callable[[bytes], onnxruntime.InferenceSession],
) -> None:
    generator = torch.Generator().manual_seed(1)
    shapes = (2, 3, 12, 13), (8, 3, 3, 3), (4, 8, 3, 3)
    x, first, second = (torch.randn(*shape, generator=generator) for shape in shapes)
    constants = {"first": first.numpy(), "second": second.numpy()}
    model = onnx_ir.from_onnx_text(
        PAIR, initializers=[onnx_ir.tensor(each, name=name) for name, each in constants.items()]
    )

    (got,) = session_of(serialise(rounded(model, [0, 1]))).run(None, {"x": x.numpy()})

    wanted = F.conv2d(F.relu(F.conv2d(x.half(), first.half())), second.half()).float().numpy()
    # A unit in the last place of the largest value: the two add in another order.
    assert np.abs(got - wanted).max() <= 2.0**-10 * np.abs(wanted).max()


def test_lpips_on_trained_weights_holds_in_half(lpips: Any) -> None:
    graph, exact, model, test = lpips

    _, found = in_half(model, graph, exact, test)

    score, psnr = found
    assert (score.name, score.half, score.holds) == ("lpips_alex", True, True)
    assert set(score.errors) == {"natural", "dark", "flat", "bright", "self-test"}
    assert set(score.allowed.values()) == {1e-3}
    assert all(0 < error < 5e-4 for error in score.errors.values())
    assert psnr == Rounding(name="psnr", half=False, errors={}, allowed={})


@pytest.mark.parametrize("case", ["bikes_128x192/blend", "bikes_97x131/noise", "black_vs_white"])
def test_lpips_in_half_is_the_authors_on_real_frames(
    lpips: Any,
    learned: dict[str, dict[str, Any]],
    pair_of: Callable[[str], dict[str, np.ndarray]],
    session_of: Callable[[bytes], onnxruntime.InferenceSession],
    case: str,
) -> None:
    _, _, model, _ = lpips
    twin = session_of(serialise(rounded(model, range(5))))

    (got,) = twin.run(["lpips_alex"], pair_of(case))

    assert abs(got.item() - learned[case]["lpips.alex"]) < 5e-4


def test_norms_differences_and_means_are_in_float32(lpips: Any) -> None:
    graph, exact, model, test = lpips

    half, _ = in_half(model, graph, exact, test)

    types = types_of(half)
    assert {op for (op, _), found in types.items() if "float16" in found} == {
        "Cast",
        "Conv",
        "MaxPool",
        "Relu",
    }
    assert types["Conv", 1] == types["Relu", 1] == {"float16"}
    assert types["ReduceMean", 1] == types["Pow", 1] == types["Sqrt", 1] == {"float"}


def test_what_half_cannot_hold_stays_in_float32_and_is_named(mixed: Any) -> None:
    _, _, (fine, _) = mixed

    assert not fine.half
    assert not fine.holds
    assert fine.words.startswith("fine in float32: in half it is ")


def test_layers_shared_with_an_entry_that_cannot_are_kept_for_both(mixed: Any) -> None:
    model, half, (_, coarse) = mixed

    assert reach(model) == {"fine": {0, 1}, "coarse": {0, 1, 2}}
    assert coarse.half
    kinds = [node.inputs[1].const_value.dtype for node in convolutions(half)]
    assert kinds == [onnx_ir.DataType.FLOAT] * 2 + [onnx_ir.DataType.FLOAT16]


def test_a_network_that_overflows_half_stays_in_float32(
    deterministic: dict[str, dict[str, Tensor]],
) -> None:
    loud = dict(deterministic["vgg16"])
    loud["features.0.weight"] = 1e5 * loud["features.0.weight"]
    weights = Weights({"vgg16": loud}, offline=True)
    graph, exact, model, test = made("vgg[network=vgg16;taps=relu1_1;factors=1]", weights)

    half, (found,) = in_half(model, graph, exact, test)

    assert found.errors["natural"] is None
    assert "in half it is not finite on" in found.words
    assert serialise(half) == serialise(model)


def test_the_manifest_says_what_is_in_half_and_how_far_off(exported: Any) -> None:
    manifest = Model(exported[0], backend="cpu").manifest

    lpips, psnr = manifest.rounding
    assert manifest.precision == "fp16"
    assert (lpips.half, psnr.half) == (True, False)
    assert lpips.errors.keys() == lpips.allowed.keys()
    assert Manifest.from_json(manifest.to_json(), file="model.onnx") == manifest


def test_the_self_test_wants_float64s_scores(exported: Any, alexnet: dict[str, Tensor]) -> None:
    manifest = Model(exported[0], backend="cpu").manifest
    weights = Weights({"alexnet": alexnet}, offline=True)
    graph, exact = graphs("lpips_alex,psnr", weights, format="yuv420p")

    assert manifest.self_test == describe(graph, exact).self_test


def test_what_half_needs_of_the_tolerance_the_self_test_allows(
    exported: Any, window_model: Any
) -> None:
    in_half = Model(exported[0], backend="cpu").manifest

    assert in_half.self_test.share == 1.0
    assert window_model.manifest.self_test.share == 0.05


def test_the_file_is_half_as_large(exported: Any) -> None:
    # AlexNet's convolutions have 2,469,696 weights and biases.
    assert 2 * 2_469_696 < exported[0].stat().st_size < 2.1 * 2_469_696


def test_the_command_says_what_stays_in_float32(exported: Any) -> None:
    lines = exported[1].splitlines()

    assert "kept in float32: psnr" in lines
    assert "psnr in float32: it has no network to put in half" in lines
    assert any(line.startswith("lpips_alex in half: up to ") for line in lines)


def test_show_says_what_is_in_half(exported: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["show", str(exported[0])])

    shown = capsys.readouterr().out
    assert "precision fp16" in shown
    assert "lpips_alex in half: up to " in shown
    assert "psnr in float32: " in shown


def test_a_report_says_that_the_model_is_in_half(exported: Any) -> None:
    report = score(
        CLIPS / "reference.mp4", CLIPS / "distorted.mp4", model=exported[0], count=2, backend="cpu"
    )

    report = json.loads(report.to_json())
    assert (report["model"]["precision"], report["backend"]["precision"]) == ("fp16", "fp16")
    assert report["pooled_metrics"]["lpips_alex"]["mean"] > 0


def test_tensorrt_builds_the_file_with_its_network_in_half(exported: Any) -> None:
    engine, types = built(exported[0].read_bytes())

    assert engine is not None
    assert types == {"HALF"}


def test_tensorrt_builds_a_network_that_is_partly_in_half(mixed: Any) -> None:
    _, half, _ = mixed

    engine, types = built(serialise(half))

    assert engine is not None
    assert types == {"FLOAT", "HALF"}


def test_another_precision_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="precision takes one of fp32, fp16; got 'int8'"):
        export("psnr", tmp_path / "psnr.onnx", precision="int8")


def test_a_manifest_of_another_precision_is_refused(exported: Any) -> None:
    manifest = Model(exported[0], backend="cpu").manifest

    text = manifest.to_json().replace('"precision":"fp16"', '"precision":"int4"')

    with pytest.raises(ManifestError, match="precision is 'int4', and should be one of fp32, fp16"):
        Manifest.from_json(text, file="odd.onnx")


def test_an_order_in_half_has_a_command_that_says_so() -> None:
    order = ExportRequest(entries="lpips_alex", format="rgb24", precision="fp16")

    assert "--precision fp16" in order.command()
    assert "--precision" not in replace(order, precision="fp32").command()


def test_a_model_in_half_is_kept_apart_from_the_same_in_float32(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    monkeypatch.setattr(exports, "write", lambda order, path, progress: path.write_bytes(b"model"))
    order = ExportRequest(entries="psnr", format="rgb24", precision="fp16")

    files = [cached(each, False, print) for each in (order, replace(order, precision="fp32"))]

    assert files[0] != files[1]


def test_an_error_of_over_half_the_tolerance_does_not_hold() -> None:
    within = Rounding(name="x", half=True, errors={"dark": 0.5}, allowed={"dark": 1.0})

    assert within.holds
    assert not replace(within, errors={"dark": 0.51}).holds
    assert not replace(within, errors={"dark": None}).holds
    assert replace(within, half=False).words.endswith("that of an output which needs it")


@pytest.mark.parametrize(("error", "holds"), [(0.4949, True), (0.5049, False)])
def test_an_error_is_not_rounded_until_it_holds(error: float, holds: bool) -> None:
    output = Output(
        name="x",
        kind="score",
        entry="x",
        options={},
        inputs=("distorted",),
        masked=False,
        transfer="any",
        ends="not_judged",
        better="lower",
        ideal=0.0,
        low=0.0,
        high=None,
        unit="1",
        least=1,
        tolerance=1.0,
        relative=0.0,
    )
    trial = Measurement(kinds=["dark"], feed={}, wanted={"x": np.array([2.0])})

    rounding = precision._rounding(output, [trial], [{"x": np.array([2.0 + error])}])

    assert rounding.holds == holds


def graphs(entries: Any, weights: Any, *, format: Any = "rgb24", maps: Any = ()) -> Any:
    """The graph of entries in float32 and in float64."""
    return tuple(
        Graph(parse_entries(entries), find_format(format), maps=maps, dtype=dtype, weights=weights)
        for dtype in (torch.float32, torch.float64)
    )


def made(entries: Any, weights: Any, *, maps: Any = ()) -> Any:
    """Both graphs of entries, their model in float32, and its self-test."""
    graph, exact = graphs(entries, weights, maps=maps)
    return graph, exact, translate(trace(graph), graph), describe(graph, exact).self_test


def built(content: Any) -> Any:
    """An engine for SM89, ``None`` if TensorRT makes none, and the types of its convolutions."""
    trt = pytest.importorskip("tensorrt_rtx", reason="tensorrt-rtx is not installed")
    logger = trt.Logger(trt.Logger.ERROR)
    builder = trt.Builder(logger)
    network = builder.create_network(0)
    parser = trt.OnnxParser(network, logger)  # holds the weights until the engine is built
    assert parser.parse(content)
    config = builder.create_builder_config()
    config.num_compute_capabilities = 1
    config.set_compute_capability(trt.ComputeCapability.SM89, 0)
    profile = builder.create_optimization_profile()
    for each in map(network.get_input, range(network.num_inputs)):
        side = 32 if each.name.endswith(("_u", "_v")) else 64
        batch, *axes = each.shape
        shape = [1 if batch < 0 else batch, *(side if axis < 0 else axis for axis in axes)]
        profile.set_shape(each.name, shape, shape, shape)
    config.add_optimization_profile(profile)
    layers = map(network.get_layer, range(network.num_layers))
    types = {
        layer.get_output(0).dtype.name
        for layer in layers
        if layer.type == trt.LayerType.CONVOLUTION
    }
    return builder.build_serialized_network(network, config), types


def types_of(model: Any) -> Any:
    """Element types that each operator gives, by its name and number of groups."""
    proto = onnx.shape_inference.infer_shapes(onnx.load_from_string(serialise(model)))
    graph = proto.graph
    known = {
        each.name: each.type.tensor_type.elem_type for each in (*graph.value_info, *graph.output)
    }
    types = {}
    for node in graph.node:
        groups = next((each.i for each in node.attribute if each.name == "group"), 1)
        name = TensorProto.DataType.Name(known[node.output[0]]).lower()
        types.setdefault((node.op_type, groups), set()).add(name)
    return types
