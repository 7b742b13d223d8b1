"""The scoring loop: pairs of frames in, a value of every output for each of them out."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from framegauge.export.contract.interface import Output
from framegauge.runtime.errors import ScoreError
from framegauge.runtime.pairing.case import Case
from framegauge.runtime.reports.stills import Worst
from framegauge.runtime.scoring.batches_in_flight import batches, stacked
from framegauge.runtime.scoring.ordered_map import ordered_map
from framegauge.runtime.scoring.scorer import Scorer
from framegauge.runtime.sources.colour import Colour
from framegauge.runtime.sources.planes import Planes

Values = Mapping[str, NDArray[np.float64]]


class Progress(Protocol):
    """What is told how far a run has come."""

    def __call__(self, done: int, total: int | None) -> None:
        """``done`` frames of ``total`` are scored; the total may be unknown."""


@dataclass(frozen=True, kw_only=True)
class Batching:
    """How frames go through the models together.

    Attributes:
        size: Frames of a batch. All are of this length: places for which there is no frame are
            filled with another, whose scores are dropped.
        flight: Batches to score at a time.
        ordinal: Of a frame's index in the reference, how many frames come before it in a run over
            all.
    """

    size: int
    flight: int
    ordinal: Callable[[int], int]


def score_pairs(
    scorer: Scorer,
    cases: Iterator[Case],
    batching: Batching,
    colours: Mapping[str, Colour],
    *,
    worst: Worst | None = None,
    progress: Progress | None = None,
    expected: int | None = None,
) -> tuple[NDArray[np.int64], dict[str, NDArray[np.float64]]]:
    """Score every case, a batch at a time.

    Args:
        scorer: What scores them.
        cases: In order.
        batching: How they go through the models.
        colours: What the code values of both videos mean.
        worst: Where the worst frames are kept, ``None`` if they are not.
        progress: Told after every batch.
        expected: How many cases there will be, ``None`` if that is not known.

    Returns:
        The indices, ``(n,)``, and for each output its values, ``(n,)``.

    Raises:
        ScoreError: A frame has samples that no score has a meaning for; whatever ``cases`` raises.
    """
    decider = first_score(scorer).name
    numbers = array("q")
    columns = {output.name: array("d") for output in scorer.outputs}
    if progress:
        progress(0, expected)

    def scored(batch: Mapping[int, Case]) -> tuple[list[Case], Values]:
        frames, tensors = _fed(batch, batching.size)
        values = scorer.run(frames, colours, tensors)
        places = list(batch)
        return list(batch.values()), {name: each[places] for name, each in values.items()}

    placed = batches(cases, batching.size, lambda case: batching.ordinal(case.number))
    with closing(ordered_map(scored, placed, batching.flight)) as results:
        for judged, values in results:
            for name, column in columns.items():
                column.extend(_judged(name, judged, values[name]))
            for case, value in zip(judged, values[decider].tolist(), strict=True):
                numbers.append(case.number)
                if worst:
                    worst.offer(case.number, value, case.reference, case.distorted)
            if progress:
                progress(len(numbers), expected)
    return (
        np.frombuffer(numbers, np.int64),
        {name: np.frombuffer(column, np.float64) for name, column in columns.items()},
    )


def _judged(name: str, cases: Sequence[Case], values: NDArray[np.float64]) -> list[float]:
    """An output's values, 0 where its own rule says so at a clip's ends."""
    return [
        0.0 if name in case.zeroed else value
        for case, value in zip(cases, values.tolist(), strict=True)
    ]


def _fed(
    batch: Mapping[int, Case], size: int
) -> tuple[dict[str, Planes], dict[str, NDArray[np.float32]]]:
    """The batch's frames and tensors by role, checked, each frame at its place."""
    given = {
        place: {"reference": case.reference, "distorted": case.distorted, **case.further}
        for place, case in batch.items()
    }
    for place, case in batch.items():
        for role, values in given[place].items():
            if isinstance(values, tuple):
                _check_samples(role, case.number, values)
    filler = next(iter(given.values()))
    rows = [given.get(place, filler) for place in range(size)]
    frames: dict[str, Planes] = {}
    tensors: dict[str, NDArray[np.float32]] = {}
    for role, values in filler.items():
        if isinstance(values, tuple):
            frames[role] = stacked([row[role] for row in rows])  # type: ignore[misc]
        else:
            tensors[role] = np.stack([row[role] for row in rows])
    return frames, tensors


def _check_samples(role: str, number: int, planes: Planes) -> None:
    """Refuse float samples that no score has a meaning for."""
    for plane in planes:
        if plane.dtype != np.float32:
            continue
        low, high = float(plane.min()), float(plane.max())
        if not (np.isfinite(low) and np.isfinite(high) and low >= 0 and high <= 1):
            raise ScoreError(
                f"The {role} frame compared with frame {number} has samples from {low:g} to "
                f"{high:g}; scores are of finite samples in [0, 1]. Clip or normalise them first."
            )


def first_score(scorer: Scorer) -> Output:
    """The output that decides which frames are the worst."""
    return next(output for output in scorer.outputs if output.kind == "score")
