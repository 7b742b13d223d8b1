"""What a model's graph may hold."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper, parser
from onnx.external_data_helper import set_external_data

from framegauge.export.contract.graph_soundness import (
    MOST_NUMBER,
    OPERATORS,
    GraphError,
    check_graph,
)
from framegauge.export.contract.manifest import ManifestError
from framegauge.export.contract.model_bytes import check_sound
from framegauge.export.contract.model_file import ModelFile

SHIPPED = Path(__file__).parents[3] / "runtime" / "models"


def graph(body: str, **constants: Any) -> onnx.ModelProto:
    """A model of one graph, its constants as arrays."""
    text = f'<ir_version: 8, opset_import: ["" : 18]> g (float[N] x) => (float[M] y) {{ {body} }}'
    model = parser.parse_model(text)
    for name, values in constants.items():
        model.graph.initializer.append(numpy_helper.from_array(np.asarray(values), name))
    return model


def refusal(model: onnx.ModelProto) -> str:
    with pytest.raises(GraphError) as caught:
        check_graph(model.SerializeToString())
    return str(caught.value)


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*/*.onnx")), ids=lambda path: path.stem)
def test_every_shipped_model_is_sound(path: Path) -> None:
    check_graph(path.read_bytes())


def test_every_operator_is_one_of_onnx() -> None:
    known = {schema.name for schema in onnx.defs.get_all_schemas() if schema.domain == ""}

    assert known >= OPERATORS


def test_no_operator_holds_a_graph() -> None:
    graphs = (onnx.defs.OpSchema.AttrType.GRAPH, onnx.defs.OpSchema.AttrType.GRAPHS)
    holders = {
        schema.name
        for schema in onnx.defs.get_all_schemas()
        if any(each.type in graphs for each in schema.attributes.values())
    }

    assert holders.isdisjoint(OPERATORS)


def test_no_operator_draws_by_chance() -> None:
    assert not [name for name in OPERATORS if "Random" in name or name in ("Bernoulli", "Dropout")]


def test_a_loop_is_refused() -> None:
    body = helper.make_graph([], "b", [], [])
    node = helper.make_node("Loop", ["", "", "x"], ["y"], body=body)

    model = helper.make_model(helper.make_graph([node], "g", [], []))

    assert refusal(model).startswith("has the operator 'Loop' in its graph")


def test_a_graph_within_a_known_operator_is_refused() -> None:
    node = helper.make_node("Abs", ["x"], ["y"], body=helper.make_graph([], "b", [], []))

    model = helper.make_model(helper.make_graph([node], "g", [], []))

    assert "graphs within its nodes" in refusal(model)


def test_operators_from_elsewhere_are_refused() -> None:
    node = helper.make_node("Abs", ["x"], ["y"], domain="com.microsoft")

    model = helper.make_model(helper.make_graph([node], "g", [], []))

    assert "operators of 'com.microsoft'" in refusal(model)


def test_a_declared_set_of_operators_from_elsewhere_is_refused() -> None:
    model = graph("y = Abs(x)")
    model.opset_import.add(domain="my.domain", version=1)

    assert "operators of 'my.domain'" in refusal(model)


def test_functions_are_refused() -> None:
    model = graph("y = Abs(x)")
    model.functions.append(helper.make_function("", "Abs", ["a"], ["b"], [], []))

    assert "functions" in refusal(model)


def test_sparse_constants_are_refused() -> None:
    model = graph("y = Abs(x)")
    model.graph.sparse_initializer.add()

    assert "sparse constants" in refusal(model)


@pytest.mark.parametrize(
    ("body", "constant", "values"),
    [
        ("y = Expand(x, c)", "c", [4096, 4096, 2]),
        ("y = Tile(x, c)", "c", [60_000, 300]),
        ("y = Pad(x, c)", "c", [5000, 5000]),
        ("y = ConstantOfShape(c)", "c", [300, 300, 300]),
        ("y = Resize(x, , c)", "c", np.float32([1e8])),
        ("y = Resize(x, , , c)", "c", [50_000, 400]),
        ("y = Range(x, c, x)", "c", np.float64(1e12)),
    ],
    ids=lambda each: each if isinstance(each, str) and "=" in each else "",
)
def test_a_constant_that_makes_gigabytes_is_refused(body: str, constant: str, values: Any) -> None:
    operator = body.removeprefix("y = ").partition("(")[0]

    assert f"makes its {operator} too large" in refusal(graph(body, **{constant: values}))


@pytest.mark.parametrize(
    "constant",
    [
        "value_ints = [4096, 4096, 2]",
        "value = int64[3] {4096, 4096, 2}",
        "value = int32[3] {4096, 4096, 2}",
    ],
)
def test_a_constant_of_a_node_makes_no_gigabytes_either(constant: str) -> None:
    model = graph(f"c = Constant <{constant}> () y = Expand(x, c)")

    assert "makes its Expand too large" in refusal(model)


@pytest.mark.parametrize("constant", ["value_int = 65537", "value = int64 {65537}"])
def test_a_whole_number_of_a_node_is_bounded(constant: str) -> None:
    model = graph(f"c = Constant <{constant}> () y = Add(x, c)")

    assert "the whole number 65537" in refusal(model)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_whole_number_that_is_no_size_is_refused(sign: int) -> None:
    model = graph("y = Add(x, c)", c=np.int64([sign * (MOST_NUMBER + 1)]))

    assert f"the whole number {sign * (MOST_NUMBER + 1)}" in refusal(model)


def test_whole_numbers_are_found_where_they_are_listed() -> None:
    model = graph("y = Add(x, c)")
    model.graph.initializer.append(helper.make_tensor("c", TensorProto.INT64, [1], [2**40]))

    assert "the whole number" in refusal(model)


@pytest.mark.parametrize("field", ["strides", "pads", "kernel_shape"])
def test_a_step_beyond_any_frame_is_refused(field: str) -> None:
    node = helper.make_node("MaxPool", ["x"], ["y"], **{field: [1, MOST_NUMBER + 1]})

    model = helper.make_model(helper.make_graph([node], "g", [], []))

    assert "the whole number" in refusal(model)


def test_the_open_end_of_a_slice_is_no_size() -> None:
    model = graph("y = Slice(x, a, b)", a=np.int64([0]), b=np.int64([2**63 - 1]))

    check_graph(model.SerializeToString())


def test_the_open_end_of_a_slice_makes_nothing_large() -> None:
    model = graph("y = Expand(x, c)", c=np.int64([2**63 - 1]))

    assert "makes its Expand too large" in refusal(model)


@pytest.mark.parametrize("place", ["initializer", "attribute"])
def test_weights_elsewhere_are_refused(place: str) -> None:
    tensor = numpy_helper.from_array(np.ones(1, np.float32), "c")
    set_external_data(tensor, "/dev/zero")
    model = graph("y = Abs(x)")
    if place == "initializer":
        model.graph.initializer.append(tensor)
    else:
        model.graph.node.append(helper.make_node("ConstantOfShape", ["x"], ["z"], value=tensor))

    assert "keeps weights in a file beside it" in refusal(model)


@pytest.mark.parametrize("content", [b"This is not a model.", b"\xff" * 40, b"\x3a\x7f"])
def test_what_is_no_onnx_file_is_refused_by_name(content: bytes) -> None:
    with pytest.raises(ManifestError, match=r"x\.onnx is not an ONNX file"):
        check_sound(content, file="x.onnx")


def test_a_model_of_ours_with_a_loop_is_refused_before_it_runs(
    tmp_path: Path, resealed: Callable[[onnx.ModelProto], bytes]
) -> None:
    model = onnx.load(SHIPPED / "rgb24" / "mse.onnx")
    model.graph.node.append(helper.make_node("Loop", [], []))
    path = tmp_path / "loop.onnx"
    path.write_bytes(resealed(model))

    with pytest.raises(ManifestError, match=r"loop\.onnx has the operator 'Loop'.*Export"):
        ModelFile.read(path)
