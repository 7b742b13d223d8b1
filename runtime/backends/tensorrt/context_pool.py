"""Execution contexts that are lent to one thread at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

from framegauge.runtime.backends.tensorrt.execution_context import ExecutionContext
from framegauge.runtime.errors import ScoreError, UsageError


class ContextPool:
    """ContextPool of one engine, made when they are first wanted."""

    def __init__(self, make: Callable[[int], ExecutionContext], most: int) -> None:
        """Lend at most so many; further threads wait for one.

        Args:
            make: Makes one for a profile.
            most: How many there may be.
        """
        self._make, self._left = make, most
        self._free: list[ExecutionContext] = []
        self._lent = 0
        self._is_closed = False
        self._turn = threading.Condition()

    @contextmanager
    def one(self, profile: int) -> Iterator[ExecutionContext]:
        """A lane; one whose run fails is not used again.

        Args:
            profile: Index of the profile that a new lane is made for.
        """
        lane = self._taken(profile)
        try:
            yield lane
        except BaseException:
            with suppress(ScoreError):
                lane.close()
            self._lost(for_good=False)
            raise
        with self._turn:
            self._lent -= 1
            if not self._is_closed:
                self._free.append(lane)
                self._turn.notify()
                return
        with suppress(ScoreError):
            lane.close()

    def close(self) -> None:
        """Close those that are free; those that are lent are closed as they come back."""
        with self._turn:
            self._is_closed = True
            free, self._free = self._free, []
            self._turn.notify_all()
        with ExitStack() as each:
            for lane in free:
                each.callback(lane.close)

    def _taken(self, profile: int) -> ExecutionContext:
        while True:
            with self._turn:
                self._turn.wait_for(lambda: self._free or self._left or self._is_closed)
                if self._is_closed:
                    raise UsageError("This Scorer is closed. Use it inside its `with` block.")
                self._lent += 1
                if self._free:
                    return self._free.pop()
                self._left -= 1
            try:
                return self._make(profile)
            except BaseException as error:
                # Where the GPU has no memory for one more, another will come back.
                if not self._lost(for_good=isinstance(error, ScoreError)):
                    raise

    def _lost(self, *, for_good: bool) -> bool:
        """Note that a lane is no more; whether that is for good, which of the last it never is."""
        with self._turn:
            self._lent -= 1
            for_good = for_good and bool(self._lent or self._free)
            self._left += not for_good
            self._turn.notify()
            return for_good
