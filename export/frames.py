"""Pixel formats, inside the graph: integer planes in, frames that metrics read out.

Chroma that is subsampled reaches luma's size by linear interpolation, from where it is sited.

Reference:
    Recommendation ITU-T H.273, figure 10: places of chroma samples. BT.601-7, BT.709-6, BT.2020-2:
    luma weights and quantisation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor

from framegauge.export.contract.colour_map import colour_map
from framegauge.export.contract.formats import Format, subsampling
from framegauge.export.contract.roles import input_name, siting_of
from framegauge.export.contract.soundness import check_bound_colour
from framegauge.export.features import Frame


@dataclass(frozen=True, kw_only=True)
class BoundColour:
    """What of the frames' colours is a part of a graph; what is ``None`` is an input.

    Attributes:
        matrix: ``bt601``, ``bt709`` or ``bt2020``; together with the range.
        range: ``limited`` or ``full``.
        chroma_siting: One of :data:`~framegauge.export.contract.roles.SITINGS`.
    """

    matrix: str | None = None
    range: str | None = None
    chroma_siting: str | None = None

    def checked(self, form: Format) -> Self:
        """The same, if frames of a format can have it.

        Raises:
            ValueError: They cannot, or a name is not known.
        """
        try:
            check_bound_colour(form, (), self.matrix, self.range, self.chroma_siting)
        except ValueError as error:
            raise ValueError(f"The colours cannot be bound so: {error}.") from error
        return self

    def asked(self, form: Format) -> tuple[str, ...]:
        """The inputs that a frame in RGB needs beside its planes."""
        parts = []
        if form.kind != "rgb" and self.matrix is None:
            parts.append("colour")
        if form.kind == "yuv" and self.chroma_siting is None and subsampling(form, "u") != (1, 1):
            parts.append("siting")
        return tuple(parts)


UNBOUND = BoundColour()


def make_frame(
    form: Format,
    role: str,
    inputs: Mapping[str, Tensor],
    *,
    dtype: torch.dtype,
    quantise: int | None = None,
    crop_border: int = 0,
    colour: BoundColour = UNBOUND,
) -> Frame:
    """The frame that a model's inputs hold, in the arithmetic of ``dtype``.

    Args:
        form: Pixel format of the inputs.
        role: Whose frame it is.
        inputs: Tensors by input name; planes that nobody reads may be missing.
        dtype: Floating-point type to compute in.
        quantise: Bits to round samples to first, ``None`` to take them as they are.
        crop_border: Pixels cut from every side first.
        colour: What of the colours is no input.
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
        y = planes["y"]
        if colour.matrix is None or colour.range is None:
            to_colours = inputs[input_name(role, "colour")].to(dtype)
        else:
            to_colours = y.new_tensor([colour_map(colour.matrix, colour.range, form.depth)])
        sited = None
        if "siting" in colour.asked(form):
            sited = inputs[input_name(role, "siting")].to(dtype)
        elif colour.chroma_siting is not None:
            down, across = subsampling(form, "u")
            sited = y.new_tensor([siting_of(colour.chroma_siting, down=down, across=across)])
        return cropped(to_rgb(planes, to_colours, sited, form), crop_border, crop_border)

    return Frame(rgb_from_planes, inner, form.depth)


def to_rgb(
    planes: Mapping[str, Tensor], colour: Tensor, siting: Tensor | None, form: Format
) -> Tensor:
    """RGB in [0, 1] from code values, ``(N, 3, H, W)``; what lies outside is clipped.

    Args:
        planes: Code values, ``y`` with or without ``u`` and ``v``.
        colour: Affine maps ``(N, 3, 4)`` from (Y, Cb, Cr) to RGB, or one for all.
        siting: Places of chroma, ``(N, 2)``, or one for all; ``None`` where none is subsampled.
        form: Pixel format the planes came in.
    """
    y = planes["y"]
    luma, cb, cr, offset = (colour[:, :, column, None, None] for column in range(4))
    if form.kind == "gray":
        neutral = float(2 ** (form.depth - 1))
        rgb = y * luma + (offset + neutral * (cb + cr))
    else:
        height, width = y.shape[-2:]
        u, v = (upsampled(planes[part], siting, height, width, form) for part in ("u", "v"))
        rgb = y * luma + u * cb + v * cr + offset
    return rgb.clamp(0, 1)


def upsampled(
    chroma: Tensor, siting: Tensor | None, height: int, width: int, form: Format
) -> Tensor:
    """A chroma plane at luma's size, ``(N, 1, H, W)``; borders are repeated.

    Args:
        chroma: Code values, ``(N, 1, h, w)``.
        siting: As for :func:`to_rgb`.
        height: Of luma.
        width: Of luma.
        form: Pixel format the plane came in.
    """
    down, across = subsampling(form, "u")
    if siting is None:
        return chroma
    if across == 2:
        chroma = doubled(chroma, siting[:, 1], width)
    if down == 2:
        chroma = doubled(chroma.transpose(-1, -2), siting[:, 0], height).transpose(-1, -2)
    return chroma


def doubled(x: Tensor, first: Tensor, width: int) -> Tensor:
    r"""Rows of twice as many samples, linear between those there are.

    With a sample :math:`i` at the place :math:`2 i + s` of the result, :math:`0 \le s \le 1`,

    .. math::
        y_{2k} = \tfrac{s}{2} x_{k-1} + (1 - \tfrac{s}{2}) x_k, \quad
        y_{2k+1} = \tfrac{1+s}{2} x_k + \tfrac{1-s}{2} x_{k+1}

    Args:
        x: Samples, ``(N, 1, h, w)``.
        first: Places :math:`s` of the first samples, ``(N,)`` or ``(1,)``.
        width: Of the result, ``2 w`` or one less.
    """
    padded = F.pad(x, (1, 1, 0, 0), mode="replicate")
    # Each sample's share of the places around it, at s = 0 and what s adds.
    kernels = x.new_tensor([[[[0.5, 1.0, 0.5, 0.0]], [[-0.5, -0.5, 0.5, 0.5]]]])
    parts = F.conv_transpose2d(padded, kernels, stride=(1, 2))[..., 3 : width + 3]
    return parts[:, :1] + first[:, None, None, None] * parts[:, 1:]


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


def _rounded(x: Tensor, low: float, high: float) -> Tensor:
    return x.round().clamp(low, high)


def cropped(x: Tensor, down: int, across: int) -> Tensor:
    """A picture without so many samples at the top and bottom, and left and right."""
    if down == across == 0:
        return x
    return x[..., down : x.shape[-2] - down, across : x.shape[-1] - across]
