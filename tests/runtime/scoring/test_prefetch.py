import itertools
import threading
import time
from collections.abc import Iterator

import pytest

from framegauge.runtime.scoring.prefetch import ahead


def workers() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name == "framegauge-ahead"]


class Counted:
    """Numbers without end, and whether the one who makes them was told to stop."""

    def __init__(self) -> None:
        self.made = 0
        self.closed = False

    def items(self) -> Iterator[int]:
        try:
            for number in itertools.count():
                self.made += 1
                yield number
        finally:
            self.closed = True


def test_items_come_in_order() -> None:
    assert list(ahead(iter(range(100)), 3)) == list(range(100))
    assert workers() == []


def test_no_more_is_made_early_than_asked() -> None:
    counted = Counted()
    items = ahead(counted.items(), 2)

    next(items)
    # One is in use, two wait, one is in the making.
    deadline = time.monotonic() + 300
    while counted.made < 4 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.1)
    made = counted.made
    items.close()

    assert made == 4


def test_what_is_raised_comes_after_the_items_before_it() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise OSError("the disk is gone")

    items = ahead(broken(), 4)

    assert next(items) == 1
    with pytest.raises(OSError, match="the disk is gone"):
        next(items)
    assert workers() == []


def test_closing_early_stops_the_thread_and_the_iterator() -> None:
    counted = Counted()
    items = ahead(counted.items(), 1)
    next(items)

    items.close()

    assert counted.closed
    assert workers() == []


def test_an_interrupt_where_items_are_used_leaves_no_thread() -> None:
    counted = Counted()
    items = ahead(counted.items(), 2)
    next(items)

    with pytest.raises(KeyboardInterrupt):
        items.throw(KeyboardInterrupt())

    assert counted.closed
    assert workers() == []


def test_an_iterator_never_asked_starts_no_thread() -> None:
    items = ahead(Counted().items(), 1)

    assert workers() == []
    items.close()


def test_depth_is_at_least_one() -> None:
    with pytest.raises(ValueError, match="at least 1, got 0"):
        next(ahead(iter("a"), 0))
