"""What training code gives to a loss: checked, and computed in float32 whatever autocast says."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

from framegauge.export.contract.formats import Dim
from framegauge.export.contract.roles import FRAME_ROLES, owner, tensor_dims
from framegauge.export.contract.spec import Spec
from framegauge.export.features import Features, Frame

# A resized or filtered reference may leave its range by rounding, not by more.
SLACK = 1e-3
# What a network makes may overshoot until it has learned not to; another scale goes further.
OVERSHOOT = 0.5


def eager_features(
    spec: Spec, given: Mapping[str, Tensor], depth: int = 8, *, check_range: bool = True
) -> Features:
    """What eager code gives, by role, checked.

    What is in half precision is taken to float32: a variance of bfloat16 values has two digits.

    Args:
        spec: Facts of the metric that will look at it.
        given: A tensor for each of the Spec's inputs: frames, and tensors with the axes that
            :func:`framegauge.export.contract.roles.tensor_dims` says. A mask that the Spec does not
            name may have another shape.
        depth: Bits of a code value, for metrics of planes.
        check_range: Whether values are looked at that no frame, flow or mask has; see
            :func:`check_values`.

    Raises:
        ValueError: Shapes differ from each other, do not fit the metric, or are too small, or
            values are out of range.
        TypeError: Something is no tensor.
    """
    if len(spec.planes) > 1:
        raise ValueError(
            f"{spec.name} reads the planes {', '.join(spec.planes)} together, which no single "
            "tensor holds. Score it by a model: framegauge.runtime.Scorer."
        )
    check_tensors(spec.name, given)
    check_shapes(spec, {role: each for role, each in given.items() if role in spec.inputs})
    if check_range:
        check_values(spec.name, given, 2**depth - 1 if spec.reads == "plane" else 1)
    return as_features(given, spec.planes[0] if spec.reads == "plane" else None, depth)


def as_features(given: Mapping[str, Tensor], plane: str | None = None, depth: int = 8) -> Features:
    """What was given and checked, as metrics look at it, in float32 at least.

    Args:
        given: Tensors by role.
        plane: Which plane of code values the frames are, ``None`` for RGB or luma in [0, 1].
        depth: Bits of a code value.
    """
    tensors = {role: at_least_float32(tensor) for role, tensor in given.items()}
    return Features(
        {
            role: _frame(tensor, plane, depth) if role in FRAME_ROLES else tensor
            for role, tensor in tensors.items()
        }
    )


def check_tensors(name: str, given: Mapping[str, Tensor]) -> None:
    """Refuse what is no tensor.

    Args:
        name: Who looks at it.
        given: What was given, by role.

    Raises:
        TypeError: Something else was given.
    """
    for role, each in given.items():
        if not isinstance(each, Tensor):
            raise TypeError(
                f"{name} takes a tensor as {role}, got {type(each).__name__}. Give an array as "
                "torch.from_numpy(array), and leave out what there is not."
            )


def check_shapes(spec: Spec, given: Mapping[str, Tensor]) -> None:
    """Refuse tensors that a metric cannot look at.

    Raises:
        ValueError: Shapes differ from each other, do not fit the metric, or are too small.
    """
    shapes = {role: tuple(tensor.shape) for role, tensor in given.items()}
    channels = {"rgb": (3,), "luma": (1, 3), "plane": (1,)}[spec.reads]
    first = next(iter(given.values()))
    for role, tensor in given.items():
        wanted: list[tuple[Dim, ...]] = [("N", count, "H", "W") for count in channels]
        if role not in FRAME_ROLES:
            wanted = [tensor_dims(role)]
        if not any(_fits(tensor, dims) for dims in wanted):
            allowed = " or ".join(f"({', '.join(map(str, dims))})" for dims in wanted)
            raise ValueError(f"{spec.name} takes {role} {allowed}, got {tuple(tensor.shape)}.")
        both_frames = role in FRAME_ROLES and next(iter(given)) in FRAME_ROLES
        pictures = tensor.ndim == first.ndim == 4
        if (
            tensor.shape[0] != first.shape[0]
            or (pictures and tensor.shape[-2:] != first.shape[-2:])
            or (both_frames and tensor.shape != first.shape)
        ):
            listed = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
            raise ValueError(f"{spec.name} takes inputs of one batch and size, got {listed}.")
    pictures_only = [tensor for tensor in given.values() if tensor.ndim == 4]
    height, width = pictures_only[0].shape[-2:] if pictures_only else (spec.least, spec.least)
    if min(height, width) < spec.least:
        raise ValueError(
            f"{spec.name} needs frames of at least {spec.least}x{spec.least} pixels, got "
            f"{width}x{height}. Scale the frames up, or leave {spec.name} out."
        )


def check_values(name: str, given: Mapping[str, Tensor], peak: int = 1) -> None:
    """Refuse values that cannot be meant: frames of another scale first of all.

    That is the commonest silent mistake in training. Frames that were given must lie in ``[0,
    peak]`` to a thousandth of the peak. What a network makes (``distorted``, ``merged...``) may
    overshoot by half of it, because it does so while it learns; other scales go further. Masks lie
    in [0, 1], to a thousandth too, and times in (0, 1); flows (but where a mask is 0) and logits
    are finite. Costs one pass over all, and on a GPU one wait for it; nothing where the code is
    compiled, exported or captured, which cannot look at values.

    Args:
        name: Who looks at them.
        given: Tensors by role.
        peak: Greatest value of a sample of a frame.

    Raises:
        ValueError: There are other values; of a frame's, the message guesses why.
    """
    seen = {role: each.detach() for role, each in given.items() if each.numel()}
    if not seen or _unseen(next(iter(seen.values()))):
        return
    for role, each in seen.items():
        if _is_frame(role) and not each.is_floating_point():
            raise ValueError(
                f"{name} takes floating-point frames, got {role} of {each.dtype}. For 8-bit code "
                "values write frame.float() / 255."
            )
        if role.startswith("flow") and "mask" in seen:
            seen[role] = torch.where(seen["mask"] > 0, each, 0)
    ends = torch.stack([torch.stack(each.aminmax()).double() for each in seen.values()])
    for role, (low, high) in zip(seen, ends.tolist(), strict=True):
        if not _is_frame(role):
            _check_tensor(name, role, low, high)
            continue
        slack = peak * (OVERSHOOT if _made(role) else SLACK)
        if not (low >= -slack and high <= peak + slack):
            raise ValueError(
                f"{name} was given {role} with values from {low:.4g} to {high:.4g}; "
                f"{'frames are RGB or luma' if peak == 1 else 'planes are code values'} in "
                f"[0, {peak}]. {_likely(low, high, peak)} To train with such values all the same, "
                "set check_range = False on the loss."
            )


def at_least_float32(tensor: Tensor) -> Tensor:
    """The tensor, in float32 if it is in half precision, or of integers or booleans."""
    return tensor if tensor.dtype in (torch.float32, torch.float64) else tensor.float()


def full_precision(given: Mapping[str, Tensor]) -> AbstractContextManager[object]:
    """Where autocast is on, a context without it: variances and roots are lost in half."""
    kind = next(iter(given.values())).device.type
    if torch.is_autocast_enabled(kind):
        return torch.autocast(kind, enabled=False)
    return nullcontext()


def _check_tensor(name: str, role: str, low: float, high: float) -> None:
    """Refuse what is no frame by its least and its greatest value."""
    if role == "mask" and not (low >= -SLACK and high <= 1 + SLACK):
        wanted = "A mask is a weight in [0, 1], 1 = counts: compare, clamp or divide it."
    elif role == "time" and not (low > 0 and high < 1):
        wanted = "0 is the frame before and 1 the one after: frame 2 of 8 is at 0.25."
    elif not (math.isfinite(low) and math.isfinite(high)):
        wanted = (
            "They are not finite: a network may have diverged. Where a ground truth is unknown, "
            "take a mask that is 0 there."
        )
    else:
        return
    raise ValueError(
        f"{name} was given {role} with values from {low:.4g} to {high:.4g}. {wanted} To look at no "
        "values, set check_range = False on the loss."
    )


def _is_frame(role: str) -> bool:
    return role in FRAME_ROLES or _made(role)


def _made(role: str) -> bool:
    return owner(role) == "distorted" or role.startswith("merged")


def _unseen(frame: Tensor) -> bool:
    """Whether values cannot be looked at: there are none yet, or waiting for them is forbidden."""
    return (
        torch.compiler.is_compiling()
        or frame.is_meta
        or (frame.is_cuda and torch.cuda.is_current_stream_capturing())
    )


def _likely(low: float, high: float, peak: int) -> str:
    """What most probably happened to frames with such values, and what to do."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return "They are not finite: look for a division by zero, or lower the learning rate."
    if peak > 1:
        return "Give depth= the number of bits that the code values have."
    if low >= -SLACK and high > 1 + OVERSHOOT:
        for bits in (8, 10, 12, 16):
            if high < 2**bits:
                return f"They look like code values of {bits} bits: divide by {2**bits - 1}."
    if low >= -0.1 and high <= 1.1:
        return "A filter may have overshot: use x.clamp(0, 1)."
    if low >= -1.1 and high <= 1.1:
        return "They look normalised to [-1, 1]: undo it with (x + 1) / 2."
    if low >= -2.2 and high <= 2.7:
        return "They look normalised as for ImageNet: undo it with x * std + mean, by channel."
    return "Bring them to that range."


def _fits(tensor: Tensor, dims: Sequence[Dim]) -> bool:
    return tensor.ndim == len(dims) and all(
        isinstance(dim, str) or dim == length
        for dim, length in zip(dims, tensor.shape, strict=True)
    )


def _frame(tensor: Tensor, plane: str | None, depth: int) -> Frame:
    if plane is not None:
        return Frame(None, {plane: tensor}, depth)
    if tensor.shape[1] == 1:
        return Frame(None, {"y": tensor}, depth=1)  # a peak of one: luma in [0, 1] as it is
    return Frame(lambda: tensor)
