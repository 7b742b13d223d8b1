"""Clips that are in memory already: NumPy arrays, one frame at a time."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence, Sized
from dataclasses import replace
from fractions import Fraction
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framegauge.export.contract.formats import FORMATS, Format
from framegauge.runtime.backends.gpu.gpu_array import host_array, is_on_gpu
from framegauge.runtime.errors import ScoreError, UsageError
from framegauge.runtime.sources.channels import channel_hint
from framegauge.runtime.sources.colour_tags import NOTHING_SAID, ColourTags
from framegauge.runtime.sources.facts import Facts, facts
from framegauge.runtime.sources.planes import Planes

ArrayFrame = NDArray[Any] | tuple[NDArray[Any], ...] | list[NDArray[Any]]
"""One frame: ``(H, W, 3)`` or ``(H, W)`` ``uint8``, ``(3, H, W)`` ``float32`` in [0, 1], or planes.

Colours are in the order R, G, B, which no array tells: of a 4-byte buffer give the view
``rgba[..., :3]`` or ``bgra[..., 2::-1]``, of which no copy is made. Planes are a tuple or list
of arrays; those of more than 8 bits are ``uint16``, or ``uint8`` byte pairs on an axis of 2 at the
end. Any array on the host will do that NumPy reads or that speaks DLPack.

Whoever gives frames one by one may write each into the memory of the one before.
"""

_FFMPEG_NAMES = {"gray8": "gray", "rgbf32": "gbrpf32le"}


def open_arrays(
    frames: Iterable[ArrayFrame] | ArrayFrame,
    *,
    pixel_format: str | None = None,
    frame_rate: Fraction | None = None,
    given: ColourTags = NOTHING_SAID,
) -> tuple[Facts, Generator[Planes, None, None]]:
    """The facts of a clip in memory, and its frames, each checked as it is taken.

    Args:
        frames: The clip, a sequence or anything that gives its frames one by one; or one frame.
        pixel_format: Name of the model format; where planes do not tell it, or an array could be
            one frame or several, it is needed.
        frame_rate: Frames a second, for the report.
        given: What its colours are; grey is full range if that is not given.

    Raises:
        UsageError: The first frame is of no format known, or not of the one given; or what was
            given could be one frame or several.
        ScoreError: There are no frames; while frames are taken, one is not like the first, or has
            values outside what its format allows.
    """
    named = _named(pixel_format)
    clip = _clip(frames, named)
    iterator = iter(clip)
    try:
        first = next(iterator)
    except StopIteration:
        raise ScoreError(
            "The sequence of arrays has no frames: at least one was wanted. Check what fills it."
        ) from None
    form = named or _format(first)
    size = _size(first, form)
    known = facts(
        "array",
        size=size,
        pixel_format=_FFMPEG_NAMES.get(form.name, form.name),
        codec="array",
        still=True,
        given=given,
    )
    known = replace(
        known,
        format=form.name,
        frame_rate=frame_rate,
        frames=len(clip) if isinstance(clip, Sized) else None,
    )
    if is_borrowed(frames):
        # It waits while the other clip is opened, whose maker may use the same memory.
        first = tuple(_array(part).copy() for part in _parts(first))
    return known, _checked(chain([first], iterator), form, size)


def is_borrowed(frames: Iterable[ArrayFrame] | ArrayFrame) -> bool:
    """Whether a frame may be written over as soon as other code of the caller runs.

    It may where the frames are made one by one, by a generator say, which often fills one buffer
    again and again. Those of a tuple, a list or an array are all there at once.
    """
    if isinstance(frames, (tuple, list, np.ndarray, memoryview)):
        return False
    return isinstance(frames, Iterable) and not hasattr(frames, "__dlpack__")


def _checked(
    frames: Iterator[ArrayFrame], form: Format, size: tuple[int, int]
) -> Generator[Planes, None, None]:
    width, height = size
    shapes = [form.shape(plane, height, width) for plane in form.planes]
    for number, frame in enumerate(frames):
        planes = tuple(_bytes(_array(plane), form) for plane in _parts(frame))
        found = [plane.shape for plane in planes]
        if found != shapes or any(plane.dtype != form.dtype for plane in planes):
            kinds = " + ".join(f"{plane.dtype} {plane.shape}" for plane in planes)
            wanted = " + ".join(f"{form.dtype} {shape}" for shape in shapes)
            raise ScoreError(
                f"Frame {number} of the arrays does not fit {form.name} of {width}x{height}: "
                f"{wanted} was wanted, {kinds} came. Frames of a clip have one size and type. "
                f"{_hint(planes) if form.kind == 'rgb' else ''}".rstrip()
            )
        _check_values(planes, form, number)
        yield planes


def _clip(given: Iterable[ArrayFrame] | ArrayFrame, form: Format | None) -> Iterable[ArrayFrame]:
    """The frames of what was given; it may be one frame itself.

    Raises:
        UsageError: It could be one frame or several.
    """
    if isinstance(given, (tuple, list)):
        return [given] if _are_planes(given, form) else given
    is_memory = isinstance(given, memoryview) or not isinstance(given, Iterable)
    if not (is_memory or hasattr(given, "__array__") or hasattr(given, "__dlpack__")):
        return given
    # Only what may be one frame is read whole: arrays can lie in a file, and be long.
    array = _array(given) if is_memory or not hasattr(given, "shape") else given
    return [_array(array)] if _is_frame(array, form) else array


def _is_frame(array: Any, form: Format | None) -> bool:
    """Whether an array is one frame, not a clip of them."""
    shape = tuple(array.shape)
    if len(shape) == 1 or shape[:1] == (0,):
        return False
    if form is not None:
        return len(shape) <= len(form.planes[0].dims)
    if len(shape) != 3:
        return len(shape) < 3
    first, _, last = shape
    if last == 3:
        return True  # nobody's grey frames are 3 pixels wide
    if last not in (1, 2, 4) and first not in (3, 4):
        return False
    if _array(array).dtype != np.uint8:
        return True
    place = "last" if last in (1, 2, 4) else "first"
    raise UsageError(
        f"An array of uint8 {shape} could be one frame with its channels {place}, or {first} grey "
        f"frames of {last}x{shape[1]}. For grey frames give pixel_format='gray8' with them. For "
        f"one frame: {channel_hint(shape, floats=False)}"
    )


def _are_planes(given: Sequence[Any], form: Format | None) -> bool:
    """Whether a few arrays are the planes of one frame, not a clip of frames of one plane."""
    if any(isinstance(part, (tuple, list)) for part in given):
        return False
    if form is not None:
        return len(given) == len(form.planes) > 1
    if len(given) not in (2, 3):
        return False
    parts = [_array(part) for part in given]
    planar = (each for each in FORMATS.values() if len(each.planes) > 1)
    fitting = next((each for each in planar if _could_be(parts, each)), None)
    if fitting is not None and len({part.shape for part in parts}) == 1:
        raise UsageError(
            f"{len(parts)} arrays of {parts[0].dtype} {parts[0].shape} could be the planes of one "
            f"{fitting.name} frame, or {len(parts)} grey frames. For one frame give [frame], for "
            "grey frames pixel_format='gray8' with them."
        )
    return fitting is not None


def _array(samples: Any) -> NDArray[Any]:
    if is_on_gpu(samples):
        raise UsageError(
            f"Frames of clips lie on the host; this {type(samples).__name__} lies on a GPU. Copy "
            "it to the host, or score it where it lies with Scorer."
        )
    return host_array("Frames in memory", samples)


def _hint(parts: Sequence[NDArray[Any]]) -> str:
    if len(parts) != 1:
        return ""
    return channel_hint(parts[0].shape, floats=np.issubdtype(parts[0].dtype, np.floating))


def _parts(frame: ArrayFrame) -> tuple[NDArray[Any], ...]:
    return tuple(frame) if isinstance(frame, (tuple, list)) else (frame,)


def _bytes(plane: NDArray[Any], form: Format) -> NDArray[Any]:
    """Words as the byte pairs that models take, anything else as it is."""
    if form.depth in (10, 12) and plane.dtype == np.uint16:
        words = np.ascontiguousarray(plane, dtype="<u2")
        return words.view(np.uint8).reshape(*words.shape, 2)
    return plane


def _check_values(planes: Planes, form: Format, number: int) -> None:
    if form.dtype == "float32":
        low, high = float(planes[0].min()), float(planes[0].max())
        if not (low >= 0 and high <= 1):
            raise ScoreError(
                f"Frame {number} of the arrays has values from {low:g} to {high:g}: rgbf32 takes "
                "finite values in [0, 1]. Scale or clip them."
            )
    elif form.depth > 8:
        # The low bits of p010le are padding, so every word is one of its samples.
        peak = 0xFFFF if form.shift else form.peak
        most = max(int(np.ascontiguousarray(plane).view("<u2").max()) for plane in planes)
        if most > peak:
            raise ScoreError(
                f"Frame {number} of the arrays has a value of {most}: {form.name} takes 0 to "
                f"{peak}. Shift the samples to the low {form.depth} bits."
            )


def _named(name: str | None) -> Format | None:
    """The format that was asked for."""
    if name is None:
        return None
    name = {"gray": "gray8", "gbrpf32le": "rgbf32"}.get(name, name)
    if name not in FORMATS:
        raise UsageError(
            f"Arrays come in one of {', '.join(FORMATS)}; {name!r} was given. Choose one."
        )
    return FORMATS[name]


def _format(frame: ArrayFrame) -> Format:
    """The format that a frame can only be of."""
    parts = [_array(part) for part in _parts(frame)]
    for form in FORMATS.values():
        if _could_be(parts, form):
            return form
    kinds = " + ".join(f"{part.dtype} {part.shape}" for part in parts)
    hint = (
        "Say which with pixel_format, such as yuv420p10le."
        if all(part.dtype == np.uint16 for part in parts)
        else _hint(parts) or "Convert them, or give planes with pixel_format."
    )
    raise UsageError(
        f"Frames are uint8 (H, W, 3) or (H, W), float32 (3, H, W), or planes; {kinds} came. {hint}"
    )


def _could_be(parts: list[NDArray[Any]], form: Format) -> bool:
    """Whether the first frame can only be of this format, among those of 8 bits and of float."""
    if form.depth not in (8, 32) or len(parts) != len(form.planes):
        return False
    if any(part.dtype != form.dtype for part in parts) or parts[0].ndim != len(form.planes[0].dims):
        return False
    height, width = form.size(parts[0].shape)
    shapes = [form.shape(plane, height, width) for plane in form.planes]
    return shapes == [part.shape for part in parts] and min(height, width) > 0


def _size(frame: ArrayFrame, form: Format) -> tuple[int, int]:
    first = _array(_parts(frame)[0])
    if first.ndim < 2 or (form.name == "rgbf32" and first.ndim != 3):
        raise UsageError(
            f"A frame of {form.name} has planes of at least two axes; {first.shape} came. "
            "Give a sequence of frames, not of rows."
        )
    height, width = form.size(first.shape)
    return width, height
