"""Scores of a clip, frame by frame, and what is known about each of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from framegauge.export.contract.interface import Output
from framegauge.runtime.pooling.pool import Scores

# What libvmaf's own feature names say about direction; anything else stays unsaid.
_HIGHER = re.compile(r"^x?psnr|ssim|^vmaf")
_SLAB = 1024


@dataclass(frozen=True, kw_only=True)
class LabelFacts:
    """What a report says about a label, so that it explains itself.

    Attributes:
        better: Which way an improvement moves the score, ``None`` if that is not known.
        unit: Unit of the score, ``"1"`` if it has none.
        ideal: Score of a frame against itself, ``None`` if not known.
        low: Least score possible, ``None`` if not known.
        high: Greatest score possible, ``None`` if not known or without bound.
        entry: The catalogue entry that was asked for, ``None`` if it came from elsewhere.
    """

    better: Literal["higher", "lower"] | None = None
    unit: str = "1"
    ideal: float | None = None
    low: float | None = None
    high: float | None = None
    entry: str | None = None

    @classmethod
    def of_output(cls, output: Output) -> Self:
        """The facts that a model file states about one of its scores."""
        return cls(
            better=output.better,
            unit=output.unit,
            ideal=output.ideal,
            low=output.low,
            high=output.high,
            entry=output.entry,
        )

    @classmethod
    def guess(cls, label: str) -> Self:
        """What the name alone tells of a score from libvmaf's report.

        Example:
            >>> LabelFacts.guess("psnr_hvs").better, LabelFacts.guess("integer_motion").better
            ('higher', None)
        """
        return cls(
            better="higher" if _HIGHER.search(label) else None,
            unit="dB" if label.startswith("psnr") else "1",
        )


@dataclass(frozen=True, eq=False)
class Frames:
    """Scores of every frame that was scored.

    Attributes:
        numbers: Index of each frame in the reference, from 0, ``(n,)``.
        scores: For each label, its scores, ``(n,)``, in the label's unit.
    """

    numbers: NDArray[np.int64]
    scores: dict[str, Scores]

    def __post_init__(self) -> None:
        """Check that every label has a score for every frame."""
        object.__setattr__(self, "numbers", np.asarray(self.numbers, np.int64))
        scores = {label: np.asarray(each, np.float64) for label, each in self.scores.items()}
        object.__setattr__(self, "scores", scores)
        for label, each in scores.items():
            if each.shape != self.numbers.shape or each.ndim != 1:
                raise ValueError(
                    f"{label} needs one score for each of the {len(self)} frames, "
                    f"got an array of shape {each.shape}."
                )

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels, in the order they were asked for."""
        return tuple(self.scores)

    def where(self, chosen: NDArray[np.bool_]) -> Self:
        """Some of the frames, ``(n,)`` saying which."""
        scores = {label: values[chosen] for label, values in self.scores.items()}
        return type(self)(self.numbers[chosen], scores)

    def rows(self) -> Iterator[tuple[int, tuple[float, ...]]]:
        """Each frame's number and its scores, in the order of the labels."""
        # Slabs, because a Python float for every score of a film at once takes ten times the
        # memory of the arrays.
        for start in range(0, len(self), _SLAB):
            slab = slice(start, start + _SLAB)
            numbers = self.numbers[slab].tolist()
            columns = [each[slab].tolist() for each in self.scores.values()]
            yield from ((row[0], row[1:]) for row in zip(numbers, *columns, strict=True))
