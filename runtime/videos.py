"""Scores of two videos: open them, bring them to one form, score pair by pair, report."""

from __future__ import annotations

import os
import time
from array import array
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from framegauge.export.manifest import Aggregate, Output
from framegauge.runtime.ahead import ahead
from framegauge.runtime.alignment import Alignment, OnLength, OnRate
from framegauge.runtime.arrays import ArrayFrame
from framegauge.runtime.backend import describe
from framegauge.runtime.colour import colour_matrix
from framegauge.runtime.errors import ScoreError, UsageError
from framegauge.runtime.gate import Gate
from framegauge.runtime.ladder import Ladder, Target, share_assumptions
from framegauge.runtime.planes import Planes
from framegauge.runtime.report import Report
from framegauge.runtime.scorer import Scorer
from framegauge.runtime.shelf import PAIR, Pick, checked, default_metrics, pick
from framegauge.runtime.source import open_source
from framegauge.runtime.stills import Worst

Where = str | os.PathLike[str] | Iterable[ArrayFrame]
Pair = tuple[int, Planes, Planes]

# Frames of each video that wait decoded while others are scored.
AHEAD = 4

# A batch holds about this many pixels: large frames go one by one.
BATCH_PIXELS = 400_000
BATCH_FRAMES = 16


class Progress(Protocol):
    """What is told how far a run has come."""

    def __call__(self, done: int, total: int | None) -> None:
        """``done`` frames of ``total`` are scored; the total may be unknown."""


def score(
    reference: Where,
    distorted: Where,
    *,
    metrics: str | Sequence[str] | None = None,
    model: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None = None,
    gates: Sequence[str] = (),
    offset: int = 0,
    start: int = 0,
    count: int | None = None,
    subsample: int = 1,
    on_length_mismatch: OnLength = "error",
    on_rate_mismatch: OnRate = "error",
    scale: str | None = None,
    convert: str | None = None,
    matrix: str | None = None,
    range: str | None = None,
    size: tuple[int, int] | None = None,
    pixel_format: str | None = None,
    frame_rate: Fraction | float | str | None = None,
    quantise: int | None = None,
    crop_border: int = 0,
    weights: Mapping[str, str] | None = None,
    offline: bool = False,
    backend: str = "auto",
    device: int = 0,
    threads: int | None = None,
    stills: int = 0,
    progress: Progress | None = None,
    tell: Callable[[str], None] | None = None,
) -> Report:
    """Score a distorted video against its reference.

    Args:
        reference: A video, an image, a folder or pattern of images, ``-`` for standard input, or
            frames in memory.
        distorted: The same.
        metrics: Entries, ``"psnr_y,float_ssim"``; the default suite of the frames' format if
            neither these nor a model are given.
        model: Model files to score with instead.
        gates: Bounds on pooled scores, ``"psnr_y.p5>=38"``.
        offset: Frames that the distorted video is late by; negative if it is early.
        start: First frame of the reference to score, from 0.
        count: Frames to score, ``None`` for all.
        subsample: Score every so many frames.
        on_length_mismatch: ``error``, or ``shortest`` to stop where one video ends.
        on_rate_mismatch: ``error``, ``index`` to compare frame by frame, or ``drop`` to leave
            out frames of the faster video.
        scale: ``reference`` or ``WxH``, with ``:bicubic``, ``lanczos``, ``bilinear`` or ``area``.
        convert: ``reference`` or a pixel format, to which frames of another are converted.
        matrix: bt601, bt709 or bt2020, in place of what the streams say.
        range: limited or full, in place of what the streams say.
        size: Width and height of bare samples.
        pixel_format: Pixel format of bare samples.
        frame_rate: Frames a second of bare samples, images and arrays.
        quantise: 8 to round the distorted frames to 8 bits first.
        crop_border: Pixels cut from every side first.
        weights: Files of weights by name, for metrics that need some.
        offline: Download no weights.
        backend: ``auto``, ``cpu`` or ``cuda``.
        device: Which GPU.
        threads: Threads on the CPU, ``None`` for as many as this process may use.
        stills: How many of the worst frames to keep as pictures for the page.
        progress: Called after every batch.
        tell: Called with lines of text for people: what was assumed, what is being made.

    Returns:
        The report, with its gates judged.

    Raises:
        UsageError: The request makes no sense.
        ScoreError: A file is missing, damaged or cut off, or the videos do not match and no
            option allows it.
        BackendError: The backend or a model is not to be had here.
    """
    say = tell or (lambda _: None)
    if metrics is not None and model is not None:
        raise UsageError("Give metrics or a model, not both: a model says what it computes.")
    if model is not None and (quantise is not None or crop_border):
        raise UsageError(
            "Rounding and cropping are part of a model. Export it with them: "
            "`framegauge export --quantise 8 --crop-border N`."
        )
    if stills < 0:
        raise UsageError(f"--stills takes at least 0, got {stills}.")
    if metrics is not None:
        checked(metrics)
    alignment = Alignment(
        offset=offset,
        start=start,
        count=count,
        subsample=subsample,
        on_length_mismatch=on_length_mismatch,
        on_rate_mismatch=on_rate_mismatch,
    )
    ladder = Ladder.parse(scale, convert)
    with ExitStack() as opened:
        sources = {
            role: opened.enter_context(
                open_source(
                    where,
                    size=size,
                    pixel_format=pixel_format,
                    frame_rate=frame_rate,
                    matrix=matrix,
                    range=range,
                )
            )
            for role, where in (("reference", reference), ("distorted", distorted))
        }
        share_assumptions(sources["reference"], sources["distorted"])
        facts = {role: source.facts for role, source in sources.items()}
        alignment = alignment.at_rates(*(each.frame_rate for each in facts.values()))
        expected = alignment.expected(*(each.frames for each in facts.values()))
        if model is not None:
            paths = [model] if isinstance(model, (str, os.PathLike)) else list(model)
            picked = Pick(tuple(map(Path, paths)), {}, "given")
        else:
            format = ladder.format(facts)
            picked = pick(
                metrics if metrics is not None else default_metrics(format),
                format,
                quantise=quantise,
                crop_border=crop_border,
                weights=weights,
                offline=offline,
                progress=say,
            )
        scorer = opened.enter_context(
            Scorer(
                picked.files,
                labels=picked.labels,
                backend=backend,
                device=device,
                threads=threads,
            )
        )
        picked.check(scorer.form.name, scorer.labels)
        further = [role for role in scorer.roles if role not in PAIR]
        if further:
            raise UsageError(
                f"The model needs {', '.join(further)}, which two videos do not give. Give it its "
                "inputs with Scorer in Python."
            )
        parsed = [Gate.parse(gate, labels=scorer.labels) for gate in gates]
        targets = ladder.targets(facts, scorer.form.name)
        scorer.check_size(*targets["reference"].size)
        for each in facts.values():
            if each.assumed:
                say(
                    f"{each.name} does not say its {' and '.join(each.assumed)}: taken as "
                    f"{', '.join(str(getattr(each, name)) for name in each.assumed)}"
                )
        decoded = [
            opened.enter_context(closing(ahead(targets[role].frames(source), AHEAD)))
            for role, source in sources.items()
        ]
        pairs = opened.enter_context(closing(alignment.pairs(*decoded)))
        worst = _worst(stills, scorer, targets)
        begun = time.perf_counter()
        numbers, values = _run(scorer, pairs, targets, worst, progress, expected)
        seconds = time.perf_counter() - begun
        report = Report.of_scores(
            scorer.outputs,
            numbers,
            values,
            aggregates={each.name: aggregate(each, values) for each in scorer.aggregates},
            fps=len(numbers) / seconds,
            inputs={role: target.to_json(facts[role]) for role, target in targets.items()},
            alignment=alignment.to_json(),
            model=_model(scorer, picked),
            backend={"asked": backend, **describe(scorer.models[0])},
            stills=worst.pictures() if worst else (),
        )
    return report.with_gates(parsed)


def aggregate(kind: Aggregate, values: Mapping[str, NDArray[np.float64]]) -> float:
    """A clip's score from the mean of a moment over its frames; NaN if one is not finite."""
    mean = float(np.mean(values[kind.moment]))
    if not np.isfinite(mean):
        return float("nan")
    floor = 10 ** (-kind.cap / 10)
    return min(kind.cap, float(-10 * np.log10(max(mean / kind.peak**2, floor))))


def batches(pairs: Iterator[Pair], count: int) -> Generator[list[Pair], None, None]:
    """The pairs in lists of ``count``, the last one perhaps shorter."""
    while batch := list(islice(pairs, count)):
        yield batch


def _run(
    scorer: Scorer,
    pairs: Iterator[Pair],
    targets: Mapping[str, Target],
    worst: Worst | None,
    progress: Progress | None,
    expected: int | None,
) -> tuple[NDArray[np.int64], dict[str, NDArray[np.float64]]]:
    """Indices of the frames scored, and every output's values for them."""
    colours = {}
    if scorer.needs_colour and scorer.form.kind != "rgb":
        colours = {
            role: colour_matrix(target.colour.matrix, target.colour.range, scorer.form.depth)
            for role, target in targets.items()
        }
    width, height = targets["reference"].size
    count = max(1, min(BATCH_FRAMES, BATCH_PIXELS // (width * height)))
    decider = _first_score(scorer).name
    numbers = array("q")
    columns = {output.name: array("d") for output in scorer.outputs}
    if progress:
        progress(0, expected)
    for batch in batches(pairs, count):
        for number, *frames in batch:
            for role, planes in zip(targets, frames, strict=True):
                _check_samples(role, number, planes)
        reference = stacked([planes for _, planes, _ in batch])
        distorted = stacked([planes for _, _, planes in batch])
        values = scorer.run({"reference": reference, "distorted": distorted}, colours)
        for name, column in columns.items():
            column.extend(values[name].tolist())
        for (number, left, right), value in zip(batch, values[decider].tolist(), strict=True):
            numbers.append(number)
            if worst:
                worst.offer(number, value, left, right)
        if progress:
            progress(len(numbers), expected)
    return (
        np.frombuffer(numbers, np.int64),
        {name: np.frombuffer(column, np.float64) for name, column in columns.items()},
    )


def stacked(frames: Sequence[Planes]) -> Planes:
    """The frames as one batch, plane by plane; one frame alone is not copied."""
    if len(frames) == 1:
        return tuple(np.ascontiguousarray(plane)[None] for plane in frames[0])
    return tuple(np.stack(planes) for planes in zip(*frames, strict=True))


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


def _worst(count: int, scorer: Scorer, targets: Mapping[str, Target]) -> Worst | None:
    if not count:
        return None
    first = _first_score(scorer)
    return Worst(
        count,
        label=first.name,
        better=first.better,
        form=scorer.form,
        reference=targets["reference"].colour,
        distorted=targets["distorted"].colour,
    )


def _first_score(scorer: Scorer) -> Output:
    return next(output for output in scorer.outputs if output.kind == "score")


def _model(scorer: Scorer, picked: Pick) -> dict[str, Any]:
    """What the scores were computed by, for the report."""
    manifests = [model.manifest for model in scorer.models]
    return {
        "origin": picked.origin,
        "format": scorer.form.name,
        "precision": manifests[0].precision,
        "quantise": manifests[0].quantise,
        "crop_border": manifests[0].crop_border,
        "chroma": next((each.chroma for each in manifests if each.chroma), None),
        "entries": [output.entry for output in scorer.outputs if output.kind == "score"],
        "sha256": [model.sha256 for model in scorer.models],
        "files": [model.path.name for model in scorer.models],
    }
