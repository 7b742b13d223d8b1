"""What is asked of a run, as values: made once, checked as they are made, passed whole.

Each can be pickled. What is called while a run goes on is no part of them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Self, get_args

from framegauge.export.contract.roles import SITINGS
from framegauge.runtime.backends.request import BackendRequest
from framegauge.runtime.errors import UsageError
from framegauge.runtime.models.model_files import (
    Selection,
    Supply,
    checked,
    default_metrics,
    pick,
)
from framegauge.runtime.pairing.alignment import Alignment, OnLength
from framegauge.runtime.pairing.extra_inputs import ExtraInputs
from framegauge.runtime.pairing.frame_rates import OnRate
from framegauge.runtime.sources.arrays import ArrayFrame
from framegauge.runtime.sources.colour_mismatch import OnColour
from framegauge.runtime.sources.colour_tags import ColourTags
from framegauge.runtime.sources.conversion import ConversionPolicy
from framegauge.runtime.sources.film_grain import FilmGrain
from framegauge.runtime.sources.source import Source, open_source

Where = str | os.PathLike[str] | Iterable[ArrayFrame]
Files = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]
Tell = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class ModelRequest:
    """What is computed: entries, or the models that compute it.

    Attributes:
        metrics: Entries, ``"psnr_y,float_ssim"``; the default suite of the frames' format if
            neither these nor model files are given.
        files: Model files to score with instead.
        quantise: 8 to round the distorted frames to 8 bits first.
        crop_border: Pixels cut from every side first.
        weights: Files of weights by name, for metrics that need some.
        offline: Download no weights.
    """

    metrics: str | None = None
    files: tuple[Path, ...] | None = None
    quantise: int | None = None
    crop_border: int = 0
    weights: Mapping[str, str] = field(default_factory=dict)
    offline: bool = False

    def __post_init__(self) -> None:
        """Check that it makes one sense.

        Raises:
            UsageError: Both entries and files are given, or files and what is done in a model; or
                an entry is not known or written wrongly.
        """
        if self.metrics is not None and self.files is not None:
            raise UsageError("Give metrics or a model, not both: a model says what it computes.")
        if self.files is not None and (self.quantise is not None or self.crop_border):
            raise UsageError(
                "Rounding and cropping are part of a model. Export it with them: "
                "`framegauge export --quantise 8 --crop-border N`."
            )
        if self.metrics is not None:
            checked(self.metrics)

    @classmethod
    def of(
        cls,
        metrics: str | Sequence[str] | None,
        model: Files | None = None,
        *,
        quantise: int | None = None,
        crop_border: int = 0,
        weights: Mapping[str, str] | None = None,
        offline: bool = False,
    ) -> Self:
        """The request that keywords of a public function make.

        Args:
            metrics: As :attr:`metrics`, also in a list.
            model: As :attr:`files`, also one alone.
            quantise: As :attr:`quantise`.
            crop_border: As :attr:`crop_border`.
            weights: As :attr:`weights`.
            offline: As :attr:`offline`.

        Raises:
            UsageError: As for the attributes.
        """
        files = [model] if isinstance(model, (str, os.PathLike)) else model
        for each in files or ():
            if "://" in os.fspath(each):
                raise UsageError(f"A model is a file, and {each} an address. Fetch it first.")
        return cls(
            metrics=metrics if isinstance(metrics, str | None) else ",".join(metrics),
            files=None if files is None else tuple(map(Path, files)),
            quantise=quantise,
            crop_border=crop_border,
            weights=dict(weights or {}),
            offline=offline,
        )

    @property
    def reads(self) -> tuple[str | os.PathLike[str], ...]:
        """The files that it names."""
        return (*(self.files or ()), *self.weights.values())

    def select(
        self, format: str, *, supply: Supply | None = None, tell: Tell | None = None
    ) -> Selection:
        """The model files that answer it: those given, or some picked for a format.

        Args:
            format: Pixel format of the frames; where files are given, they settle it.
            supply: What gives models more than a pair of frames.
            tell: Called with a line of text while a model is made.

        Raises:
            UsageError: An entry does not fit the format, or lacks inputs.
            BackendError: A model is not shipped, and cannot be made here.
        """
        if self.files is not None:
            return Selection(self.files, {}, "given")
        return pick(
            default_metrics(format) if self.metrics is None else self.metrics,
            format,
            quantise=self.quantise,
            crop_border=self.crop_border,
            weights=self.weights,
            offline=self.offline,
            supply=supply,
            progress=tell,
        )


@dataclass(frozen=True, kw_only=True)
class FrameRequest:
    """How clips are read, and what may be done to frames that differ.

    Attributes:
        size: Width and height of bare samples.
        pixel_format: Pixel format of bare samples and of frames in memory.
        frame_rate: Frames a second of bare samples, images and arrays.
        matrix: bt601, bt709 or bt2020, in place of what the streams say.
        range: limited or full, in place of what the streams say.
        transfer: ``pq``, ``hlg`` or FFmpeg's name of a transfer function, in place of what the
            streams say.
        film_grain: ``on`` to draw the grain that streams carry, as players do, or ``off``.
        chroma_siting: Where subsampled chroma lies, ``left``, ``centre``, ``topleft``, ..., in
            place of what the streams say.
        scale: ``reference`` or ``WxH``, with ``:bicubic``, ``lanczos``, ``bilinear`` or ``area``.
        convert: ``reference`` or a pixel format, to which frames of another are converted.
        on_colour_mismatch: ``error``, or ``ignore`` to compare code values of planes as they are.
    """

    size: tuple[int, int] | None = None
    pixel_format: str | None = None
    frame_rate: Fraction | float | str | None = None
    matrix: str | None = None
    range: str | None = None
    transfer: str | None = None
    film_grain: FilmGrain = "on"
    chroma_siting: str | None = None
    scale: str | None = None
    convert: str | None = None
    on_colour_mismatch: OnColour = "error"

    def __post_init__(self) -> None:
        """Check what is written.

        Raises:
            UsageError: ``scale`` or ``convert`` is not written rightly, or a name is not known.
        """
        _ = self.policy
        ColourTags.given(matrix=self.matrix, range=self.range, transfer=self.transfer)
        if self.film_grain not in get_args(FilmGrain):
            raise UsageError(f"--film-grain takes on or off; got {self.film_grain!r}.")
        if self.chroma_siting not in (None, *SITINGS):
            raise UsageError(
                f"--chroma-siting takes one of {', '.join(SITINGS)}; got {self.chroma_siting!r}."
            )

    @property
    def policy(self) -> ConversionPolicy:
        """What may be done to frames that differ."""
        return ConversionPolicy.parse(self.scale, self.convert, self.on_colour_mismatch)

    def open(self, where: Where) -> Source:
        """A clip, opened.

        Raises:
            UsageError, ScoreError: As :func:`~framegauge.runtime.sources.source.open_source`.
        """
        source = open_source(
            where,
            size=self.size,
            pixel_format=self.pixel_format,
            frame_rate=self.frame_rate,
            matrix=self.matrix,
            range=self.range,
            transfer=self.transfer,
            film_grain=self.film_grain,
        )
        if self.chroma_siting is not None:
            source.facts = replace(source.facts, siting=self.chroma_siting)
        return source


@dataclass(frozen=True, kw_only=True)
class PairRequest:
    """Which frames of two clips are judged, and what models are given beside them.

    Attributes:
        offset: Frames that the distorted video is late by; negative if it is early.
        start: First frame of the reference to score, from 0.
        count: Frames to score, ``None`` for all.
        subsample: Score every so many frames.
        on_length_mismatch: ``error``, or ``shortest`` to stop where one video ends.
        on_rate_mismatch: ``error``, ``index`` to compare frame by frame, or ``drop``.
        factor: The distorted video was interpolated from every so many frames of the reference.
        flows: Patterns of flow files by role.
        flow_estimator: ``dis`` or ``dis:PRESET``, what gives flows that no file does.
    """

    offset: int = 0
    start: int = 0
    count: int | None = None
    subsample: int = 1
    on_length_mismatch: OnLength = "error"
    on_rate_mismatch: OnRate = "error"
    factor: int | None = None
    flows: Mapping[str, str] = field(default_factory=dict)
    flow_estimator: str | None = None

    def __post_init__(self) -> None:
        """Check the numbers and choices.

        Raises:
            UsageError: One is out of range, or not among those there are.
        """
        _ = self.alignment

    @property
    def alignment(self) -> Alignment:
        """Which frame is compared with which, as far as the request says."""
        return Alignment(
            offset=self.offset,
            start=self.start,
            count=self.count,
            subsample=self.subsample,
            on_length_mismatch=self.on_length_mismatch,
            on_rate_mismatch=self.on_rate_mismatch,
            factor=self.factor,
        )

    def extra_inputs(self) -> ExtraInputs:
        """What models are given beside the two frames.

        Raises:
            UsageError: A role takes no flow, or a pattern or an estimator is written wrongly.
            BackendError: The estimator is not installed.
        """
        return ExtraInputs(factor=self.factor, flows=self.flows, estimator=self.flow_estimator)


@dataclass(frozen=True, kw_only=True)
class ScoreRequest:
    """What is asked of scoring two videos.

    Attributes:
        models: What is computed.
        backend: What computes it.
        frames: How the videos are read, and what their frames become.
        pairs: Which frames are judged.
        gates: Bounds on pooled scores, ``"psnr_y.p5>=38"``.
        stills: How many of the worst frames to keep as pictures.
    """

    models: ModelRequest = field(default_factory=ModelRequest)
    backend: BackendRequest = field(default_factory=BackendRequest)
    frames: FrameRequest = field(default_factory=FrameRequest)
    pairs: PairRequest = field(default_factory=PairRequest)
    gates: tuple[str, ...] = ()
    stills: int = 0

    def __post_init__(self) -> None:
        """Check the number of stills.

        Raises:
            UsageError: It is below 0.
        """
        if self.stills < 0:
            raise UsageError(f"--stills takes at least 0, got {self.stills}.")
