"""What a Scorer is given, checked as a whole: every role, one size, one batch, large enough."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from framegauge.export.formats import FRAME_ROLES, Format
from framegauge.export.manifest import Input, Output
from framegauge.export.pattern import input_name
from framegauge.runtime.batch import Batch, Frames, Samples, batch_of, size_of, tensor_of
from framegauge.runtime.errors import UsageError
from framegauge.runtime.sources.colour import Matrix, Range


def check_colour(matrix: Matrix | None, range: Range) -> None:
    """Refuse names of colours that there are not.

    Raises:
        UsageError: One is not known.
    """
    for name, value, allowed in (
        ("matrix", matrix, (None, *get_args(Matrix))),
        ("range", range, get_args(Range)),
    ):
        if value not in allowed:
            listed = ", ".join(filter(None, allowed))
            raise UsageError(f"{name} is one of {listed}; got {value!r}.")


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
    return frames, tensors


def common_size(
    form: Format, frames: Mapping[str, Batch], tensors: Mapping[str, Samples]
) -> tuple[int, int] | None:
    """Height and width that everything given has, ``None`` if nothing has any.

    Raises:
        UsageError: Sizes or batch sizes differ.
    """
    shapes = {role: (len(batch[0]), *size_of(form, batch)) for role, batch in frames.items()}
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
    return next(iter(shapes.values()))[1:] if shapes else None


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
    frames: Mapping[str, Batch],
    colours: Mapping[str, NDArray[np.float32]],
    tensors: Mapping[str, Samples] | None,
) -> dict[str, Samples]:
    """Everything by the names of the models' inputs."""
    feed: dict[str, Samples] = dict(tensors or {})
    for role, batch in frames.items():
        for plane, values in zip(form.planes, batch, strict=True):
            feed[input_name(role, plane.part)] = values
    return feed | {f"{role}_colour": colour for role, colour in colours.items()}
