"""The convolutions of a network within a model, and casts around them.

Filters that treat every channel by itself (windows, gradients, pyramids) are none: they are parts
of variances and differences, and hold no matrix product for half precision to speed up.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import onnx_ir
from onnx_ir import DataType, Node, Value


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


def chosen_convolutions(model: onnx_ir.Model, places: Collection[int]) -> list[Node]:
    """Those of :func:`convolutions` at the places given."""
    return [node for place, node in enumerate(convolutions(model)) if place in places]


def cast_before(model: onnx_ir.Model, node: Node, to: DataType) -> Value:
    """What the node takes first, cast."""
    cast = onnx_ir.node("Cast", [node.inputs[0]], {"to": to})
    model.graph.insert_before(node, cast)
    return cast.outputs[0]


def cast_after(model: onnx_ir.Model, node: Node, to: DataType) -> Node:
    """A cast of what the node gives, for all that took it before."""
    (output,) = node.outputs
    users = tuple(output.uses())
    cast = onnx_ir.node("Cast", [output], {"to": to})
    model.graph.insert_after(node, cast)
    for user, place in users:
        user.replace_input_with(place, cast.outputs[0])
    return cast


def round_constants(
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
