"""What people see of engines being built: a bar each on a terminal, a line each in a log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from rich.text import Text

from framegauge.engines.building.build import STARTING, WAITING, Progress
from framegauge.engines.building.job import Job
from framegauge.runtime.commands.terminal import console


@contextmanager
def builds_shown(*, quiet: bool = False) -> Iterator[Progress | None]:
    """What tells of builds on standard error.

    Args:
        quiet: Tell nothing.
    """
    talk = console(stderr=True)
    if quiet:
        yield None
    elif talk.is_terminal:
        with _bars(talk) as show:
            yield show
    else:
        yield _lines(talk)


@contextmanager
def _bars(console: Console) -> Iterator[Progress]:
    """A line for each build that is under way: what it does, how far it is, for how long."""
    bar = Bar(
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        TextColumn("{task.fields[phase]}"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    )
    rows: dict[int, TaskID] = {}

    def show(job: Job, phase: str, share: float) -> None:
        if id(job) not in rows:
            rows[id(job)] = bar.add_task(str(job), total=1.0, phase=phase)
        bar.update(rows[id(job)], completed=share, phase=phase)
        if share >= 1.0:
            bar.remove_task(rows.pop(id(job)))

    with bar:
        yield show


def _lines(console: Console) -> Progress:
    """A line at the start and the end of each build, so that a log shows what takes long."""
    told: set[tuple[int, str]] = set()

    def show(job: Job, phase: str, share: float) -> None:
        is_event = share >= 1.0 or phase in (STARTING, WAITING)
        if is_event and (id(job), phase) not in told:
            told.add((id(job), phase))
            console.print(Text(f"{job}: {phase}"), soft_wrap=True)

    return show
