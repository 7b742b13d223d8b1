"""The samples of a set, from a list in CSV or JSON lines."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from framegauge.export.contract.entry import check_name
from framegauge.export.contract.roles import PAIR
from framegauge.runtime.errors import ScoreError, UsageError
from framegauge.runtime.models.model_files import catalogue
from framegauge.runtime.printable import printable
from framegauge.runtime.sets.list_rows import read_rows, repeated

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
        notes: What was passed over there, in words.
    """

    rows: tuple[Sample, ...]
    methods: tuple[str, ...]
    left_out: Mapping[str, str]
    inputs: Mapping[str, Any]
    notes: tuple[str, ...] = ()

    @property
    def reads(self) -> list[str]:
        """Every file, folder and pattern that its rows name."""
        return [
            str(path)
            for row in self.rows
            for path in (
                row.reference,
                *row.distorted.values(),
                *(file for role, file in row.further.items() if role != "time"),
            )
        ]

    def __post_init__(self) -> None:
        """Check the names of the methods.

        Raises:
            UsageError: One is a word that gates read otherwise.
        """
        for method in self.methods:
            try:
                check_name(method, "the name of a method")
            except ValueError as error:
                raise UsageError(str(error)) from error


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
        columns: Columns to take as methods, ``()`` for ``distorted`` or, where there is no such
            column, every one whose name is no role.
        on_missing: What to do about files that are not there: ``error``, or ``skip`` to leave
            their sample out for every method.

    Raises:
        UsageError: The list is not written as it should be.
        ScoreError: It cannot be read, or files are missing.
    """
    where = Path(path)
    header, lines = read_rows(where)
    roles = {role for listing in catalogue() for role in listing.spec.inputs} | {"mask", "time"}
    known = {*_ABOUT, *PAIR, *roles}
    unknown = [name for name in header if name not in known]
    usual = [_DISTORTED] if _DISTORTED in header else unknown
    methods = _checked(where, list(columns) or usual, header)
    rows, names, left_out = [], [], {}
    for number, line in lines:
        sample = _sample(line, methods, roles, where.parent, f"{where}, line {number}")
        names.append(sample.name)
        gone = _missing(sample, methods)
        if gone:
            left_out[sample.name] = f"missing: {', '.join(gone)}"
        else:
            rows.append(sample)
    twice = repeated(names)
    if twice:
        raise UsageError(
            f"{where} has several samples called {some(twice)}. Give each its own name, in a "
            "column name."
        )
    if left_out and on_missing == "error":
        taken = ""
        if methods == unknown:
            taken = f" (Methods are {', '.join(methods)}: --distorted NAME chooses among columns.)"
        raise ScoreError(
            f"Files that {where} names are not there: "
            f"{some([f'{name} ({why})' for name, why in left_out.items()], '; ')}. Restore them, "
            f"or leave these samples out with --on-missing skip.{taken}"
        )
    passed_over = [name for name in unknown if name and name not in methods]
    notes = [f"columns of the list that were not looked at: {some(passed_over)}"]
    inputs = {"list": str(where), "columns_passed_over": passed_over}
    return samples_of(rows, methods, left_out, inputs, notes if passed_over else [])


def samples_of(
    rows: list[Sample],
    methods: list[str],
    left_out: dict[str, str],
    inputs: dict[str, Any],
    notes: list[str],
) -> Samples:
    """The set, which must not be empty."""
    if not rows:
        raise ScoreError(
            f"The set has no samples ({len(left_out)} were left out): at least one was wanted. "
            "Check the list or folders."
        )
    return Samples(
        rows=tuple(rows),
        methods=tuple(methods),
        left_out=left_out,
        inputs=inputs,
        notes=tuple(notes),
    )


def _checked(where: Path, methods: list[str], header: Sequence[str]) -> list[str]:
    """Columns that are to be methods, if they and the reference's are there."""
    if "" in methods:
        raise UsageError(f"{where} has a column without a name. Name it, or take it out.")
    absent = ", ".join(name for name in ("reference", *methods) if name not in header)
    if absent or not methods:
        raise UsageError(
            f"{where} needs a column reference, and distorted or one for each method; "
            f"{absent or 'a method'} is not there. "
            f"Its columns: {', '.join(header) or 'none'}."
        )
    return methods


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
    reference = Path(cells["reference"])
    # Such as ".", which is the list's own folder, has no ending to take away.
    name = str(reference.with_suffix("") if reference.name else reference)
    return Sample(
        name=printable(cells.get("name", name)),
        group=cells.get("group") and printable(cells["group"]),
        reference=folder / reference,
        distorted={method: folder / cells[method] for method in methods if method in cells},
        further={
            role: value if role == "time" else str(folder / value)
            for role, value in cells.items()
            if role in roles and role not in (*PAIR, *methods)
        },
    )


def _missing(sample: Sample, methods: Sequence[str]) -> list[str]:
    files = {"reference": sample.reference, **sample.distorted}
    files |= {role: Path(path) for role, path in sample.further.items() if role != "time"}
    gone = [
        f"{role}'s {path}"
        for role, path in files.items()
        if not _is_there(path) and not _is_pattern(path)
    ]
    return [f"{method}'s" for method in methods if method not in sample.distorted] + gone


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name that is too long, a folder that may not be read
        return False


def _is_pattern(path: Path) -> bool:
    return "%" in path.name and _is_there(path.parent)


def some(names: Iterable[str], separator: str = ", ") -> str:
    """The first of many names, and how many more there are."""
    listed = list(names)
    more = len(listed) - _SHOWN
    tail = f"{separator}and {more} more" if more > 0 else ""
    return separator.join(listed[:_SHOWN]) + tail
