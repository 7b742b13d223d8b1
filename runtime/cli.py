"""The command line. Scores go to standard output or files, everything else to standard error.

Exit codes: 0 done and every gate passed; 1 the run failed; 2 the request is wrong; 3 measured, and
a gate failed; 4 the backend or model asked for is not to be had here; 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.text import Text

from framegauge.runtime.atomic import STDOUT, check_writable, write_text
from framegauge.runtime.cli_models import (
    backend_option,
    doctor_command,
    export_command,
    list_command,
    named_files,
    offline_option,
    show_command,
    verify_command,
    weights_option,
)
from framegauge.runtime.errors import BackendError, ScoreError, UsageError
from framegauge.runtime.gate import Gate
from framegauge.runtime.loop import Progress
from framegauge.runtime.report import Report
from framegauge.runtime.summary import print_summary
from framegauge.runtime.videos import score

FAILED, USAGE, GATE_FAILED, NOT_HERE, INTERRUPTED = 1, 2, 3, 4, 130

_STILLS = 3


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit with its code."""
    try:
        code = commands.main(args=arguments, prog_name="framegauge", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        code = _complain("interrupted; nothing was written", INTERRUPTED)
    except UsageError as error:
        code = _complain(str(error), USAGE)
    except BackendError as error:
        code = _complain(str(error), NOT_HERE)
    except ScoreError as error:
        code = _complain(str(error), FAILED)
    except BrokenPipeError:
        # Whoever read our output has gone; Python would complain again when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = FAILED
    except OSError as error:
        code = _complain(str(error), FAILED)
    sys.exit(code or 0)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="framegauge")
def commands() -> None:
    """Score video frames against their references, with metrics as deployable graphs."""


for command in (list_command, show_command, verify_command, doctor_command, export_command):
    commands.add_command(command)


gate_option = click.option(
    "--gate",
    "gates",
    multiple=True,
    metavar="EXPR",
    help="A bound on a pooled score, such as 'ssim.p5>=0.95'; exit code 3 if it fails.",
)


@commands.command("score")
@click.argument("videos", nargs=-1, metavar="REFERENCE DISTORTED")
@click.option("-r", "--reference", help="The reference, in place of the first argument.")
@click.option("-d", "--distorted", help="The distorted video, in place of the second argument.")
@click.option("--metrics", metavar="ENTRIES", help="Such as psnr_y,float_ssim,census[patch=5].")
@click.option("--model", "models", multiple=True, metavar="FILE", help="Model files to score with.")
@click.option(
    "--json", "json_path", metavar="FILE", help="Write the report; - for standard output."
)
@click.option("--csv", "csv_path", metavar="FILE", help="Write the frames' scores.")
@click.option("--html", "html_path", metavar="FILE", help="Write a page to look at.")
@gate_option
@click.option("--offset", type=int, default=0, help="Frames that the distorted video is late by.")
@click.option("--start", type=int, default=0, help="First frame of the reference to score.")
@click.option("--count", type=int, help="Frames to score.")
@click.option("--subsample", type=int, default=1, help="Score every so many frames.")
@click.option(
    "--on-length-mismatch",
    type=click.Choice(["error", "shortest"]),
    default="error",
    show_default=True,
    help="What to do when one video ends before the other.",
)
@click.option(
    "--on-rate-mismatch",
    type=click.Choice(["error", "index", "drop"]),
    default="error",
    show_default=True,
    help="When frame rates differ: compare by index, or drop frames.",
)
@click.option("--scale", metavar="reference|WxH[:SCALER]", help="Allow scaling to this size.")
@click.option("--convert", metavar="reference|FORMAT", help="Allow conversion to this format.")
@click.option("--matrix", help="bt601, bt709 or bt2020, in place of what the streams say.")
@click.option("--range", "range_", help="limited or full, in place of what the streams say.")
@click.option("--size", metavar="WxH", help="Size of bare samples (.yuv).")
@click.option("--pixel-format", metavar="F", help="Pixel format of bare samples (.yuv).")
@click.option("--frame-rate", metavar="RATE", help="Frames a second of bare samples or images.")
@click.option("--quantise", type=click.Choice(["8"]), help="Round distorted frames to 8 bits.")
@click.option("--crop-border", type=int, default=0, help="Pixels to cut from every side first.")
@weights_option
@offline_option
@backend_option
@click.option("--device", type=int, default=0, help="Which GPU.")
@click.option("--threads", type=int, help="Threads on the CPU.")
@click.option("--stills", type=int, default=_STILLS, show_default=True, help="Worst frames shown.")
@click.option("--quiet", is_flag=True, help="No progress, no notes, no summary.")
def score_command(
    videos: tuple[str, ...],
    reference: str | None,
    distorted: str | None,
    models: tuple[str, ...],
    json_path: str | None,
    csv_path: str | None,
    html_path: str | None,
    range_: str | None,
    size: str | None,
    quantise: str | None,
    weights: tuple[str, ...],
    stills: int,
    quiet: bool,
    **options: Any,
) -> int:
    """Score DISTORTED against REFERENCE, frame by frame.

    Each is a video, an image, a folder or pattern of images, bare samples (.yuv), or - for
    standard input.
    """
    pair = _pair(videos, reference, distorted)
    paths = [path for path in (json_path, csv_path, html_path) if path is not None]
    _check_outputs(paths, pair)
    talk = Console(stderr=True, quiet=quiet)
    with _progress(quiet) as progress:
        report = score(
            *pair,
            model=models or None,
            range=range_,
            size=_size(size),
            quantise=int(quantise) if quantise else None,
            weights=named_files(weights),
            stills=stills if html_path else 0,
            progress=progress,
            tell=lambda line: talk.print(Text(f"note: {line}"), soft_wrap=True),
            **options,
        )
    if json_path is not None:
        report.write_json(json_path)
    if csv_path is not None:
        report.write_csv(csv_path)
    if html_path is not None:
        report.write_html(html_path)
    if not quiet:
        print_summary(report, Console(stderr=STDOUT in paths))
    return 0 if report.passed else GATE_FAILED


@commands.command("gate")
@click.argument("path", metavar="REPORT.json")
@gate_option
def gate_command(path: str, gates: tuple[str, ...]) -> int:
    """Judge a report, ours or libvmaf's, by gates."""
    if not gates:
        raise UsageError("Name at least one gate: --gate 'psnr_y.p5>=38'.")
    report = Report.read(path)
    report = report.with_gates([Gate.parse(gate, labels=report.labels) for gate in gates])
    print_summary(report, Console())
    return 0 if report.passed else GATE_FAILED


@commands.command("report")
@click.argument("paths", nargs=-1, required=True, metavar="REPORT.json...")
@click.option("--csv", "csv_path", metavar="FILE", help="Write the frames' scores of one report.")
@click.option("--html", "html_path", metavar="FILE", help="Write a page; several are compared.")
def report_command(paths: tuple[str, ...], csv_path: str | None, html_path: str | None) -> int:
    """Show reports, ours or libvmaf's, as a summary, a page or a table."""
    outputs = [path for path in (csv_path, html_path) if path is not None]
    _check_outputs(outputs, paths)
    if csv_path is not None and len(paths) > 1:
        raise UsageError("--csv takes one report; use --html to compare several.")
    reports = [Report.read(path) for path in paths]
    if csv_path is not None:
        reports[0].write_csv(csv_path)
    if html_path is not None:
        from framegauge.runtime import page

        names = [Path(path).name for path in paths] if len(paths) > 1 else None
        write_text(html_path, [page.to_html(reports, names=names)])
    for path, report in zip(paths, reports, strict=True):
        console = Console(stderr=STDOUT in outputs)
        if len(paths) > 1:
            console.print(Text(path, style="bold"))
        print_summary(report, console)
    return 0


@contextmanager
def _progress(quiet: bool) -> Iterator[Progress | None]:
    """A line with rate and time left on a terminal, nothing in a pipe."""
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield None
        return
    bar = Bar(
        TextColumn("scoring"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )
    with bar:
        task = bar.add_task("scoring", total=None, rate="")

        def show(done: int, total: int | None) -> None:
            speed = bar.tasks[0].speed
            bar.update(
                task, completed=done, total=total, rate=f"{speed:.1f} frames/s" if speed else ""
            )

        yield show


def _pair(videos: tuple[str, ...], reference: str | None, distorted: str | None) -> tuple[str, str]:
    given = list(videos)
    named = [
        each if each is not None else (given.pop(0) if given else None)
        for each in (reference, distorted)
    ]
    if given or named[0] is None or named[1] is None:
        raise UsageError(
            "score takes two videos, REFERENCE and DISTORTED, or -r REFERENCE -d DISTORTED; got "
            f"{len(videos) + sum(each is not None for each in (reference, distorted))}."
        )
    if named == ["-", "-"]:
        raise UsageError("Only one of the videos can come from standard input.")
    return named[0], named[1]


def _check_outputs(paths: Sequence[str], inputs: Sequence[str]) -> None:
    """Refuse outputs that cannot be written, or would overwrite something."""
    places = [path if path == STDOUT else os.path.realpath(path) for path in paths]
    for path, place in zip(paths, places, strict=True):
        check_writable(path)
        if places.count(place) > 1:
            raise UsageError(f"Two outputs cannot both go to {path}. Give each its own file.")
        if path != STDOUT and any(_same(path, each) for each in inputs):
            raise UsageError(f"{path} is an input; writing there would destroy it. Choose another.")


def _same(one: str, other: str) -> bool:
    return os.path.exists(one) and os.path.exists(other) and os.path.samefile(one, other)


def _size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    width, cross, height = text.partition("x")
    if not (cross and width.isdigit() and height.isdigit()):
        raise UsageError(f"--size takes WxH, such as 1920x1080; got {text!r}.")
    return int(width), int(height)


def _complain(words: str, code: int) -> int:
    Console(stderr=True).print(Text.assemble(("error: ", "bold red"), words), soft_wrap=True)
    return code
