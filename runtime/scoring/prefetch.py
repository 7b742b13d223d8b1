"""Work done in the background: the next items of an iterator are made while one is used."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class _End:
    """The last thing in the queue: how the iterator ended."""

    error: BaseException | None


def ahead(items: Iterator[T], depth: int) -> Generator[T, None, None]:
    """The same items, made by a thread of their own up to ``depth`` items early.

    The thread starts with the first item asked for. What the iterator raises is raised here, after
    the items before it. Closing this generator, or leaving it by an exception, stops the thread,
    closes the iterator in it and waits for both.

    Args:
        items: What is made in the background; nobody else may touch it meanwhile.
        depth: Most items that wait, at least 1. One more is in the making.

    Example:
        >>> list(ahead(iter("abc"), 2))
        ['a', 'b', 'c']
    """
    if depth < 1:
        raise ValueError(f"depth must be at least 1, got {depth}.")
    waiting: queue.Queue[T | _End] = queue.Queue(maxsize=depth)
    stopping = threading.Event()
    worker = threading.Thread(
        target=_fill, args=(items, waiting, stopping), name="framegauge-ahead", daemon=True
    )
    worker.start()
    try:
        while True:
            item = waiting.get()
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item
            del item  # else it stays alive while the next one is waited for
    finally:
        stopping.set()
        _empty(waiting)  # a worker that waits for room can go on, and sees that it must stop
        worker.join()


def _fill(items: Iterator[T], waiting: queue.Queue[T | _End], stopping: threading.Event) -> None:
    error: BaseException | None = None
    try:
        for item in items:
            waiting.put(item)
            del item
            if stopping.is_set():
                break
    except BaseException as raised:
        error = raised
    try:
        if isinstance(items, Generator):
            items.close()
    except BaseException as raised:
        error = error or raised
    if not stopping.is_set():
        waiting.put(_End(error))


def _empty(waiting: queue.Queue[T | _End]) -> None:
    while True:
        try:
            waiting.get_nowait()
        except queue.Empty:
            return
