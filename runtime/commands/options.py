"""Options that several commands have, each group made into the value that the command is given."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, TypeVar

import click

from framegauge.export.contract.plain_numbers import whole_number
from framegauge.export.contract.roles import SITINGS
from framegauge.runtime.backends.model import BACKENDS
from framegauge.runtime.backends.request import BackendRequest
from framegauge.runtime.errors import UsageError
from framegauge.runtime.pairing.alignment import OnLength
from framegauge.runtime.pairing.frame_rates import OnRate
from framegauge.runtime.scoring.requests import FrameRequest, ModelRequest, PairRequest
from framegauge.runtime.sources.colour_mismatch import OnColour
from framegauge.runtime.sources.conversion import MOST_SIDE
from framegauge.runtime.sources.film_grain import FilmGrain

Command = TypeVar("Command", bound=Callable[..., Any])
Option = Callable[[Callable[..., Any]], Callable[..., Any]]


class WholeNumber(click.IntRange):
    """A whole number in digits from 0 to 9, between bounds if there are some."""

    name = "integer"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number.

        Raises:
            BadParameter: It is none, or beyond the bounds.
        """
        try:
            number = whole_number(value) if isinstance(value, str) else value
        except ValueError:
            self.fail(f"{value!r} is not a valid integer.", param, ctx)
        return super().convert(number, param, ctx)


WHOLE = WholeNumber()

weights_option = click.option(
    "--weights",
    multiple=True,
    metavar="NAME=FILE",
    help="A file of weights, such as vgg16=vgg16.pth, for metrics that need some.",
)
offline_option = click.option("--offline", is_flag=True, help="Download no weights.")
gate_option = click.option(
    "--gate",
    "gates",
    multiple=True,
    metavar="EXPR",
    help="[METHOD.][samples.|scenes.]LABEL[.TERM][.POOL] OP BOUND, such as 'ssim.p5>=0.95', in "
    "quotes, since a shell takes > and < for files. "
    "Without POOL the mean; over all frames, or over the samples (or scenes) of a set if that is "
    "said. Exit code 3 if one is not met.",
)

_device = click.option("--device", type=WHOLE, default=0, help="Which GPU.")
_scale = click.option(
    "--scale", metavar="reference|WxH[:SCALER]", help="Allow scaling to this size."
)
_convert = click.option(
    "--convert", metavar="reference|FORMAT", help="Allow conversion to this format."
)
_transfer = click.option(
    "--transfer",
    metavar="T",
    help="pq, hlg or FFmpeg's name of a transfer function, in place of what the streams say.",
)
_film_grain = click.option(
    "--film-grain",
    type=click.Choice(["on", "off"]),
    default="on",
    show_default=True,
    help="Whether to draw the grain that streams carry, as players do.",
)
_on_colour_mismatch = click.option(
    "--on-colour-mismatch",
    type=click.Choice(["error", "ignore"]),
    default="error",
    show_default=True,
    help="When light or colours differ: compare code values as they are, by metrics of planes.",
)
_backend = click.option(
    "--backend",
    type=click.Choice(BACKENDS),
    default="auto",
    show_default=True,
    help="What runs the model; one asked for by name is had, or the run fails.",
)
_build = click.option(
    "--build-missing", is_flag=True, help="Build an engine for the GPU here where there is none."
)


def model_options(command: Command) -> Command:
    """What is computed, as ``models``, a :class:`ModelRequest`."""
    options = (
        click.option("--metrics", metavar="ENTRIES", help="Such as psnr,ssim,census[patch=5]."),
        click.option(
            "--model", "files", multiple=True, metavar="FILE", help="Model files to score with."
        ),
        click.option(
            "--quantise", type=click.Choice(["8"]), help="Round distorted frames to 8 bits."
        ),
        click.option(
            "--crop-border",
            type=WHOLE,
            default=0,
            help="Pixels to cut from every side first.",
        ),
        weights_option,
        offline_option,
    )
    return _as_value("models", _models, options, command)


def backend_options(command: Command) -> Command:
    """What computes it, as ``backend``, a :class:`BackendRequest`."""
    threads = click.option("--threads", type=WHOLE, help="Threads on the CPU.")
    return _as_value("backend", BackendRequest.of, (_backend, _build, _device, threads), command)


def device_options(command: Command) -> Command:
    """The same for what does not ask how many threads."""
    return _as_value("backend", BackendRequest.of, (_backend, _build, _device), command)


def frame_options(command: Command) -> Command:
    """How clips are read, and what may be done to frames, as ``frames``, a `FrameRequest`."""
    options = (
        _scale,
        _convert,
        click.option("--matrix", help="bt601, bt709 or bt2020, in place of what the streams say."),
        click.option("--range", help="limited or full, in place of what the streams say."),
        _transfer,
        click.option(
            "--chroma-siting",
            type=click.Choice(list(SITINGS)),
            help="Where subsampled chroma lies, in place of what the streams say.",
        ),
        _film_grain,
        _on_colour_mismatch,
        click.option("--size", metavar="WxH", help="Size of bare samples (.yuv)."),
        click.option("--pixel-format", metavar="F", help="Pixel format of bare samples (.yuv)."),
        click.option(
            "--frame-rate", metavar="RATE", help="Frames a second of bare samples or images."
        ),
    )
    return _as_value("frames", _frames, options, command)


def conversion_options(command: Command) -> Command:
    """The same for clips that all say what they are."""
    options = (_scale, _convert, _transfer, _film_grain, _on_colour_mismatch)
    return _as_value("frames", FrameRequest, options, command)


def pair_options(command: Command) -> Command:
    """Which frames are judged, as ``pairs``, a :class:`PairRequest`."""
    options = (
        click.option(
            "--offset",
            type=WHOLE,
            default=0,
            help="Frames that the distorted video is late by.",
        ),
        click.option(
            "--start", type=WHOLE, default=0, help="First frame of the reference to score."
        ),
        click.option("--count", type=WHOLE, help="Frames to score."),
        click.option("--subsample", type=WHOLE, default=1, help="Score every so many frames."),
        click.option(
            "--on-length-mismatch",
            type=click.Choice(["error", "shortest"]),
            default="error",
            show_default=True,
            help="What to do when one video ends before the other.",
        ),
        click.option(
            "--on-rate-mismatch",
            type=click.Choice(["error", "index", "drop"]),
            default="error",
            show_default=True,
            help="When frame rates differ: compare by index, or drop frames.",
        ),
        click.option(
            "--factor",
            type=WHOLE,
            metavar="K",
            help="DISTORTED was interpolated from every K-th frame.",
        ),
        click.option(
            "--flow",
            "flows",
            multiple=True,
            metavar="ROLE=PATTERN",
            help="Flows from files, such as flow_previous_next=flows/%05d.flo.",
        ),
        click.option(
            "--flow-estimator",
            metavar="dis[:PRESET]",
            help="What computes flows that no file gives.",
        ),
    )
    return _as_value("pairs", _pairs, options, command)


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


def _models(
    metrics: str | None,
    files: tuple[str, ...],
    quantise: str | None,
    crop_border: int,
    weights: tuple[str, ...],
    offline: bool,
) -> ModelRequest:
    return ModelRequest.of(
        metrics,
        files or None,
        quantise=int(quantise) if quantise else None,
        crop_border=crop_border,
        weights=named_files(weights),
        offline=offline,
    )


def _frames(
    scale: str | None,
    convert: str | None,
    matrix: str | None,
    range: str | None,
    transfer: str | None,
    chroma_siting: str | None,
    film_grain: FilmGrain,
    on_colour_mismatch: OnColour,
    size: str | None,
    pixel_format: str | None,
    frame_rate: str | None,
) -> FrameRequest:
    return FrameRequest(
        size=_size(size),
        pixel_format=pixel_format,
        frame_rate=frame_rate,
        matrix=matrix,
        range=range,
        transfer=transfer,
        film_grain=film_grain,
        chroma_siting=chroma_siting,
        scale=scale,
        convert=convert,
        on_colour_mismatch=on_colour_mismatch,
    )


def _pairs(
    offset: int,
    start: int,
    count: int | None,
    subsample: int,
    on_length_mismatch: OnLength,
    on_rate_mismatch: OnRate,
    factor: int | None,
    flows: tuple[str, ...],
    flow_estimator: str | None,
) -> PairRequest:
    return PairRequest(
        offset=offset,
        start=start,
        count=count,
        subsample=subsample,
        on_length_mismatch=on_length_mismatch,
        on_rate_mismatch=on_rate_mismatch,
        factor=factor,
        flows=_flows(flows),
        flow_estimator=flow_estimator,
    )


def _size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    match = re.fullmatch("([0-9]{1,9})x([0-9]{1,9})", text)
    size = (int(match[1]), int(match[2])) if match else (0, 0)
    if not 1 <= min(size) <= max(size) <= MOST_SIDE:
        raise UsageError(
            f"--size takes WxH, such as 1920x1080, up to {MOST_SIDE}x{MOST_SIDE}; got {text!r}."
        )
    return size


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


def _as_value(
    name: str, make: Callable[..., object], options: Sequence[Option], command: Command
) -> Command:
    """A command that is given one value in place of some options.

    Args:
        name: What the command calls it.
        make: Makes it of what click read for the options, by their names.
        options: The options.
        command: The command.
    """
    names: set[str] = set()

    @wraps(command)
    def given(**read: Any) -> Any:
        taken = {each: read.pop(each) for each in names}
        return command(**read, **{name: make(**taken)})

    before = len(getattr(given, "__click_params__", []))
    decorated: Callable[..., Any] = given
    for option in reversed(options):
        decorated = option(decorated)
    names.update(each.name for each in decorated.__click_params__[before:])  # type: ignore
    return decorated  # type: ignore[return-value]
