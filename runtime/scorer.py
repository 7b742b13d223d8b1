"""Scores of frames in memory."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self, get_args

import numpy as np
from numpy.typing import NDArray

from framegauge.export.formats import FRAME_ROLES, Format
from framegauge.export.manifest import Aggregate, Output
from framegauge.export.pattern import input_name
from framegauge.runtime.backend import Model
from framegauge.runtime.batch import Batch, Frames, batch_of, size_of, tensor_of
from framegauge.runtime.colour import Matrix, Range, colour_matrix
from framegauge.runtime.errors import UsageError


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
    def roles(self) -> tuple[str, ...]:
        """What has to be given, by role: frames, flows, masks, ..."""
        inputs = (each for model in self.models for each in model.manifest.inputs)
        return tuple(dict.fromkeys(each.role for each in inputs))

    def __call__(
        self,
        *,
        matrix: Matrix | None = None,
        range: Range = "limited",
        **given: Frames,
    ) -> dict[str, NDArray[np.float64]]:
        """Score frames.

        Args:
            matrix: What the code values of planes mean where a metric reads RGB; ``None`` for
                bt709 from 720 lines up, else bt601.
            range: The same for their range.
            given: ``reference`` and ``distorted``, and whatever else :attr:`roles` names; one
                sample or a batch each. Frames of ``rgb24`` are ``uint8 (H, W, 3)`` or
                ``(N, H, W, 3)``; of ``rgbf32`` ``float32 (3, H, W)`` in [0, 1]; of planar
                formats a sequence of the planes, ``uint8`` or, for deeper ones, ``uint16``.
                Flows are ``float32 (2, H, W)``, masks ``(1, H, W)``.

        Returns:
            For each label, float64 ``(N,)``.

        Raises:
            UsageError: Something is missing, or the arrays do not have the shape, type or values
                that the models take, or the Scorer is closed.
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
        if set(given) != set(self.roles):
            raise UsageError(
                f"The models take {', '.join(self.roles)}; got {', '.join(given) or 'nothing'}."
            )
        frames = {
            role: batch_of(self.form, role, given[role])
            for role in self.roles
            if role in FRAME_ROLES
        }
        tensors = {
            each.role: tensor_of(each, given[each.role])  # type: ignore[arg-type]
            for model in self.models
            for each in model.manifest.inputs
            if each.role not in FRAME_ROLES
        }
        height, width = self._size(frames, tensors)
        self.check_size(width, height)
        colours = {}
        if self.needs_colour:
            named: Matrix = matrix or ("bt709" if height >= 720 else "bt601")
            colour = colour_matrix(named, range, self.form.depth)
            colours = dict.fromkeys(frames, colour)
        values = self.run(frames, colours, tensors)
        return {label: values[label] for label in self.labels}

    def _size(
        self, frames: Mapping[str, Batch], tensors: Mapping[str, NDArray[np.float32]]
    ) -> tuple[int, int]:
        """Height and width that everything given has."""
        shapes = {
            role: (len(batch[0]), *size_of(self.form, batch)) for role, batch in frames.items()
        }
        pictures = {role: array for role, array in tensors.items() if array.ndim == 4}
        shapes |= {role: (len(a), *a.shape[2:]) for role, a in pictures.items()}
        if len(set(shapes.values())) > 1:
            listed = ", ".join(
                f"{role} is {count} of {width}x{height}"
                for role, (count, height, width) in shapes.items()
            )
            raise UsageError(f"Frames are compared at one size; {listed}. Scale one to the other.")
        counts = {len(array) for array in tensors.values()} | {each[0] for each in shapes.values()}
        if len(counts) > 1:
            raise UsageError(f"All that is given has one batch size; got {sorted(counts)}.")
        least = max(model.manifest.least for model in self.models)
        return next(iter(shapes.values()))[1:] if shapes else (least, least)

    @property
    def needs_colour(self) -> bool:
        """A model turns planes into RGB, and must be told what their code values mean."""
        return any(each.part == "colour" for model in self.models for each in model.manifest.inputs)

    def run(
        self,
        frames: Mapping[str, Batch],
        colours: Mapping[str, NDArray[np.float32]],
        tensors: Mapping[str, NDArray[np.float32]] | None = None,
    ) -> dict[str, NDArray[np.float64]]:
        """Scores and moments of a batch that has been checked.

        Args:
            frames: For each role an array for each of the format's planes, with a batch axis.
            colours: For each role the map from code values to RGB, where one is needed.
            tensors: For each role that is no frame, its values.
        """
        feed: dict[str, NDArray[Any]] = dict(tensors or {})
        for role, batch in frames.items():
            for plane, values in zip(self.form.planes, batch, strict=True):
                feed[input_name(role, plane.part)] = values
        feed |= {f"{role}_colour": colour for role, colour in colours.items()}
        scores: dict[str, NDArray[np.float64]] = {}
        for model in self.models:
            scores |= model.run(feed)
        return scores

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
