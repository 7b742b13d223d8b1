"""A traced program as an ONNX model with our names, and as the bytes of its file."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence

import onnx_ir
import onnx_ir.passes.common as passes
import torch

from framegauge.export.contract.manifest import KEY, Manifest, ManifestError
from framegauge.export.contract.model_bytes import (
    BLANK,
    DIGEST_KEY,
    check_sound,
    read_manifest,
    sealed,
)
from framegauge.export.graph import Graph
from framegauge.export.lowering.constant_folding import fold_constants
from framegauge.export.lowering.input_casts import cast_first
from framegauge.export.lowering.origin_removal import remove_origin
from framegauge.export.lowering.proof import ExportError

# GridSample means something else to TensorRT's parser from opset 20 on.
OPSET = 18
# What opset 18 needs and no more: a newer one would keep old releases of ONNX Runtime out.
IR_VERSION = 8


def translate(program: torch.export.ExportedProgram, suite: Graph) -> onnx_ir.Model:
    """The program as an ONNX model with our names and nothing but the graph in it.

    Raises:
        ExportError: A size that must stay open became a constant.
    """
    # It says at every start that torchvision's operators are not there; no graph of ours has one.
    logging.getLogger("torch.onnx._internal.exporter._registration").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        # Axes get names of their own below, and the exporter's use of LeafSpec is its own affair.
        warnings.filterwarnings("ignore", message=".*isinstance.treespec, LeafSpec.*")
        warnings.filterwarnings("ignore", message=".*axis name.*")
        exported = torch.onnx.export(
            program,
            opset_version=OPSET,
            external_data=False,
            dynamo=True,
            verbose=False,
            optimize=False,
        )
    if exported is None:
        raise ExportError(f"torch.onnx.export gave no model of {suite.labels}.")
    model = exported.model
    fold_constants(model)
    passes.CommonSubexpressionEliminationPass()(model)
    passes.RemoveUnusedNodesPass()(model)
    cast_first(model)
    remove_origin(model)
    graph = model.graph
    for value, each in zip(graph.inputs, suite.inputs, strict=True):
        _check_open(value, each.name, each.dims)
        value.name = each.name
        value.shape = onnx_ir.Shape(each.dims)
    for value, output in zip(graph.outputs, suite.outputs, strict=True):
        value.name = output.name
        value.shape = onnx_ir.Shape(
            ("N", 1, f"h {output.name}", f"w {output.name}") if output.kind == "map" else ("N",)
        )
    graph.name = "framegauge"
    return model


def serialise(model: onnx_ir.Model, facts: Manifest | None = None) -> bytes:
    """The bytes of a model file, the same for the same graph whatever it was cut from.

    Args:
        model: The graph.
        facts: What the file says of itself; with them goes the digest of the whole, ``None`` for a
            graph that is no file yet.

    Raises:
        ExportError: What the file says of itself is nothing that a host would take.
    """
    graph = model.graph
    graph.name = model.producer_name = "framegauge"
    model.producer_version = None
    outside = {id(value) for value in (*graph.inputs, *graph.outputs)}
    used = dict.fromkeys(value for node in graph for value in node.inputs if value is not None)
    constants = [value for value in used if value.is_initializer()]
    graph.initializers.clear()
    for number, value in enumerate(constants):
        value.name = f"constant_{number}"
        graph.initializers.add(value)
    for number, node in enumerate(graph):
        node.name = f"{node.op_type}_{number}"
        for position, value in enumerate(node.outputs):
            if id(value) not in outside:
                value.name = f"{node.op_type}_{number}_{position}"
    model.ir_version = IR_VERSION
    if facts is not None:
        model.metadata_props[KEY] = facts.to_json()
        model.metadata_props[DIGEST_KEY] = BLANK.decode()
    content: bytes = onnx_ir.to_proto(model).SerializeToString(deterministic=True)
    if facts is None:
        return content
    content = sealed(content)
    try:
        read_manifest(content, file="the file")
        check_sound(content, file="the file")
    except ManifestError as error:
        raise ExportError(f"The model would be refused where it is used: {error}") from error
    return content


def _check_open(value: onnx_ir.Value, name: str, dims: Sequence[str | int]) -> None:
    shape = value.shape
    if shape is None or len(shape) != len(dims):
        raise ExportError(f"The input {name} lost its shape in the export.")
    for dim, wanted in zip(shape, dims, strict=True):
        if isinstance(wanted, str) and isinstance(dim, int):
            raise ExportError(f"The axis {wanted} of {name} became the constant {dim}.")
