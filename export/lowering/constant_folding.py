"""The pass that computes what is constant; it changes no value that a model gives.

The exporter's own optimisation does that too, but its rules also take a constant below 1e-8 for
zero, and one within 1e-5 of one for one: an epsilon under a root would be lost.
"""

from __future__ import annotations

import onnx_ir
import onnx_ir.passes.common as passes
import onnxscript.optimizer


def fold_constants(model: onnx_ir.Model) -> None:
    """Compute every node of constants, once each, and leave out what nothing uses then."""
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
