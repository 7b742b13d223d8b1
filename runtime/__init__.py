"""Frames in, scores out.

``Scorer`` scores frames in memory, ``score`` two videos. Neither needs PyTorch. What is named here
is loaded when it is asked for, so that the command line heeds an interrupt from the first moment.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from framegauge.runtime.errors import BackendError as BackendError
    from framegauge.runtime.errors import ScoreError as ScoreError
    from framegauge.runtime.errors import UsageError as UsageError
    from framegauge.runtime.pooling.gate import Gate as Gate
    from framegauge.runtime.reports.report import Report as Report
    from framegauge.runtime.scoring.scorer import Scorer as Scorer
    from framegauge.runtime.scoring.videos import score as score

    __version__: str

_HOMES = {
    "BackendError": ".errors",
    "Gate": ".pooling.gate",
    "Report": ".reports.report",
    "ScoreError": ".errors",
    "Scorer": ".scoring.scorer",
    "UsageError": ".errors",
    "score": ".scoring.videos",
}

__all__ = ["BackendError", "Gate", "Report", "ScoreError", "Scorer", "UsageError", "score"]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("framegauge")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name], __name__), name)
