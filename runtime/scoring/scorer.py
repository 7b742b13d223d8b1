"""Scores of frames in memory."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from framegauge.export.contract.colour_map import Matrix, Range
from framegauge.export.contract.formats import FORMATS, Format
from framegauge.export.contract.interface import Aggregate, Output
from framegauge.export.contract.roles import PAIR
from framegauge.runtime.backends.gpu.gpu_array import GpuArray
from framegauge.runtime.backends.model import Model
from framegauge.runtime.backends.request import BackendRequest
from framegauge.runtime.errors import UsageError
from framegauge.runtime.models.model_files import ANYTHING, Selection
from framegauge.runtime.scoring.batch import Batch, Frames, Samples
from framegauge.runtime.scoring.requests import ModelRequest, Tell
from framegauge.runtime.scoring.scorer_inputs import (
    by_role,
    check_bound,
    check_colour,
    check_least,
    check_models,
    common_size,
    feed_of,
)
from framegauge.runtime.sources.colour import Colour


class Scorer:
    """Models made ready to score frames, one or several over the same frames.

    A context manager. One Scorer may be used from several threads.

    Attributes:
        models: What it runs.
        form: Pixel format of the frames.
        in_flight: Batches to score at a time: as asked for on the CPU, else 1.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
        *,
        backend: str = "auto",
        device: int = 0,
        threads: int | None = None,
        in_flight: int = 1,
        labels: Mapping[str, str] | None = None,
        self_test: bool = True,
        build_missing: bool = False,
    ) -> None:
        """Load the models and prove them by their self-tests.

        Args:
            model: A model file, or several that take one format and share no label.
            backend: ``cpu``, ``cuda``, ``tensorrt`` or ``tensorrt-rtx``, which is had or the
                Scorer fails; or ``auto`` for an engine of the store, else CUDA, else the CPU.
            device: Which GPU.
            threads: Threads on the CPU, ``None`` for as many as this process may use.
            in_flight: Batches that will be scored at a time; they share these threads.
            labels: Names for scores in place of the files'.
            self_test: Run each model's own test frames first, which takes milliseconds.
            build_missing: Build an engine for the GPU at hand where the store has none.

        Raises:
            UsageError: The models do not go together, or a name is not known.
            BackendError: The backend is not available here.
            ScoreError: A file is missing, damaged, or fails its self-test.
        """
        paths = [model] if isinstance(model, (str, os.PathLike)) else model
        request = BackendRequest.of(
            backend, device=device, threads=threads, build_missing=build_missing
        )
        picked = Selection(tuple(map(Path, paths)), dict(labels or {}), "given")
        self._load(picked, request, in_flight, self_test)

    @classmethod
    def of(
        cls,
        metrics: str | Sequence[str] | None = None,
        *,
        format: str = "rgb24",
        quantise: int | None = None,
        crop_border: int = 0,
        weights: Mapping[str, str] | None = None,
        offline: bool = False,
        backend: str = "auto",
        device: int = 0,
        threads: int | None = None,
        build_missing: bool = False,
        tell: Tell | None = None,
    ) -> Self:
        """A Scorer of entries: of the model files that are shipped for them, kept, or made now.

        What is not shipped is exported where PyTorch is installed, and kept in the user's cache.

        Args:
            metrics: Entries, ``"psnr,ssim"``; ``None`` for the default suite of the format.
            format: Pixel format of the frames.
            quantise: 8 to round the distorted frames to 8 bits first.
            crop_border: Pixels cut from every side first.
            weights: Files of weights by name, for metrics that need some.
            offline: Download no weights.
            backend: As for the class.
            device: As for the class.
            threads: As for the class.
            build_missing: As for the class.
            tell: Called with a line of text while a model is made.

        Raises:
            UsageError: An entry or a name is not known, or does not fit the format.
            BackendError: The backend or a model is not available here.
            ScoreError: A model is damaged, or fails its self-test.

        Example:
            >>> with Scorer.of("psnr", format="gray8", backend="cpu") as scorer:
            ...     scorer.labels
            ['psnr']
        """
        models = ModelRequest.of(
            metrics, quantise=quantise, crop_border=crop_border, weights=weights, offline=offline
        )
        request = BackendRequest.of(
            backend, device=device, threads=threads, build_missing=build_missing
        )
        if format not in FORMATS:
            raise UsageError(f"format is one of {', '.join(FORMATS)}; got {format!r}.")
        picked = models.select(format, supply=ANYTHING, tell=tell)
        return cls.of_selection(picked, request)

    @classmethod
    def of_selection(
        cls, picked: Selection, backend: BackendRequest, *, in_flight: int = 1
    ) -> Self:
        """A Scorer of model files that were picked.

        Args:
            picked: The files, and names for their scores.
            backend: What runs them.
            in_flight: As for the class.

        Raises:
            UsageError, BackendError, ScoreError: As for the class; or a file does not hold what it
                was picked for.
        """
        scorer = cls.__new__(cls)
        scorer._load(picked, backend, in_flight, self_test=True)
        with ExitStack() as refused:
            refused.callback(scorer.close)
            picked.check([each.manifest for each in scorer.models], scorer.labels)
            refused.pop_all()
        return scorer

    def _load(
        self, picked: Selection, backend: BackendRequest, in_flight: int, self_test: bool
    ) -> None:
        if not picked.files:
            raise UsageError("A Scorer takes at least one model file.")
        # Runs of one model share its session's pool, each with a thread of its own; those of
        # several models have a pool each.
        total, is_alone = backend.threads, len(picked.files) == 1
        session_threads = max(1, total - in_flight + 1 if is_alone else total // in_flight)
        self.models: list[Model] = []
        with ExitStack() as loaded:
            loaded.callback(self.close)
            for path in picked.files:
                self.models.append(
                    Model(
                        path,
                        backend=backend.backend,
                        device=backend.device,
                        threads=backend.threads,
                        session_threads=session_threads,
                        labels=picked.labels,
                        self_test=self_test,
                        build_missing=backend.build_missing,
                    )
                )
            check_models(self.models, picked.labels)
            loaded.pop_all()
        self.form: Format = self.models[0].manifest.form
        is_on_cpu = all(each.device == "cpu" for each in self.models)
        self.in_flight = in_flight if is_on_cpu else 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let the models go."""
        models, self.models = self.models, []
        with ExitStack() as each:
            for model in models:
                each.callback(model.close)

    @property
    def outputs(self) -> list[Output]:
        """What the models give, numbers of frames only: scores and moments."""
        return [output for model in self.models for output in model.outputs]

    @property
    def labels(self) -> list[str]:
        """Names of the scores."""
        return [output.name for output in self.outputs if output.kind == "score"]

    @property
    def aggregates(self) -> list[Aggregate]:
        """Scores of a whole clip that the moments make."""
        return [each for model in self.models for each in model.aggregates]

    @property
    def roles(self) -> tuple[str, ...]:
        """What has to be given, by role: frames, flows, masks, ..."""
        inputs = (each for model in self.models for each in model.manifest.inputs)
        return tuple(dict.fromkeys(each.role for each in inputs))

    @property
    def reads_rgb(self) -> bool:
        """Whether some model is given RGB, or makes it of planes."""
        return self.form.kind == "rgb" or any(
            model.manifest.matrix is not None
            or any(each.part == "colour" for each in model.manifest.inputs)
            for model in self.models
        )

    def __call__(
        self,
        *,
        matrix: Matrix | None = None,
        range: Range | None = None,
        chroma_siting: str = "left",
        **given: Frames,
    ) -> dict[str, NDArray[np.float64]]:
        """Score frames.

        Args:
            matrix: What the code values of planes mean where a metric reads RGB; ``None`` for
                bt709 from 720 lines up, else bt601.
            range: The same for their range; ``None`` for full of grey frames, else limited.
            chroma_siting: Where subsampled chroma lies, ``left``, ``centre``, ``topleft``, ...
            given: ``reference`` and ``distorted``, and whatever else :attr:`roles` names; one
                sample or a batch each, by the number of axes. Frames of ``rgb24`` are
                ``uint8 (H, W, 3)`` in the order R, G, B, or ``(N, H, W, 3)``; of ``gray8``
                ``uint8 (H, W)``; of ``rgbf32`` ``float32 (3, H, W)`` in [0, 1]; of planar
                formats a sequence of the planes, ``uint8`` or, for deeper ones, ``uint16``,
                of a batch each with the batch in front. A list of frames of the first three is
                a batch. Alpha is not scored: give ``frame[..., :3]``.
                Flows are ``float32 (2, H, W)``, masks ``(1, H, W)``. NumPy arrays, or anything
                that speaks DLPack; what lies on the GPU that runs the models is not copied, has
                to be contiguous, and its values are taken on trust. Nothing of it is held once the
                call returns: its memory may then be written over.

        Returns:
            For each label, float64 ``(N,)``.

        Raises:
            UsageError: Something is missing, or the arrays do not have the shape, type or values
                that the models take, or the Scorer is closed.
        """
        values = self.run(*self._checked(matrix, range, chroma_siting, given))
        return {label: values[label] for label in self.labels}

    def on_gpu(
        self,
        *,
        matrix: Matrix | None = None,
        range: Range | None = None,
        chroma_siting: str = "left",
        **given: Frames,
    ) -> dict[str, GpuArray]:
        """Score frames by engines and leave the scores on the GPU, for others to take by DLPack.

        Args:
            matrix: As for a call.
            range: As for a call.
            chroma_siting: As for a call.
            given: As for a call.

        Returns:
            For each label, float32 ``(N,)`` on the GPU, written whole.

        Raises:
            UsageError: As for a call.
            BackendError: A model runs in ONNX Runtime.
        """
        feed = self._feed(*self._checked(matrix, range, chroma_siting, given))
        scores: dict[str, GpuArray] = {}
        for model in self.models:
            scores |= model.run_on_gpu(feed)
        return {label: scores[label] for label in self.labels}

    def _checked(
        self, matrix: Matrix | None, range: Range | None, siting: str, given: Mapping[str, Frames]
    ) -> tuple[dict[str, Batch], dict[str, Colour], dict[str, Samples]]:
        """What was given, as :meth:`run` takes it."""
        if not self.models:
            raise UsageError("This Scorer is closed. Use it inside its `with` block.")
        check_colour(matrix, range, siting)
        inputs = [each for model in self.models for each in model.manifest.inputs]
        frames, tensors = by_role(self.form, inputs, given)
        size = common_size(self.form, frames, tensors)
        if size is not None:
            self.check_size(size[1], size[0])
        named: Matrix = matrix or ("bt709" if size and size[0] >= 720 else "bt601")
        spread: Range = range or ("full" if self.form.kind == "gray" else "limited")
        return frames, dict.fromkeys(PAIR, Colour(named, spread, siting)), tensors

    def run(
        self,
        frames: Mapping[str, Batch],
        colours: Mapping[str, Colour],
        tensors: Mapping[str, Samples] | None = None,
    ) -> dict[str, NDArray[np.float64]]:
        """Scores and moments of a batch that has been checked.

        Args:
            frames: For each role an array for each of the format's planes, with a batch axis.
            colours: What the code values of both videos mean; of no concern to RGB.
            tensors: For each role that is no frame, its values.

        Raises:
            ScoreError: A model was made for other colours.
        """
        feed = self._feed(frames, colours, tensors or {})
        scores: dict[str, NDArray[np.float64]] = {}
        for model in self.models:
            scores |= model.run(feed)
        return scores

    def _feed(
        self,
        frames: Mapping[str, Batch],
        colours: Mapping[str, Colour],
        tensors: Mapping[str, Samples],
    ) -> dict[str, Samples]:
        """All that the models take, by the names of their inputs."""
        for model in self.models:
            check_bound(model.manifest, colours, model.path)
        inputs = [each for model in self.models for each in model.manifest.inputs]
        return feed_of(self.form, inputs, frames, colours, tensors)

    def check_size(self, width: int, height: int) -> None:
        """Refuse frames that a metric cannot take.

        Raises:
            UsageError: A side is below the least of one of the outputs; it is named.
        """
        check_least(self.outputs, width, height)
