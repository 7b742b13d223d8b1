"""The way of two clips to their scores, of videos and of samples of a set alike.

clips -> what their frames become, and for which models -> cases -> scores
"""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from framegauge.export.contract.formats import Format
from framegauge.export.contract.interface import Output
from framegauge.export.contract.roles import PAIR
from framegauge.runtime.errors import ScoreError
from framegauge.runtime.pairing.alignment import Alignment
from framegauge.runtime.pairing.case import Case
from framegauge.runtime.reports.stills import Worst
from framegauge.runtime.scoring.batches_in_flight import batch_size, in_flight
from framegauge.runtime.scoring.loop import Batching, Progress, score_pairs
from framegauge.runtime.scoring.prefetch import ahead
from framegauge.runtime.scoring.requests import FrameRequest, Where
from framegauge.runtime.scoring.scorer import Scorer
from framegauge.runtime.scoring.scorers_by_format import ScorersByFormat
from framegauge.runtime.sources.conversion import ConversionPolicy, Rendition, share_assumptions
from framegauge.runtime.sources.facts import Facts
from framegauge.runtime.sources.planes import Planes
from framegauge.runtime.sources.source import Source

# Frames of each clip that wait decoded while others are scored.
AHEAD = 4

Prepare = Callable[[Rendition, Source], Generator[Planes, None, None]]
"""Makes of a clip's frames what is scored."""


class CaseSource(Protocol):
    """What makes of two clips' frames the cases that models take."""

    @property
    def holds_frames(self) -> bool:
        """Frames are held while the next are taken."""

    def expected(
        self, alignment: Alignment, reference: int | None, distorted: int | None
    ) -> int | None:
        """Cases that clips of these declared lengths have, ``None`` if one is not known."""

    def samples(
        self,
        alignment: Alignment,
        reference: Iterator[Planes],
        distorted: Iterator[Planes],
        *,
        form: Format,
        frame_rate: Fraction | None = None,
        copied: Container[str] = (),
    ) -> Generator[Case, None, None]:
        """Every frame judged with what the models take, in order."""


@dataclass(frozen=True, kw_only=True)
class ClipPair:
    """Two clips, opened.

    Attributes:
        sources: By role.
        alignment: Which frame of one is compared with which of the other, at their rates.
    """

    sources: Mapping[str, Source]
    alignment: Alignment

    @property
    def facts(self) -> dict[str, Facts]:
        """What is known of each, by role."""
        return {role: source.facts for role, source in self.sources.items()}

    @property
    def frame_rate(self) -> Fraction | None:
        """Of the frames that are compared, ``None`` if the reference does not say its own."""
        rate = self.sources["reference"].facts.frame_rate
        return None if rate is None else rate / self.alignment.reference_step

    @property
    def lengths(self) -> list[int | None]:
        """Frames that each declares, ``None`` if it does not say."""
        return [source.facts.frames for source in self.sources.values()]


@dataclass(frozen=True, kw_only=True)
class PairPlan:
    """What scores two clips, and what their frames become for it.

    Attributes:
        scorer: The models.
        renditions: What the frames become, by role.
        batch: Frames of a batch.
        flight: Batches to score at a time.
    """

    scorer: Scorer
    renditions: Mapping[str, Rendition]
    batch: int
    flight: int

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of what is scored."""
        return self.renditions["reference"].size


@dataclass(frozen=True, kw_only=True, eq=False)
class PairScores:
    """What came of two clips.

    Attributes:
        numbers: Index of each frame judged in the reference, ``(n,)``.
        values: For each output of the models its values, ``(n,)``.
        seconds: How long that took.
    """

    numbers: NDArray[np.int64]
    values: dict[str, NDArray[np.float64]]
    seconds: float


@contextmanager
def open_pair(
    reference: Where, distorted: Where, frames: FrameRequest, alignment: Alignment
) -> Iterator[ClipPair]:
    """Two clips, each taking from the other what it does not say of its colours.

    Args:
        reference: The clip that is right.
        distorted: The clip that is judged.
        frames: How they are read.
        alignment: Which frames are compared, as far as it was asked for.

    Raises:
        ScoreError: There is nothing to score, or lengths or rates differ and that was not allowed.
        UsageError: As :func:`~framegauge.runtime.sources.source.open_source`.
    """
    with ExitStack() as opened:
        sources = {
            role: opened.enter_context(frames.open(where))
            for role, where in zip(PAIR, (reference, distorted), strict=True)
        }
        share_assumptions(sources["reference"], sources["distorted"])
        facts = [source.facts for source in sources.values()]
        aligned = alignment.at_rates(*(each.frame_rate for each in facts))
        clips = ClipPair(sources=sources, alignment=aligned)
        # Lengths that differ are refused before any model is made.
        aligned.expected(*clips.lengths)
        yield clips


def scorer_for(
    facts: Mapping[str, Facts], models: ScorersByFormat, policy: ConversionPolicy
) -> Scorer:
    """The models for two clips.

    Args:
        facts: What is known of the clips.
        models: Where models are had from.
        policy: What may be done to frames that differ.

    Raises:
        UsageError: The entries do not fit the format.
        ScoreError: The clips have no format in common that models take.
        BackendError: A model or the backend is not available here.
    """
    flight = _flight(facts, policy.size(facts), models.backend.threads)
    return models.of(lambda: policy.format(facts), flight=flight)


def plan_pair(facts: Mapping[str, Facts], scorer: Scorer, policy: ConversionPolicy) -> PairPlan:
    """What two clips' frames become for some models.

    Args:
        facts: What is known of the clips.
        scorer: The models.
        policy: What may be done to frames that differ.

    Raises:
        ScoreError: The clips differ in something that may not be changed.
        UsageError: The frames are too small for a metric.
    """
    renditions = policy.renditions(facts, scorer.form.name, reads_rgb=scorer.reads_rgb)
    size = renditions["reference"].size
    scorer.check_size(*size)
    for each in facts.values():
        check_light(scorer.outputs, each)
    return PairPlan(
        scorer=scorer,
        renditions=renditions,
        batch=1 if _is_one(facts) else batch_size(size),
        flight=_flight(facts, size, scorer.in_flight),
    )


def check_light(outputs: Sequence[Output], facts: Facts) -> None:
    """Refuse a clip in a light that something is not made for.

    Raises:
        ScoreError: There is one; what it wants is named.
    """
    taken = ("any", facts.light)
    wrong = {each.name: each.transfer for each in outputs if each.transfer not in taken}
    if wrong:
        listed = ", ".join(f"{name} wants {light}" for name, light in wrong.items())
        raise ScoreError(
            f"{facts.name} is {facts.light} ({facts.transfer or 'unspecified'}), and {listed}. "
            "Score by other metrics, or bring the clip to that light first."
        )


def score_pair(
    clips: ClipPair,
    plan: PairPlan,
    cases: CaseSource,
    *,
    prepare: Prepare = Rendition.frames,
    worst: Worst | None = None,
    progress: Progress | None = None,
) -> PairScores:
    """Score two clips, frame by frame.

    Args:
        clips: The clips; they can be read once.
        plan: What scores them, and as what.
        cases: What makes of their frames what models take.
        prepare: Makes of a clip's frames what the plan says.
        worst: Where the worst frames are kept, ``None`` if they are not.
        progress: Told after every batch.

    Raises:
        ScoreError: A clip is damaged or cut off, or the clips do not go together.
    """
    with ExitStack() as opened:
        decoded = [
            opened.enter_context(
                closing(_decoded(source, partial(prepare, plan.renditions[role], source)))
            )
            for role, source in clips.sources.items()
        ]
        held = cases.holds_frames or plan.flight * plan.batch > 1
        judged = opened.enter_context(
            closing(
                cases.samples(
                    clips.alignment,
                    *decoded,
                    form=plan.scorer.form,
                    frame_rate=clips.frame_rate,
                    copied=_copied(clips.sources, held=held),
                )
            )
        )
        begun = time.perf_counter()
        numbers, values = score_pairs(
            plan.scorer,
            judged,
            Batching(size=plan.batch, flight=plan.flight, ordinal=clips.alignment.ordinal),
            {role: rendition.colour for role, rendition in plan.renditions.items()},
            worst=worst,
            progress=progress,
            expected=cases.expected(clips.alignment, *clips.lengths),
        )
        return PairScores(numbers=numbers, values=values, seconds=time.perf_counter() - begun)


def _flight(facts: Mapping[str, Facts], size: tuple[int, int], most: int) -> int:
    """Batches to score at a time, at most so many; of one frame there is one."""
    return 1 if _is_one(facts) else in_flight(size, most)


def _is_one(facts: Mapping[str, Facts]) -> bool:
    """Whether there is one frame to score."""
    return any(each.frames == 1 for each in facts.values())


def _decoded(
    source: Source, frames: Callable[[], Generator[Planes, None, None]]
) -> Generator[Planes, None, None]:
    """A clip's frames, made ahead where that may be and there are several."""
    alone = source.is_borrowed or source.facts.frames == 1
    return frames() if alone else ahead(frames(), AHEAD)


def _copied(sources: Mapping[str, Source], *, held: bool) -> set[str]:
    """The roles whose frames have to be copied as they are taken, lest they be written over.

    Args:
        sources: The two clips.
        held: A case may not be done with when the next is taken.
    """
    borrowed = {role for role, source in sources.items() if source.is_borrowed}
    if held:
        return borrowed
    # The caller makes the distorted frame while the reference's waits for it.
    return {"reference"} if len(borrowed) == 2 else set()
