"""Convolutions in half precision, everything else in float32, as a change of a model's graph.

A network's convolutions take float16 and give float16. What lies between them and the scores
(norms, variances, means, roots, grids, sums) stays in float32. ReLU and maxima only pick among
values, give the same before and after rounding, and stay in half between two convolutions.

Filters that treat every channel by itself (windows, gradients, pyramids) stay in float32: they are
parts of variances and differences, and hold no matrix product for half precision to speed up.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import onnx_ir
import onnx_ir.passes.common as passes
from onnx_ir import DataType, Node, Value

_PICKING = ("Relu", "MaxPool")


def convolutions(model: onnx_ir.Model) -> list[Node]:
    """The convolutions that sum over channels, with constant weights, in the graph's order."""
    return [node for node in model.graph if node.op_type == "Conv" and _mixes(node.inputs[1])]


def reach(model: onnx_ir.Model) -> dict[str, frozenset[int]]:
    """For each output, by name, what it rests on: places in the list of :func:`convolutions`."""
    places = {id(node): place for place, node in enumerate(convolutions(model))}
    found: dict[int, frozenset[int]] = {}
    for node in model.graph:
        own = frozenset([places[id(node)]] if id(node) in places else [])
        rests = own.union(*(found.get(id(value), ()) for value in node.inputs))
        found |= {id(value): rests for value in node.outputs}
    return {str(value.name): found.get(id(value), frozenset()) for value in model.graph.outputs}


def halved(model: onnx_ir.Model, places: Collection[int]) -> onnx_ir.Model:
    """A copy of a model in float32 with some convolutions in half precision.

    Args:
        model: Its nodes in order.
        places: Which of :func:`convolutions`.
    """
    copy = model.clone()
    chosen = _chosen(copy, places)
    constants: dict[int, Value] = {}
    in_half: dict[int, Value] = {}  # by the identity of the same value in float32
    for node in list(copy.graph):
        if node in chosen:
            value = in_half.get(id(node.inputs[0])) or _cast_before(copy, node, DataType.FLOAT16)
            _round_constants(copy, node, DataType.FLOAT16, constants)
        elif node.op_type in _PICKING and id(node.inputs[0]) in in_half:
            value = in_half[id(node.inputs[0])]
        else:
            continue
        node.replace_input_with(0, value)
        in_half[id(_cast_after(copy, node, DataType.FLOAT).outputs[0])] = node.outputs[0]
    passes.RemoveUnusedNodesPass()(copy)
    return copy


def rounded(model: onnx_ir.Model, places: Collection[int]) -> onnx_ir.Model:
    """A copy that gives in float32 what :func:`halved` gives: the same values rounded to half.

    ONNX Runtime's CPU has no convolution in half. It runs one in float32 and leaves out the casts
    that it put between two of them, so that a halved model shows next to no error there. It keeps
    casts that the file has around convolutions in float32, which are this model's.

    Args:
        model: Its nodes in order.
        places: Which of :func:`convolutions`.
    """
    copy = model.clone()
    constants: dict[int, Value] = {}
    for node in _chosen(copy, places):
        for to in (DataType.FLOAT16, DataType.FLOAT):
            node.replace_input_with(0, _cast_before(copy, node, to))
        _round_constants(copy, node, DataType.FLOAT, constants)
        narrowed = _cast_after(copy, node, DataType.FLOAT16)
        _cast_after(copy, narrowed, DataType.FLOAT)
    return copy


def _chosen(model: onnx_ir.Model, places: Collection[int]) -> list[Node]:
    return [node for place, node in enumerate(convolutions(model)) if place in places]


def _cast_before(model: onnx_ir.Model, node: Node, to: DataType) -> Value:
    """What the node takes first, cast."""
    cast = onnx_ir.node("Cast", [node.inputs[0]], {"to": to})
    model.graph.insert_before(node, cast)
    return cast.outputs[0]


def _cast_after(model: onnx_ir.Model, node: Node, to: DataType) -> Node:
    """A cast of what the node gives, for all that took it before."""
    (output,) = node.outputs
    users = tuple(output.uses())
    cast = onnx_ir.node("Cast", [output], {"to": to})
    model.graph.insert_after(node, cast)
    for user, place in users:
        user.replace_input_with(place, cast.outputs[0])
    return cast


def _round_constants(
    model: onnx_ir.Model, node: Node, type: DataType, made: dict[int, Value]
) -> None:
    """Round a convolution's weights and bias to half, and keep them as the type given."""
    for place, value in enumerate(node.inputs[1:], start=1):
        if value is None or value.const_value is None:
            continue
        if id(value) not in made:
            # What half cannot hold becomes infinite, and the scores show it.
            with np.errstate(over="ignore"):
                half = value.const_value.numpy().astype(np.float16)
            tensor = onnx_ir.tensor(half.astype(type.numpy()), name=f"half_{len(made)}")
            made[id(value)] = onnx_ir.val(tensor.name, const_value=tensor)
            model.graph.register_initializer(made[id(value)])
        node.replace_input_with(place, made[id(value)])


def _mixes(weights: Value | None) -> bool:
    constant = weights.const_value if weights is not None else None
    return constant is not None and constant.numpy().shape[1] > 1
