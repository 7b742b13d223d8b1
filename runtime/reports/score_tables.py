"""Tables of scores for a terminal, Markdown and LaTeX, the best of each column marked."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from rich import box
from rich.table import Table as Grid
from rich.text import Text

from framegauge.runtime.reports.number_format import rounded

_ARROWS = {"higher": "↑", "lower": "↓", None: ""}
_LATEX_ARROWS = {"↑": r" $\uparrow$", "↓": r" $\downarrow$", "": ""}
_LATEX = {
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "\\": r"\textbackslash{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
}
_MARKDOWN = re.compile(r"([\\`*_|<>\[\]])")


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of numbers.

    Attributes:
        name: Its label.
        unit: Unit of the numbers, ``"1"`` if they have none.
        better: Which way an improvement moves them, ``None`` if that is not known.
    """

    name: str
    unit: str = "1"
    better: Literal["higher", "lower"] | None = None

    @property
    def arrow(self) -> str:
        """Which way is better, as a sign."""
        return _ARROWS[self.better]

    @property
    def title(self) -> str:
        """The name with its unit."""
        return self.name if self.unit == "1" else f"{self.name} [{self.unit}]"


@dataclass(frozen=True)
class Row:
    """What a row is about, and its numbers: NaN where one is missing, ``None`` for no number."""

    keys: tuple[str, ...]
    values: tuple[float | None, ...]


@dataclass(frozen=True)
class Cell:
    """A number as it is written, and whether it is the best of its column and block."""

    text: str
    best: bool


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows in blocks; within a block rows are compared.

    Attributes:
        keys: Names of the columns that say what a row is about.
        columns: The columns of numbers.
        blocks: The rows.
    """

    keys: tuple[str, ...]
    columns: tuple[Column, ...]
    blocks: tuple[tuple[Row, ...], ...]

    def cells(self) -> Iterator[list[tuple[Row, list[Cell]]]]:
        """Each block's rows with their numbers, rounded alike down a column.

        What reads the same as the best is marked too.
        """
        rows = [row for block in self.blocks for row in block]
        texts = {
            (id(row), place): "" if row.values[place] is None else text
            for place in range(len(self.columns))
            for row, text in zip(rows, rounded(row.values[place] for row in rows), strict=True)
        }
        for block in self.blocks:
            best = [
                _best(block, texts, place, column.better)
                for place, column in enumerate(self.columns)
            ]
            yield [
                (
                    row,
                    [
                        Cell(texts[id(row), place], texts[id(row), place] == best[place])
                        for place in range(len(self.columns))
                    ],
                )
                for row in block
            ]

    def to_rich(self) -> Grid:
        """The table for a terminal; the best is bold and starred."""
        grid = Grid(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
        for name in self.keys:
            grid.add_column(name, overflow="fold")
        for column in self.columns:
            grid.add_column(f"{column.name} {column.arrow}".rstrip(), justify="right")
        blocks = list(self.cells())
        starred = any(cell.best for block in blocks for _, cells in block for cell in cells)
        for number, block in enumerate(blocks):
            for row, cells in block:
                last = row is block[-1][0] and len(block) > 1 and number + 1 < len(blocks)
                grid.add_row(
                    *(Text(key) for key in row.keys),
                    *(_starred(cell, starred) for cell in cells),
                    end_section=last,
                )
        return grid

    def to_markdown(self) -> str:
        """The table in Markdown; the best is bold."""
        heads = [markdown_text(name) for name in self.keys]
        heads += [
            f"{markdown_text(column.title)} {column.arrow}".rstrip() for column in self.columns
        ]
        lines = [heads, ["---"] * len(self.keys) + ["---:"] * len(self.columns)]
        for block in self.cells():
            for row, cells in block:
                keys = map(markdown_text, row.keys)
                lines.append([*keys, *(f"**{c.text}**" if c.best else c.text for c in cells)])
        return "".join(f"| {' | '.join(line)} |\n" for line in lines)

    def to_latex(self) -> str:
        """The table in LaTeX, for the package booktabs; the best is bold."""
        heads = [latex_text(name) for name in self.keys]
        heads += [latex_text(column.title) + _LATEX_ARROWS[column.arrow] for column in self.columns]
        blocks = []
        for block in self.cells():
            lines = []
            for row, cells in block:
                numbers = [rf"\textbf{{{c.text}}}" if c.best else c.text for c in cells]
                lines.append(_latex_line([*map(latex_text, row.keys), *numbers]))
            blocks.append("".join(lines))
        rule = "\\midrule\n" if any(len(block) > 1 for block in self.blocks) else ""
        return (
            f"\\begin{{tabular}}{{{'l' * len(self.keys)}{'r' * len(self.columns)}}}\n"
            f"\\toprule\n{_latex_line(heads)}\\midrule\n{rule.join(blocks)}"
            "\\bottomrule\n\\end{tabular}\n"
        )


def latex_text(text: str) -> str:
    r"""Text with LaTeX's own signs made to print.

    Example:
        >>> latex_text("50% of a_b")
        '50\\% of a\\_b'
    """
    return "".join(_LATEX.get(sign, sign) for sign in text)


def markdown_text(text: str) -> str:
    r"""Text with Markdown's own signs made to print.

    Example:
        >>> markdown_text("a|b_c")
        'a\\|b\\_c'
    """
    return _MARKDOWN.sub(r"\\\1", text)


def _latex_line(cells: Sequence[str]) -> str:
    # The line above would take a first bracket or star for an option of its own.
    guard = "{}" if cells[0].startswith(("[", "*")) else ""
    return guard + " & ".join(cells) + " \\\\\n"


def _starred(cell: Cell, starred: bool) -> Text:
    # The star stands in a place of its own, so that the points of a column stay aligned.
    text = f"{cell.text}{'*' if cell.best else ' '}" if starred else cell.text
    return Text(text.replace(" ", "\N{NO-BREAK SPACE}"), style="bold" if cell.best else "")


def _best(
    block: Sequence[Row],
    texts: dict[tuple[int, int], str],
    place: int,
    better: Literal["higher", "lower"] | None,
) -> str | None:
    """The best number of a column as it is written, ``None`` if nothing is compared.

    Nothing is where a number is missing: the best of the others need not be the best.
    """
    numbers = {value: row for row in block if (value := row.values[place]) is not None}
    if better is None or len(block) < 2 or not numbers or not all(map(math.isfinite, numbers)):
        return None
    best = max(numbers) if better == "higher" else min(numbers)
    return texts[id(numbers[best]), place]
