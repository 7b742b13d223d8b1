"""Scores of frames in memory."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from framegauge.export.formats import Format, Plane
from framegauge.export.manifest import Aggregate, Output
from framegauge.export.pattern import input_name
from framegauge.runtime.backend import Model
from framegauge.runtime.colour import Matrix, Range, colour_matrix
from framegauge.runtime.errors import UsageError

Batch = tuple[NDArray[Any], ...]
Frames = ArrayLike | Sequence[ArrayLike]


class Scorer:
    """Models made ready to score frames, one or several over the same frames.

    A context manager. One Scorer may be used from several threads.

    Attributes:
        models: What it runs.
        form: Pixel format of the frames.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
        *,
        backend: str = "auto",
        device: int = 0,
        threads: int | None = None,
        labels: Mapping[str, str] | None = None,
        self_test: bool = True,
    ) -> None:
        """Load the models and prove them by their self-tests.

        Args:
            model: A model file, or several that take one format and share no label.
            backend: ``auto``, ``cpu`` or ``cuda``.
            device: Which GPU.
            threads: Threads on the CPU, ``None`` for as many as this process may use.
            labels: Names for scores in place of the files'.
            self_test: Run each model's own test frames first, which takes milliseconds.

        Raises:
            UsageError: The models do not go together, or a name is not known.
            BackendError: The backend is not to be had here.
            ScoreError: A file is missing, damaged, or fails its self-test.
        """
        paths = [model] if isinstance(model, (str, os.PathLike)) else list(model)
        if not paths:
            raise UsageError("A Scorer takes at least one model file.")
        self.models = [
            Model(
                path,
                backend=backend,
                device=device,
                threads=threads,
                labels=labels,
                self_test=self_test,
            )
            for path in paths
        ]
        formats = {each.manifest.format for each in self.models}
        if len(formats) > 1:
            raise UsageError(
                f"The models take frames of different formats, {', '.join(sorted(formats))}. "
                "Export them for one format."
            )
        self.form: Format = self.models[0].manifest.form
        names = [output.name for output in self.outputs]
        unknown = sorted(set((labels or {}).values()) - set(names))
        if unknown:
            raise UsageError(
                f"No score is there to be called {', '.join(unknown)}. The models give "
                f"{', '.join(self.labels)}."
            )
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise UsageError(f"Two of the models give {', '.join(twice)}. Leave one out.")

    def __enter__(self) -> Self:
        """The scorer itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Let the models go."""
        self.models = []

    @property
    def outputs(self) -> list[Output]:
        """What the models give, numbers of frames only: scores and moments."""
        return [
            output
            for model in self.models
            for output in model.manifest.outputs
            if output.kind != "map"
        ]

    @property
    def labels(self) -> list[str]:
        """Names of the scores."""
        return [output.name for output in self.outputs if output.kind == "score"]

    @property
    def aggregates(self) -> list[Aggregate]:
        """Scores of a whole clip that the moments make."""
        return [each for model in self.models for each in model.manifest.aggregates]

    @property
    def parts(self) -> tuple[Plane, ...]:
        """The planes of a frame that a model reads."""
        read = {each.part for model in self.models for each in model.manifest.inputs}
        return tuple(plane for plane in self.form.planes if plane.part in read)

    def __call__(
        self,
        *,
        reference: Frames,
        distorted: Frames,
        matrix: Matrix | None = None,
        range: Range = "limited",
    ) -> dict[str, NDArray[np.float64]]:
        """Score frames.

        Args:
            reference: One frame or a batch: for ``rgb24`` ``uint8 (H, W, 3)`` or
                ``(N, H, W, 3)``; for ``rgbf32`` ``float32 (3, H, W)`` in [0, 1]; for planar
                formats a sequence of the format's planes, ``uint8`` or, for deeper ones,
                ``uint16``.
            distorted: Frames of the same size and number.
            matrix: What the code values of planes mean where a metric reads RGB; ``None`` for
                bt709 from 720 lines up, else bt601.
            range: The same for their range.

        Returns:
            For each label, float64 ``(N,)``.

        Raises:
            UsageError: The arrays do not have the shape, type or values that the models take, or
                the Scorer is closed.
        """
        if not self.models:
            raise UsageError("This Scorer is closed. Use it inside its `with` block.")
        for name, value, allowed in (
            ("matrix", matrix, (None, *get_args(Matrix))),
            ("range", range, get_args(Range)),
        ):
            if value not in allowed:
                listed = ", ".join(filter(None, allowed))
                raise UsageError(f"{name} is one of {listed}; got {value!r}.")
        pair = {"reference": self._batch("reference", reference)}
        pair["distorted"] = self._batch("distorted", distorted)
        shapes = {role: batch[0].shape for role, batch in pair.items()}
        if shapes["reference"] != shapes["distorted"]:
            raise UsageError(
                f"Frames are compared at one size; reference is {shapes['reference']} and "
                f"distorted {shapes['distorted']}. Scale one to the other."
            )
        height, width = self.size(pair["reference"])
        self.check_size(width, height)
        colour = None
        if self.needs_colour:
            named: Matrix = matrix or ("bt709" if height >= 720 else "bt601")
            colour = colour_matrix(named, range, self.form.depth)
        values = self.run(
            pair["reference"],
            pair["distorted"],
            {role: colour for role in pair if colour is not None},
        )
        return {label: values[label] for label in self.labels}

    @property
    def needs_colour(self) -> bool:
        """A model turns planes into RGB, and must be told what their code values mean."""
        return any(each.part == "colour" for model in self.models for each in model.manifest.inputs)

    def run(
        self, reference: Batch, distorted: Batch, colours: Mapping[str, NDArray[np.float32]]
    ) -> dict[str, NDArray[np.float64]]:
        """Scores and moments of a batch that has been checked.

        Args:
            reference: An array for each of the format's planes, with a batch axis.
            distorted: The same.
            colours: For each role the map from code values to RGB, where one is needed.
        """
        feed: dict[str, NDArray[Any]] = {}
        for role, batch in (("reference", reference), ("distorted", distorted)):
            for plane, values in zip(self.form.planes, batch, strict=True):
                feed[input_name(role, plane.part)] = values
        feed |= {f"{role}_colour": colour for role, colour in colours.items()}
        scores: dict[str, NDArray[np.float64]] = {}
        for model in self.models:
            scores |= model.run(feed)
        return scores

    def size(self, batch: Batch) -> tuple[int, int]:
        """Height and width of the frames of a batch, in pixels."""
        dims = ("N", *self.form.planes[0].dims)
        shape = batch[0].shape
        return shape[dims.index("H")], shape[dims.index("W")]

    def check_size(self, width: int, height: int) -> None:
        """Refuse frames that a metric cannot take.

        Raises:
            UsageError: A side is below the least of one of the outputs; it is named.
        """
        small = {
            output.name: output.least
            for output in self.outputs
            if output.kind == "score" and output.least > min(width, height)
        }
        if small:
            needs = ", ".join(f"{name} {least}x{least}" for name, least in small.items())
            raise UsageError(
                f"The frames are {width}x{height} pixels, and these metrics need at least: "
                f"{needs}. Leave them out, or scale the frames up with --scale."
            )

    def _batch(self, role: str, frames: Frames) -> Batch:
        """The frames as an array for each plane, with a batch axis."""
        if len(self.form.planes) > 1:
            given = _arrays(role, frames)
        elif isinstance(frames, (tuple, list)) and len(frames) == 1:
            given = [_array(role, frames[0])]
        else:
            given = [_array(role, frames)]
        if len(given) != len(self.form.planes):
            raise UsageError(
                f"{role}: {self.form.name} has {len(self.form.planes)} planes, got {len(given)}."
            )
        planes = [
            _as_samples(array, self.form, plane, role)
            for array, plane in zip(given, self.form.planes, strict=True)
        ]
        ranks = [
            array.ndim - len(plane.dims)
            for array, plane in zip(planes, self.form.planes, strict=True)
        ]
        if len(set(ranks)) != 1 or ranks[0] not in (0, 1):
            shapes = ", ".join(str(array.shape) for array in planes)
            wanted = ", ".join(f"({', '.join(map(str, plane.dims))})" for plane in self.form.planes)
            raise UsageError(
                f"{role}: the planes of a frame of {self.form.name} are {wanted}, with or without "
                f"a batch axis in front; got {shapes}."
            )
        batch = tuple(planes) if ranks[0] == 1 else tuple(array[None] for array in planes)
        if not batch[0].shape[0]:
            raise UsageError(f"{role}: the batch is empty. Give at least one frame.")
        height, width = self.size(batch)
        for plane, array in zip(self.form.planes, batch, strict=True):
            shape = (batch[0].shape[0], *self.form.shape(plane, height, width))
            if array.shape != shape:
                raise UsageError(
                    f"{role}: the plane {plane.part or 'of samples'} of {self.form.name} at "
                    f"{width}x{height} has the shape {shape}, got {array.shape}."
                )
        return batch


def _arrays(role: str, frames: Frames) -> list[NDArray[Any]]:
    if not isinstance(frames, Sequence):
        raise UsageError(f"{role}: give a sequence of planes, got {type(frames).__name__}.")
    return [_array(role, plane) for plane in frames]


def _array(role: str, samples: Any) -> NDArray[Any]:
    try:
        return np.asarray(samples)
    except ValueError as error:
        raise UsageError(
            f"{role}: frames of a batch have one size; these make no array ({error})."
        ) from error


def _as_samples(array: NDArray[Any], form: Format, plane: Plane, role: str) -> NDArray[Any]:
    """The array as the model takes it: contiguous, of its type, deep samples as pairs of bytes."""
    if form.dtype == "float32":
        if not np.issubdtype(array.dtype, np.floating):
            raise UsageError(f"{role}: rgbf32 takes float32 in [0, 1], got {array.dtype}.")
        if not np.all(np.isfinite(array)):
            raise UsageError(f"{role} has samples that are not finite. Scores would mean nothing.")
        if array.size and (array.min() < 0 or array.max() > 1):
            raise UsageError(
                f"{role} has samples from {array.min():g} to {array.max():g}; rgbf32 takes [0, 1]. "
                "Divide by the peak first."
            )
        return np.ascontiguousarray(array, np.float32)
    if form.depth > 8 and array.dtype == np.uint16:
        words = np.ascontiguousarray(array).astype("<u2", copy=False)
        array = words.view(np.uint8).reshape(*array.shape, 2)
    if array.dtype != np.uint8 or (form.depth > 8 and array.shape[-1:] != (2,)):
        wanted = "uint16, or uint8 pairs of bytes" if form.depth > 8 else "uint8"
        raise UsageError(
            f"{role}: {form.name} takes {wanted}, got {array.dtype} of the shape {array.shape}."
        )
    samples = np.ascontiguousarray(array)
    # The low bits of p010le are padding, so every word is one of its samples.
    if form.depth > 8 and form.shift == 0 and samples.size:
        most = int(samples.view("<u2").max())
        if most > form.peak:
            raise UsageError(
                f"{role}: {form.name} has code values up to {form.peak}, got {most}. Shift the "
                f"samples to the low {form.depth} bits."
            )
    return samples
