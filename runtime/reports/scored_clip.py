"""Scores of every frame of a clip, pooled values, gates, and how they came about."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from framegauge.export.contract.clip_scores import clip_score
from framegauge.export.contract.interface import Aggregate, Output
from framegauge.export.contract.plain_numbers import fraction
from framegauge.runtime.pooling.gate import Gate, Outcome
from framegauge.runtime.pooling.pool import Scores, pool
from framegauge.runtime.reports.series import Frames, LabelFacts

if TYPE_CHECKING:
    from framegauge.runtime.reports.stills import Still


@dataclass(frozen=True, kw_only=True, eq=False)
class ScoredClip:
    """What came of scoring one video against another.

    Attributes:
        frames: The scores of every frame.
        outputs: What is known about each label.
        aggregate: Scores of the whole clip that are not made of the frames' scores, NaN where
            the clip has none.
        aggregates: How those are made of moments; empty where that is not known.
        moments: For each moment that they are made of, its value for every frame, ``(n,)``.
        gates: What each gate made of the clip.
        fps: Frames scored a second, as libvmaf reports it; ``None`` if not measured.
        inputs: The two videos, under ``reference`` and ``distorted``: what they are, and what
            was assumed or converted. A ``frame_rate`` in hertz, or like ``"24000/1001"``, gives
            the timelines their seconds.
        alignment: Which frames were compared with which.
        flows: Where each flow came from, by role: files, or an estimator.
        missing: Labels that have no score because the models were not given these inputs; they
            are among the labels all the same, without a finite score.
        model: The model file.
        backend: What ran it.
        tool: Name and version of what wrote the report.
        stills: Pictures of the worst frames, for the page; a JSON file does not keep them.
    """

    frames: Frames
    outputs: dict[str, LabelFacts]
    aggregate: dict[str, float] = field(default_factory=dict)
    aggregates: tuple[Aggregate, ...] = ()
    moments: dict[str, Scores] = field(default_factory=dict)
    gates: tuple[Outcome, ...] = ()
    fps: float | None = None
    inputs: dict[str, Any] = field(default_factory=dict)
    alignment: dict[str, Any] = field(default_factory=dict)
    flows: dict[str, Any] = field(default_factory=dict)
    missing: dict[str, tuple[str, ...]] = field(default_factory=dict)
    model: dict[str, Any] = field(default_factory=dict)
    backend: dict[str, Any] = field(default_factory=dict)
    tool: dict[str, str] = field(
        default_factory=lambda: {"name": "framegauge", "version": version("framegauge")}
    )
    stills: tuple[Still, ...] = ()

    @classmethod
    def of_scores(
        cls,
        outputs: Sequence[Output],
        frame_numbers: NDArray[np.int64],
        scores: Mapping[str, Scores],
        *,
        aggregates: Sequence[Aggregate] = (),
        fps: float | None = None,
        inputs: Mapping[str, Any] | None = None,
        alignment: Mapping[str, Any] | None = None,
        flows: Mapping[str, Any] | None = None,
        missing: Mapping[str, tuple[str, ...]] | None = None,
        model: Mapping[str, Any] | None = None,
        backend: Mapping[str, Any] | None = None,
        stills: Sequence[Still] = (),
    ) -> Self:
        """A report of what a model's scores were.

        Args:
            outputs: The model's outputs; those that are no scores are left out.
            frame_numbers: Index of each frame in the reference, from 0, ``(n,)``.
            scores: For each score and moment among the outputs, its values, ``(n,)``.
            aggregates: As :attr:`aggregates`.
            fps: As :attr:`fps`.
            inputs: As :attr:`inputs`.
            alignment: As :attr:`alignment`.
            flows: As :attr:`flows`.
            missing: As :attr:`missing`.
            model: As :attr:`model`.
            backend: As :attr:`backend`.
            stills: As :attr:`stills`.
        """
        kept = [output for output in outputs if output.kind == "score"]
        absent = dict(missing or {})
        columns = {output.name: scores[output.name] for output in kept}
        columns |= {label: np.full(len(frame_numbers), math.nan) for label in absent}
        moments = {name: scores[name] for each in aggregates for name in each.of}
        listed = {name: values.tolist() for name, values in moments.items()}
        facts = {output.name: LabelFacts.of_output(output) for output in kept}
        return cls(
            frames=Frames(frame_numbers, columns),
            outputs=facts | {label: LabelFacts() for label in absent},
            aggregate={each.name: clip_score(each, listed) for each in aggregates},
            aggregates=tuple(aggregates),
            moments=moments,
            fps=fps,
            inputs=dict(inputs or {}),
            alignment=dict(alignment or {}),
            flows=dict(flows or {}),
            missing=absent,
            model=dict(model or {}),
            backend=dict(backend or {}),
            stills=tuple(stills),
        )

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of the scores, in the order they were asked for."""
        return self.frames.labels

    @property
    def passed(self) -> bool:
        """Whether every gate passed; true without gates."""
        return all(outcome.passed for outcome in self.gates)

    @cached_property
    def pooled(self) -> dict[str, dict[str, float]]:
        """For each label its pooled values by name, NaN where the clip has none."""
        return {label: pool(values) for label, values in self.frames.scores.items()}

    @cached_property
    def unscored(self) -> dict[str, int]:
        """For each label that was computed, the number of frames without a finite score."""
        return {
            label: int(np.count_nonzero(~np.isfinite(values)))
            for label, values in self.frames.scores.items()
            if label not in self.missing
        }

    @property
    def factor(self) -> int | None:
        """Frames from one input of an interpolation to the next, ``None`` without one."""
        factor = self.alignment.get("factor")
        return factor if isinstance(factor, int) and factor > 1 else None

    @cached_property
    def phases(self) -> dict[int, Frames]:
        """Frames by their place between two inputs, 1 to factor - 1; none below a factor of 3."""
        if self.factor is None or self.factor < 3:
            return {}
        phases = self.frames.numbers % self.factor
        return {phase: self.frames.where(phases == phase) for phase in range(1, self.factor)}

    @property
    def frame_rate(self) -> float | None:
        """Frames a second of the reference, ``None`` if it has no rate or says none."""
        try:
            rate = self.inputs["reference"]["frame_rate"]
            rate = float(fraction(rate) if isinstance(rate, str) else rate)
        except (KeyError, TypeError, ValueError, OverflowError):
            return None
        return rate if 0 < rate < math.inf else None

    def with_gates(self, gates: Sequence[Gate]) -> Self:
        """The same report, judged by these gates in place of its own."""
        outcomes = (gate.judge(self.frames.scores[gate.label]) for gate in gates)
        return dataclasses.replace(self, gates=tuple(outcomes))
