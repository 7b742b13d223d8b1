"""Frames in, scores out.

``Scorer`` scores frames in memory, ``score`` two videos. Neither needs PyTorch.
"""

from __future__ import annotations

from importlib.metadata import version

from framegauge.runtime.errors import BackendError, ScoreError, UsageError
from framegauge.runtime.pooling.gate import Gate
from framegauge.runtime.reports.report import Report
from framegauge.runtime.scoring.scorer import Scorer
from framegauge.runtime.scoring.videos import score

__version__ = version("framegauge")

__all__ = ["BackendError", "Gate", "Report", "ScoreError", "Scorer", "UsageError", "score"]
