"""Reports as they are read: ours, and libvmaf's in JSON or XML."""

from __future__ import annotations

import codecs
import math
import os
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal
from xml.parsers import expat

import numpy as np

from framegauge.export.contract.bounded_file import MOST_DATA, read_bounded
from framegauge.export.contract.clip_scores import clip_score
from framegauge.export.contract.interface import Aggregate
from framegauge.export.contract.json_form import MOST_WHOLE, made, parsed
from framegauge.export.contract.soundness import check_aggregates
from framegauge.runtime.errors import ScoreError
from framegauge.runtime.pooling.gate import Gate
from framegauge.runtime.pooling.pool import is_pool
from framegauge.runtime.reports.report_json import SCHEMA
from framegauge.runtime.reports.series import Frames, LabelFacts

# No video is made from so few frames of another.
_MOST_FACTOR = 10_000
_NOT_FINITE = {"nan": math.nan, "-nan": math.nan, "inf": math.inf, "-inf": -math.inf}
_NUMBER = re.compile(r"[-+]?\d{1,400}(\.\d{0,400})?([eE][-+]?\d{1,9})?", re.ASCII)
# What libvmaf prints for what is not finite, which JSON has no word for; texts are passed over.
_BARE = re.compile(r'"(?:[^"\\]|\\.)*"|(?P<sign>-?)(?P<word>nan|inf)\b')
_SHOWN = 60


@dataclass(frozen=True, kw_only=True)
class _Gate:
    """A gate as our reports have it; whether it is met follows from the frames."""

    label: str
    pool: str
    op: Literal[">=", "<=", ">", "<"]
    bound: float
    further: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class _Ours:
    """A report of ours, as ``report.schema.json`` says."""

    schema_version: int
    tool: dict[str, str]
    fps: float | None
    inputs: dict[str, Any]
    alignment: dict[str, Any]
    flows: dict[str, dict[str, Any]] = field(default_factory=dict)
    missing: dict[str, tuple[str, ...]] = field(default_factory=dict)
    model: dict[str, Any]
    backend: dict[str, Any]
    outputs: dict[str, LabelFacts]
    frames: tuple[dict[str, Any], ...]
    aggregate_metrics: dict[str, float | None]
    aggregates: tuple[Aggregate, ...] = ()
    gates: tuple[_Gate, ...]
    further: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class _Libvmafs:
    """A report of libvmaf, of which releases differ in what else they say."""

    frames: tuple[dict[str, Any], ...]
    fps: float | None = None
    version: str = "unknown"
    aggregate_metrics: dict[str, float | None] = field(default_factory=dict)
    further: Mapping[str, Any] = field(default_factory=dict)


def read(path: str | os.PathLike[str]) -> dict[str, Any]:
    """What a report says, ours or libvmaf's, as the parts of a ``Report``.

    ``gates`` are the bounds alone: whether they are met follows from the frames.

    Raises:
        ScoreError: The file cannot be read, is no report, or comes from a newer release.
    """
    try:
        content = read_bounded(path, MOST_DATA)
    except OSError as error:
        raise ScoreError(f"The report {path} cannot be read: {error.strerror}.") from error
    try:
        if _is_xml(content):
            return _parts_of_libvmafs(_from_xml(content))
        document = _from_json(_text(content))
    except ValueError as error:
        raise ScoreError(f"{path} is no report: {error}. Write one with --json.") from error
    if not isinstance(document, dict) or not isinstance(document.get("frames"), list):
        raise ScoreError(
            f"{path} is JSON, but no report of framegauge or libvmaf: it has no list of frames."
        )
    try:
        if "schema_version" in document:
            return _parts_of_ours(document)
        return _parts_of_libvmafs(made(_Libvmafs, document))
    except ScoreError as error:
        raise ScoreError(f"{path}: {error}") from error
    except ValueError as error:
        raise ScoreError(
            f"{path} is damaged, or no report that was written so: {error}. Score again."
        ) from error


def _text(content: bytes) -> str:
    """The text of a file, UTF-8 or what Windows' PowerShell writes, with or without a mark."""
    is_wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return content.decode("utf-16" if is_wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"its byte {error.start} is of no text in UTF-8 or UTF-16") from None


def _is_xml(content: bytes) -> bool:
    head = content[:64]
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        head = head.replace(b"\0", b"")[2:]
    return head.removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"<")


def _from_json(text: str) -> Any:
    """A report, in which libvmaf may have written what is not finite as C does."""
    try:
        return parsed(text)
    except ValueError:
        replaced = _BARE.sub(lambda each: "null" if each["word"] else each[0], text)
        if replaced == text:
            raise
    return parsed(replaced)


def _from_xml(content: bytes) -> _Libvmafs:
    frames: list[dict[str, Any]] = []
    facts: dict[str, Any] = {}
    above: list[str] = []

    def begin(name: str, attributes: dict[str, str]) -> None:
        above.append(name)
        match above:
            case ["VMAF"]:
                facts["version"] = attributes.get("version", "unknown")
            case ["VMAF", "fyi"] if "fps" in attributes:
                facts["fps"] = _nullable(_number(attributes["fps"]))
            case ["VMAF", "frames", "frame"]:
                number = attributes.pop("frameNum", "")
                if re.fullmatch(r"\d{1,15}", number, re.ASCII) is None:
                    raise ValueError(f"a frameNum is {number[:_SHOWN]!r}")
                metrics = {label: _nullable(_number(each)) for label, each in attributes.items()}
                frames.append({"frameNum": int(number), "metrics": metrics})
            case ["VMAF", "aggregate_metrics"]:
                facts["aggregate_metrics"] = {
                    label: _nullable(_number(each)) for label, each in attributes.items()
                }
            case [root] if root != "VMAF":
                raise ValueError(f"it is XML of {root[:_SHOWN]!r}, and libvmaf's is of 'VMAF'")

    def refuse(*_: object) -> None:
        raise ValueError("it is XML that declares what its words shall mean, which no report does")

    parser = expat.ParserCreate()
    # Without declarations there are no entities that could be made to fill the memory.
    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = begin
    parser.EndElementHandler = lambda _: above.pop()
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        raise ValueError(
            f"what is at line {error.lineno}, column {error.offset + 1} is not as XML has it"
        ) from None
    return _Libvmafs(frames=tuple(frames), **facts)


def _number(text: str) -> float:
    if text.lower() in _NOT_FINITE:
        return _NOT_FINITE[text.lower()]
    if _NUMBER.fullmatch(text) is None:
        raise ValueError(f"a number was wanted, and {text[:_SHOWN]!r} came")
    return float(text)


def _nullable(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _parts_of_ours(document: dict[str, Any]) -> dict[str, Any]:
    schema = document["schema_version"]
    if type(schema) is not int or schema < 1:
        raise ValueError(f"schema_version is {str(schema)[:_SHOWN]}")
    if schema > SCHEMA:
        raise ScoreError(
            f"The report has schema {schema}, and this release reads up to {SCHEMA}. "
            "Update framegauge, or score again with this release."
        )
    report = made(_Ours, document)
    factor = report.alignment.get("factor", 2)
    if type(factor) is not int or not 2 <= factor <= _MOST_FACTOR:
        raise ValueError(f"alignment.factor is {str(factor)[:_SHOWN]}")
    if not {"name", "version"} <= report.tool.keys():
        raise ValueError("tool has no name or version")
    moments = _moments(report)
    clips = {name: _or_nan(value) for name, value in report.aggregate_metrics.items()}
    return {
        "frames": _frames(report.frames, list(report.outputs), report.missing),
        "outputs": report.outputs,
        "aggregates": report.aggregates,
        "moments": moments,
        "aggregate": clips | {each.name: clip_score(each, moments) for each in report.aggregates},
        "gates": [_gate(each, report.outputs) for each in report.gates],
        "flows": report.flows,
        "missing": report.missing,
        "fps": report.fps,
        "inputs": report.inputs,
        "alignment": report.alignment,
        "model": report.model,
        "backend": report.backend,
        "tool": report.tool,
    }


def _parts_of_libvmafs(report: _Libvmafs) -> dict[str, Any]:
    # A feature that starts late (motion) is missing from the first frames only.
    labels = dict.fromkeys(label for row in report.frames for label in _metrics(row))
    return {
        "frames": _frames(report.frames, list(labels)),
        "outputs": {label: LabelFacts.guess(label) for label in labels},
        "aggregate": {name: _or_nan(value) for name, value in report.aggregate_metrics.items()},
        "gates": [],
        "fps": report.fps,
        "tool": {"name": "libvmaf", "version": report.version},
    }


def _gate(gate: _Gate, labels: Collection[str]) -> Gate:
    if gate.label not in labels or not is_pool(gate.pool):
        raise ValueError(f"a gate is on {gate.label[:_SHOWN]!r}, pool {gate.pool[:_SHOWN]!r}")
    return Gate(gate.label, gate.pool, gate.op, gate.bound)


def _moments(report: _Ours) -> dict[str, np.ndarray[Any, np.dtype[np.float64]]]:
    """What scores of the whole clip are made of."""
    names = [name for each in report.aggregates for name in each.of]
    check_aggregates(report.aggregates, names)
    rows = [_object(row, "moments") for row in report.frames] if names else []
    if any(name not in row for row in rows for name in names):
        raise ValueError(f"a frame lacks one of its moments {', '.join(names)}")
    return {
        name: np.array([_or_nan(_score(row, name)) for row in rows], np.float64) for name in names
    }


def _frames(
    rows: Collection[Mapping[str, Any]], labels: Collection[str], missing: Collection[str] = ()
) -> Frames:
    numbers = [row.get("frameNum") for row in rows]
    if not all(type(number) is int and 0 <= number <= MOST_WHOLE for number in numbers):
        raise ValueError("a frameNum is no whole number from 0 on")
    if any(after <= before for before, after in pairwise(numbers)):  # type: ignore[operator]
        raise ValueError("the frames are not in the order of their frameNum, or one is there twice")
    metrics = [_metrics(row) for row in rows]
    return Frames(
        np.array(numbers, np.int64),
        {
            label: np.full(len(rows), math.nan)
            if label in missing
            else np.fromiter((_or_status(each, label) for each in metrics), float, len(rows))
            for label in labels
        },
    )


def _metrics(row: Mapping[str, Any]) -> dict[str, Any]:
    return _object(row, "metrics")


def _object(row: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = row.get(name)
    if not isinstance(found, dict):
        raise ValueError(f"a frame has no {name}")
    return found


def _or_status(metrics: Mapping[str, Any], label: str) -> float:
    value = _score(metrics, label)
    if value is not None:
        return value
    status = metrics.get(f"{label}_status", "nan")
    if not isinstance(status, str) or status not in _NOT_FINITE:
        raise ValueError(f"a score of {label} is null, for {str(status)[:_SHOWN]!r}")
    return _NOT_FINITE[status]


def _score(values: Mapping[str, Any], name: str) -> float | None:
    """A number of a frame, ``None`` where there is none or null."""
    value = values.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"a number of {name} is {str(value)[:_SHOWN]!r}")
    # Beyond float64 there are whole numbers alone.
    return float(value) if abs(value) < 2**1024 else math.inf


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value
