"""Pixel formats, inside the graph: integer planes in, frames that metrics read out.

Chroma that is subsampled reaches luma's size by linear interpolation, sited as H.264 and HEVC
do by default: level with the even columns, midway between rows.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from framegauge.export.contract.formats import Format
from framegauge.export.contract.roles import input_name
from framegauge.export.features import Frame

CHROMA = "linear, left-sited"


def colour_name(role: str) -> str:
    """Name of the input that holds a frame's map from code values to RGB."""
    return f"{role}_colour"


def make_frame(
    form: Format,
    role: str,
    inputs: Mapping[str, Tensor],
    *,
    dtype: torch.dtype,
    quantise: int | None = None,
    crop_border: int = 0,
) -> Frame:
    """The frame that a model's inputs hold, in the arithmetic of ``dtype``.

    Args:
        form: Pixel format of the inputs.
        role: Whose frame it is.
        inputs: Tensors by input name; planes that nobody reads may be missing.
        dtype: Floating-point type to compute in.
        quantise: Bits to round samples to first, ``None`` to take them as they are.
        crop_border: Pixels cut from every side first.
    """
    # The cast comes first of all: TensorRT refuses nearly everything else on 8-bit tensors.
    parts = {
        plane.part: inputs[input_name(role, plane.part)].to(dtype)
        for plane in form.planes
        if input_name(role, plane.part) in inputs
    }
    if form.kind == "rgb":
        # Laid out anew: convolutions of interleaved samples are traced with a guard on the width.
        interleaved = form.dtype != "float32"
        rgb = parts[""].permute(0, 3, 1, 2).contiguous() / 255 if interleaved else parts[""]
        whole = _rounded(rgb * 255, 0, 255) / 255 if quantise and form.depth > 8 else rgb
        return Frame(lambda: cropped(whole, crop_border, crop_border))
    planes = _planes(form, parts)
    if quantise and form.depth > 8:
        step = float(2 ** (form.depth - 8))
        planes = {part: _rounded(x / step, 0, 255) * step for part, x in planes.items()}
    subsampled = {part: subsampling(form, part) for part in planes}
    inner = {
        part: cropped(x, crop_border // subsampled[part][0], crop_border // subsampled[part][1])
        for part, x in planes.items()
    }

    def rgb_from_planes() -> Tensor:
        rgb = to_rgb(planes, inputs[colour_name(role)].to(dtype), form)
        return cropped(rgb, crop_border, crop_border)

    return Frame(rgb_from_planes, inner, form.depth)


def to_rgb(planes: Mapping[str, Tensor], colour: Tensor, form: Format) -> Tensor:
    """RGB in [0, 1] from code values, ``(N, 3, H, W)``; what lies outside is clipped.

    Args:
        planes: Code values, ``y`` with or without ``u`` and ``v``.
        colour: Affine map ``(3, 4)`` from (Y, Cb, Cr) to RGB.
        form: Pixel format the planes came in.
    """
    y = planes["y"]
    height, width = y.shape[-2:]
    if form.kind == "gray":
        neutral = float(2 ** (form.depth - 1))
        offset = colour[:, 3] + neutral * (colour[:, 1] + colour[:, 2])
        rgb = y * colour[:, 0].view(1, 3, 1, 1) + offset.view(1, 3, 1, 1)
    else:
        u, v = (upsampled(planes[part], height, width, form) for part in ("u", "v"))
        columns = colour.view(1, 3, 4, 1, 1)
        rgb = y * columns[:, :, 0] + u * columns[:, :, 1] + v * columns[:, :, 2] + columns[:, :, 3]
    return rgb.clamp(0, 1)


def upsampled(chroma: Tensor, height: int, width: int, form: Format) -> Tensor:
    """A chroma plane at luma's size, ``(N, 1, H, W)``; borders are repeated."""
    down, across = subsampling(form, "u")
    if across == 2:
        # Column 2i is sample i; column 2i + 1 lies midway to the next.
        padded = F.pad(chroma, (0, 1, 0, 0), mode="replicate")
        kernel = chroma.new_tensor([[0.5, 1.0, 0.5]])[None, None]
        chroma = F.conv_transpose2d(padded, kernel, stride=(1, 2))[..., 1 : width + 1]
    if down == 2:
        # Row 2i lies a quarter above sample i, row 2i + 1 a quarter below.
        padded = F.pad(chroma, (0, 0, 1, 1), mode="replicate")
        kernel = chroma.new_tensor([[0.25], [0.75], [0.75], [0.25]])[None, None]
        chroma = F.conv_transpose2d(padded, kernel, stride=(2, 1))[..., 3 : height + 3, :]
    return chroma


def _planes(form: Format, parts: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Code values by plane, ``(N, 1, h, w)``, with interleaved chroma taken apart."""
    if form.depth > 8:
        parts = {part: _words(pairs, form.shift) for part, pairs in parts.items()}
    planes = {}
    for part, x in parts.items():
        if part == "uv":
            planes["u"], planes["v"] = x[..., 0][:, None], x[..., 1][:, None]
        else:
            planes[part] = x[:, None]
    return planes


def _words(pairs: Tensor, shift: int) -> Tensor:
    """Code values from pairs of bytes, low byte first, less the ``shift`` lowest bits."""
    low, high = pairs[..., 0], pairs[..., 1]
    return (low / float(2**shift)).floor() + high * float(2 ** (8 - shift))


def subsampling(form: Format, part: str) -> tuple[int, int]:
    """Luma samples for each sample of a plane, down and across."""
    if part == "y":
        return 1, 1
    dims = form.planes[1].dims
    return (1 if dims[0] == "H" else 2), (1 if dims[1] == "W" else 2)


def _rounded(x: Tensor, low: float, high: float) -> Tensor:
    return x.round().clamp(low, high)


def cropped(x: Tensor, down: int, across: int) -> Tensor:
    """A picture without so many samples at the top and bottom, and left and right."""
    if down == across == 0:
        return x
    return x[..., down : x.shape[-2] - down, across : x.shape[-1] - across]
