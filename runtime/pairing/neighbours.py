"""What lies around a frame that is judged: its own video, and the inputs of an interpolation."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from dataclasses import dataclass

from framegauge.export.contract.roles import INTERPOLATED, NEIGHBOURS, PAIR
from framegauge.runtime.pairing.case import Pair
from framegauge.runtime.sources.planes import Planes


@dataclass(frozen=True, kw_only=True)
class Neighbourhood:
    """A frame that is judged, and what lies around it.

    Attributes:
        number: Its index in the reference.
        frames: Planes by role: ``reference`` and ``distorted``, their neighbours as far as they
            were asked for, and with a factor ``previous`` and ``next``.
        lacking: Neighbours that would lie beyond the clip's ends. Another frame stands for each:
            for those before the first frame the first, and for those after the last the frame as
            far before it, so that the last one's next is its previous.
        span: Indices of ``previous`` and ``next`` in the reference, ``None`` without a factor.
        time: Where the frame lies between them, in (0, 1); ``None`` without a factor.
    """

    number: int
    frames: dict[str, Planes]
    lacking: frozenset[str] = frozenset()
    span: tuple[int, int] | None = None
    time: float | None = None


class Surroundings:
    """Frames in order, each with what lies around it; holds no more of them than that takes.

    With a factor, every ``factor``-th frame from the first is an input and is not judged, and
    neither is what comes after the last input. ``previous`` and ``next`` are the inputs around a
    frame, as the reference has them.

    Attributes:
        before: Frames before each that are wanted.
        after: Frames after each that are wanted.
        factor: Frames from one input to the next, ``None`` without interpolation.
        left_out: Frames seen after the last input, once all moments were taken.
    """

    def __init__(self, *, before: int = 0, after: int = 0, factor: int | None = None) -> None:
        self.before, self.after, self.factor = before, after, factor
        self.left_out = 0
        self._roles = {
            role: place for role, place in NEIGHBOURS.items() if -before <= place[1] <= after
        }

    @property
    def holds_frames(self) -> bool:
        """Whether frames are held while the next are taken."""
        return bool(self.before or self.after or self.factor)

    def neighbourhoods(self, pairs: Iterator[Pair]) -> Generator[Neighbourhood, None, None]:
        """Every frame that is judged.

        Args:
            pairs: All frames of both videos in order: index, reference, distorted. With a factor,
                those before the first input are passed over.
        """
        held: deque[Pair] = deque()
        first = at = 0  # places of the first that is held and of the next that is judged
        for pair in pairs:
            if not held and self._phase(pair[0]):
                continue
            held.append(pair)
            while at < first + len(held) and self._is_known(held, at - first):
                if not self.factor or self._phase(held[at - first][0]):
                    yield self._around(held, at - first)
                at += 1
            while held and first < at - self._reach(held[0][0] + at - first):
                held.popleft()
                first += 1
        self.left_out = 0
        for place in range(at - first, len(held)):
            phase = self._phase(held[place][0])
            if self.factor and (not phase or place - phase + self.factor >= len(held)):
                self.left_out += bool(phase)
            else:
                yield self._around(held, place)

    def _phase(self, number: int) -> int:
        """Frames from the input before a frame to it, 0 of an input or without a factor."""
        return number % self.factor if self.factor else 0

    def _reach(self, number: int) -> int:
        """Frames before one that are still wanted when it is judged."""
        return max(self.before, self.after, self._phase(number))

    def _is_known(self, held: deque[Pair], place: int) -> bool:
        """Whether all that comes after a frame and is wanted with it is there."""
        phase = self._phase(held[place][0])
        ahead = max(self.after, (self.factor or 0) - phase) if phase else self.after
        return place + ahead < len(held)

    def _around(self, held: deque[Pair], place: int) -> Neighbourhood:
        number, reference, distorted = held[place]
        frames = {"reference": reference, "distorted": distorted}
        lacking = set()
        for role, (owner, away) in self._roles.items():
            wanted = place + away
            if not 0 <= wanted < len(held):
                lacking.add(role)
                last = len(held) - 1
                wanted = 0 if wanted < 0 else max(0, 2 * last - wanted)
            _, *pair = held[wanted]
            frames[role] = pair[PAIR.index(owner)]
        if not self.factor:
            return Neighbourhood(number=number, frames=frames, lacking=frozenset(lacking))
        phase = self._phase(number)
        inputs = held[place - phase], held[place - phase + self.factor]
        frames |= {role: each[1] for role, each in zip(INTERPOLATED, inputs, strict=True)}
        return Neighbourhood(
            number=number,
            frames=frames,
            lacking=frozenset(lacking),
            span=(inputs[0][0], inputs[1][0]),
            time=phase / self.factor,
        )
