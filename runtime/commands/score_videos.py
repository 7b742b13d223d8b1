"""The command that scores two videos."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from framegauge.runtime.atomic_files import STDOUT
from framegauge.runtime.commands.judge_reports import GATE_FAILED, check_outputs, gate_option
from framegauge.runtime.commands.options import frame_options, model_options, named_files
from framegauge.runtime.commands.terminal import progress_of, wide_console
from framegauge.runtime.errors import UsageError
from framegauge.runtime.reports.summary import print_summary
from framegauge.runtime.scoring.videos import score

_STILLS = 3


@click.command("score")
@click.argument("videos", nargs=-1, metavar="REFERENCE DISTORTED")
@click.option("-r", "--reference", help="The reference, in place of the first argument.")
@click.option("-d", "--distorted", help="The distorted video, in place of the second argument.")
@model_options
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
@click.option(
    "--factor", type=int, metavar="K", help="DISTORTED was interpolated from every K-th frame."
)
@click.option(
    "--flow",
    "flows",
    multiple=True,
    metavar="ROLE=PATTERN",
    help="Flows from files, such as flow_previous_next=flows/%05d.flo.",
)
@click.option(
    "--flow-estimator", metavar="dis[:PRESET]", help="What computes flows that no file gives."
)
@frame_options
@click.option("--matrix", help="bt601, bt709 or bt2020, in place of what the streams say.")
@click.option("--range", "range_", help="limited or full, in place of what the streams say.")
@click.option("--size", metavar="WxH", help="Size of bare samples (.yuv).")
@click.option("--pixel-format", metavar="F", help="Pixel format of bare samples (.yuv).")
@click.option("--frame-rate", metavar="RATE", help="Frames a second of bare samples or images.")
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
    flows: tuple[str, ...],
    weights: tuple[str, ...],
    stills: int,
    quiet: bool,
    **options: Any,
) -> int:
    """Score DISTORTED against REFERENCE, frame by frame.

    Each is a video, an image, a folder or pattern of images, bare samples (.yuv), or - for
    standard input.

    With --factor K the frames 0, K, 2K, ... of REFERENCE are what DISTORTED was interpolated from,
    and only the frames between them are judged. The number in a --flow pattern is the index, from
    0, that the frame judged has in REFERENCE. dis is OpenCV's dense inverse search, with the
    presets ultrafast, fast and medium.
    """
    pair = _pair(videos, reference, distorted)
    paths = [path for path in (json_path, csv_path, html_path) if path is not None]
    check_outputs(paths, pair)
    talk = Console(stderr=True, quiet=quiet)
    with progress_of("frames", quiet=quiet) as progress:
        report = score(
            *pair,
            model=models or None,
            range=range_,
            size=_size(size),
            quantise=int(quantise) if quantise else None,
            flows=_flows(flows),
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
        print_summary(report, wide_console(stderr=STDOUT in paths))
    return 0 if report.passed else GATE_FAILED


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


def _size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    width, cross, height = text.partition("x")
    if not (cross and width.isdigit() and height.isdigit()):
        raise UsageError(f"--size takes WxH, such as 1920x1080; got {text!r}.")
    return int(width), int(height)


def _flows(texts: Sequence[str]) -> dict[str, str]:
    """Patterns of flow files by role, from ROLE=PATTERN."""
    patterns: dict[str, str] = {}
    for text in texts:
        role, equals, pattern = text.partition("=")
        if not (role and equals and pattern):
            raise UsageError(
                f"--flow takes ROLE=PATTERN, such as flow_previous_next=flows/%05d.flo; got "
                f"{text!r}."
            )
        if role in patterns:
            raise UsageError(f"--flow gives {role} twice. Keep one.")
        patterns[role] = pattern
    return patterns
