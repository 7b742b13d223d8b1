"""Pixel formats of a model's inputs: what a decoder gives, plane by plane.

Names are FFmpeg's, with ``rgbf32`` for planar float RGB.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Dim = str | int


@dataclass(frozen=True)
class Plane:
    """One array of a frame: the part it holds, and its axes after the batch."""

    part: str
    dims: tuple[Dim, ...]


@dataclass(frozen=True, kw_only=True)
class Format:
    """How the samples of a frame lie in memory.

    Attributes:
        name: FFmpeg's name of the pixel format.
        kind: Colours, luma with chroma, or luma alone.
        depth: Bits of a sample, 32 for float.
        dtype: Element type of every plane. Samples of more than 8 bits are pairs of bytes, low
            byte first, on an axis of 2 at the end.
        planes: The arrays of one frame.
        shift: Bits to drop from a 16-bit word to get the sample (``p010le`` keeps it on top).
    """

    name: str
    kind: Literal["rgb", "yuv", "gray"]
    depth: int
    dtype: Literal["uint8", "float32"] = "uint8"
    planes: tuple[Plane, ...]
    shift: int = 0

    @property
    def peak(self) -> int:
        """Greatest code value of a sample; 1 for float."""
        return 1 if self.dtype == "float32" else 2**self.depth - 1

    def size(self, shape: Sequence[int]) -> tuple[int, int]:
        """Height and width of a frame whose first plane has this shape, without the batch."""
        dims = self.planes[0].dims
        return shape[dims.index("H")], shape[dims.index("W")]

    def shape(self, plane: Plane, height: int, width: int) -> tuple[int, ...]:
        """Shape of one plane of a frame of ``height x width`` pixels, without the batch."""
        sizes = {
            "H": height,
            "W": width,
            "ceil(H/2)": (height + 1) // 2,
            "ceil(W/2)": (width + 1) // 2,
        }
        return tuple(dim if isinstance(dim, int) else sizes[dim] for dim in plane.dims)


def _planar(name: str, chroma: tuple[str, str], depth: int) -> Format:
    tail: tuple[Dim, ...] = (2,) if depth > 8 else ()
    planes = (
        Plane("y", ("H", "W", *tail)),
        Plane("u", (*chroma, *tail)),
        Plane("v", (*chroma, *tail)),
    )
    return Format(name=name, kind="yuv", depth=depth, planes=planes)


_CHROMA = {
    "yuv420p": ("ceil(H/2)", "ceil(W/2)"),
    "yuv422p": ("H", "ceil(W/2)"),
    "yuv444p": ("H", "W"),
}

FORMATS: dict[str, Format] = {
    form.name: form
    for form in (
        Format(name="rgb24", kind="rgb", depth=8, planes=(Plane("", ("H", "W", 3)),)),
        Format(
            name="rgbf32", kind="rgb", depth=32, dtype="float32", planes=(Plane("", (3, "H", "W")),)
        ),
        Format(name="gray8", kind="gray", depth=8, planes=(Plane("y", ("H", "W")),)),
        *(
            Format(name=f"gray{d}le", kind="gray", depth=d, planes=(Plane("y", ("H", "W", 2)),))
            for d in (10, 12, 14, 16)
        ),
        *(
            _planar(name + suffix, chroma, depth)
            for suffix, depth in (("", 8), ("10le", 10), ("12le", 12), ("16le", 16))
            for name, chroma in _CHROMA.items()
        ),
        Format(
            name="nv12",
            kind="yuv",
            depth=8,
            planes=(Plane("y", ("H", "W")), Plane("uv", ("ceil(H/2)", "ceil(W/2)", 2))),
        ),
        Format(
            name="p010le",
            kind="yuv",
            depth=10,
            shift=6,
            planes=(Plane("y", ("H", "W", 2)), Plane("uv", ("ceil(H/2)", "ceil(W/2)", 2, 2))),
        ),
    )
}


def find_format(name: str) -> Format:
    """The format called ``name``.

    Raises:
        ValueError: No model can take that format.
    """
    if name not in FORMATS:
        raise ValueError(f"No model takes the format {name!r}. Formats: {', '.join(FORMATS)}.")
    return FORMATS[name]


def subsampling(form: Format, part: str) -> tuple[int, int]:
    """Luma samples for each sample of a plane, down and across."""
    if part == "y" or form.kind != "yuv":
        return 1, 1
    dims = form.planes[1].dims
    return (1 if dims[0] == "H" else 2), (1 if dims[1] == "W" else 2)
