"""The report of a set, read from the JSON that ``score-set`` writes."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from framegauge.export.contract.json_form import made, parsed
from framegauge.runtime.errors import ScoreError, UsageError
from framegauge.runtime.pooling.gate import Gate
from framegauge.runtime.reports.series import LabelFacts
from framegauge.runtime.sets.protocols import Protocol
from framegauge.runtime.sets.sample_scores import SampleScore
from framegauge.runtime.sets.samples import Sample, Samples
from framegauge.runtime.sets.set_report import SCHEMA, SetReport

_FAILED, _LEFT_OUT = "failed: ", "left out: "


def read_set(path: str | os.PathLike[str]) -> SetReport | None:
    """The report in a JSON file, ``None`` if it is none of a set.

    A report keeps the mean of each sample and how many frames it is of: so all its gates are over
    samples, or over frames where those make no difference. Scores that moments make are not read.

    Raises:
        ScoreError: It is damaged, or of another release.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
        # A clip's report is long, and read by others.
        document = parsed(text) if '"kind"' in text and '"samples"' in text else None
    except (OSError, ValueError):
        return None
    if not isinstance(document, dict) or document.get("kind") != "set":
        return None
    if document.get("schema_version") != SCHEMA:
        raise ScoreError(
            f"{path} is the report of a set, of schema {document.get('schema_version')}; this "
            f"release reads {SCHEMA}. Score the set again."
        )
    try:
        report = _report(document)
        gates = [_gate(report, each) for each in document["gates"]]
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise ScoreError(
            f"{path} is damaged: it lacks what reports of sets have, or has it in another "
            f"form ({error!r}). Score the set again."
        ) from error
    return report.with_gates([gate for gate in gates if _is_told(report, gate)])


def judged(report: SetReport, gates: Sequence[str]) -> SetReport:
    """A report that was read, judged by gates.

    Raises:
        UsageError: One is no gate, or asks for what the report does not keep.
    """
    read = [
        Gate.parse(gate, labels=report.labels, methods=report.samples.methods) for gate in gates
    ]
    for text, gate in zip(gates, read, strict=True):
        if not _is_told(report, gate):
            raise UsageError(
                f"Gate {text!r} is over frames, of which the report of a set keeps each sample's "
                f"mean alone. Say samples.{gate.label}.{gate.pool}, or give the gate to score-set."
            )
    return report.with_gates(read)


def _is_told(report: SetReport, gate: Gate) -> bool:
    """Whether means of samples tell what a gate asks."""
    one_each = all(each.count <= 1 for each in report.scores.values())
    return gate.over == "samples" or gate.pool == "mean" or one_each


def _report(document: Mapping[str, Any]) -> SetReport:
    methods = tuple(document["methods"])
    rows = []
    scores = {}
    for each in document["samples"]:
        nowhere = {method: Path() for method in methods}
        rows.append(
            Sample(name=each["name"], group=each["group"], reference=Path(), distorted=nowhere)
        )
        for method in methods:
            scores[each["name"], method] = _score(each["methods"][method])
    samples = Samples(
        rows=tuple(rows),
        methods=methods,
        left_out=document["left_out"],
        inputs=document["inputs"],
    )
    protocol = document["protocol"]
    return SetReport(
        samples=samples,
        scores=scores,
        outputs={label: made(LabelFacts, each) for label, each in document["outputs"].items()},
        protocol=None if protocol is None else made(Protocol, protocol),
        departures=document["departures"],
        settings=document["settings"],
        models=document["models"],
    )


def _score(entry: Mapping[str, Any]) -> SampleScore:
    status = entry.get("status", "")
    count = int(entry["frames"])
    means = {
        label: math.nan if value is None else float(value)
        for label, value in entry["scores"].items()
    }
    return SampleScore(
        size=(int(entry["width"]), int(entry["height"])),
        # Frames of which the mean is known stand for it: their own mean is the same.
        frames={label: np.full(count, mean) for label, mean in means.items()} if count else {},
        inputs=entry.get("inputs", {}),
        left_out=status.removeprefix(_LEFT_OUT) if status.startswith(_LEFT_OUT) else None,
        error=status.removeprefix(_FAILED) if status.startswith(_FAILED) else None,
    )


def _gate(report: SetReport, written: Mapping[str, Any]) -> Gate:
    bound = float(written["bound"])
    if written["label"] not in report.labels or not math.isfinite(bound):
        raise ValueError(f"a gate is {dict(written)}")
    return Gate(
        label=written["label"],
        pool=written["pool"],
        op=written["op"],
        bound=bound,
        over=written["over"],
        method=written["method"],
    )
