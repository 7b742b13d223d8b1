"""The rows of a list of samples, from CSV or JSON lines."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from framegauge.export.contract.bounded_file import MOST_DATA, read_bounded
from framegauge.export.contract.json_form import parsed
from framegauge.runtime.errors import ScoreError, UsageError

Rows = tuple[list[str], list[tuple[int, dict[str, Any]]]]
"""Names of the columns, and each row with the number of its line."""


def read_rows(path: Path) -> Rows:
    """What a ``.csv`` or ``.jsonl`` file lists.

    Raises:
        UsageError: It is not written as it should be.
        ScoreError: It cannot be read.
    """
    return _csv(path) if path.suffix.lower() == ".csv" else _jsonl(path)


def repeated(names: Sequence[str]) -> list[str]:
    """What is there more than once."""
    return sorted(name for name, count in Counter(names).items() if count > 1)


def _csv(path: Path) -> Rows:
    try:
        reader = csv.DictReader(io.StringIO(_text(path), newline=""), strict=True)
        header = [name.strip() for name in reader.fieldnames or ()]
        reader.fieldnames = header
        lines = [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise UsageError(f"{path} is no CSV file ({error}). Quote what holds commas.") from error
    if repeated(header):
        raise UsageError(f"{path} has two columns of one name: {', '.join(header)}.")
    for number, row in lines:
        if None in row or None in row.values():
            raise UsageError(
                f"{path}, line {number} has not {len(header)} cells as the first line. Quote what "
                "holds commas."
            )
    return header, lines


def _jsonl(path: Path) -> Rows:
    if path.suffix.lower() != ".jsonl":
        raise UsageError(f"A list of samples is a .csv or .jsonl file, got {path}. Rename it.")
    lines = []
    # Not splitlines(), which also ends a line at signs that JSON allows within a string.
    for number, text in enumerate(_text(path).split("\n"), 1):
        if not text.strip():
            continue
        try:
            row = parsed(text)
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
    return list(dict.fromkeys(name for _, row in lines for name in row)), lines


def _text(path: Path) -> str:
    try:
        return read_bounded(path, MOST_DATA).decode("utf-8-sig")
    except OSError as error:
        raise ScoreError(f"The list {path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ScoreError(
            f"The list {path} is no text in UTF-8: byte {error.start} begins no character. Save "
            "it as UTF-8."
        ) from error
