"""The graph of a suite as ONNX: traced with open sizes, translated, stripped of all but itself."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from typing import Any

import onnx_ir
import onnx_ir.passes.common as passes
import onnxscript.optimizer
import torch

from framegauge.export.graph import Graph
from framegauge.export.lowering.proof import ExportError, feeds, size_above

# GridSample means something else to TensorRT's parser from opset 20 on.
OPSET = 18


def trace(suite: Graph) -> torch.export.ExportedProgram:
    """The suite's graph with every batch, height and width open."""
    # Distinct tensors: one object given twice would become one input.
    feed = feeds(suite, size_above(suite, 21, 34), batch=2)
    example = tuple(torch.from_numpy(feed[each.name]) for each in suite.inputs)
    dims: dict[str | int, Any] = {
        "N": torch.export.Dim("N"),
        "H": torch.export.Dim("H", min=suite.least),
        "W": torch.export.Dim("W", min=suite.least),
        "ceil(H/2)": torch.export.Dim("Hc", min=(suite.least + 1) // 2),
        "ceil(W/2)": torch.export.Dim("Wc", min=(suite.least + 1) // 2),
    }
    axes = tuple(
        {axis: dims[dim] for axis, dim in enumerate(each.dims) if dim in dims}
        for each in suite.inputs
    )
    try:
        return torch.export.export(
            suite,
            example,
            dynamic_shapes=(axes,),
            prefer_deferred_runtime_asserts_over_guards=True,
        )
    except Exception as error:
        raise ExportError(
            f"PyTorch could not trace {_labels(suite)} with open sizes: {error}"
        ) from error


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
        raise ExportError(f"torch.onnx.export gave no model of {_labels(suite)}.")
    model = exported.model
    _fold(model)
    passes.CommonSubexpressionEliminationPass()(model)
    passes.RemoveUnusedNodesPass()(model)
    _cast_first(model)
    _strip(model)
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


def serialise(model: onnx_ir.Model) -> bytes:
    """The bytes of a model file, the same for the same graph whatever it was cut from."""
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
    content: bytes = onnx_ir.to_proto(model).SerializeToString(deterministic=True)
    return content


def _check_open(value: onnx_ir.Value, name: str, dims: Sequence[str | int]) -> None:
    shape = value.shape
    if shape is None or len(shape) != len(dims):
        raise ExportError(f"The input {name} lost its shape in the export.")
    for dim, wanted in zip(shape, dims, strict=True):
        if isinstance(wanted, str) and isinstance(dim, int):
            raise ExportError(f"The axis {wanted} of {name} became the constant {dim}.")


def _fold(model: onnx_ir.Model) -> None:
    """Compute what is constant.

    The exporter's own optimisation does that too, but its rules also take a constant below 1e-8
    for zero, and one within 1e-5 of one for one: an epsilon under a root would be lost.
    """
    passes.InlinePass()(model)
    for _ in range(2):
        onnxscript.optimizer.fold_constants(model)
        passes.RemoveUnusedNodesPass()(model)
    passes.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0)(model)
    passes.DeduplicateInitializersPass()(model)
    passes.RemoveUnusedFunctionsPass()(model)  # type: ignore[no-untyped-call] # as it ships
    passes.RemoveUnusedOpsetsPass()(model)
    passes.IdentityEliminationPass()(model)
    passes.OutputFixPass()(model)


def _cast_first(model: onnx_ir.Model) -> None:
    """Ask the size of an 8-bit input after its cast: TensorRT lets nothing else precede that."""
    for value in model.graph.inputs:
        takers = [use.node for use in value.uses()]
        casts = [node for node in takers if node.op_type == "Cast"]
        for node in takers:
            if node.op_type == "Shape" and casts:
                node.replace_input_with(0, casts[0].outputs[0])
    model.graph.sort()


def _strip(model: onnx_ir.Model) -> None:
    """Remove all that says where and by what code the graph was made."""
    passes.ClearMetadataAndDocStringPass()(model)
    model.metadata_props.clear()
    model.graph.metadata_props.clear()
    for value in [v for node in model.graph.all_nodes() for v in node.outputs]:
        value.metadata_props.clear()
        if value not in model.graph.outputs:
            value.shape = value.type = None
    for value in (*model.graph.inputs, *model.graph.outputs, *model.graph.initializers.values()):
        value.metadata_props.clear()


def _labels(suite: Graph) -> str:
    return ", ".join(member.label for member in suite.members)
