"""Scores of two videos: open them, bring them to one form, score pair by pair, report."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, closing
from fractions import Fraction
from pathlib import Path
from typing import Any

from framegauge.runtime.ahead import ahead
from framegauge.runtime.alignment import Alignment, OnLength, OnRate
from framegauge.runtime.arrays import ArrayFrame
from framegauge.runtime.backend import describe
from framegauge.runtime.errors import UsageError
from framegauge.runtime.gate import Gate
from framegauge.runtime.ladder import Ladder, Target, share_assumptions
from framegauge.runtime.loop import Progress, aggregate, first_score, score_pairs
from framegauge.runtime.report import Report
from framegauge.runtime.scorer import Scorer
from framegauge.runtime.shelf import PAIR, Pick, checked, default_metrics, pick
from framegauge.runtime.source import open_source
from framegauge.runtime.stills import Worst

Where = str | os.PathLike[str] | Iterable[ArrayFrame]

# Frames of each video that wait decoded while others are scored.
AHEAD = 4


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
        numbers, values = score_pairs(scorer, pairs, targets, worst, progress, expected)
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


def _worst(count: int, scorer: Scorer, targets: Mapping[str, Target]) -> Worst | None:
    if not count:
        return None
    first = first_score(scorer)
    return Worst(
        count,
        label=first.name,
        better=first.better,
        form=scorer.form,
        reference=targets["reference"].colour,
        distorted=targets["distorted"].colour,
    )


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
