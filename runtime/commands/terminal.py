"""What people look at on a terminal: tables, and how far long work has come."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import click
from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderHook
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.segment import Segment

from framegauge.runtime.pooling.gate import Outcome
from framegauge.runtime.printable import printable
from framegauge.runtime.reports.number_format import told_apart
from framegauge.runtime.scoring.loop import Progress

_PIPE_COLUMNS = 200


class _Printable(RenderHook):
    """Shows escaped what a terminal would obey: names and texts of others' files are in it."""

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        return [_Escaped(each) for each in renderables]


class _Escaped:
    def __init__(self, inner: ConsoleRenderable) -> None:
        self._inner = inner

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        for segment in console.render(self._inner, options):
            if segment.control:
                yield segment
            else:
                yield Segment(printable(segment.text), segment.style)


def say(text: object, *, err: bool = False) -> None:
    """Write a line of text to standard output, or to standard error."""
    click.echo(printable(str(text)), err=err)


def console(*, stderr: bool = False, quiet: bool = False, width: int | None = None) -> Console:
    """Standard output or error, on which text is what it says, and nothing in it is obeyed."""
    made = Console(stderr=stderr, quiet=quiet, width=width, markup=False, emoji=False)
    made.push_render_hook(_Printable())
    return made


def wide_console(*, stderr: bool = False) -> Console:
    """The same, in a pipe as wide as tables need."""
    made = console(stderr=stderr)
    return made if made.is_terminal else console(stderr=stderr, width=_PIPE_COLUMNS)


@contextmanager
def progress_of(unit: str, console: Console) -> Iterator[Progress | None]:
    """A line with rate and time left on a terminal, nothing in a pipe or where it is quiet.

    Args:
        unit: What is counted, in the plural.
        console: Where to; what else is printed there meanwhile stands above the line.
    """
    if console.quiet or not console.is_terminal:
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
            say(f"gate not met: {each.gate}, it is {value}", err=True)
