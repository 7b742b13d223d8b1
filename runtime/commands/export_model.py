"""The command that makes a model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click

from framegauge.export.contract.colour_map import MATRICES, RANGES
from framegauge.export.contract.formats import FORMATS
from framegauge.export.contract.manifest import PRECISIONS, Precision
from framegauge.export.contract.roles import SITINGS
from framegauge.runtime.atomic_files import check_writable, write_bytes
from framegauge.runtime.backends.model import Model
from framegauge.runtime.commands.options import (
    WHOLE,
    named_files,
    offline_option,
    weights_option,
)
from framegauge.runtime.commands.terminal import console, say
from framegauge.runtime.models.export_cache import ExportRequest, write
from framegauge.runtime.models.model_files import ready_file


@click.command("export")
@click.option("--metrics", required=True, metavar="ENTRIES", help="What the model computes.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(list(FORMATS)),
    default="rgb24",
    show_default=True,
    help="Pixel format of the frames.",
)
@click.option("--maps", default="", metavar="LABELS", help="Entries whose map is an output too.")
@click.option("--quantise", type=click.Choice(["8"]), help="Round distorted frames to 8 bits.")
@click.option("--crop-border", type=WHOLE, default=0, help="Pixels to cut from every side first.")
@click.option(
    "--without",
    default="",
    metavar="INPUTS",
    help="Inputs the model shall not take; a system's terms that need them are left out.",
)
@click.option(
    "--matrix",
    type=click.Choice(MATRICES),
    help="Make this, with --range, a part of the model, which then refuses frames of another.",
)
@click.option("--range", type=click.Choice(RANGES), help="The range, with --matrix.")
@click.option(
    "--chroma-siting",
    type=click.Choice(list(SITINGS)),
    help="Make the place of chroma a part of the model, which then refuses frames of another.",
)
@click.option(
    "--precision",
    type=click.Choice(PRECISIONS),
    default="fp32",
    show_default=True,
    help="fp16: networks in half where the scores then keep to their tolerance.",
)
@weights_option
@offline_option
@click.option("-o", "--output", required=True, metavar="MODEL", help="The file to write.")
@click.option("--quiet", is_flag=True, help="No progress.")
def export_command(
    metrics: str,
    format_: str,
    maps: str,
    quantise: str | None,
    crop_border: int,
    without: str,
    matrix: str | None,
    range: str | None,
    chroma_siting: str | None,
    precision: Precision,
    weights: tuple[str, ...],
    offline: bool,
    output: str,
    quiet: bool,
) -> int:
    """Write metrics as one ONNX model, proven before it is handed out."""
    check_writable(output)
    talk = console(stderr=True, quiet=quiet)
    with talk.status("starting") if talk.is_terminal else _silence() as status:
        order = ExportRequest(
            entries=metrics,
            format=format_,
            maps=tuple(label for label in maps.split(",") if label),
            quantise=int(quantise) if quantise else None,
            crop_border=crop_border,
            without=tuple(role for role in without.split(",") if role),
            matrix=matrix,
            range=range,
            chroma_siting=chroma_siting,
            precision=precision,
            weights=named_files(weights),
            offline=offline,
        )
        ready = ready_file(order)
        if ready is not None:
            write_bytes(output, ready.read_bytes())
        else:
            write(order, output, status.update if status else lambda line: talk.print(line))
    if precision == "fp16" and not quiet:
        for rounding in Model(output, backend="cpu", self_test=False).manifest.rounding:
            talk.print(rounding.words, highlight=False)
    if not quiet:
        say(output)
    return 0


@contextmanager
def _silence() -> Iterator[None]:
    yield None
