"""The pass that removes where and by what code a graph was made, so that files are alike."""

from __future__ import annotations

import onnx_ir
import onnx_ir.passes.common as passes


def remove_origin(model: onnx_ir.Model) -> None:
    """Remove doc strings, metadata, and the shapes and types of what lies between nodes."""
    passes.ClearMetadataAndDocStringPass()(model)
    model.metadata_props.clear()
    model.graph.metadata_props.clear()
    for value in [v for node in model.graph.all_nodes() for v in node.outputs]:
        value.metadata_props.clear()
        if value not in model.graph.outputs:
            value.shape = value.type = None
    for value in (*model.graph.inputs, *model.graph.outputs, *model.graph.initializers.values()):
        value.metadata_props.clear()
