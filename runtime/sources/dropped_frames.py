"""Frames that an AVI file leaves out, in whose place players show the one before again.

AVI has one rate and one place for each frame. What dropped a frame, a capture say, left its place
empty. What is shown is what is scored, so that the clip keeps step with others.

Reference:
    OpenDML AVI File Format Extensions 1.02, 1996, section 5.0, and VfW's practice of empty chunks.
"""

from __future__ import annotations

from collections import deque


class DroppedFrames:
    """The empty places of one stream, found while its packets pass by, for its frames in order."""

    def __init__(self) -> None:
        self._gaps: deque[int] = deque()
        self._next: int | None = None
        self._any = False

    def note(self, place: int | None) -> None:
        """Take notice of the place of the next packet that is not empty."""
        gap = 0
        if place is not None:
            gap = max(0, place - self._next) if self._next is not None else 0
            self._next = place + 1
        self._gaps.append(gap)
        self._any = self._any or gap > 0

    def before_next(self) -> int:
        """How many empty places lie before the next frame that comes out of the decoder."""
        return self._gaps.popleft() if self._gaps else 0

    def at_end(self, places: int) -> int:
        """How many lie after the last frame, of so many places in all.

        A count alone is not believed: some writers estimate it.
        """
        return max(0, places - (self._next or 0)) if self._any else 0
