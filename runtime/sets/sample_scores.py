"""The scores of one sample by one method: a pair of images, or of videos."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial

from framegauge.export.contract.roles import PAIR
from framegauge.runtime.errors import ScoreError, UsageError
from framegauge.runtime.pairing.alignment import Alignment
from framegauge.runtime.pairing.case_assembly import Cases
from framegauge.runtime.pairing.extra_inputs import ExtraInputs
from framegauge.runtime.pooling.pool import Scores, pool_by
from framegauge.runtime.scoring.pair import CaseSource, open_pair, plan_pair, score_pair, scorer_for
from framegauge.runtime.scoring.scorers_by_format import ScorersByFormat
from framegauge.runtime.sets.protocol_steps import (
    check_model,
    mask_of,
    prepared,
    scored_as,
    within_mask,
)
from framegauge.runtime.sets.sample_inputs import OWN, SampleCases, further_inputs
from framegauge.runtime.sets.samples import Sample
from framegauge.runtime.sets.set_request import SetRequest
from framegauge.runtime.sets.treatment import Treatment, treated
from framegauge.runtime.sources.conversion import ConversionPolicy, Rendition


@dataclass(frozen=True, kw_only=True, eq=False)
class SampleScore:
    """What came of one sample and one method.

    Attributes:
        format: Pixel format it was scored in, ``""`` if it was not.
        size: Width and height it was scored at.
        frames: For each label the scores of its frames, ``(n,)``; an image has one.
        moments: For each moment that totals are made of the mean over the frames, NaN if one is
            not finite.
        inputs: For each role whose clip was not taken as it is, what was done to it or assumed.
        left_out: Why it does not count, by the protocol's own rule.
        error: Why it has no scores.
    """

    format: str = ""
    size: tuple[int, int] = (0, 0)
    frames: Mapping[str, Scores] = field(default_factory=dict)
    moments: Mapping[str, float] = field(default_factory=dict)
    inputs: Mapping[str, Treatment] = field(default_factory=dict)
    left_out: str | None = None
    error: str | None = None

    @property
    def count(self) -> int:
        """How many frames were scored."""
        return max(map(len, self.frames.values()), default=0)

    @cached_property
    def scores(self) -> dict[str, float]:
        """For each label the mean over the frames, NaN if one is not finite."""
        return {label: _mean(values) for label, values in self.frames.items()}

    @property
    def has_alpha(self) -> bool:
        """One of its clips had an alpha channel, which was dropped."""
        return any("alpha" in each for each in self.inputs.values())


def score_sample(
    sample: Sample, method: str, models: ScorersByFormat, request: SetRequest
) -> SampleScore:
    """Score what one method made of one sample.

    Args:
        sample: The row.
        method: Which of its distorted files.
        models: What scores it.
        request: What may be done to frames that differ, and the protocol that prepares them.

    Raises:
        ScoreError: Files are damaged, do not match, or are too small for a metric.
        UsageError: The metrics do not fit the set.
        BackendError: A model is not available here.
    """
    protocol, policy = request.steps, request.frames.policy
    opened = open_pair(sample.reference, sample.distorted[method], request.frames, Alignment())
    with opened as clips:
        facts = clips.facts
        if protocol is not None:
            facts, policy = scored_as(protocol, facts), ConversionPolicy(convert_to="rgb24")
        scorer = scorer_for(facts, models, policy)
        if protocol is not None:
            check_model(protocol, scorer)
        try:
            plan = plan_pair(facts, scorer, policy)
        except UsageError as error:
            raise ScoreError(str(error)) from error
        inputs = {role: treated(plan.renditions[role], each) for role, each in facts.items()}
        if protocol is not None and clips.facts["reference"].size != plan.size:
            inputs["reference"]["fitted"] = protocol.reference
        mask = mask_of(sample, plan.size) if protocol is not None and protocol.masked else None
        score = SampleScore(
            format=scorer.form.name,
            size=plan.size,
            inputs={role: each for role, each in inputs.items() if each},
        )
        if mask is not None and not mask.any():
            return replace(score, left_out="its mask is empty")
        cases: CaseSource = SampleCases({})
        asked = set(scorer.roles) - set(PAIR)
        if asked and asked <= OWN - set(sample.further):
            given = ExtraInputs(factor=None, flows={}, estimator=None)
            cases = Cases(given, roles=scorer.roles, outputs=scorer.outputs)
        elif asked:
            further, done = further_inputs(scorer, sample, policy, facts["reference"], plan.size)
            score = replace(score, inputs={**score.inputs, **done})
            cases = SampleCases(further)
        prepare = Rendition.frames if protocol is None else partial(prepared, protocol, mask)
        values = score_pair(clips, plan, cases, prepare=prepare).values
    counted = values if mask is None else within_mask(scorer, values, mask)
    if counted is None:
        return replace(score, left_out="the frames are equal within its mask")
    return replace(
        score,
        frames={label: counted[label] for label in scorer.labels},
        moments={
            name: _mean(column) for name, column in counted.items() if name not in scorer.labels
        },
    )


def _mean(values: Scores) -> float:
    return pool_by(values, "mean")
