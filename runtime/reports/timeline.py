"""Scores over time, thinned out so that a film fits a page and its worst frames stay on it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framegauge.runtime.pooling.gate import Gate
from framegauge.runtime.pooling.pool import Scores
from framegauge.runtime.reports.number_format import bound_of
from framegauge.runtime.reports.scored_clip import ScoredClip
from framegauge.runtime.reports.series import LabelFacts
from framegauge.runtime.reports.stills import Still

BUCKETS = 1500
_BARS = 40


def plots(
    names: Sequence[str],
    reports: Sequence[ScoredClip],
    facts: Mapping[str, LabelFacts],
    stills: Sequence[Still],
) -> dict[str, Any]:
    """What the page's script draws: a plot for each label, with a curve for each report.

    Args:
        names: What each report is called.
        reports: The reports, the first of which the others are compared with.
        facts: What is known about each label, in the order of the plots.
        stills: Pictures of the worst frames, to be marked on the curve.
    """
    rates = {report.frame_rate for report in reports}
    return {
        "rate": rates.pop() if len(rates) == 1 else None,
        # Plotly takes markup in its texts.
        "names": [escape(name) for name in names],
        "plots": [
            {
                "unit": "" if fact.unit == "1" else escape(fact.unit),
                "series": [
                    {
                        "report": index,
                        **curve(report.frames.numbers, report.frames.scores[label]),
                        "distribution": distribution(report.frames.scores[label]),
                    }
                    for index, report in enumerate(reports)
                    if label in report.labels
                ],
                "gates": [
                    {
                        "bound": gate.bound,
                        "text": f"{gate.pool.replace('_', ' ')} {escape(bound_of(gate))}",
                        "passed": passed,
                    }
                    for gate, passed in _bounds(reports, label).items()
                ],
                "worst": [
                    [still.frame, still.value]
                    for still in stills
                    if still.label == label and math.isfinite(still.value)
                ],
            }
            for label, fact in facts.items()
        ],
    }


def kept(values: Scores) -> NDArray[np.int64]:
    """Positions of the scores that a timeline shows, in order.

    All of them where there are few. Else the clip is cut into at most 1500 buckets of frames, and
    of each the least, the greatest and the first that is not finite stay.

    Args:
        values: Scores of the frames, ``(n,)``.
    """
    frames = len(values)
    if frames <= 2 * BUCKETS:
        return np.arange(frames)
    size = math.ceil(frames / BUCKETS)
    rows = math.ceil(frames / size)
    finite = np.isfinite(values)

    def bucketed(fill: float) -> Scores:
        cells = np.full(rows * size, fill)
        cells[:frames] = np.where(finite, values, fill)
        return cells.reshape(rows, size)

    holes = np.zeros(rows * size, bool)
    holes[:frames] = ~finite
    starts = np.arange(rows) * size
    least = starts + bucketed(np.inf).argmin(axis=1)
    greatest = starts + bucketed(-np.inf).argmax(axis=1)
    first_holes = starts + holes.reshape(rows, size).argmax(axis=1)
    return np.unique(np.concatenate([least, greatest, first_holes[holes[first_holes]]]))


def curve(numbers: NDArray[np.int64], values: Scores) -> dict[str, list[Any]]:
    """Frame numbers ``x`` and scores ``y`` to draw; a score that is not finite is ``None``."""
    positions = kept(values)
    return {
        "x": numbers[positions].tolist(),
        # Seven digits are more than a screen shows, and a third of the bytes of all of them.
        "y": [
            float(f"{value:.7g}") if math.isfinite(value) else None
            for value in values[positions].tolist()
        ],
    }


def distribution(values: Scores) -> dict[str, list[float]]:
    """How often scores occur: middles of equal ranges, and the count in each."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return {"middle": [], "count": []}
    # Scores that differ by rounding alone cannot be told apart by so many ranges.
    even = np.ptp(finite) <= 1e-9 * np.abs(finite).max()
    counts, edges = np.histogram(finite, bins=1 if even else _BARS)
    middles = (edges[:-1] + edges[1:]) / 2
    return {
        "middle": [float(f"{middle:.7g}") for middle in middles.tolist()],
        "count": counts.tolist(),
    }


def _bounds(reports: Sequence[ScoredClip], label: str) -> dict[Gate, bool]:
    bounds: dict[Gate, bool] = {}
    for report in reports:
        for outcome in report.gates:
            if outcome.gate.label == label:
                bounds[outcome.gate] = bounds.get(outcome.gate, True) and outcome.passed
    return bounds
