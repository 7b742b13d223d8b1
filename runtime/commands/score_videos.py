"""The command that scores two videos."""

from __future__ import annotations

import click
from rich.text import Text

from framegauge.runtime.atomic_files import STDOUT
from framegauge.runtime.backends.request import BackendRequest
from framegauge.runtime.commands.judge_reports import NOT_AS_ASKED
from framegauge.runtime.commands.options import (
    WHOLE,
    backend_options,
    frame_options,
    gate_option,
    model_options,
    pair_options,
)
from framegauge.runtime.commands.output_files import check_outputs
from framegauge.runtime.commands.terminal import console, progress_of, tell_failed, wide_console
from framegauge.runtime.errors import UsageError
from framegauge.runtime.reports.summary import print_summary
from framegauge.runtime.scoring.requests import (
    FrameRequest,
    ModelRequest,
    PairRequest,
    ScoreRequest,
)
from framegauge.runtime.scoring.videos import score_videos

_STILLS = 3


@click.command("score")
@click.argument("videos", nargs=-1, metavar="REFERENCE DISTORTED")
@click.option("-r", "--reference", help="The reference, in place of the first argument.")
@click.option("-d", "--distorted", help="The distorted video, in place of the second argument.")
@model_options
@backend_options
@click.option(
    "--json", "json_path", metavar="FILE", help="Write the report; - for standard output."
)
@click.option("--csv", "csv_path", metavar="FILE", help="Write the frames' scores.")
@click.option("--html", "html_path", metavar="FILE", help="Write a page to look at.")
@gate_option
@pair_options
@frame_options
@click.option(
    "--stills", type=WHOLE, default=_STILLS, show_default=True, help="Worst frames shown."
)
@click.option("--quiet", is_flag=True, help="No progress, no notes, no summary.")
def score_command(
    videos: tuple[str, ...],
    reference: str | None,
    distorted: str | None,
    models: ModelRequest,
    backend: BackendRequest,
    json_path: str | None,
    csv_path: str | None,
    html_path: str | None,
    gates: tuple[str, ...],
    pairs: PairRequest,
    frames: FrameRequest,
    stills: int,
    quiet: bool,
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
    read = [*pair, *models.reads, *pairs.flows.values()]
    check_outputs(paths, [each for each in read if each != STDOUT])
    request = ScoreRequest(
        models=models,
        backend=backend,
        frames=frames,
        pairs=pairs,
        gates=gates,
        stills=stills if html_path else 0,
    )
    talk = console(stderr=True, quiet=quiet)
    with progress_of("frames", talk) as progress:
        report = score_videos(
            *pair,
            request,
            progress=progress,
            tell=lambda line: talk.print(Text(f"note: {line}"), soft_wrap=True),
        )
    report.write(json=json_path, csv=csv_path, html=html_path)
    if not quiet:
        print_summary(report, wide_console(stderr=STDOUT in paths))
    else:
        tell_failed(report.gates)
    return 0 if report.passed else NOT_AS_ASKED


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
