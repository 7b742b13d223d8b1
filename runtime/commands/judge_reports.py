"""The commands that judge and show reports."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import click
from rich.text import Text

from framegauge.runtime.atomic_files import STDOUT, write_texts
from framegauge.runtime.commands.options import gate_option
from framegauge.runtime.commands.output_files import check_outputs
from framegauge.runtime.commands.terminal import wide_console
from framegauge.runtime.errors import UsageError
from framegauge.runtime.pooling.gate import Gate
from framegauge.runtime.reports.report import Report
from framegauge.runtime.reports.summary import print_summary
from framegauge.runtime.sets.set_json import judged, read_set
from framegauge.runtime.sets.set_report import SetReport
from framegauge.runtime.sets.set_tables import print_set

NOT_AS_ASKED = 3
"""Exit code of what was done and did not come out as was asked: a gate failed, say."""


@click.command("gate")
@click.argument("path", metavar="REPORT.json")
@gate_option
def gate_command(path: str, gates: tuple[str, ...]) -> int:
    """Judge a report, ours of two videos or of a set, or libvmaf's, by gates."""
    if not gates:
        raise UsageError("Name at least one gate: --gate 'psnr_y.p5>=38'.")
    of_set = read_set(path)
    if of_set is not None:
        of_set = judged(of_set, gates)
        print_set(of_set, wide_console())
        return 0 if of_set.passed else NOT_AS_ASKED
    report = Report.read(path)
    report = report.with_gates([Gate.parse(gate, labels=report.labels) for gate in gates])
    print_summary(report, wide_console())
    return 0 if report.passed else NOT_AS_ASKED


@click.command("report")
@click.argument("paths", nargs=-1, required=True, metavar="REPORT.json...")
@click.option("--csv", "csv_path", metavar="FILE", help="Write the frames' scores of one report.")
@click.option("--html", "html_path", metavar="FILE", help="Write a page; several are compared.")
def report_command(paths: tuple[str, ...], csv_path: str | None, html_path: str | None) -> int:
    """Show reports, ours of videos or sets, or libvmaf's, as a summary, a page or a table."""
    outputs = [path for path in (csv_path, html_path) if path is not None]
    check_outputs(outputs, paths)
    if csv_path is not None and len(paths) > 1:
        raise UsageError("--csv takes one report; use --html to compare several.")
    reports: list[Report | SetReport] = [read_set(path) or Report.read(path) for path in paths]
    clips = [report for report in reports if isinstance(report, Report)]
    if html_path is not None and len(clips) < len(reports):
        raise UsageError(
            "The report of a set has no page: leave out --html, or write its means with "
            "`score-set --markdown FILE`."
        )
    texts: dict[str | os.PathLike[str], Iterable[str]] = {}
    if csv_path is not None:
        texts[csv_path] = [reports[0].to_csv()]
    if html_path is not None:
        from framegauge.runtime.reports import page

        names = told_apart(paths) if len(paths) > 1 else None
        texts[html_path] = [page.to_html(clips, names=names)]
    write_texts(texts)
    for path, report in zip(paths, reports, strict=True):
        console = wide_console(stderr=STDOUT in outputs)
        if len(paths) > 1:
            console.print(Text(path, style="bold"))
        if isinstance(report, SetReport):
            print_set(report, console)
        else:
            print_summary(report, console)
    return 0


def told_apart(paths: Sequence[str]) -> list[str]:
    """What to call files: their names, with as many folders as tell those of one name apart.

    Example:
        >>> told_apart(["a/r.json", "b/r.json", "c/other.json"])
        ['a/r.json', 'b/r.json', 'other.json']
    """
    parts = [Path(path).parts for path in paths]
    depths = [1] * len(parts)
    while True:
        names = ["/".join(each[-depth:]) for each, depth in zip(parts, depths, strict=True)]
        longer = [
            min(depth + (names.count(name) > 1), len(each))
            for name, each, depth in zip(names, parts, depths, strict=True)
        ]
        if longer == depths:
            return names
        depths = longer
