"""Execution contexts that are lent to one thread at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from framegauge.runtime.backends.lane import Lane
from framegauge.runtime.errors import ScoreError, UsageError


class Lanes:
    """Lanes of one engine, made when they are first wanted."""

    def __init__(self, make: Callable[[], Lane], most: int) -> None:
        """Lend at most so many; further threads wait for one.

        Args:
            make: Makes one.
            most: How many there may be.
        """
        self._make, self._left = make, most
        self._free: list[Lane] = []
        self._is_closed = False
        self._turn = threading.Condition()

    @contextmanager
    def one(self) -> Iterator[Lane]:
        """A lane; one whose run fails is not used again."""
        lane = self._taken() or self._made()
        try:
            yield lane
        except BaseException:
            self._dropped()
            with suppress(ScoreError):
                lane.close()
            raise
        with self._turn:
            self._free.append(lane)
            self._turn.notify()

    def close(self) -> None:
        """Close those that are free."""
        with self._turn:
            self._is_closed = True
            while self._free:
                self._free.pop().close()

    def _taken(self) -> Lane | None:
        with self._turn:
            self._turn.wait_for(lambda: self._free or self._left or self._is_closed)
            if self._is_closed:
                raise UsageError("This Scorer is closed. Use it inside its `with` block.")
            if self._free:
                return self._free.pop()
            self._left -= 1
            return None

    def _made(self) -> Lane:
        try:
            return self._make()
        except BaseException:
            self._dropped()
            raise

    def _dropped(self) -> None:
        with self._turn:
            self._left += 1
            self._turn.notify()
