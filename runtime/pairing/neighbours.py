"""What lies around a frame that is judged: the inputs of an interpolation, or its own video."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from dataclasses import dataclass

from framegauge.runtime.pairing.case import Pair
from framegauge.runtime.sources.planes import Planes


@dataclass(frozen=True, kw_only=True)
class Neighbourhood:
    """A frame that is judged, and what lies around it.

    Attributes:
        number: Its index in the reference.
        frames: Planes by name: ``reference`` and ``distorted``; where there are neighbours
            ``previous`` and ``next``, and ``original_previous`` and ``original_next``, the
            reference's frames at the same two moments; where there is a frame after it
            ``reference_after`` and ``distorted_after``.
        span: Indices of the two neighbours in the reference, ``None`` where there are none.
        time: Where it lies between them, in (0, 1); ``None`` where it does not.
    """

    number: int
    frames: dict[str, Planes]
    span: tuple[int, int] | None = None
    time: float | None = None


class BetweenInputs:
    """The frames made between the inputs of an interpolated video.

    Every ``factor``-th frame from the first is an input and is not judged; the inputs are taken
    from the reference. Holds the frames from one input to the next, and no more.

    Attributes:
        left_out: Frames seen after the last input, once all moments were taken.
    """

    def __init__(self, factor: int) -> None:
        """Begin with no frame held.

        Args:
            factor: Frames from one input to the next, at least 2.
        """
        self.factor = factor
        self.left_out = 0

    def neighbourhoods(self, pairs: Iterator[Pair]) -> Generator[Neighbourhood, None, None]:
        """Every made frame.

        Args:
            pairs: All frames of both videos in order: index, reference, distorted.
        """
        held: list[Pair] = []
        for pair in pairs:
            if not held and pair[0] % self.factor:
                continue
            held.append(pair)
            if len(held) <= self.factor:
                continue
            (before, previous, _), (after, next, _) = held[0], held[-1]
            inputs = {"previous": previous, "next": next}
            originals = {f"original_{name}": planes for name, planes in inputs.items()}
            for phase in range(1, self.factor):
                number, reference, distorted = held[phase]
                _, *following = held[phase + 1]
                yield Neighbourhood(
                    number=number,
                    frames={
                        "reference": reference,
                        "distorted": distorted,
                        **inputs,
                        **originals,
                        **dict(zip(("reference_after", "distorted_after"), following, strict=True)),
                    },
                    span=(before, after),
                    time=phase / self.factor,
                )
            held = [held[-1]]
        self.left_out = max(0, len(held) - 1)


class InSequence:
    """The frames of a video that was not interpolated, with the ones before and after them.

    ``previous`` is then the distorted frame before, ``next`` the frame that is judged: two frames
    that follow each other in the video judged.

    Attributes:
        before: Each frame needs the one before it.
        after: Each frame needs the one after it.
        left_out: Frames seen that have none after them and need it, once all moments were taken.
    """

    def __init__(self, *, before: bool, after: bool) -> None:
        self.before, self.after = before, after
        self.left_out = 0

    def neighbourhoods(self, pairs: Iterator[Pair]) -> Generator[Neighbourhood, None, None]:
        """Every frame that has the neighbours it needs.

        Args:
            pairs: All frames of both videos in order: index, reference, distorted.
        """
        held: deque[Pair] = deque(maxlen=1 + self.before + self.after)
        for pair in pairs:
            held.append(pair)
            if len(held) < 1 + self.before + self.after:
                continue
            number, reference, distorted = held[self.before]
            frames = {"reference": reference, "distorted": distorted}
            if self.before:
                _, original, previous = held[0]
                frames |= {"original_previous": original, "original_next": reference}
                frames |= {"previous": previous, "next": distorted}
            if self.after:
                _, frames["reference_after"], frames["distorted_after"] = held[-1]
            yield Neighbourhood(
                number=number,
                frames=frames,
                span=(held[0][0], number) if self.before else None,
            )
        self.left_out = int(self.after and len(held) > self.before)
