"""How many frames make a batch, how many batches are scored at a time, and the batches."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from itertools import islice
from typing import TypeVar

import numpy as np

from framegauge.runtime.sources.planes import Planes

T = TypeVar("T")

# A batch holds about this many pixels: large frames go one by one.
BATCH_PIXELS = 400_000
BATCH_FRAMES = 16
# Batches that are scored at a time hold about this many together, two frames of 1080p: what a
# graph keeps of them is hundreds of bytes a pixel.
FLIGHT_PIXELS = 4_200_000


def batch_size(size: tuple[int, int]) -> int:
    """How many frames of a width and height are scored together, and held until they are."""
    width, height = size
    return max(1, min(BATCH_FRAMES, BATCH_PIXELS // (width * height)))


def in_flight(size: tuple[int, int], threads: int) -> int:
    """Batches of frames of a width and height to score at a time on so many threads.

    Frames side by side use threads better than the parts of one frame do. Large ones, whose parts
    are large too, gain little from it and would take memory.
    """
    width, height = size
    return max(1, min(threads, FLIGHT_PIXELS // (width * height * batch_size(size))))


def batches(pairs: Iterator[T], count: int) -> Generator[list[T], None, None]:
    """The pairs in lists of ``count``, the last one perhaps shorter."""
    while batch := list(islice(pairs, count)):
        yield batch


def stacked(frames: Sequence[Planes]) -> Planes:
    """The frames as one batch, plane by plane; one frame alone is not copied."""
    if len(frames) == 1:
        return tuple(np.ascontiguousarray(plane)[None] for plane in frames[0])
    return tuple(np.stack(planes) for planes in zip(*frames, strict=True))
