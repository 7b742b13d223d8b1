"""The pass that shows on the CPU what half precision does: values rounded to half and back."""

from __future__ import annotations

from collections.abc import Collection

import onnx_ir
from onnx_ir import DataType, Value

from framegauge.export.lowering.convolutions import (
    cast_after,
    cast_before,
    chosen_convolutions,
    round_constants,
)


def rounded(model: onnx_ir.Model, places: Collection[int]) -> onnx_ir.Model:
    """A copy that gives in float32 what the pass of ``half`` gives: the same values, rounded.

    ONNX Runtime's CPU has no convolution in half. It runs one in float32 and leaves out the casts
    that it put between two of them, so that a halved model shows next to no error there. It keeps
    casts that the file has around convolutions in float32, which are this model's.

    Args:
        model: Its nodes in order.
        places: Which of :func:`~framegauge.export.lowering.convolutions.convolutions`.
    """
    copy = model.clone()
    constants: dict[int, Value] = {}
    for node in chosen_convolutions(copy, places):
        for to in (DataType.FLOAT16, DataType.FLOAT):
            node.replace_input_with(0, cast_before(copy, node, to))
        round_constants(copy, node, DataType.FLOAT, constants)
        narrowed = cast_after(copy, node, DataType.FLOAT16)
        cast_after(copy, narrowed, DataType.FLOAT)
    return copy
