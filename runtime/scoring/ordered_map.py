"""Work done several items at a time, its results in the items' order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def ordered_map(
    function: Callable[[T], R], items: Iterator[T], depth: int
) -> Generator[R, None, None]:
    """What a function makes of each item, as ``map`` gives it, up to ``depth`` at a time.

    Items are taken by the thread that asks for results, ``depth`` of them early. What the function
    or the items raise is raised in its turn, after the results before it. Closing this generator,
    or leaving it by an exception, waits for the calls that run and makes no others.

    Args:
        function: Called in threads of its own; in the asking thread at a depth of 1.
        items: What it is called with.
        depth: Most calls at a time, at least 1.

    Example:
        >>> list(ordered_map(str.upper, iter("abc"), 2))
        ['A', 'B', 'C']
    """
    if depth < 1:
        raise ValueError(f"depth must be at least 1, got {depth}.")
    if depth == 1:
        yield from map(function, items)
        return
    failure: Exception | None = None
    running: deque[Future[R]] = deque()
    pool = ThreadPoolExecutor(depth, thread_name_prefix="framegauge-score")
    try:
        while True:
            try:
                running.append(pool.submit(function, next(items)))
            except StopIteration:
                break
            except Exception as error:
                failure = error
                break
            if len(running) == depth:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()
        if failure is not None:
            raise failure
    finally:
        pool.shutdown(cancel_futures=True)
