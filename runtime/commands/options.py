"""Options that several commands have: what is scored, by what, and what may be done to frames."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from framegauge.runtime.backends.model import BACKENDS
from framegauge.runtime.errors import UsageError

Command = TypeVar("Command", bound=Callable[..., Any])

backend_option = click.option(
    "--backend",
    type=click.Choice(BACKENDS),
    default="auto",
    show_default=True,
    help="What runs the model; one asked for by name is had, or the run fails.",
)
build_option = click.option(
    "--build-missing", is_flag=True, help="Build an engine for the GPU here where there is none."
)
weights_option = click.option(
    "--weights",
    multiple=True,
    metavar="NAME=FILE",
    help="A file of weights, such as vgg16=vgg16.pth, for metrics that need some.",
)
offline_option = click.option("--offline", is_flag=True, help="Download no weights.")

_MODELS = (
    click.option("--metrics", metavar="ENTRIES", help="Such as psnr,ssim,census[patch=5]."),
    click.option(
        "--model", "models", multiple=True, metavar="FILE", help="Model files to score with."
    ),
    weights_option,
    offline_option,
    backend_option,
    build_option,
    click.option("--device", type=int, default=0, help="Which GPU."),
    click.option("--threads", type=int, help="Threads on the CPU."),
)
_FRAMES = (
    click.option("--scale", metavar="reference|WxH[:SCALER]", help="Allow scaling to this size."),
    click.option("--convert", metavar="reference|FORMAT", help="Allow conversion to this format."),
    click.option("--quantise", type=click.Choice(["8"]), help="Round distorted frames to 8 bits."),
    click.option("--crop-border", type=int, default=0, help="Pixels to cut from every side first."),
)


def model_options(command: Command) -> Command:
    """What is scored, and by what."""
    return _with(_MODELS, command)


def frame_options(command: Command) -> Command:
    """What may be done to frames that differ, and is done to all."""
    return _with(_FRAMES, command)


def named_files(pairs: tuple[str, ...]) -> dict[str, str]:
    """Files by name, from ``NAME=FILE`` each.

    Raises:
        UsageError: One is not written so.
    """
    files = {}
    for pair in pairs:
        name, equals, path = pair.partition("=")
        if not (name and equals and path):
            raise UsageError(f"--weights takes NAME=FILE, such as vgg16=vgg16.pth; got {pair!r}.")
        files[name] = path
    return files


def _with(options: tuple[Callable[[Command], Command], ...], command: Command) -> Command:
    for option in reversed(options):
        command = option(command)
    return command
