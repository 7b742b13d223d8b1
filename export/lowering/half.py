"""The pass that puts convolutions in half precision and leaves everything else in float32.

A network's convolutions take float16 and give float16. What lies between them and the scores
(norms, variances, means, roots, grids, sums) stays in float32. ReLU and maxima only pick among
values, give the same before and after rounding, and stay in half between two convolutions.
"""

from __future__ import annotations

from collections.abc import Collection

import onnx_ir
import onnx_ir.passes.common as passes
from onnx_ir import DataType, Value

from framegauge.export.lowering.convolutions import (
    cast_after,
    cast_before,
    chosen_convolutions,
    round_constants,
)

_PICKING = ("Relu", "MaxPool")


def halved(model: onnx_ir.Model, places: Collection[int]) -> onnx_ir.Model:
    """A copy of a model in float32 with some convolutions in half precision.

    Args:
        model: Its nodes in order.
        places: Which of :func:`~framegauge.export.lowering.convolutions.convolutions`.
    """
    copy = model.clone()
    chosen = chosen_convolutions(copy, places)
    constants: dict[int, Value] = {}
    in_half: dict[int, Value] = {}  # by the identity of the same value in float32
    for node in list(copy.graph):
        if node in chosen:
            value = in_half.get(id(node.inputs[0])) or cast_before(copy, node, DataType.FLOAT16)
            round_constants(copy, node, DataType.FLOAT16, constants)
        elif node.op_type in _PICKING and id(node.inputs[0]) in in_half:
            value = in_half[id(node.inputs[0])]
        else:
            continue
        node.replace_input_with(0, value)
        in_half[id(cast_after(copy, node, DataType.FLOAT).outputs[0])] = node.outputs[0]
    passes.RemoveUnusedNodesPass()(copy)
    return copy
