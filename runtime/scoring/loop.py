"""The scoring loop: pairs of frames in, a value of every output for each of them out."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from framegauge.export.contract.interface import Output
from framegauge.export.contract.roles import PAIR
from framegauge.runtime.errors import ScoreError
from framegauge.runtime.pairing.case import Case, Pair
from framegauge.runtime.reports.stills import Worst
from framegauge.runtime.scoring.batches_in_flight import batch_size, batches, stacked
from framegauge.runtime.scoring.ordered_map import ordered_map
from framegauge.runtime.scoring.scorer import Scorer
from framegauge.runtime.sources.conversion import Rendition
from framegauge.runtime.sources.planes import Planes

Values = Mapping[str, NDArray[np.float64]]


class Progress(Protocol):
    """What is told how far a run has come."""

    def __call__(self, done: int, total: int | None) -> None:
        """``done`` frames of ``total`` are scored; the total may be unknown."""


def score_pairs(
    scorer: Scorer,
    pairs: Iterator[Pair | Case],
    renditions: Mapping[str, Rendition],
    worst: Worst | None,
    progress: Progress | None,
    expected: int | None,
    *,
    flight: int | None = None,
) -> tuple[NDArray[np.int64], dict[str, NDArray[np.float64]]]:
    """Score every pair, a batch at a time.

    Args:
        scorer: What scores them.
        pairs: The reference's index, its frame and the distorted frame, or samples with what else
            the models take.
        renditions: What the frames of each video have become.
        worst: Where the worst frames are kept, ``None`` if they are not.
        progress: Told after every batch.
        expected: How many pairs there will be, ``None`` if that is not known.
        flight: Batches to score at a time, ``None`` for as many as the scorer is made for.

    Returns:
        The indices, ``(n,)``, and for each output its values, ``(n,)``.

    Raises:
        ScoreError: A frame has samples that no score has a meaning for; whatever ``pairs`` raises.
    """
    colours = {role: renditions[role].colour for role in PAIR}
    count = batch_size(renditions["reference"].size)
    decider = first_score(scorer).name
    numbers = array("q")
    columns = {output.name: array("d") for output in scorer.outputs}
    if progress:
        progress(0, expected)

    def scored(batch: Sequence[Pair | Case]) -> tuple[list[Case], Values]:
        cases = [each if isinstance(each, Case) else Case(*each) for each in batch]
        frames, tensors = _fed(cases)
        return cases, scorer.run(frames, colours, tensors)

    with closing(ordered_map(scored, batches(pairs, count), flight or scorer.in_flight)) as results:
        for cases, values in results:
            for name, column in columns.items():
                column.extend(_judged(name, cases, values[name]))
            for case, value in zip(cases, values[decider].tolist(), strict=True):
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
    cases: Sequence[Case],
) -> tuple[dict[str, Planes], dict[str, NDArray[np.float32]]]:
    """The batch's frames and tensors by role, checked."""
    frames: dict[str, list[Planes]] = {}
    tensors: dict[str, list[NDArray[np.float32]]] = {}
    for case in cases:
        pair = {"reference": case.reference, "distorted": case.distorted}
        for role, values in (pair | dict(case.further)).items():
            if isinstance(values, tuple):
                _check_samples(role, case.number, values)
                frames.setdefault(role, []).append(values)
            else:
                tensors.setdefault(role, []).append(values)
    return (
        {role: stacked(each) for role, each in frames.items()},
        {role: np.stack(each) for role, each in tensors.items()},
    )


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
