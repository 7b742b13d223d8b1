"""Whether pictures are missing before the last one shown: the mark of a cut among B-frames.

Those are stored after the picture that follows them, so where a stream is cut between two of them,
the last picture is there, and some before it are not.
"""

from __future__ import annotations

from collections import deque
from itertools import pairwise

# Pictures by which decoders reorder at most (H.264 and H.265 keep 16), and some more to learn the
# usual interval from.
_REORDERED = 16
_KEPT = 64


class PresentationTimes:
    """The times at which the latest pictures are shown, in the order in which they are stored."""

    def __init__(self) -> None:
        self._times: deque[int] = deque(maxlen=_KEPT)
        self._reordered = False

    def note(self, time: int | None) -> None:
        """Take notice of the next picture that is stored."""
        if time is None:
            return
        self._reordered = self._reordered or (bool(self._times) and time < self._times[-1])
        self._times.append(time)

    def lack_some_at_end(self) -> bool:
        """Whether the steps were even until the last few pictures, and are not among these.

        A clip with uneven steps before, or without B-frames, is not judged.
        """
        times = sorted(self._times)
        if not self._reordered or len(times) < 3:
            return False
        steps = [later - earlier for earlier, later in pairwise(times)]
        usual = sorted(steps)[len(steps) // 2]
        gaps = [place for place, step in enumerate(steps) if 2 * step > 3 * usual]
        return bool(gaps) and gaps[0] >= len(steps) - _REORDERED
