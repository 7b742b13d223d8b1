"""The summary on a terminal: pooled values, gates and the verdict."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from framegauge.runtime.report import Report
from framegauge.runtime.rounding import rounded, told_apart

_POOLS = ("mean", "min", "p5", "harmonic_mean", "max")


def print_summary(report: Report, console: Console) -> None:
    """Print what a person wants to know first.

    Args:
        report: What was scored.
        console: Where to.
    """
    console.print(_pooled(report))
    for label, count in report.unscored.items():
        if count:
            console.print(
                Text(f"{label} has no finite score on {count} of {len(report.frames)} frames.")
            )
    if report.gates:
        console.print(_gates(report))
    console.print(_verdict(report))


def _pooled(report: Report) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column("score", overflow="fold")
    for pool in _POOLS:
        table.add_column(pool.replace("_", " "), justify="right", no_wrap=pool != "harmonic_mean")
    table.add_column("unit")
    table.add_column("better", no_wrap=True)
    for label, pooled in report.pooled.items():
        facts = report.outputs[label]
        table.add_row(
            Text(label, style="bold"),
            *rounded(pooled[pool] for pool in _POOLS),
            Text("" if facts.unit == "1" else facts.unit),
            facts.better or "",
        )
    for name, value in report.aggregate.items():
        table.add_row(Text(name, style="bold"), rounded([value])[0], *[""] * 4, "", "")
    return table


def _gates(report: Report) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column("gate", overflow="fold")
    table.add_column("value", justify="right")
    table.add_column("result")
    for outcome in report.gates:
        table.add_row(
            Text(str(outcome.gate)),
            told_apart(outcome.value, outcome.gate.bound),
            Text("passed", "green") if outcome.passed else Text("FAILED", "bold red"),
        )
    return table


def _verdict(report: Report) -> Text:
    frames = f"{len(report.frames):,} {'frame' if len(report.frames) == 1 else 'frames'} scored"
    if not report.gates:
        return Text(f"{frames}.")
    if report.passed:
        return Text.assemble(("Passed", "bold green"), f": every gate holds, {frames}.")
    failed = sum(not outcome.passed for outcome in report.gates)
    return Text.assemble(
        ("Failed", "bold red"), f": {failed} of {len(report.gates)} gates, {frames}."
    )
