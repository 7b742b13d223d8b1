"""A report as JSON: a superset of libvmaf's, written and read.

``report.schema.json`` beside this file describes what is written.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
from collections.abc import Collection, Iterator
from itertools import pairwise, repeat
from pathlib import Path
from typing import Any

import numpy as np

from framegauge.export.contract.clip_scores import clip_score
from framegauge.export.contract.interface import Aggregate
from framegauge.export.contract.json_form import made, plain
from framegauge.export.contract.soundness import check_aggregates
from framegauge.runtime.errors import ScoreError
from framegauge.runtime.pooling.gate import Gate
from framegauge.runtime.pooling.pool import pool
from framegauge.runtime.reports.scored_clip import ScoredClip
from framegauge.runtime.reports.series import Frames, LabelFacts

SCHEMA = 1

# No video is made from so few frames of another.
_MOST_FACTOR = 10_000
_NOT_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


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


def read(path: str | os.PathLike[str]) -> dict[str, Any]:
    """What a JSON report says, ours or libvmaf's, as the parts of a ``Report``.

    ``gates`` are the bounds alone: whether they are met follows from the frames.

    Raises:
        ScoreError: The file cannot be read, is no report, or comes from a newer release.
    """
    try:
        document = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ScoreError(f"The report {path} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise ScoreError(
            f"{path} is not a JSON report ({error}). Write one with --json."
        ) from error
    if not isinstance(document, dict) or not isinstance(document.get("frames"), list):
        raise ScoreError(
            f"{path} is JSON, but no report of framegauge or libvmaf: it has no list of frames."
        )
    try:
        return _ours(document) if "schema_version" in document else _libvmaf(document)
    except ScoreError as error:
        raise ScoreError(f"{path}: {error}") from error
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ScoreError(
            f"{path} is damaged: it lacks something that reports have, or has it in another form "
            f"({error!r}). Score again."
        ) from error


def _ours(document: dict[str, Any]) -> dict[str, Any]:
    schema = document["schema_version"]
    if type(schema) is not int or schema < 1:
        raise TypeError(f"schema_version is {schema!r}")
    if schema > SCHEMA:
        raise ScoreError(
            f"The report has schema {schema}, and this release reads up to {SCHEMA}. "
            "Update framegauge, or score again with this release."
        )
    outputs = {label: _facts(facts) for label, facts in document["outputs"].items()}
    gates = [
        Gate.parse("{label}.{pool}{op}{bound!r}".format(**gate), labels=list(outputs))
        for gate in document["gates"]
    ]
    clip = _clip_scores(document)
    missing = {label: tuple(needs) for label, needs in document.get("missing", {}).items()}
    for section in ("inputs", "alignment", "model", "backend", "tool"):
        if not isinstance(document[section], dict):
            raise TypeError(f"{section} is no object")
    if not all(isinstance(need, str) for needs in missing.values() for need in needs):
        raise TypeError("missing names something that is no input")
    flows = document.get("flows", {})
    if not all(isinstance(each, dict) for each in flows.values()):
        raise TypeError("flows are no objects")
    factor = document["alignment"].get("factor", 2)
    if type(factor) is not int or not 2 <= factor <= _MOST_FACTOR:
        raise TypeError(f"alignment.factor is {factor!r}")
    if not all(isinstance(document["tool"][key], str) for key in ("name", "version")):
        raise TypeError("tool has no name or version")
    return {
        "frames": _frames(document["frames"], list(outputs), missing),
        "outputs": outputs,
        **clip,
        "aggregate": {
            **{
                name: math.nan if value is None else float(value)
                for name, value in document["aggregate_metrics"].items()
            },
            **{each.name: clip_score(each, clip["moments"]) for each in clip["aggregates"]},
        },
        "gates": gates,
        "flows": flows,
        "missing": missing,
        **{
            key: document[key] for key in ("fps", "inputs", "alignment", "model", "backend", "tool")
        },
    }


def _clip_scores(document: dict[str, Any]) -> dict[str, Any]:
    """How scores of the whole clip are made, and of what."""
    kinds = tuple(made(Aggregate, each) for each in document.get("aggregates", ()))
    check_aggregates(kinds, {name for each in kinds for name in each.of})
    rows = [row.get("moments", {}) for row in document["frames"]] if kinds else []
    return {
        "aggregates": kinds,
        "moments": {
            name: np.array([_moment(row, name) for row in rows], np.float64)
            for kind in kinds
            for name in kind.of
        },
    }


def _moment(row: dict[str, Any], name: str) -> float:
    value = row[name]
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise TypeError(f"a moment is {value!r}")
    return math.nan if value is None else float(value)


def _libvmaf(document: dict[str, Any]) -> dict[str, Any]:
    # A feature that starts late (motion) is missing from the first frames only.
    labels = dict.fromkeys(label for frame in document["frames"] for label in frame["metrics"])
    return {
        "frames": _frames(document["frames"], list(labels)),
        "outputs": {label: LabelFacts.guess(label) for label in labels},
        "aggregate": {
            name: math.nan if value is None else float(value)
            for name, value in document.get("aggregate_metrics", {}).items()
        },
        "gates": [],
        "fps": document.get("fps"),
        "tool": {"name": "libvmaf", "version": str(document.get("version", "unknown"))},
    }


def _facts(facts: dict[str, Any]) -> LabelFacts:
    numbers = (facts["ideal"], facts["low"], facts["high"])
    if (
        facts["better"] not in ("higher", "lower", None)
        or not isinstance(facts["unit"], str)
        or not all(number is None or isinstance(number, int | float) for number in numbers)
    ):
        raise TypeError(f"what it says about an output is {facts}")
    return LabelFacts(**facts)


def _frames(rows: list[dict[str, Any]], labels: list[str], missing: Collection[str] = ()) -> Frames:
    numbers = [row["frameNum"] for row in rows]
    if not all(type(number) is int and number >= 0 for number in numbers):
        raise TypeError("a frameNum is no whole number from 0 on")
    if any(after <= before for before, after in pairwise(numbers)):
        raise ValueError("the frames are not in the order of their frameNum, or one is there twice")
    return Frames(
        np.array(numbers, np.int64),
        {
            label: np.full(len(rows), math.nan)
            if label in missing
            else np.fromiter((_score(row["metrics"], label) for row in rows), float, len(rows))
            for label in labels
        },
    )


def _score(metrics: dict[str, Any], label: str) -> float:
    value = metrics.get(label)
    if value is None:
        return _NOT_FINITE[metrics.get(f"{label}_status", "nan")]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"a score is {value!r}")
    return float(value)


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
