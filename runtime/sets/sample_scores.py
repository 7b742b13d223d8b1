"""The score of one sample by one method: a pair of images, or of videos and then their mean."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from framegauge.export.contract.roles import PAIR
from framegauge.runtime.errors import ScoreError, UsageError
from framegauge.runtime.pairing.alignment import Alignment
from framegauge.runtime.pairing.case import Case, Pair
from framegauge.runtime.scoring.loop import score_pairs
from framegauge.runtime.scoring.prefetch import ahead
from framegauge.runtime.sets.protocol_steps import (
    Mask,
    check_model,
    mask_of,
    prepared,
    scored_size,
    within_mask,
)
from framegauge.runtime.sets.protocols import Protocol
from framegauge.runtime.sets.sample_inputs import further_inputs, with_inputs
from framegauge.runtime.sets.samples import Sample
from framegauge.runtime.sets.scorers_by_format import ScorersByFormat
from framegauge.runtime.sets.treatment import Treatment, treated
from framegauge.runtime.sources.conversion import ConversionPolicy, Rendition, share_assumptions
from framegauge.runtime.sources.facts import Facts
from framegauge.runtime.sources.planes import Planes
from framegauge.runtime.sources.source import Source, open_source

# Frames of a video that wait decoded while others are scored.
_AHEAD = 4


@dataclass(frozen=True, kw_only=True)
class SampleScore:
    """What came of one sample and one method.

    Attributes:
        format: Pixel format it was scored in, ``""`` if it was not.
        size: Width and height it was scored at.
        frames: How many were scored.
        scores: For each label the mean over its frames, NaN if one is not finite.
        moments: The same for each moment that totals are made of.
        inputs: For each role whose clip was not taken as it is, what was done to it or assumed.
        left_out: Why it does not count, by the protocol's own rule.
        error: Why it has no scores.
    """

    format: str = ""
    size: tuple[int, int] = (0, 0)
    frames: int = 0
    scores: Mapping[str, float] = field(default_factory=dict)
    moments: Mapping[str, float] = field(default_factory=dict)
    inputs: Mapping[str, Treatment] = field(default_factory=dict)
    left_out: str | None = None
    error: str | None = None

    @property
    def has_alpha(self) -> bool:
        """One of its clips had an alpha channel, which was dropped."""
        return any("alpha" in each for each in self.inputs.values())


def score_sample(
    sample: Sample,
    method: str,
    models: ScorersByFormat,
    policy: ConversionPolicy,
    protocol: Protocol | None,
) -> SampleScore:
    """Score what one method made of one sample.

    Args:
        sample: The row.
        method: Which of its distorted files.
        models: What scores it.
        policy: What may be done to frames that differ.
        protocol: What prepares them, ``None`` to score them as they are.

    Raises:
        ScoreError: Files are damaged, do not match, or are too small for a metric.
        UsageError: The metrics do not fit the set.
        BackendError: A model is not available here.
    """
    with ExitStack() as opened:
        sources = {
            role: opened.enter_context(open_source(where))
            for role, where in zip(PAIR, (sample.reference, sample.distorted[method]), strict=True)
        }
        share_assumptions(sources["reference"], sources["distorted"])
        facts = {role: source.facts for role, source in sources.items()}
        if protocol is not None:
            width, height = scored_size(protocol, *(each.size for each in facts.values()))
            facts["reference"] = replace(facts["reference"], width=width, height=height)
            policy = ConversionPolicy(convert_to="rgb24")
        scorer = models.of(lambda: policy.format(facts))
        if protocol is not None:
            check_model(protocol, scorer)
        renditions = policy.renditions(facts, scorer.form.name)
        size = renditions["reference"].size
        try:
            scorer.check_size(*size)
        except UsageError as error:
            raise ScoreError(str(error)) from error
        inputs = {role: treated(renditions[role], each) for role, each in facts.items()}
        if protocol is not None and sources["reference"].facts.size != size:
            inputs["reference"]["fitted"] = protocol.reference
        mask = mask_of(sample, size) if protocol is not None and protocol.masked else None
        score = SampleScore(
            format=scorer.form.name,
            size=size,
            inputs={role: each for role, each in inputs.items() if each},
        )
        if mask is not None and not mask.any():
            return replace(score, left_out="its mask is empty")
        frames = [
            opened.enter_context(
                closing(_frames(source, renditions[role], facts[role], protocol, mask))
            )
            for role, source in sources.items()
        ]
        alignment = Alignment().at_rates(*(each.frame_rate for each in facts.values()))
        expected = alignment.expected(*(each.frames for each in facts.values()))
        pairs = opened.enter_context(closing(alignment.pairs(frames[0], frames[1])))
        fed: Iterator[Pair] | Iterator[Case] = pairs
        if not set(scorer.roles) <= set(PAIR):
            further, done = further_inputs(scorer, sample, policy, facts["reference"], size)
            score = replace(score, inputs={**score.inputs, **done})
            fed = opened.enter_context(closing(with_inputs(pairs, further)))
        numbers, values = score_pairs(scorer, fed, renditions, None, None, expected)
    counted = values if mask is None else within_mask(scorer, values, mask)
    if counted is None:
        return replace(score, left_out="the frames are equal within its mask")
    means = {name: _mean(column) for name, column in counted.items()}
    return replace(
        score,
        frames=len(numbers),
        scores={label: means[label] for label in scorer.labels},
        moments={name: mean for name, mean in means.items() if name not in scorer.labels},
    )


def _frames(
    source: Source,
    rendition: Rendition,
    facts: Facts,
    protocol: Protocol | None,
    mask: Mask | None,
) -> Generator[Planes, None, None]:
    if protocol is None:
        frames = rendition.frames(source)
    else:
        frames = prepared(source, rendition.size, protocol, mask)
    return frames if facts.frames == 1 else ahead(frames, _AHEAD)


def _mean(values: NDArray[np.float64]) -> float:
    return float(np.mean(values)) if np.isfinite(values).all() else float("nan")
