"""The summary on a terminal: pooled values, gates and the verdict."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from framegauge.runtime.pooling.pool import pool_by
from framegauge.runtime.reports.number_format import rounded, told_apart
from framegauge.runtime.reports.scored_clip import ScoredClip

_POOLS = ("mean", "min", "p5", "harmonic_mean", "max")


def print_summary(report: ScoredClip, console: Console) -> None:
    """Print what a person wants to know first.

    Args:
        report: What was scored.
        console: Where to.
    """
    console.print(_pooled(report))
    if report.phases:
        console.print(_phases(report))
    for needs, labels in needing(report).items():
        console.print(Text(f"Not computed for want of {needs}: {labels}."))
    if report.flows:
        console.print(Text(f"Flows: {'; '.join(flows_in_words(report))}."))
    for label, count in report.unscored.items():
        if count:
            console.print(
                Text(f"{label} has no finite score on {count} of {len(report.frames)} frames.")
            )
    if report.gates:
        console.print(_gates(report))
    console.print(_verdict(report))


def _pooled(report: ScoredClip) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column("score", overflow="fold")
    for pool in _POOLS:
        table.add_column(pool.replace("_", " "), justify="right", no_wrap=pool != "harmonic_mean")
    table.add_column("unit")
    table.add_column("better", no_wrap=True)
    for label, pooled in report.pooled.items():
        if label in report.missing:
            continue
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


def needing(report: ScoredClip) -> dict[str, str]:
    """Labels that were not computed, joined, by the inputs that they want, joined."""
    grouped: dict[str, list[str]] = {}
    for label, needs in report.missing.items():
        grouped.setdefault(", ".join(needs), []).append(label)
    return {needs: ", ".join(labels) for needs, labels in grouped.items()}


def flows_in_words(report: ScoredClip) -> list[str]:
    """Where flows came from, one phrase for all that came from one place."""
    places: dict[str, list[str]] = {}
    for role, facts in report.flows.items():
        match facts:
            case {"source": "files", "pattern": pattern}:
                place = f"from {pattern}"
            case {"source": "dis", "preset": preset, "opencv": version}:
                place = f"by DIS ({preset}, OpenCV {version})"
            case _:
                place = f"from {facts}"
        places.setdefault(place, []).append(role)
    return [f"{', '.join(roles)} {place}" for place, roles in places.items()]


def _phases(report: ScoredClip) -> Table:
    """Means by place between two inputs."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column("mean by phase", overflow="fold")
    for phase in report.phases:
        table.add_column(f"{phase}/{report.factor}", justify="right")
    for label in report.labels:
        if label not in report.missing:
            means = [pool_by(frames.scores[label], "mean") for frames in report.phases.values()]
            table.add_row(Text(label, style="bold"), *rounded(means))
    return table


def _gates(report: ScoredClip) -> Table:
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


def _verdict(report: ScoredClip) -> Text:
    kind = "frame" if report.factor is None else "made frame"
    frames = f"{len(report.frames):,} {kind}{'' if len(report.frames) == 1 else 's'} scored"
    if not report.gates:
        return Text(f"{frames}.")
    if report.passed:
        return Text.assemble(("Passed", "bold green"), f": every gate holds, {frames}.")
    failed = sum(not outcome.passed for outcome in report.gates)
    return Text.assemble(
        ("Failed", "bold red"), f": {failed} of {len(report.gates)} gates, {frames}."
    )
