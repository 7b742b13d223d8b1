"""Scores of a set: many samples, one or several methods, and their means."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from framegauge.runtime.errors import ScoreError, UsageError
from framegauge.runtime.models.model_files import checked
from framegauge.runtime.reports.series import LabelFacts
from framegauge.runtime.scoring.loop import Progress
from framegauge.runtime.sets.journal import Journal
from framegauge.runtime.sets.protocols import Protocol, departures, find_protocol
from framegauge.runtime.sets.sample_inputs import Columns
from framegauge.runtime.sets.sample_scores import SampleScore
from framegauge.runtime.sets.samples import Samples
from framegauge.runtime.sets.scorers_by_format import ScorersByFormat
from framegauge.runtime.sets.set_report import SetReport
from framegauge.runtime.sets.set_run import SetRun
from framegauge.runtime.sources.conversion import ConversionPolicy


def score_set(
    samples: Samples,
    *,
    metrics: str | Sequence[str] | None = None,
    model: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None = None,
    protocol: str | None = None,
    gates: Sequence[str] = (),
    scale: str | None = None,
    convert: str | None = None,
    quantise: int | None = None,
    crop_border: int = 0,
    weights: Mapping[str, str] | None = None,
    offline: bool = False,
    backend: str = "auto",
    build_missing: bool = False,
    device: int = 0,
    threads: int | None = None,
    keep_going: bool = False,
    resume: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
    tell: Callable[[str], None] | None = None,
) -> SetReport:
    """Score every sample of a set by every method.

    A sample is a pair of images, or of videos of one length and rate: its score is then the mean
    of its frames'.

    Args:
        samples: The set, from ``read_list`` or ``match_folders``.
        metrics: Entries; the protocol's, or the default suite of the frames' format, if neither
            these nor a model are given.
        model: Model files to score with instead.
        protocol: Name of a protocol, see :mod:`framegauge.runtime.sets.protocols`.
        gates: Bounds on the mean of samples, ``"psnr>=30"`` for every method or
            ``"mine.psnr>=30"`` for one; other pools are over the samples.
        scale: As for two videos.
        convert: As for two videos.
        quantise: 8 to round the distorted frames to 8 bits first.
        crop_border: Pixels cut from every side first.
        weights: Files of weights by name, for metrics that need some.
        offline: Download no weights.
        backend: ``auto``, ``cpu``, ``cuda``, ``tensorrt`` or ``tensorrt-rtx``.
        build_missing: Build an engine for the GPU at hand where there is none.
        device: Which GPU.
        threads: Threads on the CPU, ``None`` for as many as this process may use.
        keep_going: Go on after a sample that fails: its method then has no means.
        resume: A file that keeps scores as they come, and gives those it has.
        progress: Told after every sample.
        tell: Called with lines of text for people.

    Returns:
        The report, with its gates judged.

    Raises:
        UsageError: The request makes no sense.
        ScoreError: A sample cannot be scored; it is named.
        BackendError: The backend or a model is not available here.
    """
    chosen = find_protocol(protocol) if protocol is not None else None
    _check(metrics, model, chosen, scale, convert, quantise, crop_border)
    if chosen is not None and metrics is None and model is None:
        metrics = chosen.metrics
    paths = [model] if isinstance(model, (str, os.PathLike)) else list(model or ())
    settings = {
        "metrics": metrics if isinstance(metrics, str | None) else list(metrics),
        "models": [_sha256(path) for path in paths],
        "protocol": protocol,
        "scale": scale,
        "convert": convert,
        "quantise": quantise,
        "crop_border": crop_border,
    }
    loaded = ScorersByFormat(
        metrics=metrics,
        files=paths,
        options={
            "quantise": quantise,
            "crop_border": crop_border,
            "weights": weights,
            "offline": offline,
            "supply": Columns.of(samples),
            "progress": tell,
        },
        runs_on={
            "backend": backend,
            "build_missing": build_missing,
            "device": device,
            "threads": threads,
        },
    )
    with loaded:
        run = SetRun(
            samples=samples,
            loaded=loaded,
            policy=ConversionPolicy.parse(scale, convert),
            protocol=chosen,
            gates=gates,
            keep_going=keep_going,
            journal=None if resume is None else Journal(resume, settings),
        )
        if run.journal and tell:
            tell(f"{resume} has {len(run.journal)} scores of an earlier run")
        run.score(progress)
        given = metrics if isinstance(metrics, str | None) else ",".join(metrics)
        report = SetReport(
            samples=samples,
            scores=run.scores,
            outputs={each.name: LabelFacts.of_output(each) for each in loaded.outputs},
            aggregates=loaded.aggregates,
            protocol=chosen,
            departures=_departures(chosen, "a model" if paths else given, samples, run.scores),
            settings=settings,
            models=loaded.to_json(),
        )
    return report.with_gates(run.parsed)


def _check(
    metrics: str | Sequence[str] | None,
    model: object,
    protocol: Protocol | None,
    scale: str | None,
    convert: str | None,
    quantise: int | None,
    crop_border: int,
) -> None:
    if metrics is not None and model is not None:
        raise UsageError("Give metrics or a model, not both: a model says what it computes.")
    if metrics is not None:
        checked(metrics)
    if model is not None and (quantise is not None or crop_border):
        raise UsageError(
            "Rounding and cropping are part of a model. Export it with them: "
            "`framegauge export --quantise 8 --crop-border N`."
        )
    if protocol is not None and (scale or convert or quantise is not None or crop_border):
        raise UsageError(
            f"{protocol.name} settles size, format, rounding and cropping itself. Leave out "
            "--scale, --convert, --quantise and --crop-border, or the protocol."
        )


def _departures(
    protocol: Protocol | None,
    metrics: str | None,
    samples: Samples,
    scores: Mapping[tuple[str, str], SampleScore],
) -> list[str]:
    if protocol is None:
        return []
    by_sample = [
        [scores[sample.name, method] for method in samples.methods] for sample in samples.rows
    ]
    return departures(
        protocol,
        metrics=metrics,
        samples=sum(all(each.error is None for each in scores) for scores in by_sample),
        sizes=[each.size for each in scores.values() if each.format],
        alpha=sum(any(each.has_alpha for each in scores) for scores in by_sample),
    )


def _sha256(path: str | os.PathLike[str]) -> str:
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError as error:
        raise ScoreError(f"The model {path} cannot be read: {error.strerror}.") from error
