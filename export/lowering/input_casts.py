"""The pass that lets nothing but a cast precede the cast of an 8-bit input: TensorRT's rule."""

from __future__ import annotations

import onnx_ir


def cast_first(model: onnx_ir.Model) -> None:
    """Ask the size of an 8-bit input after its cast; the size is the same."""
    for value in model.graph.inputs:
        takers = [use.node for use in value.uses()]
        casts = [node for node in takers if node.op_type == "Cast"]
        for node in takers:
            if node.op_type == "Shape" and casts:
                node.replace_input_with(0, casts[0].outputs[0])
    model.graph.sort()
