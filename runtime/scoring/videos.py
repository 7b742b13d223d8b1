"""Scores of two videos: open them, bring them to one form, score pair by pair, report."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import ExitStack, closing
from fractions import Fraction
from pathlib import Path

from framegauge.runtime.cpu_count import usable_cpus
from framegauge.runtime.errors import UsageError
from framegauge.runtime.models.model_files import Selection, checked, default_metrics, pick
from framegauge.runtime.pairing.alignment import Alignment, OnLength
from framegauge.runtime.pairing.case_assembly import Cases
from framegauge.runtime.pairing.extra_inputs import ExtraInputs
from framegauge.runtime.pairing.frame_rates import OnRate
from framegauge.runtime.pooling.gate import Gate
from framegauge.runtime.reports.report import Report
from framegauge.runtime.reports.stills import Worst
from framegauge.runtime.scoring.batches_in_flight import batch_size, in_flight
from framegauge.runtime.scoring.loop import Progress, first_score, score_pairs
from framegauge.runtime.scoring.prefetch import ahead
from framegauge.runtime.scoring.provenance import backend_facts, missing_of, model_facts
from framegauge.runtime.scoring.scorer import Scorer
from framegauge.runtime.sources.arrays import ArrayFrame
from framegauge.runtime.sources.conversion import ConversionPolicy, Rendition, share_assumptions
from framegauge.runtime.sources.planes import Planes
from framegauge.runtime.sources.source import Source, open_source

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
    factor: int | None = None,
    flows: Mapping[str, str] | None = None,
    flow_estimator: str | None = None,
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
    build_missing: bool = False,
    device: int = 0,
    threads: int | None = None,
    stills: int = 0,
    progress: Progress | None = None,
    tell: Callable[[str], None] | None = None,
) -> Report:
    """Score a distorted video against its reference.

    Args:
        reference: A video, an image, a folder or pattern of images, ``-`` for standard input, or
            frames in memory: a list or anything else that gives frames one by one, one array of
            all frames ``(N, H, W, 3)``, or one frame. A frame is one of the
            :data:`~framegauge.runtime.sources.arrays.ArrayFrame`; what could be one frame or
            several is refused, and ``pixel_format`` says which. Frames that are given one by one
            are taken in the caller's thread, none before it is needed, and each may lie in the
            memory of the one before.
        distorted: The same.
        metrics: Entries, ``"psnr_y,float_ssim"``; the default suite of the frames' format if
            neither these nor a model are given.
        model: Model files to score with instead.
        gates: Bounds on pooled scores, ``"psnr_y.p5>=38"``.
        offset: Frames that the distorted video is late by; negative if it is early.
        start: First frame of the reference to score, from 0.
        count: Frames to score, ``None`` for all.
        subsample: Score every so many frames.
        on_length_mismatch: ``error``, or ``shortest`` to stop where one video ends, also before
            ``count`` frames.
        on_rate_mismatch: ``error``, ``index`` to compare frame by frame, or ``drop`` to leave
            out frames of the faster video.
        factor: The distorted video was interpolated from every so many frames of the reference,
            from its first: these are inputs, and are not judged. Models are given the inputs around
            a frame as ``previous`` and ``next``, and its place between them as ``time``. Without
            a factor, entries that compare two neighbours with each other (``warping_error``) are
            given each distorted frame as ``next`` and the one before it as ``previous``.
        flows: Patterns of flow files by role, ``{"flow_previous_next": "flows/%05d.flo"}``; the
            number is the index of the frame judged in the reference. Where a file says that a
            flow is not known, ``mask`` is 0.
        flow_estimator: ``dis`` or ``dis:PRESET``, what gives flows that no file does.
        scale: ``reference`` or ``WxH``, with ``:bicubic``, ``lanczos``, ``bilinear`` or ``area``.
        convert: ``reference`` or a pixel format, to which frames of another are converted.
        matrix: bt601, bt709 or bt2020, in place of what the streams say.
        range: limited or full, in place of what the streams say.
        size: Width and height of bare samples.
        pixel_format: Pixel format of bare samples and of frames in memory.
        frame_rate: Frames a second of bare samples, images and arrays.
        quantise: 8 to round the distorted frames to 8 bits first.
        crop_border: Pixels cut from every side first.
        weights: Files of weights by name, for metrics that need some.
        offline: Download no weights.
        backend: ``auto``, ``cpu``, ``cuda``, ``tensorrt`` or ``tensorrt-rtx``.
        build_missing: Build an engine for the GPU at hand where there is none.
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
        BackendError: The backend or a model is not available here.
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
    given = ExtraInputs(factor=factor, flows=flows or {}, estimator=flow_estimator)
    alignment = Alignment(
        offset=offset,
        start=start,
        count=count,
        subsample=subsample,
        on_length_mismatch=on_length_mismatch,
        on_rate_mismatch=on_rate_mismatch,
        factor=factor,
    )
    policy = ConversionPolicy.parse(scale, convert)
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
        lengths = [each.frames for each in facts.values()]
        alignment.expected(*lengths)  # refuses lengths that differ before any model is made
        if model is not None:
            paths = [model] if isinstance(model, (str, os.PathLike)) else list(model)
            picked = Selection(tuple(map(Path, paths)), {}, "given")
        else:
            format = policy.format(facts)
            picked = pick(
                metrics if metrics is not None else default_metrics(format),
                format,
                quantise=quantise,
                crop_border=crop_border,
                weights=weights,
                offline=offline,
                supply=given,
                progress=say,
            )
        scorer = opened.enter_context(
            Scorer(
                picked.files,
                labels=picked.labels,
                backend=backend,
                build_missing=build_missing,
                device=device,
                threads=threads,
                in_flight=in_flight(policy.size(facts), threads or usable_cpus()),
            )
        )
        picked.check(scorer.form.name, scorer.labels)
        feed = Cases(given, roles=scorer.roles, outputs=scorer.outputs)
        missing = missing_of(scorer)
        parsed = [Gate.parse(gate, labels=[*scorer.labels, *missing]) for gate in gates]
        renditions = policy.renditions(facts, scorer.form.name)
        scorer.check_size(*renditions["reference"].size)
        for each in facts.values():
            if each.assumed:
                say(
                    f"{each.name} does not say its {' and '.join(each.assumed)}: taken as "
                    f"{', '.join(str(getattr(each, name)) for name in each.assumed)}"
                )
        decoded = [
            opened.enter_context(closing(_frames(source, renditions[role])))
            for role, source in sources.items()
        ]
        held = feed.holds_frames or scorer.in_flight * batch_size(renditions["reference"].size) > 1
        copied = _copied(sources, held=held)
        samples = opened.enter_context(
            closing(feed.samples(alignment, *decoded, form=scorer.form, copied=copied))
        )
        worst = _worst(stills, scorer, renditions)
        begun = time.perf_counter()
        expected = feed.expected(alignment, *lengths)
        numbers, values = score_pairs(scorer, samples, renditions, worst, progress, expected)
        seconds = time.perf_counter() - begun
        report = Report.of_scores(
            scorer.outputs,
            numbers,
            values,
            aggregates=scorer.aggregates,
            fps=len(numbers) / seconds,
            inputs={role: rendition.to_json(facts[role]) for role, rendition in renditions.items()},
            alignment=alignment.to_json() | feed.alignment(),
            flows=feed.to_json(),
            missing=missing,
            model=model_facts(scorer, picked),
            backend={"asked": backend, **backend_facts(scorer)},
            stills=worst.pictures() if worst else (),
        )
    if feed.left_out:
        say(feed.left_out_in_words())
    if count is not None and len(numbers) < count:
        say(f"{len(numbers)} frames were scored, fewer than the {count} asked for")
    return report.with_gates(parsed)


def _frames(source: Source, rendition: Rendition) -> Generator[Planes, None, None]:
    frames = rendition.frames(source)
    return frames if source.is_borrowed else ahead(frames, AHEAD)


def _copied(sources: Mapping[str, Source], *, held: bool) -> set[str]:
    """The roles whose frames have to be copied as they are taken, lest they be written over.

    Args:
        sources: The two clips.
        held: A pair may not be done with when the next is taken.
    """
    borrowed = {role for role, source in sources.items() if source.is_borrowed}
    if held:
        return borrowed
    # The caller makes the distorted frame while the reference's waits for it.
    return {"reference"} if len(borrowed) == 2 else set()


def _worst(count: int, scorer: Scorer, renditions: Mapping[str, Rendition]) -> Worst | None:
    if not count:
        return None
    first = first_score(scorer)
    return Worst(
        count,
        label=first.name,
        better=first.better,
        form=scorer.form,
        reference=renditions["reference"].colour,
        distorted=renditions["distorted"].colour,
    )
