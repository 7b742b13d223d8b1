"""Graphs in PyTorch, models in ONNX.

``export`` is loaded when it is asked for, so that reading a model's facts needs no PyTorch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from framegauge.export.lowering.model import export as export

__all__ = ["export"]


def __getattr__(name: str) -> Any:
    if name == "export":
        from framegauge.export.lowering.model import export

        return export
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
