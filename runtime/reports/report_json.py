"""A report as JSON: a superset of libvmaf's, as it is written; see ``report_reading``.

``report.schema.json`` beside this file describes what is written.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterator
from itertools import repeat
from typing import Any

import numpy as np

from framegauge.export.contract.json_form import plain
from framegauge.runtime.pooling.pool import pool
from framegauge.runtime.reports.scored_clip import ScoredClip
from framegauge.runtime.reports.series import Frames

SCHEMA = 1


def chunks(report: ScoredClip) -> Iterator[str]:
    """The report as JSON, piece by piece, one line for each frame.

    Numbers have the shortest form that reads back as the same float64. There is no NaN or
    infinity: in a frame they are ``null`` with a ``"<label>_status"`` beside, and the pooled
    values of such a label are all ``null`` with a ``"status"``. What was not computed for want of
    inputs has the status ``"needs <inputs>"``.
    """
    head = {
        "version": report.tool["version"],
        "schema_version": SCHEMA,
        "tool": report.tool,
        "fps": report.fps,
        "inputs": report.inputs,
        "alignment": report.alignment,
        **({"flows": report.flows} if report.flows else {}),
        "model": report.model,
        "backend": report.backend,
        "outputs": {label: dataclasses.asdict(facts) for label, facts in report.outputs.items()},
        **({"missing": report.missing} if report.missing else {}),
        **({"aggregates": plain(report.aggregates)} if report.aggregates else {}),
    }
    yield "{\n"
    yield from (f'  "{key}": {_compact(value)},\n' for key, value in head.items())
    yield '  "frames": ['
    names = [json.dumps(label) for label in report.labels]
    statuses = [json.dumps(f"{label}_status") for label in report.labels]
    words = [_needs(report, label) for label in report.labels]
    separator = "\n"
    for (number, scores), moments in zip(report.frames.rows(), _moments(report), strict=True):
        metrics = ", ".join(
            f"{name}: {score!r}"
            if math.isfinite(score)
            else f"{name}: null, {status}: {json.dumps(needs or str(score))}"
            for name, status, needs, score in zip(names, statuses, words, scores, strict=True)
        )
        yield f'{separator}    {{"frameNum": {number}, "metrics": {{{metrics}}}{moments}}}'
        separator = ",\n"
    yield "\n  ],\n"
    tail = {
        "pooled_metrics": {label: _pooled(report, report.frames, label) for label in report.labels},
        **({"phases": _phases(report)} if report.phases else {}),
        "aggregate_metrics": _nullable(report.aggregate),
        "gates": [outcome.to_json() for outcome in report.gates],
    }
    yield ",\n".join(f'  "{key}": {_compact(value)}' for key, value in tail.items())
    yield "\n}\n"


def _pooled(report: ScoredClip, frames: Frames, label: str) -> dict[str, float | str | None]:
    """The pooled values of some of the report's frames, with a status where there are none."""
    scores = frames.scores[label]
    values: dict[str, float | str | None] = {**_nullable(pool(scores))}
    unscored = int(np.count_nonzero(~np.isfinite(scores)))
    if label in report.missing:
        values["status"] = _needs(report, label)
    elif not len(frames):
        values["status"] = "no frames were scored"
    elif unscored:
        values["status"] = f"{unscored} of {len(frames)} frames have no finite score"
    return values


def _nullable(values: dict[str, float]) -> dict[str, float | None]:
    return {name: value if math.isfinite(value) else None for name, value in values.items()}


def _compact(value: object) -> str:
    return json.dumps(value, allow_nan=False)


def _moments(report: ScoredClip) -> Iterator[str]:
    """For each frame what follows its metrics: the moments that scores of the clip are made of."""
    if not report.moments:
        yield from repeat("", len(report.frames))
        return
    names = [json.dumps(name) for name in report.moments]
    for values in Frames(report.frames.numbers, report.moments).rows():
        cells = ", ".join(
            f"{name}: {value!r}" if math.isfinite(value) else f"{name}: null"
            for name, value in zip(names, values[1], strict=True)
        )
        yield f', "moments": {{{cells}}}'


def _needs(report: ScoredClip, label: str) -> str | None:
    """The status of a score that was not computed, ``None`` of one that was."""
    needs = report.missing.get(label)
    return None if needs is None else f"needs {', '.join(needs)}"


def _phases(report: ScoredClip) -> list[dict[str, Any]]:
    return [
        {
            "phase": phase,
            "frames": len(frames),
            "pooled_metrics": {label: _pooled(report, frames, label) for label in report.labels},
        }
        for phase, frames in report.phases.items()
    ]
