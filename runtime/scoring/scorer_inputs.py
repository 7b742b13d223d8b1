"""What a Scorer is given, checked as a whole: every role, one size, one batch, large enough."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from framegauge.export.contract.colour_map import MATRICES, RANGES, Matrix, Range
from framegauge.export.contract.formats import Format, subsampling
from framegauge.export.contract.interface import Input, Output
from framegauge.export.contract.manifest import Manifest
from framegauge.export.contract.roles import (
    FACTS,
    FRAME_ROLES,
    SITINGS,
    input_name,
    owner,
    siting_of,
)
from framegauge.runtime.backends.gpu.gpu_array import GpuArray
from framegauge.runtime.backends.model import Model
from framegauge.runtime.errors import ScoreError, UsageError
from framegauge.runtime.scoring.batch import Batch, Frames, Samples, batch_of, size_of, tensor_of
from framegauge.runtime.sources.colour import Colour, colour_matrix


def check_models(models: Sequence[Model], labels: Mapping[str, str]) -> None:
    """Refuse models that do not go together, and names for scores that none of them gives.

    Args:
        models: They, their scores under the names asked for.
        labels: Names asked for in place of the files'.

    Raises:
        UsageError: Formats differ, a name was not taken, or two scores have one.
    """
    formats = {each.manifest.format for each in models}
    if len(formats) > 1:
        raise UsageError(
            f"The models take frames of different formats, {', '.join(sorted(formats))}. "
            "Export them for one format."
        )
    given = [output for each in models for output in each.outputs]
    names = [output.name for output in given]
    unknown = sorted(set(labels.values()) - set(names))
    if unknown:
        scores = ", ".join(output.name for output in given if output.kind == "score")
        raise UsageError(
            f"No score is there to be called {', '.join(unknown)}. The models give {scores}."
        )
    every = [*names, *(total.name for each in models for total in each.aggregates)]
    twice = sorted({name for name in every if every.count(name) > 1})
    if twice:
        raise UsageError(f"Two of the models give {', '.join(twice)}. Leave one out.")


def check_colour(matrix: Matrix | None, range: Range | None, siting: str) -> None:
    """Refuse names of colours that there are not.

    Raises:
        UsageError: One is not known.
    """
    for name, value, allowed in (
        ("matrix", matrix, (None, *MATRICES)),
        ("range", range, (None, *RANGES)),
        ("chroma_siting", siting, tuple(SITINGS)),
    ):
        if value not in allowed:
            listed = ", ".join(filter(None, allowed))
            raise UsageError(f"{name} is one of {listed}; got {value!r}.")


def check_bound(manifest: Manifest, colours: Mapping[str, Colour], path: Path) -> None:
    """Refuse frames whose colours are not those that are a part of a model.

    Args:
        manifest: Of the model.
        colours: What the code values of both videos mean.
        path: The model's file, for errors.

    Raises:
        ScoreError: They differ; both are named.
    """
    for name, flag, bound in (
        ("matrix", "--matrix", manifest.matrix),
        ("range", "--range", manifest.range),
        ("siting", "--chroma-siting", manifest.chroma_siting),
    ):
        for role, colour in colours.items():
            found = getattr(colour, name)
            if bound is not None and found != bound:
                raise ScoreError(
                    f"{path} was exported with {flag} {bound}, and the {role}'s {name} is {found}. "
                    f"Export a model for {found}, or one without {flag}, which takes any."
                )


def by_role(
    form: Format, inputs: Sequence[Input], given: Mapping[str, Frames]
) -> tuple[dict[str, Batch], dict[str, Samples]]:
    """Frames and tensors by role, each as models take it.

    Args:
        form: Pixel format of the frames.
        inputs: What the models take.
        given: What was given by role.

    Raises:
        UsageError: A role is missing or not known, or has a wrong shape, type or value.
    """
    roles = tuple(dict.fromkeys(each.role for each in inputs))
    if set(given) != set(roles):
        raise UsageError(
            f"The models take {', '.join(roles)}; got {', '.join(given) or 'nothing'}."
        )
    frames = {role: batch_of(form, role, given[role]) for role in roles if role in FRAME_ROLES}
    tensors = {
        each.role: tensor_of(each, given[each.role])  # type: ignore[arg-type]
        for each in inputs
        if each.role not in FRAME_ROLES
    }
    for role, values in tensors.items():
        if not isinstance(values, GpuArray):
            _check_values(role, values)
    return frames, tensors


def _check_values(role: str, values: NDArray[np.float32]) -> None:
    """Refuse finite values that a role has no meaning for."""
    if role == "time" and not np.all((values > 0) & (values < 1)):
        raise UsageError(
            f"time lies between 0, the frame before, and 1, the frame after; got {values.tolist()}."
        )
    if role != "mask":
        return
    low, high = float(values.min(initial=0)), float(values.max(initial=0))
    if low < 0 or high > 1:
        raise UsageError(f"mask is in [0, 1], 1 where a pixel counts; got {low:g} to {high:g}.")
    empty = [n for n, each in enumerate(values) if not each.any()]
    if empty:
        raise UsageError(
            f"mask is 0 everywhere in sample {', '.join(map(str, empty))} of the batch: there is "
            "no pixel to judge. Leave it out."
        )


def common_size(
    form: Format, frames: Mapping[str, Batch], tensors: Mapping[str, Samples]
) -> tuple[int, int] | None:
    """Height and width that everything given has, ``None`` if nothing has any.

    Raises:
        UsageError: Sizes or batch sizes differ.
    """
    sizes = {role: size_of(form, batch) for role, batch in frames.items()}
    pictures = {role: array.shape for role, array in tensors.items() if array.ndim == 4}
    sizes |= {role: (shape[2], shape[3]) for role, shape in pictures.items()}
    if len(set(sizes.values())) > 1:
        listed = ", ".join(f"{role} is {width}x{height}" for role, (height, width) in sizes.items())
        raise UsageError(f"Frames are compared at one size; {listed}. Scale one to the other.")
    counts = {role: len(batch[0]) for role, batch in frames.items()}
    counts |= {role: len(array) for role, array in tensors.items()}
    if len(set(counts.values())) > 1:
        listed = ", ".join(f"{role} has {count}" for role, count in counts.items())
        raise UsageError(f"All that is given has one batch size; {listed}. Give one of each.")
    return next(iter(sizes.values()), None)


def check_least(outputs: Iterable[Output], width: int, height: int) -> None:
    """Refuse frames that a metric cannot take.

    Raises:
        UsageError: A side is below the least of one of the outputs; it is named.
    """
    small = {
        output.name: output.least
        for output in outputs
        if output.kind == "score" and output.least > min(width, height)
    }
    if small:
        needs = ", ".join(f"{name} {least}x{least}" for name, least in small.items())
        raise UsageError(
            f"The frames are {width}x{height} pixels, and these metrics need at least: "
            f"{needs}. Leave them out, or scale the frames up with --scale."
        )


def feed_of(
    form: Format,
    inputs: Iterable[Input],
    frames: Mapping[str, Batch],
    colours: Mapping[str, Colour],
    tensors: Mapping[str, Samples],
) -> dict[str, Samples]:
    """Everything by the names of the models' inputs.

    Args:
        form: Pixel format of the frames.
        inputs: What the models take.
        frames: By role.
        colours: What the code values of both videos mean; a neighbour's are its owner's.
        tensors: By role.
    """
    feed: dict[str, Samples] = dict(tensors)
    for role, batch in frames.items():
        for plane, values in zip(form.planes, batch, strict=True):
            feed[input_name(role, plane.part)] = values
    for each in inputs:
        if each.part in FACTS and each.name not in feed:
            fact = _fact(each.part, colours[owner(each.role)], form)
            feed[each.name] = np.repeat(fact[None], len(frames[each.role][0]), axis=0)
    return feed


def _fact(part: str, colour: Colour, form: Format) -> NDArray[np.float32]:
    """What a model is told of the samples of one frame."""
    if part == "colour":
        return colour_matrix(colour.matrix, colour.range, form.depth)
    down, across = subsampling(form, "u")
    return np.array(siting_of(colour.siting, down=down, across=across), np.float32)
