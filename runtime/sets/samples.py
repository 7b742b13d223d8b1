"""The samples of a set, from a list in CSV or JSON lines."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from framegauge.runtime.errors import ScoreError, UsageError
from framegauge.runtime.shelf import PAIR, catalogue

OnMissing = Literal["error", "skip"]

_DISTORTED = "distorted"
_ABOUT = ("name", "group")
_SHOWN = 10


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One row of a set.

    Attributes:
        name: What it is called, unique in its set.
        group: What it belongs to, ``None`` if nothing was said.
        reference: A video, an image, or a folder or pattern of images.
        distorted: The same for each method.
        further: For each further role a file (of a flow, a mask, a neighbouring frame), or for
            ``time`` the number as it was written.
    """

    name: str
    group: str | None
    reference: Path
    distorted: Mapping[str, Path]
    further: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Samples:
    """A set, ready to be scored.

    Attributes:
        rows: The samples, every one with a file for every method.
        methods: Names of the methods, in the order given.
        left_out: Why a sample was left out, by its name.
        inputs: Where it came from, for the report.
    """

    rows: tuple[Sample, ...]
    methods: tuple[str, ...]
    left_out: Mapping[str, str]
    inputs: Mapping[str, Any]


def read_list(
    path: str | os.PathLike[str],
    *,
    columns: Sequence[str] = (),
    on_missing: OnMissing = "error",
) -> Samples:
    """The set that a ``.csv`` or ``.jsonl`` file lists, a row a sample.

    Columns are ``reference``; ``distorted``, or one named for each method; and, if wished,
    ``name``, ``group``, and roles of further inputs such as ``previous``, ``mask`` or
    ``flow_previous_next``. Relative paths start at the list's own folder.

    Args:
        path: The list.
        columns: Columns to take as methods, ``()`` for every one whose name is no role.
        on_missing: What to do about files that are not there: ``error``, or ``skip`` to leave
            their sample out for every method.

    Raises:
        UsageError: The list is not written as it should be.
        ScoreError: It cannot be read, or files are missing.
    """
    where = Path(path)
    header, lines = _csv(where) if where.suffix.lower() == ".csv" else _jsonl(where)
    roles = {role for listing in catalogue() for role in listing.spec.inputs} | {"mask", "time"}
    known = {*_ABOUT, *PAIR, *roles}
    methods = list(columns) or [name for name in header if name == _DISTORTED or name not in known]
    absent = ", ".join(name for name in ("reference", *methods) if name not in header)
    if absent or not methods:
        raise UsageError(
            f"{where} needs a column reference, and distorted or one for each method; "
            f"{absent or 'a method'} is not there. "
            f"Its columns: {', '.join(header) or 'none'}."
        )
    rows, left_out = [], {}
    for number, line in lines:
        sample = _sample(line, methods, roles, where.parent, f"{where}, line {number}")
        gone = _missing(sample, line, methods)
        if gone:
            left_out[sample.name] = f"missing: {', '.join(gone)}"
        else:
            rows.append(sample)
    names = [sample.name for sample in rows] + list(left_out)
    twice = sorted({name for name in names if names.count(name) > 1}) if _repeats(names) else []
    if twice:
        raise UsageError(
            f"{where} has several samples called {some(twice)}. Give each its own name, in a "
            "column name."
        )
    if left_out and on_missing == "error":
        raise ScoreError(
            f"Files that {where} names are not there: "
            f"{some([f'{name} ({why})' for name, why in left_out.items()], '; ')}. Restore them, "
            "or leave these samples out with --on-missing skip."
        )
    return samples_of(rows, methods, left_out, {"list": str(where)})


def samples_of(
    rows: list[Sample], methods: list[str], left_out: dict[str, str], inputs: dict[str, Any]
) -> Samples:
    """The set, which must not be empty."""
    if not rows:
        raise ScoreError(
            f"The set has no samples ({len(left_out)} were left out): at least one was wanted. "
            "Check the list or folders."
        )
    return Samples(rows=tuple(rows), methods=tuple(methods), left_out=left_out, inputs=inputs)


def _csv(path: Path) -> tuple[list[str], Iterator[tuple[int, dict[str, Any]]]]:
    try:
        reader = csv.DictReader(_text(path).splitlines(), strict=True)
        header = [name.strip() for name in reader.fieldnames or ()]
        reader.fieldnames = header
        lines = [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise UsageError(f"{path} is no CSV file ({error}). Quote what holds commas.") from error
    if _repeats(header):
        raise UsageError(f"{path} has two columns of one name: {', '.join(header)}.")
    for number, row in lines:
        if None in row or None in row.values():
            raise UsageError(
                f"{path}, line {number} has not {len(header)} cells as the first line. Quote what "
                "holds commas."
            )
    return header, iter(lines)


def _jsonl(path: Path) -> tuple[list[str], Iterator[tuple[int, dict[str, Any]]]]:
    if path.suffix.lower() != ".jsonl":
        raise UsageError(f"A list of samples is a .csv or .jsonl file, got {path}. Rename it.")
    lines = []
    for number, text in enumerate(_text(path).splitlines(), 1):
        if not text.strip():
            continue
        try:
            row = json.loads(text)
        except ValueError as error:
            raise UsageError(f"{path}, line {number} is not JSON ({error}).") from error
        if not isinstance(row, dict) or not all(
            isinstance(value, str | int | float) or value is None for value in row.values()
        ):
            raise UsageError(
                f"{path}, line {number}: an object of paths was wanted, such as "
                f'{{"reference": "a.png", "distorted": "b.png"}}; got {text[:80]}.'
            )
        lines.append((number, row))
    return list(dict.fromkeys(name for _, row in lines for name in row)), iter(lines)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ScoreError(f"The list {path} cannot be read: {error}.") from error


def _sample(
    line: Mapping[str, Any], methods: Sequence[str], roles: set[str], folder: Path, place: str
) -> Sample:
    cells = {
        name: str(value).strip()
        for name, value in line.items()
        if value is not None and str(value).strip()
    }
    if "reference" not in cells:
        raise UsageError(f"{place} has no reference. Name a file.")
    return Sample(
        name=cells.get("name", str(Path(cells["reference"]).with_suffix(""))),
        group=cells.get("group"),
        reference=folder / cells["reference"],
        distorted={method: folder / cells[method] for method in methods if method in cells},
        further={
            role: value if role == "time" else str(folder / value)
            for role, value in cells.items()
            if role in roles and role not in (*PAIR, *methods)
        },
    )


def _missing(sample: Sample, line: Mapping[str, Any], methods: Sequence[str]) -> list[str]:
    files = {"reference": sample.reference, **sample.distorted}
    files |= {role: Path(path) for role, path in sample.further.items() if role != "time"}
    gone = [str(path) for path in files.values() if not path.exists() and not _is_pattern(path)]
    return [f"{method}'s" for method in methods if method not in sample.distorted] + gone


def _is_pattern(path: Path) -> bool:
    return "%" in path.name and path.parent.is_dir()


def _repeats(names: Sequence[str]) -> bool:
    return len(set(names)) < len(names)


def some(names: Iterable[str], separator: str = ", ") -> str:
    """The first of many names, and how many more there are."""
    listed = list(names)
    more = len(listed) - _SHOWN
    tail = f"{separator}and {more} more" if more > 0 else ""
    return separator.join(listed[:_SHOWN]) + tail
