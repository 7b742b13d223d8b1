"""Where frames come from: a video, images, a stream or arrays, all given as a model's planes.

with open_source("clip.mp4") as source:
    for planes in source.frames(format=source.facts.format or "rgb24"):
        ...
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Generator, Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av

from framegauge.export.contract.plain_numbers import fraction
from framegauge.runtime.errors import UsageError
from framegauge.runtime.sources.arrays import ArrayFrame, is_borrowed, open_arrays
from framegauge.runtime.sources.chroma_siting import HEAD, Y4M, BegunStream, header, stated_siting
from framegauge.runtime.sources.colour_tags import ColourTags
from framegauge.runtime.sources.container import Raw, Readable
from framegauge.runtime.sources.facts import Facts
from framegauge.runtime.sources.film_grain import FilmGrain
from framegauge.runtime.sources.images import IMAGES, image_paths, open_images
from framegauge.runtime.sources.planes import Planes, check_codes
from framegauge.runtime.sources.swscale import Conversion
from framegauge.runtime.sources.video import open_video

Pictures = Generator[av.VideoFrame, None, None] | Generator[Planes, None, None]

RAW = frozenset((".yuv", ".raw", ".rgb", ".bgr", ".nv12", ".p010", ".cif", ".qcif"))
"""Endings of files that hold nothing but samples."""

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_PATTERN = re.compile(r"%0?\d*d")


class Source:
    """A clip that can be read once, from its first frame to its last.

    A context manager: leaving it closes what it reads. Frames taken in another thread must be
    done with before.

    Attributes:
        facts: What is known of it.
        is_borrowed: The caller makes its frames one by one, and may write over each as soon as the
            caller's code runs again: for this clip's next frame, or for a frame of another such
            clip. Who holds one longer copies it.
    """

    def __init__(self, facts: Facts, pictures: Pictures, *, is_borrowed: bool = False) -> None:
        """Take over pictures that an opener of one kind of clip made."""
        self.facts = facts
        self.is_borrowed = is_borrowed
        self._pictures = pictures
        self._begun = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file or stream; no further frames come."""
        self._pictures.close()

    def frames(
        self,
        *,
        format: str,
        size: tuple[int, int] | None = None,
        scaler: str = "bicubic",
        matrix: str | None = None,
        range: str | None = None,
        siting: str | None = None,
    ) -> Generator[Planes, None, None]:
        """Every frame, in presentation order, as the planes of a model's format without batch.

        With the format, size, matrix and range of ``facts`` nothing is computed, and the arrays are
        views of what was decoded. They stay valid as long as they are kept, unless the source is
        borrowed, and must not be written to.

        Args:
            format: Name of the model format.
            size: Width and height wanted, ``None`` for those it has.
            scaler: bicubic, lanczos, bilinear or area.
            matrix: Matrix of planes wanted, ``None`` for its own (of RGB: bt709 from 720 lines
                up, else bt601).
            range: Range of planes wanted, ``None`` for its own (of RGB: limited).
            siting: Where subsampled chroma shall lie, ``None`` for where it does (else left).

        Raises:
            UsageError: A name is not known, or frames were taken before.
            ScoreError: While frames are taken: the clip is damaged, cut off, or changes.
        """
        conversion = Conversion(
            self.facts,
            format=format,
            size=size,
            scaler=scaler,
            matrix=matrix,
            range=range,
            siting=siting,
        )
        if self._begun:
            raise UsageError(f"{self.facts.name} is read once only; open it again for another.")
        self._begun = True
        return self._converted(conversion)

    def _converted(self, conversion: Conversion) -> Generator[Planes, None, None]:
        pictures: Iterator[av.VideoFrame | Planes] = self._pictures
        for number, picture in enumerate(pictures):
            if isinstance(picture, av.VideoFrame):
                check_codes(picture, f"Frame {number} of {self.facts.name}")
            yield conversion(picture)


def open_source(
    where: str | os.PathLike[str] | Iterable[ArrayFrame] | ArrayFrame,
    *,
    size: tuple[int, int] | None = None,
    pixel_format: str | None = None,
    frame_rate: Fraction | float | str | None = None,
    matrix: str | None = None,
    range: str | None = None,
    transfer: str | None = None,
    film_grain: FilmGrain = "on",
) -> Source:
    """A clip, opened, with its first frame decoded.

    Args:
        where: A video file, a file of bare samples, an image, a folder of images, a pattern such
            as ``frames/%05d.png``, ``-`` for standard input, or frames in memory, one or many.
        size: Width and height of bare samples; videos that say so themselves do not heed it.
        pixel_format: FFmpeg's name of the pixel format of bare samples, or the model format of
            arrays; as above.
        frame_rate: Frames a second of bare samples, images and arrays, as ``25``, ``"30000/1001"``.
        matrix: bt601, bt709 or bt2020, in place of what the stream says.
        range: limited or full, in place of what the stream says.
        transfer: ``pq``, ``hlg`` or one of
            :data:`~framegauge.runtime.sources.code_points.TRANSFERS`, in place of what it says.
        film_grain: ``on`` to draw the grain that a stream carries, as players do, or ``off``.

    Raises:
        UsageError: Bare samples without size and format, a name that is not known, the address of
            a file elsewhere, or arrays that could be one frame or several.
        ScoreError: There is nothing there that can be scored.
    """
    rate = _rate(frame_rate)
    given = ColourTags.given(matrix=matrix, range=range, transfer=transfer)
    if not isinstance(where, (str, os.PathLike)):
        return Source(
            *open_arrays(where, pixel_format=pixel_format, frame_rate=rate, given=given),
            is_borrowed=is_borrowed(where),
        )
    name = os.fspath(where)
    path = Path(name)
    if _URL.match(name):
        raise UsageError(
            f"{name} is an address: a file, a folder or - was wanted, and nothing is fetched here. "
            "Download it first, or pipe it in and give - in its place: curl -L URL | ..."
        )
    if name != "-" and (
        path.is_dir()
        or path.suffix.lower() in IMAGES
        or (_PATTERN.search(path.name) and not path.exists())
    ):
        paths = image_paths(path)
        opened = open_images(name, paths, frame_rate=rate, given=given)
        return _sited(Source(*opened), b"")
    stream: Readable | None = sys.stdin.buffer if name == "-" else None
    head = _head(path) if stream is None else header(stream)
    raw = None
    if _is_raw(path, stream, head, given=size is not None and pixel_format is not None):
        raw = _raw(name, size, pixel_format, rate)
    if stream is None:
        opened = open_video(name, path, raw=raw, film_grain=film_grain, given=given)
        return _sited(Source(*opened), head)
    whole = BegunStream(head, stream)
    facts, frames = open_video("Standard input", whole, raw=raw, film_grain=film_grain, given=given)
    return _sited(Source(replace(facts, name=name), frames), head)


def _head(path: Path) -> bytes:
    """The first bytes of a file; a pipe with a name cannot be read twice."""
    if not path.is_file():
        return b""
    with path.open("rb") as file:
        return file.read(HEAD)


def _sited(source: Source, head: bytes) -> Source:
    """The clip, with where its chroma lies if it says so."""
    siting = stated_siting(source.facts.codec, head)
    if siting is not None:
        source.facts = replace(source.facts, siting=siting)
    return source


def _rate(frame_rate: Fraction | float | str | None) -> Fraction | None:
    if frame_rate is None:
        return None
    try:
        exact = fraction(frame_rate) if isinstance(frame_rate, str) else Fraction(frame_rate)
        rate = exact.limit_denominator(100_000)
    except (ValueError, OverflowError):
        rate = Fraction(0)
    if rate <= 0:
        raise UsageError(
            f"A frame rate is a number or fraction above 0, such as 25 or 30000/1001; got "
            f"{frame_rate!r}. Correct it."
        )
    return rate


def _is_raw(path: Path, stream: Readable | None, head: bytes, *, given: bool) -> bool:
    if stream is None:
        return path.suffix.lower() in RAW
    # The other of two clips may be the one that size and format are given for.
    return given and not head.startswith(Y4M)


def _raw(
    name: str, size: tuple[int, int] | None, pixel_format: str | None, rate: Fraction | None
) -> Raw:
    if size is None or pixel_format is None:
        missing = " ".join(
            flag
            for flag, value in (("--size WxH", size), ("--pixel-format F", pixel_format))
            if value is None
        )
        raise UsageError(
            f"{name} holds bare samples, which do not say their size and format; {missing} is "
            "missing. Give both: --size WxH --pixel-format F."
        )
    if min(size) < 1:
        raise UsageError(f"--size takes WxH of at least 1x1, got {size[0]}x{size[1]}. Correct it.")
    if pixel_format == "rgbf32":
        raise UsageError(
            "rgbf32 does not say how its planes follow each other in a file. In FFmpeg's order, "
            "G B R, they are `--pixel-format gbrpf32le`."
        )
    pixel_format = "gray" if pixel_format == "gray8" else pixel_format
    try:
        av.VideoFormat(pixel_format)
    except ValueError:
        raise UsageError(
            f"FFmpeg has no pixel format {pixel_format!r}. `--pixel-format` takes names such as "
            "yuv420p, yuv422p10le, nv12 or rgb24."
        ) from None
    return Raw(size=size, pixel_format=pixel_format, frame_rate=rate)
