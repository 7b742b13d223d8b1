"""Scores of two videos: open them, bring them to one form, score pair by pair, report."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction

from framegauge.export.contract.colour_map import MATRICES
from framegauge.runtime.backends.request import BackendRequest
from framegauge.runtime.models.model_files import reads_colours
from framegauge.runtime.pairing.alignment import OnLength
from framegauge.runtime.pairing.case_assembly import Cases
from framegauge.runtime.pairing.frame_rates import OnRate
from framegauge.runtime.pooling.gate import Gate
from framegauge.runtime.reports.report import Report
from framegauge.runtime.reports.stills import Worst
from framegauge.runtime.scoring.loop import Progress, first_score
from framegauge.runtime.scoring.pair import (
    ClipPair,
    PairPlan,
    open_pair,
    plan_pair,
    score_pair,
    scorer_for,
)
from framegauge.runtime.scoring.provenance import backend_facts, missing_of, model_facts
from framegauge.runtime.scoring.requests import (
    FrameRequest,
    ModelRequest,
    PairRequest,
    ScoreRequest,
    Tell,
    Where,
)
from framegauge.runtime.scoring.scorers_by_format import ScorersByFormat
from framegauge.runtime.sources.colour_mismatch import HEEDED_BY_PLANES, OnColour
from framegauge.runtime.sources.film_grain import FilmGrain


def score(
    reference: Where,
    distorted: Where,
    *,
    metrics: str | Sequence[str] | None = None,
    model: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None = None,
    gates: str | Sequence[str] = (),
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
    transfer: str | None = None,
    chroma_siting: str | None = None,
    film_grain: FilmGrain = "on",
    on_colour_mismatch: OnColour = "error",
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
            a frame as ``previous`` and ``next``, and its place between them as ``time``.
            Neighbours in a video's own sequence, such as ``distorted_previous``, are given with
            and without a factor.
        flows: Patterns of flow files by role, ``{"flow_previous_next": "flows/%05d.flo"}``; the
            number is the index of the frame judged in the reference. Where a file says that a
            flow is not known, ``mask`` is 0.
        flow_estimator: ``dis`` or ``dis:PRESET``, what gives flows that no file does.
        scale: ``reference`` or ``WxH``, with ``:bicubic``, ``lanczos``, ``bilinear`` or ``area``.
        convert: ``reference`` or a pixel format, to which frames of another are converted.
        matrix: bt601, bt709 or bt2020, in place of what the streams say.
        range: limited or full, in place of what the streams say.
        transfer: ``pq``, ``hlg`` or FFmpeg's name of a transfer function, in place of what the
            streams say.
        chroma_siting: Where subsampled chroma lies, for metrics that read RGB: ``left``,
            ``centre``, ``topleft``, ``top``, ``bottomleft`` or ``bottom``, in place of what the
            streams say; left if they say nothing.
        film_grain: ``on`` to draw the grain that streams carry, as players do, or ``off``.
        on_colour_mismatch: ``error``, or ``ignore`` to compare code values that mean different
            light or colours as they are, by metrics that read planes.
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
    request = ScoreRequest(
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
            size=size,
            pixel_format=pixel_format,
            frame_rate=frame_rate,
            matrix=matrix,
            range=range,
            transfer=transfer,
            film_grain=film_grain,
            chroma_siting=chroma_siting,
            scale=scale,
            convert=convert,
            on_colour_mismatch=on_colour_mismatch,
        ),
        pairs=PairRequest(
            offset=offset,
            start=start,
            count=count,
            subsample=subsample,
            on_length_mismatch=on_length_mismatch,
            on_rate_mismatch=on_rate_mismatch,
            factor=factor,
            flows=flows or {},
            flow_estimator=flow_estimator,
        ),
        gates=(gates,) if isinstance(gates, str) else tuple(gates),
        stills=stills,
    )
    return score_videos(reference, distorted, request, progress=progress, tell=tell)


def score_videos(
    reference: Where,
    distorted: Where,
    request: ScoreRequest,
    *,
    progress: Progress | None = None,
    tell: Tell | None = None,
) -> Report:
    """Score a distorted video against its reference, as :func:`score` does.

    Args:
        reference: As there.
        distorted: As there.
        request: Everything else that is asked.
        progress: As there.
        tell: As there.

    Raises:
        UsageError, ScoreError, BackendError: As there.
    """
    say = tell or (lambda _: None)
    given = request.pairs.extra_inputs()
    models = ScorersByFormat(models=request.models, backend=request.backend, supply=given, tell=say)
    policy = request.frames.policy
    opened = open_pair(reference, distorted, request.frames, request.pairs.alignment)
    with opened as clips, models:
        scorer = scorer_for(clips.facts, models, policy)
        cases = Cases(given, roles=scorer.roles, outputs=scorer.outputs)
        labels = [*scorer.labels, *missing_of(scorer)]
        gates = [Gate.parse(gate, labels=labels) for gate in request.gates]
        plan = plan_pair(clips.facts, scorer, policy)
        for words in _remarks(clips, plan):
            say(words)
        worst = _worst(request.stills, plan)
        scores = score_pair(clips, plan, cases, worst=worst, progress=progress)
        report = Report.of_scores(
            scorer.outputs,
            scores.numbers,
            scores.values,
            aggregates=scorer.aggregates,
            fps=len(scores.numbers) / scores.seconds,
            inputs={
                role: rendition.to_json(clips.facts[role])
                for role, rendition in plan.renditions.items()
            },
            alignment=clips.alignment.to_json() | cases.alignment(),
            flows=cases.to_json(),
            missing=missing_of(scorer),
            model=model_facts(scorer, models.selection(scorer)),
            backend={"asked": request.backend.backend, **backend_facts(scorer)},
            stills=worst.pictures() if worst else (),
        )
    if cases.left_out:
        say(cases.left_out_in_words())
    if request.pairs.count is not None and len(scores.numbers) < request.pairs.count:
        say(
            f"{len(scores.numbers)} frames were scored, fewer than the {request.pairs.count} "
            "asked for"
        )
    return report.with_gates(gates)


def _remarks(clips: ClipPair, plan: PairPlan) -> Iterator[str]:
    """What the clips do not say of themselves, or say otherwise than each other, for people."""
    yield from _assumed(clips, plan)
    sitings = {each.name: each.siting for each in clips.facts.values() if each.siting}
    if len(set(sitings.values())) > 1 and _heeds_colours(clips, plan):
        listed = ", ".join(f"{siting} in {name}" for name, siting in sitings.items())
        yield f"chroma lies otherwise in the two: {listed}; metrics that read RGB heed it"
    for each in clips.facts.values():
        told = each.to_json()
        for name, value in each.container_differs.items():
            yield (
                f"{each.name} says {name} {value} in its container and {told[name]} in its "
                "stream: the stream's is taken"
            )
        if each.matrix not in (None, *MATRICES):
            yield (
                f"{each.name} is coded with the matrix {each.matrix}: its planes are scored as "
                "they are, and no pictures are made of them"
            )
        if told["cropped"]:
            cut = ", ".join(f"{value} {name}" for name, value in told["cropped"].items() if value)
            yield f"{each.name} is cropped as its container says: {cut}"
        if each.film_grain:
            yield f"{each.name} carries film grain: {each.film_grain}"
    for name in plan.renditions["reference"].ignored:
        pair = " and ".join(str(each.to_json()[name]) for each in clips.facts.values())
        yield f"the videos differ in {name}, {pair}: their code values are compared as they are"


def _assumed(clips: ClipPair, plan: PairPlan) -> Iterator[str]:
    """What was assumed, in one sentence for all clips of which it was.

    Of planes that are compared as they are stored, only what says whether they may be.
    """
    all_heeded = _heeds_colours(clips, plan)
    silent: dict[tuple[str, str], list[str]] = {}
    for each in clips.facts.values():
        told = each.to_json()
        names = [name for name in each.assumed if all_heeded or name in HEEDED_BY_PLANES]
        if names:
            values = ", ".join(str(told[name]) for name in names)
            silent.setdefault((_listed(names), values), []).append(each.name)
    for (what, values), found in silent.items():
        clips_of = list(dict.fromkeys(found))
        verb, whose = ("does", "its") if len(clips_of) == 1 else ("do", "their")
        yield f"{' and '.join(clips_of)} {verb} not say {whose} {what}: taken as {values}"


def _heeds_colours(clips: ClipPair, plan: PairPlan) -> bool:
    """Whether what code values mean matters: to a metric, or to a conversion."""
    scored = [each.entry for each in plan.scorer.outputs if each.kind == "score"]
    return reads_colours(scored) or any(
        rendition.to_json(clips.facts[role])["converted"]
        for role, rendition in plan.renditions.items()
    )


def _listed(names: Sequence[str]) -> str:
    *others, last = (name.replace("_", " ") for name in names)
    return f"{', '.join(others)} and {last}" if others else last


def _worst(count: int, plan: PairPlan) -> Worst | None:
    colours = {role: rendition.colour for role, rendition in plan.renditions.items()}
    # Of other matrices no pictures can be made.
    if not count or any(each.matrix not in MATRICES for each in colours.values()):
        return None
    first = first_score(plan.scorer)
    return Worst(count, label=first.name, better=first.better, form=plan.scorer.form, **colours)
