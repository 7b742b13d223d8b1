"""The report of a set: scores of every sample by every method, their means, and how they came."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from typing import Any, Self

import numpy as np

from framegauge.export.contract.clip_scores import clip_score
from framegauge.export.contract.interface import Aggregate
from framegauge.runtime.pooling.gate import Gate, Outcome
from framegauge.runtime.pooling.pool import Scores, pool_by
from framegauge.runtime.reports.series import LabelFacts
from framegauge.runtime.sets.protocols import Protocol
from framegauge.runtime.sets.sample_scores import SampleScore
from framegauge.runtime.sets.samples import Sample, Samples

SCHEMA = 2


@dataclass(frozen=True, kw_only=True, eq=False)
class SetReport:
    """What came of scoring a set.

    Attributes:
        samples: The set.
        scores: What came of each sample, by its name and the method.
        outputs: What is known about each label.
        aggregates: Scores of a whole set that the mean of a moment makes.
        protocol: What was kept to, ``None`` if none was asked for.
        departures: What was not kept to.
        settings: What was asked for.
        models: The model files and what ran them, for each pixel format.
        gates: What each gate made of each method.
    """

    samples: Samples
    scores: Mapping[tuple[str, str], SampleScore]
    outputs: Mapping[str, LabelFacts]
    aggregates: Sequence[Aggregate] = ()
    protocol: Protocol | None = None
    departures: Sequence[str] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    models: Sequence[Mapping[str, Any]] = ()
    gates: tuple[Outcome, ...] = ()

    @property
    def labels(self) -> list[str]:
        """Labels of the scores, in the order they were asked for."""
        return list(self.outputs)

    @property
    def groups(self) -> list[str]:
        """Names of the groups in the order of their first samples; samples of none are in ``""``.

        Empty if no sample has a group.
        """
        groups = list(dict.fromkeys(sample.group or "" for sample in self.samples.rows))
        return groups if any(groups) else []

    @property
    def failed(self) -> dict[tuple[str, str], str]:
        """Why there is no score, by the sample's name and the method."""
        return {key: each.error for key, each in self.scores.items() if each.error is not None}

    @property
    def passed(self) -> bool:
        """Whether every gate passed; true without gates."""
        return all(outcome.passed for outcome in self.gates)

    def column(self, method: str, label: str, group: str | None = None) -> Scores:
        """Scores of the samples that count, ``(n,)``, NaN where a sample has none.

        Args:
            method: Whose.
            label: Which.
            group: Only samples of this group, ``None`` for all.
        """
        return self._values(method, group, lambda each: each.scores.get(label, math.nan))

    def frames(self, method: str, label: str) -> Scores:
        """Scores of all frames of the samples that count, ``(n,)``; of one that failed a NaN."""
        counted = [
            each.frames.get(label, np.array([math.nan]))
            for sample in self.samples.rows
            for each in [self.scores[sample.name, method]]
            if each.left_out is None
        ]
        return np.concatenate(counted) if counted else np.array([])

    def mean(self, method: str, label: str, group: str | None = None) -> float:
        """Mean over the samples that count; NaN if one of them has no score, or there are none."""
        return _mean(self.column(method, label, group))

    def mean_of_groups(self, method: str, label: str) -> float:
        """Mean of the groups' means, whatever their sizes; NaN if one group has none."""
        return _mean(np.array([self.mean(method, label, group) for group in self.groups]))

    def aggregate(self, method: str, kind: Aggregate, group: str | None = None) -> float:
        """Such as the PSNR of the mean squared error of all samples, NaN as for the mean."""
        moments = {name: self._values(method, group, partial(_moment, name)) for name in kind.of}
        return clip_score(kind, {name: each.tolist() for name, each in moments.items()})

    def with_gates(self, gates: Sequence[Gate]) -> Self:
        """The same report, judged by these gates, each for every method that it is on."""
        several = len(self.samples.methods) > 1
        outcomes = [
            dataclasses.replace(gate, method=method if several else None).judge(
                self.frames(method, gate.label)
                if gate.over == "frames"
                else self.column(method, gate.label)
            )
            for gate in gates
            for method in self.samples.methods
            if gate.method in (None, method)
        ]
        return dataclasses.replace(self, gates=tuple(outcomes))

    def rows(self) -> Iterator[tuple[Sample, str, SampleScore]]:
        """Every sample and method with what came of it."""
        for sample in self.samples.rows:
            for method in self.samples.methods:
                yield sample, method, self.scores[sample.name, method]

    def to_csv(self) -> str:
        """A line for every sample and method; a cell is empty where there is no finite score."""
        file = io.StringIO()
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["sample", "group", "method", "frames", *self.labels, "status"])
        for sample, method, each in self.rows():
            numbers = (each.scores.get(label, math.nan) for label in self.labels)
            cells = [repr(number) if math.isfinite(number) else "" for number in numbers]
            status = _status(each)
            writer.writerow(
                [sample.name, sample.group or "", method, each.count, *cells, status or ""]
            )
        return file.getvalue()

    def to_json(self) -> str:
        """The report as JSON, a line for each sample; ``set.schema.json`` describes it."""
        return "".join(self._json())

    def _json(self) -> Iterator[str]:
        head = {
            "schema_version": SCHEMA,
            "kind": "set",
            "tool": {"name": "framegauge", "version": version("framegauge")},
            "protocol": self.protocol and dataclasses.asdict(self.protocol),
            "departures": list(self.departures),
            "inputs": self.samples.inputs,
            "settings": self.settings,
            "models": list(self.models),
            "outputs": {label: dataclasses.asdict(facts) for label, facts in self.outputs.items()},
            "methods": list(self.samples.methods),
            "left_out": self.samples.left_out,
        }
        yield "{\n"
        for key, value in head.items():
            yield f'  "{key}": {json.dumps(value, allow_nan=False)},\n'
        yield '  "samples": ['
        separator = "\n"
        for sample in self.samples.rows:
            scores = {m: self._entry(self.scores[sample.name, m]) for m in self.samples.methods}
            row = {"name": sample.name, "group": sample.group, "methods": scores}
            yield f"{separator}    {json.dumps(row, allow_nan=False)}"
            separator = ",\n"
        means = {method: self._means(method) for method in self.samples.methods}
        gates = [
            {"method": each.gate.method, "over": each.gate.over, **each.to_json()}
            for each in self.gates
        ]
        yield f'\n  ],\n  "means": {json.dumps(means, allow_nan=False)},\n'
        yield f'  "gates": {json.dumps(gates, allow_nan=False)}\n}}\n'

    def _entry(self, each: SampleScore) -> dict[str, Any]:
        entry: dict[str, Any] = {
            "frames": each.count,
            "width": each.size[0],
            "height": each.size[1],
            "scores": {label: _finite(each.scores.get(label, math.nan)) for label in self.labels},
        }
        status = _status(each)
        if each.inputs:
            entry["inputs"] = each.inputs
        return entry if status is None else {**entry, "status": status}

    def _means(self, method: str) -> dict[str, Any]:
        """Means by label, over all samples, each group and the groups."""
        groups = {group: self._mean_of(method, group) for group in self.groups}
        of_groups = {label: _finite(self.mean_of_groups(method, label)) for label in self.labels}
        return {
            **self._mean_of(method, None),
            "groups": groups,
            "mean_of_groups": of_groups if groups else None,
        }

    def _mean_of(self, method: str, group: str | None) -> dict[str, Any]:
        counted = self._values(method, group, lambda each: 0.0 if each.error is None else math.nan)
        failed = int(np.isnan(counted).sum())
        found: dict[str, Any] = {
            "samples": len(counted) - failed,
            "mean": {label: _finite(self.mean(method, label, group)) for label in self.labels},
            "aggregate": {
                kind.name: _finite(self.aggregate(method, kind, group)) for kind in self.aggregates
            },
        }
        if failed:
            found["status"] = f"{failed} of {len(counted)} samples failed"
        return found

    def _values(
        self, method: str, group: str | None, value: Callable[[SampleScore], float]
    ) -> Scores:
        counted = (
            self.scores[sample.name, method]
            for sample in self.samples.rows
            if group is None or (sample.group or "") == group
        )
        return np.array([value(each) for each in counted if each.left_out is None], np.float64)


def _moment(name: str, each: SampleScore) -> float:
    return each.moments.get(name, math.nan)


def _mean(values: Scores) -> float:
    return pool_by(values, "mean")


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _status(each: SampleScore) -> str | None:
    """Why a sample has no score, or not all of them."""
    if each.error is not None:
        return f"failed: {each.error}"
    if each.left_out is not None:
        return f"left out: {each.left_out}"
    names = [label for label, value in each.scores.items() if not math.isfinite(value)]
    return f"no finite {', '.join(names)}" if names else None
