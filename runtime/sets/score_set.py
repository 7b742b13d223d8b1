"""Scores of a set: many samples, one or several methods, and their means."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from framegauge.runtime.backends.request import BackendRequest
from framegauge.runtime.reports.series import LabelFacts
from framegauge.runtime.scoring.loop import Progress
from framegauge.runtime.scoring.requests import FrameRequest, ModelRequest, Tell
from framegauge.runtime.scoring.scorers_by_format import ScorersByFormat
from framegauge.runtime.sets.journal import Journal
from framegauge.runtime.sets.protocols import departures
from framegauge.runtime.sets.sample_inputs import Columns
from framegauge.runtime.sets.sample_scores import SampleScore
from framegauge.runtime.sets.samples import Samples
from framegauge.runtime.sets.set_report import SetReport
from framegauge.runtime.sets.set_request import SetRequest
from framegauge.runtime.sets.set_run import SetRun
from framegauge.runtime.sources.colour_mismatch import OnColour
from framegauge.runtime.sources.film_grain import FilmGrain


def score_set(
    samples: Samples,
    *,
    metrics: str | Sequence[str] | None = None,
    model: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None = None,
    protocol: str | None = None,
    gates: str | Sequence[str] = (),
    scale: str | None = None,
    convert: str | None = None,
    transfer: str | None = None,
    film_grain: FilmGrain = "on",
    on_colour_mismatch: OnColour = "error",
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
        gates: Bounds on pooled scores, ``"psnr.p5>=30"`` of every method or
            ``"mine.psnr.p5>=30"`` of one: over all frames of its samples, or over the samples'
            means with ``"samples.psnr.p5>=30"``.
        scale: As for two videos.
        convert: As for two videos.
        transfer: As for two videos.
        film_grain: As for two videos.
        on_colour_mismatch: As for two videos.
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
    request = SetRequest(
        models=ModelRequest.of(
            metrics,
            model,
            quantise=quantise,
            crop_border=crop_border,
            weights=weights,
            offline=offline,
        ),
        backend=BackendRequest.of(
            backend, device=device, threads=threads, build_missing=build_missing
        ),
        frames=FrameRequest(
            scale=scale,
            convert=convert,
            transfer=transfer,
            film_grain=film_grain,
            on_colour_mismatch=on_colour_mismatch,
        ),
        protocol=protocol,
        gates=(gates,) if isinstance(gates, str) else tuple(gates),
        keep_going=keep_going,
        resume=None if resume is None else Path(resume),
    )
    return score_samples(samples, request, progress=progress, tell=tell)


def score_samples(
    samples: Samples,
    request: SetRequest,
    *,
    progress: Progress | None = None,
    tell: Tell | None = None,
) -> SetReport:
    """Score every sample of a set by every method, as :func:`score_set` does.

    Args:
        samples: As there.
        request: Everything else that is asked.
        progress: As there.
        tell: As there.

    Raises:
        UsageError, ScoreError, BackendError: As there.
    """
    settings = request.settings  # refuses model files that cannot be read
    loaded = ScorersByFormat(
        models=request.scored, backend=request.backend, supply=Columns.of(samples), tell=tell
    )
    journal = None if request.resume is None else Journal(request.resume, settings)
    if journal and tell:
        tell(f"{request.resume} has {len(journal)} scores of an earlier run")
    with loaded:
        run = SetRun(samples=samples, request=request, loaded=loaded, journal=journal)
        run.score(progress)
        report = SetReport(
            samples=samples,
            scores=run.scores,
            outputs={each.name: LabelFacts.of_output(each) for each in loaded.outputs},
            aggregates=loaded.aggregates,
            protocol=request.steps,
            departures=_departures(request, samples, run.scores),
            settings=settings,
            models=loaded.to_json(),
        )
    return report.with_gates(run.gates)


def _departures(
    request: SetRequest, samples: Samples, scores: Mapping[tuple[str, str], SampleScore]
) -> list[str]:
    if request.steps is None:
        return []
    by_sample = [
        [scores[sample.name, method] for method in samples.methods] for sample in samples.rows
    ]
    return departures(
        request.steps,
        metrics="a model" if request.models.files else request.scored.metrics,
        samples=sum(all(each.error is None for each in scores) for scores in by_sample),
        sizes=[each.size for each in scores.values() if each.format],
        alpha=sum(any(each.has_alpha for each in scores) for scores in by_sample),
    )
