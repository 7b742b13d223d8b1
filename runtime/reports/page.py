"""One report, or several compared, as one HTML page that needs nothing else."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from plotly.offline import get_plotlyjs

from framegauge.runtime.pooling.gate import Outcome
from framegauge.runtime.pooling.pool import POOLS, pool_by
from framegauge.runtime.reports.number_format import bound_of, rounded, told_apart
from framegauge.runtime.reports.scored_clip import ScoredClip
from framegauge.runtime.reports.series import LabelFacts
from framegauge.runtime.reports.stills import Still
from framegauge.runtime.reports.summary import flows_in_words, needing
from framegauge.runtime.reports.timeline import BUCKETS, plots
from framegauge.runtime.reports.wording import clean, flat, side_by_side

ARROWS = {"higher": "↑", "lower": "↓", None: ""}
# Of all pools, those worth a row when reports are compared.
_COMPARED = ("mean", "harmonic_mean", "median", "p5", "min", "max")


def to_html(
    reports: Sequence[ScoredClip],
    *,
    names: Sequence[str] | None = None,
    stills: Sequence[Still] = (),
) -> str:
    """The page of one report, or of several, where the others are compared with the first.

    Args:
        reports: At least one.
        names: What to call each; the distorted video's name if there are none.
        stills: Pictures of the worst frames.
    """
    called = [clean(name) for name in names or [name_of(report) for report in reports]]
    labels = list(dict.fromkeys(label for report in reports for label in computed(report)))
    facts = {label: _facts(reports, label) for label in labels}
    library: str = get_plotlyjs()
    page = _template().render(
        plotly=library,
        reports=[_section(*each) for each in zip(called, reports, strict=True)],
        labels=labels,
        facts=facts,
        arrows=ARROWS,
        pools=POOLS,
        comparison=_comparison(reports, facts) if len(reports) > 1 else [],
        stills=[_caption(still, facts) for still in stills],
        plots=plots(called, reports, facts, stills),
        thinned=max(len(report.frames) for report in reports) > 2 * BUCKETS,
        buckets=BUCKETS,
    )
    # A file name may hold bytes that are no text, which a page must be. The library stays as it is.
    return library.join(map(clean, page.split(library)))


def name_of(report: ScoredClip) -> str:
    """What to call a report: the distorted video's file name, or that of its tool."""
    distorted = report.inputs.get("distorted")
    name = distorted.get("name") if isinstance(distorted, dict) else None
    return PurePath(name).name if isinstance(name, str) and name else report.tool["name"]


def computed(report: ScoredClip) -> list[str]:
    """The labels that have scores."""
    return [label for label in report.labels if label not in report.missing]


def _template() -> Any:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.jinja")


def _facts(reports: Sequence[ScoredClip], label: str) -> LabelFacts:
    return next(report.outputs[label] for report in reports if label in computed(report))


def _section(name: str, report: ScoredClip) -> dict[str, Any]:
    videos = {role: report.inputs.get(role) for role in ("reference", "distorted")}
    rest = {key: value for key, value in report.inputs.items() if key not in videos}
    return {
        "name": name,
        "frames": len(report.frames),
        "factor": report.factor,
        "passed": report.passed,
        "failed": sum(not outcome.passed for outcome in report.gates),
        "gates": [_gate(outcome) for outcome in report.gates],
        "pooled": {
            label: dict(zip(POOLS, rounded(report.pooled[label].values()), strict=True))
            for label in computed(report)
        },
        "phases": _phases(report),
        "needing": needing(report),
        "flows": flows_in_words(report),
        "unscored": {label: count for label, count in report.unscored.items() if count},
        "aggregate": {name: rounded([value])[0] for name, value in report.aggregate.items()},
        "inputs": side_by_side(
            *(video if isinstance(video, dict) else {} for video in videos.values())
        ),
        "provenance": {
            title: list(flat(section))
            for title, section in (
                ("Inputs", rest),
                ("Alignment", report.alignment),
                ("Flows", report.flows),
                ("Model", report.model),
                ("Backend", report.backend),
                ("Tool", {**report.tool, "frames a second": report.fps}),
            )
            if section
        },
    }


def _phases(report: ScoredClip) -> dict[str, Any]:
    """Means by place between two inputs, and how many frames there are at each."""
    rows = []
    for label in computed(report):
        means = [pool_by(frames.scores[label], "mean") for frames in report.phases.values()]
        rows.append({"label": label, "means": rounded(means), "line": _line(means)})
    return {
        "names": [f"{phase}/{report.factor}" for phase in report.phases],
        "frames": [len(frames) for frames in report.phases.values()],
        "rows": rows,
    }


def _line(values: Sequence[float]) -> str:
    """Points of a line through some values, in a box of 100 by 20; none if one is not finite."""
    low, high = min(values, default=0), max(values, default=0)
    if not all(map(math.isfinite, values)):
        return ""
    step = 96 / max(len(values) - 1, 1)
    heights = [(value - low) / (high - low) if high > low else 0.5 for value in values]
    return " ".join(f"{2 + i * step:.1f},{18 - 16 * h:.1f}" for i, h in enumerate(heights))


def _gate(outcome: Outcome) -> dict[str, Any]:
    gate = outcome.gate
    return {
        "score": f"{gate.label} {gate.pool.replace('_', ' ')}",
        "bound": bound_of(gate),
        "value": told_apart(outcome.value, gate.bound),
        "passed": outcome.passed,
    }


def _comparison(
    reports: Sequence[ScoredClip], facts: Mapping[str, LabelFacts]
) -> list[dict[str, Any]]:
    rows = []
    for label, fact in facts.items():
        for pool in _COMPARED:
            values = [report.pooled.get(label, {}).get(pool, math.nan) for report in reports]
            changes = [value - values[0] for value in values]
            texts = rounded(values)
            # As many decimals as the values themselves have.
            decimals = max(len(text.partition(".")[2]) for text in texts)
            rows.append(
                {
                    "label": label if pool == _COMPARED[0] else "",
                    "pool": pool.replace("_", " "),
                    "cells": [
                        {
                            "value": text,
                            "change": "" if math.isnan(change) else f"{change:+.{decimals}f}",
                            "verdict": _verdict(round(change, decimals), fact.better),
                        }
                        for text, change in zip(texts, changes, strict=True)
                    ],
                }
            )
    return rows


def _verdict(change: float, better: str | None) -> str:
    if better is None or math.isnan(change) or change == 0:
        return ""
    return "better" if (change > 0) == (better == "higher") else "worse"


def _caption(still: Still, facts: Mapping[str, LabelFacts]) -> dict[str, Any]:
    unit = facts[still.label].unit if still.label in facts else "1"
    return {
        "still": still,
        "value": rounded([still.value])[0] + ("" if unit == "1" else f" {unit}"),
    }
