"""How many frames make a batch, how many batches are scored at a time, and the batches."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
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


def batches(
    items: Iterator[T], count: int, ordinal: Callable[[T], int]
) -> Generator[dict[int, T], None, None]:
    """The items by their places in batches of ``count``, each as it lies in a run over all.

    The last bit of a score depends on the place in its batch, so that a part of a clip has the
    scores of the whole only where every frame keeps its place.

    Args:
        items: In order.
        count: Places of a batch.
        ordinal: How many items come before one in a run over all.

    Example:
        >>> list(batches(iter([3, 4, 5, 6]), 4, lambda item: item))
        [{3: 3}, {0: 4, 1: 5, 2: 6}]
    """
    batch: dict[int, T] = {}
    number = 0
    for item in items:
        # A batch goes out with its last place, before the next item is taken: who makes them may
        # write over this one then.
        before, (number, place) = number, divmod(ordinal(item), count)
        if batch and number != before:
            yield batch
            batch = {}
        batch[place] = item
        if place == count - 1:
            yield batch
            batch = {}
    if batch:
        yield batch


def stacked(frames: Sequence[Planes]) -> Planes:
    """The frames as one batch, plane by plane; one frame alone is not copied."""
    if len(frames) == 1:
        return tuple(np.ascontiguousarray(plane)[None] for plane in frames[0])
    return tuple(np.stack(planes) for planes in zip(*frames, strict=True))
