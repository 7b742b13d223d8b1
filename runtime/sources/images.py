"""Clips that are kept as one image a frame: a folder, a pattern of names, or one image alone."""

from __future__ import annotations

import os
import re
from collections.abc import Generator, Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Literal

import av

from framegauge.runtime.errors import ScoreError, UsageError
from framegauge.runtime.sources.code_points import same_primaries
from framegauge.runtime.sources.colour_tags import NOTHING_SAID, ColourTags
from framegauge.runtime.sources.facts import Facts
from framegauge.runtime.sources.video import Decoded, open_video

IMAGES = frozenset(
    [
        ".avif",
        ".bmp",
        ".dpx",
        ".exr",
        ".fits",
        ".heic",
        ".heif",
        ".j2c",
        ".j2k",
        ".jls",
        ".jp2",
        ".jpeg",
        ".jpg",
        ".pam",
        ".pbm",
        ".pcx",
        ".pgm",
        ".png",
        ".pnm",
        ".ppm",
        ".qoi",
        ".ras",
        ".sgi",
        ".sun",
        ".tga",
        ".tif",
        ".tiff",
        ".webp",
        ".xwd",
    ]
)

_TIFF: Mapping[bytes, Literal["little", "big"]] = {b"II*\0": "little", b"MM\0*": "big"}

_NUMBER = re.compile(r"%(0?)(\d*)d")


def image_paths(where: Path) -> list[Path]:
    """The images that a folder, a pattern such as ``frames/%05d.png`` or one path stands for.

    A folder's images are taken in natural order, ``2.png`` before ``10.png``; a pattern's by their
    number, from the least that exists.

    Raises:
        ScoreError: There are none, some numbers are missing, or a folder mixes kinds.
        UsageError: The pattern has not exactly one place for a number.
    """
    if where.is_dir():
        return _in_folder(where)
    if where.exists() or "%" not in where.name:
        return [where]
    return _matching(where)


def open_images(
    name: str,
    paths: list[Path],
    *,
    frame_rate: Fraction | None = None,
    given: ColourTags = NOTHING_SAID,
) -> tuple[Facts, Decoded]:
    """The facts of the first image with the count of all, and their pictures, read one by one.

    Raises:
        ScoreError: An image cannot be read, or is not like the first; also while frames are taken.
    """
    first, frames = open_video(str(paths[0]), paths[0], still=True, given=given)
    known = replace(first, name=name, frames=len(paths), frame_rate=frame_rate)
    return known, _pictures(first, frames, paths, given)


def _pictures(
    first: Facts, frames: Decoded, paths: list[Path], given: ColourTags
) -> Generator[av.VideoFrame, None, None]:
    yield from _only(first, frames, paths[0])
    for path in paths[1:]:
        known, frames = open_video(str(path), path, still=True, given=given)
        if _kind(known) != _kind(first):
            frames.close()
            raise ScoreError(
                f"{path} is {_look(known)}, the first image {first.name} is {_look(first)}. "
                "Images of one clip have one size and pixel format: convert them alike."
            )
        if _differ(known, first):
            frames.close()
            raise ScoreError(
                f"{path} is {_colours(known)}, the first image {first.name} is {_colours(first)}. "
                "Images of one clip have one light and the same colours: convert them alike, or "
                "say what holds for all with --matrix, --range or --transfer."
            )
        yield from _only(known, frames, path)


def _only(known: Facts, frames: Decoded, path: Path) -> Generator[av.VideoFrame, None, None]:
    try:
        yield next(frames)
        if next(frames, None) is not None or _has_pages(path):
            raise ScoreError(
                f"{known.name} holds several pictures: one was wanted. Save each by itself, or "
                "give an animation as a video, under a name that does not end like an image's."
            )
    finally:
        frames.close()


def _has_pages(path: Path) -> bool:
    """Whether it is a TIFF file of several pictures, of which FFmpeg gives the first alone."""
    with path.open("rb") as file:
        order = _TIFF.get(file.read(4))
        if order is None:
            return False
        file.seek(int.from_bytes(file.read(4), order))
        file.seek(12 * int.from_bytes(file.read(2), order), os.SEEK_CUR)
        return any(file.read(4))


def _kind(known: Facts) -> tuple[object, ...]:
    # Writers of PNG choose a palette for one image and not for the next; the samples are the same.
    form = known.format or known.pixel_format
    return known.size, form, known.orientation


def _differ(known: Facts, first: Facts) -> bool:
    """Whether code values of two images mean something else."""
    meant = [(each.matrix, each.range, each.light, each.siting) for each in (known, first)]
    return meant[0] != meant[1] or not same_primaries(known.primaries, first.primaries)


def _look(known: Facts) -> str:
    shown = f", to be shown {known.orientation}" if known.orientation else ""
    return f"{known.width}x{known.height} {known.pixel_format}{shown}"


def _colours(known: Facts) -> str:
    return (
        f"{known.matrix or 'RGB'}, {known.range} range, transfer {known.transfer or 'not said'}, "
        f"primaries {known.primaries or 'not said'}"
    )


def _in_folder(folder: Path) -> list[Path]:
    images = [
        path
        for path in folder.iterdir()
        if path.suffix.lower() in IMAGES and not path.name.startswith(".")
    ]
    if not images:
        raise ScoreError(
            f"{folder} has no images: a folder stands for a clip of images, one a frame "
            f"({', '.join(sorted(IMAGES))}). Give such a folder, or a video file."
        )
    kinds = sorted({path.suffix.lower() for path in images})
    if len(kinds) > 1:
        raise ScoreError(
            f"{folder} mixes {' and '.join(kinds)} images: one kind was wanted. Name the frames "
            f"with a pattern, such as {folder / '%05d'}{kinds[0]}."
        )
    return sorted(images, key=_natural)


def _natural(path: Path) -> list[tuple[int, int, str]]:
    parts = re.split(r"(\d+)", path.name)
    return [(0, int(part), part) if part.isdigit() else (1, 0, part) for part in parts]


def _matching(where: Path) -> list[Path]:
    places = list(_NUMBER.finditer(where.name))
    if len(places) != 1:
        raise UsageError(
            f"{where} is no pattern of image names: the file name needs one %d or %05d, the place "
            "of the frame's number."
        )
    place = places[0]
    zeros, width = place[1], int(place[2] or 1)
    digits = rf"\d{{{width},}}" if zeros else r"\d+"
    before, after = where.name[: place.start()], where.name[place.end() :]
    name = re.compile(re.escape(before) + f"({digits})" + re.escape(after))
    folder = where.parent
    found = {}
    for path in folder.iterdir() if folder.is_dir() else ():
        match = name.fullmatch(path.name)
        if match and len(match[1]) == max(width if zeros else 1, len(str(int(match[1])))):
            found[int(match[1])] = path
    if not found:
        raise ScoreError(f"No file matches {where}. Check the folder and the number of digits.")
    numbers = sorted(found)
    for expected, number in enumerate(numbers, numbers[0]):
        if number != expected:
            raise ScoreError(
                f"{where} has a gap: images {numbers[0]} to {numbers[-1]} were wanted, number "
                f"{expected} is missing. Restore it, or give the folder to take what is there."
            )
    return [found[number] for number in numbers]
