"""Which frame of the distorted video is compared with which of the reference."""

from __future__ import annotations

from collections.abc import Container, Generator, Iterator
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from typing import Any, Literal, Self, get_args

from framegauge.runtime.errors import ScoreError, UsageError
from framegauge.runtime.pairing.frame_rates import OnRate, rate_steps
from framegauge.runtime.sources.planes import Planes

OnLength = Literal["error", "shortest"]

END = object()


@dataclass(frozen=True, kw_only=True)
class Alignment:
    """The pairing of two videos' frames.

    Pair ``k`` is the reference's frame ``i = first + k * step``, with ``step`` a multiple of
    ``reference_step``, and the distorted frame
    ``i / reference_step * distorted_step + offset``.

    With a factor, every so many frames of the reference, from its first, are the inputs that the
    distorted video was interpolated from, and only frames between two inputs are judged; what lies
    after the last input is nobody's interpolation, and its length does not matter.

    Attributes:
        offset: Frames that the distorted video is late by; negative if it is early.
        start: First frame of the reference to score.
        count: Frames to score, ``None`` for all.
        subsample: Score every so many frames.
        on_length_mismatch: What to do when one video ends before the other, or both before
            ``count``.
        on_rate_mismatch: What to do when the frame rates differ.
        reference_step: Frames of the reference for each that is compared, 1 unless its rate is
            a multiple of the other's and frames are dropped.
        distorted_step: The same for the distorted video.
        factor: Frames from one input of an interpolation to the next, ``None`` if none was made.
    """

    offset: int = 0
    start: int = 0
    count: int | None = None
    subsample: int = 1
    on_length_mismatch: OnLength = "error"
    on_rate_mismatch: OnRate = "error"
    reference_step: int = 1
    distorted_step: int = 1
    factor: int | None = None

    def __post_init__(self) -> None:
        """Check the numbers and choices.

        Raises:
            UsageError: One is out of range, or not among those there are.
        """
        for flag, value, least in (
            ("--start", self.start, 0),
            ("--count", 1 if self.count is None else self.count, 1),
            ("--subsample", self.subsample, 1),
            ("--factor", 2 if self.factor is None else self.factor, 2),
        ):
            if value < least:
                raise UsageError(f"{flag} takes at least {least}, got {value}.")
        for flag, choice, allowed in (
            ("--on-length-mismatch", self.on_length_mismatch, get_args(OnLength)),
            ("--on-rate-mismatch", self.on_rate_mismatch, get_args(OnRate)),
        ):
            if choice not in allowed:
                raise UsageError(f"{flag} takes one of {', '.join(allowed)}; got {choice!r}.")
        for flag, given in (
            ("--subsample", self.subsample > 1),
            ("--on-rate-mismatch drop", self.on_rate_mismatch == "drop"),
        ):
            if self.factor is not None and given:
                raise UsageError(
                    f"--factor says which frames are judged, and {flag} would leave out others. "
                    "Give one of them."
                )

    def at_rates(self, reference: Fraction | None, distorted: Fraction | None) -> Self:
        """The same for videos of these frame rates; ``None`` is not known, and agrees with any.

        Raises:
            ScoreError: The rates differ, and that was not allowed or no whole number of frames
                can be dropped.
        """
        steps = rate_steps(reference, distorted, self.on_rate_mismatch)
        return replace(self, reference_step=steps[0], distorted_step=steps[1])

    def expected(self, reference: int | None, distorted: int | None) -> int | None:
        """Pairs that videos of these declared lengths have, ``None`` if one is not known.

        Raises:
            ScoreError: The lengths differ, or there are fewer frames than were asked for, and
                that was not allowed.
        """
        if reference is None or distorted is None:
            return self.count
        lengths = self._lengths(reference, distorted)
        if self.count is None and self.on_length_mismatch == "error" and len(set(lengths)) > 1:
            raise self._mismatch(reference, distorted)
        if self.factor is not None:
            last = min(lengths) - 1
            pairs = max(0, self._made(last) - self._made(max(self.start, self.first_input)))
        else:
            first = self.first // self.reference_step
            pairs = max(0, -(-(min(lengths) - first) // self.subsample))
        return self.kept(pairs)

    def kept(self, found: int) -> int:
        """Of so many frames that could be scored, those that are.

        Raises:
            ScoreError: They are fewer than were asked for, and that was not allowed.
        """
        if self.count is None:
            return found
        if 0 < found < self.count and self.on_length_mismatch == "error":
            raise ScoreError(
                f"--count {self.count} frames were asked for, and there are {found} to score. "
                "Leave out --count, or allow it with --on-length-mismatch shortest."
            )
        return min(found, self.count)

    def to_json(self) -> dict[str, Any]:
        """The alignment as the report has it."""
        facts = asdict(self)
        if self.factor is None:
            del facts["factor"]
        return facts

    def pairs(
        self,
        reference: Iterator[Planes],
        distorted: Iterator[Planes],
        *,
        copied: Container[str] = (),
    ) -> Generator[tuple[int, Planes, Planes], None, None]:
        """The pairs to score: the reference's index, its frame, and the distorted frame.

        Args:
            reference: The reference's frames.
            distorted: The distorted video's frames.
            copied: Which of ``reference`` and ``distorted`` are copied, each frame before anything
                else is asked for. Frames that are passed over are not.

        Raises:
            ScoreError: One video ends before the other, or before all that was asked for, and
                that was not allowed; or there is nothing to score.
        """
        step = self.subsample * self.reference_step
        first = self.first
        seen = {"reference": 0, "distorted": 0}

        def take(role: str, frames: Iterator[Planes], until: int) -> Planes | object:
            frame: Planes | object = END
            while seen[role] <= until:
                frame = next(frames, END)
                if frame is END:
                    return END
                seen[role] += 1
            if role in copied and isinstance(frame, tuple):
                return tuple(plane.copy() for plane in frame)
            return frame

        done = 0
        while self.count is None or done < self.count:
            i = first + done * step
            j = i // self.reference_step * self.distorted_step + self.offset
            left = take("reference", reference, i)
            right = take("distorted", distorted, j)
            if left is END or right is END:
                self._check_ends(reference, distorted, left is END, right is END, seen, done)
                break
            yield i, left, right  # type: ignore[misc]
            done += 1
        if done == 0:
            raise ScoreError(
                f"There is no pair of frames to score: the reference has {seen['reference']} "
                f"frames and the distorted {seen['distorted']} up to where one ends; start is "
                f"{self.start}, offset {self.offset}. Change --start or --offset."
            )
        self.kept(done)

    @property
    def first(self) -> int:
        """Index of the first reference frame to score that has a partner."""
        late = -self.offset * self.reference_step
        first = max(self.start, -(-late // self.distorted_step) if late > 0 else 0)
        return -(-first // self.reference_step) * self.reference_step

    @property
    def first_input(self) -> int:
        """Index of the input before the first frame that a factor lets be judged."""
        factor = self.factor or 1
        return -(-replace(self, start=self.start // factor * factor).first // factor) * factor

    def ordinal(self, number: int) -> int:
        """Frames that come before one in a run over all of both videos, judged as this one is.

        Frames that are not judged for want of neighbours count as well.

        Args:
            number: Index of a frame that is judged, in the reference.

        Example:
            >>> Alignment(start=7, subsample=3).ordinal(10), Alignment(factor=4).ordinal(6)
            (3, 4)
        """
        whole = replace(self, start=0)
        if self.factor is None:
            return (number - whole.first) // (self.reference_step * self.subsample)
        after = number - whole.first_input - 1
        return after - after // self.factor

    def _made(self, until: int) -> int:
        """Frames before ``until`` that are no inputs."""
        return until - -(-until // (self.factor or 1))

    def _check_ends(
        self,
        reference: Iterator[Planes],
        distorted: Iterator[Planes],
        reference_ended: bool,
        distorted_ended: bool,
        seen: dict[str, int],
        done: int,
    ) -> None:
        """Refuse videos of different lengths: what is left over must be less than one step."""
        if self.on_length_mismatch == "shortest" or done == 0:
            return
        # Both are read to their ends, so that a step that skips frames hides no difference.
        for frames, role, ended in (
            (reference, "reference", reference_ended),
            (distorted, "distorted", distorted_ended),
        ):
            if not ended:
                seen[role] += sum(1 for _ in frames)
        if len(set(self._lengths(**seen))) > 1:
            raise self._mismatch(**seen)

    def _lengths(self, reference: int, distorted: int) -> tuple[int, int]:
        """Pairs that each video could make, from the reference's first frame on.

        With a factor, up to its last input.
        """
        lengths = (
            -(-reference // self.reference_step),
            -(-(distorted - self.offset) // self.distorted_step),
        )
        if self.factor is None:
            return lengths
        first, second = ((each - 1) // self.factor * self.factor + 1 for each in lengths)
        return first, second

    def _mismatch(self, reference: int, distorted: int) -> ScoreError:
        return ScoreError(
            f"The reference has {reference} frames and the distorted video {distorted}, with an "
            f"offset of {self.offset}: they do not end together. Align them with --offset, score "
            "part of them with --count, or allow it with --on-length-mismatch shortest."
        )
