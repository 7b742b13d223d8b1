"""What people look at on a terminal: tables, and how far long work has come."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from framegauge.runtime.pooling.gate import Outcome
from framegauge.runtime.reports.number_format import told_apart
from framegauge.runtime.scoring.loop import Progress

_PIPE_COLUMNS = 200


def wide_console(*, stderr: bool = False) -> Console:
    """Standard output or error, in a pipe as wide as tables need."""
    console = Console(stderr=stderr)
    return console if console.is_terminal else Console(stderr=stderr, width=_PIPE_COLUMNS)


@contextmanager
def progress_of(unit: str, *, quiet: bool) -> Iterator[Progress | None]:
    """A line with rate and time left on a terminal, nothing in a pipe.

    Args:
        unit: What is counted, in the plural.
        quiet: Show nothing.
    """
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield None
        return
    bar = Bar(
        TextColumn(f"scoring {unit}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )
    with bar:
        task = bar.add_task(unit, total=None, rate="")

        def show(done: int, total: int | None) -> None:
            speed = bar.tasks[0].speed
            bar.update(
                task, completed=done, total=total, rate=f"{speed:.1f} {unit}/s" if speed else ""
            )

        yield show


def tell_failed(outcomes: Iterable[Outcome]) -> None:
    """Name the gates that are not met, which no flag keeps quiet: they decide the exit code."""
    for each in outcomes:
        if not each.passed:
            value = told_apart(each.value, each.gate.bound)
            click.echo(f"gate not met: {each.gate}, it is {value}", err=True)
