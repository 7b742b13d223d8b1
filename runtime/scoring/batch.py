"""Arrays as models take them: batched, contiguous, of the right shape, type and values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from framegauge.export.contract.formats import Format, Plane
from framegauge.export.contract.interface import Input
from framegauge.runtime.backends.gpu.gpu_array import (
    GpuArray,
    SupportsDlpack,
    gpu_array,
    host_array,
    is_on_gpu,
)
from framegauge.runtime.errors import UsageError
from framegauge.runtime.sources.channels import channel_hint

Samples = NDArray[Any] | GpuArray
Batch = tuple[Samples, ...]
# Lengths of an axis of channels, which is never the width of a grey frame.
_CHANNELS = (1, 2, 3, 4)

Frames = ArrayLike | SupportsDlpack | Sequence[ArrayLike | SupportsDlpack]


def batch_of(form: Format, role: str, frames: Frames) -> Batch:
    """Frames as an array for each plane of a format, with a batch axis.

    Args:
        form: Pixel format.
        role: Whose frames they are, for errors.
        frames: One frame or a batch, as ``Scorer`` takes them.

    Samples on a GPU are taken as they are, without a look at their values.

    Raises:
        UsageError: They do not have the shape, type or values of the format, or could be a batch
            in two ways.
    """
    if len(form.planes) > 1:
        given = _arrays(role, frames)
    elif isinstance(frames, (tuple, list)) and len(frames) == 1:
        given = [_array(role, frames[0])]
    else:
        given = [_array(role, frames)]
    if len(given) != len(form.planes):
        raise UsageError(f"{role}: {form.name} has {len(form.planes)} planes, got {len(given)}.")
    planes = [
        _as_samples(array, form, plane, role)
        for array, plane in zip(given, form.planes, strict=True)
    ]
    ranks = [array.ndim - len(plane.dims) for array, plane in zip(planes, form.planes, strict=True)]
    if len(set(ranks)) != 1 or ranks[0] not in (0, 1):
        shapes = ", ".join(str(array.shape) for array in planes)
        wanted = ", ".join(f"({', '.join(map(str, plane.dims))})" for plane in form.planes)
        raise UsageError(
            f"{role}: the planes of a frame of {form.name} are {wanted}, with or without "
            f"a batch axis in front; got {shapes}."
        )
    if ranks[0] == 1:
        _check_batch(form, role, frames, planes)
    batch = tuple(planes) if ranks[0] == 1 else tuple(map(_batched, planes))
    if not batch[0].shape[0]:
        raise UsageError(f"{role}: the batch is empty. Give at least one frame.")
    height, width = size_of(form, batch)
    for plane, array in zip(form.planes, batch, strict=True):
        shape = (batch[0].shape[0], *form.shape(plane, height, width))
        if array.shape != shape:
            raise UsageError(
                f"{role}: the plane {plane.part or 'of samples'} of {form.name} at "
                f"{width}x{height} has the shape {shape}, got {array.shape}. "
                f"{_hint(form, array.shape)}".rstrip()
            )
    return batch


def size_of(form: Format, batch: Batch) -> tuple[int, int]:
    """Height and width of the frames of a batch, in pixels."""
    return form.size(batch[0].shape[1:])


def tensor_of(each: Input, values: ArrayLike | SupportsDlpack) -> Samples:
    """A flow, mask, time or logits with a batch axis, as a model takes it.

    Args:
        each: The model's input.
        values: One sample or a batch of them.

    Raises:
        UsageError: The values have another shape, or are not finite.
    """
    array = _array(each.role, values)
    if not isinstance(array, GpuArray):
        array = np.ascontiguousarray(array, np.float32)
    elif array.dtype != np.float32:
        raise UsageError(f"{each.role} on the GPU is float32, got {array.dtype}. Convert it there.")
    if array.ndim == len(each.dims) - 1:
        array = _batched(array)
    fits = array.ndim == len(each.dims) and all(
        isinstance(dim, str) or dim == length
        for dim, length in zip(each.dims, array.shape, strict=True)
    )
    if not fits:
        wanted = ", ".join(map(str, each.dims))
        raise UsageError(f"{each.role} has the shape ({wanted}), got {array.shape}.")
    if not isinstance(array, GpuArray) and not np.all(np.isfinite(array)):
        raise UsageError(f"{each.role} has values that are not finite. Mask them out and set them.")
    return array


def _check_batch(form: Format, role: str, frames: Frames, planes: Sequence[Samples]) -> None:
    """Refuse arrays that are a batch by their rank, and could as well be something else.

    Raises:
        UsageError: Both readings are named, and how to give each.
    """
    count, *_, last = planes[0].shape
    listed: Sequence[Any] = frames if isinstance(frames, (tuple, list)) else ()
    if form.kind == "gray" and len(listed) < 2 and last in _CHANNELS:
        raise UsageError(
            f"{role}: {planes[0].shape} could be one frame with channels, which "
            f"{form.name} does not have, or {count} frames {last} pixels wide. Give one frame as "
            f"(H, W), or {count} frames as a list of them."
        )
    parts = len(form.planes)
    if (
        parts > 1
        and listed
        and all(isinstance(each, (tuple, list)) and len(each) == parts for each in listed)
        and len({plane.shape for plane in planes}) == 1
    ):
        raise UsageError(
            f"{role}: {parts} lists of {parts} arrays could be {parts} frames of {parts} planes, "
            f"or {parts} planes of {parts} frames. Give one array a plane, with the batch in "
            "front: [np.stack(plane) for plane in zip(*frames)], or in frames if it has planes."
        )


def _hint(form: Format, shape: tuple[int, ...]) -> str:
    return channel_hint(shape, floats=form.dtype == "float32") if form.kind == "rgb" else ""


def _arrays(role: str, frames: Frames) -> list[Samples]:
    if not isinstance(frames, Sequence):
        raise UsageError(f"{role}: give a sequence of planes, got {type(frames).__name__}.")
    return [_array(role, plane) for plane in frames]


def _array(role: str, samples: Any) -> Samples:
    if is_on_gpu(samples):
        return gpu_array(role, samples)
    if isinstance(samples, (tuple, list)) and any(map(is_on_gpu, samples)):
        raise UsageError(f"{role}: a batch on the GPU is one array. Stack its frames there first.")
    try:
        return host_array(role, samples)
    except ValueError as error:
        raise UsageError(
            f"{role}: frames of a batch have one size; these make no array ({error})."
        ) from error


def _batched(array: Samples) -> Samples:
    return array.batched() if isinstance(array, GpuArray) else array[None]


def _as_samples(array: Samples, form: Format, plane: Plane, role: str) -> Samples:
    """The array as the model takes it: contiguous, of its type, deep samples as pairs of bytes."""
    if isinstance(array, GpuArray):
        return _on_gpu(array, form, role)
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


def _on_gpu(array: GpuArray, form: Format, role: str) -> GpuArray:
    """An array on the GPU, of the type that the model takes."""
    if form.depth > 8 and array.dtype == np.uint16:
        return array.as_bytes()
    if array.dtype != form.dtype or (form.depth > 8 and array.shape[-1:] != (2,)):
        wanted = "uint16, or uint8 pairs of bytes" if form.depth > 8 else form.dtype
        raise UsageError(
            f"{role}: {form.name} on the GPU is {wanted}, got {array.dtype} of the shape "
            f"{array.shape}. Convert it there."
        )
    return array
