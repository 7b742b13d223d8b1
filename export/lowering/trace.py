"""The graph of a suite as PyTorch traces it: a program with every batch, height and width open."""

from __future__ import annotations

from typing import Any

import torch

from framegauge.export.graph import Graph
from framegauge.export.lowering.proof import ExportError, feeds, size_above


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
            f"PyTorch could not trace {suite.labels} with open sizes: {error}"
        ) from error
