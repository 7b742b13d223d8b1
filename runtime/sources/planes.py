"""Frames as NumPy arrays, in the order and shape that a model's inputs have.

Nothing here changes a sample: a decoder's planes are viewed where they lie, or moved into another
order. Integers of more than 8 bits that a model takes as float are divided by their peak.
"""

from __future__ import annotations

import ctypes
import re
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from framegauge.export.contract.formats import FORMATS
from framegauge.runtime.errors import ScoreError

Planes = tuple[NDArray[Any], ...]

# Place of red, green and blue in a pixel of so many bytes.
_PACKED = {
    "rgb24": (3, (0, 1, 2)),
    "bgr24": (3, (2, 1, 0)),
    "rgb0": (4, (0, 1, 2)),
    "bgr0": (4, (2, 1, 0)),
    "0rgb": (4, (1, 2, 3)),
    "0bgr": (4, (3, 2, 1)),
}
_DEEP_RGB = re.compile(r"gbrp(9|10|12|14|16)(le|be)|(rgb|bgr)48(le|be)")
_DEEP_PLANES = re.compile(r"(?:yuva?4\d\dp|gbra?p|gray)(9|10|12|14)(le|be)")
_BIG_ENDIAN = re.compile(r"(yuv4(?:20|22|44)p1[026]|gray1[0246])be")
_OTHER_NAMES = {
    "gray": "gray8",
    "yuvj420p": "yuv420p",
    "yuvj422p": "yuv422p",
    "yuvj444p": "yuv444p",
    "yuyv422": "yuv422p",
    "uyvy422": "yuv422p",
    "nv21": "nv12",
    "p010be": "p010le",
    "gbrp": "rgb24",
    "gbrpf32le": "rgbf32",
    "gbrpf32be": "rgbf32",
}


def holding(pixel_format: str) -> str | None:
    """The model format that keeps every sample of an FFmpeg pixel format, ``None`` if none does.

    Example:
        >>> holding("yuvj420p"), holding("gbrp12le"), holding("rgba")
        ('yuv420p', 'rgbf32', None)
    """
    if pixel_format in _OTHER_NAMES:
        return _OTHER_NAMES[pixel_format]
    if pixel_format in FORMATS and FORMATS[pixel_format].kind != "rgb":
        return pixel_format
    if pixel_format in _PACKED or pixel_format == "pal8":
        return "rgb24"
    if _DEEP_RGB.fullmatch(pixel_format):
        return "rgbf32"
    big = _BIG_ENDIAN.fullmatch(pixel_format)
    return f"{big[1]}le" if big else None


def chroma_step(pixel_format: str) -> tuple[int, int]:
    """Pixels across and down to a sample of chroma; 1 and 1 where there is none.

    Example:
        >>> chroma_step("yuv420p"), chroma_step("yuv411p"), chroma_step("rgb24")
        ((2, 2), (4, 1), (1, 1))
    """
    parts = av.VideoFormat(pixel_format, 64, 64).components
    return 64 // min(part.width for part in parts), 64 // min(part.height for part in parts)


def planes_of(frame: av.VideoFrame) -> Planes:
    """The frame's planes in the format that :func:`holding` names for it.

    The arrays are views of the decoder's memory, and keep it alive, wherever no samples have to
    change places.
    """
    name = frame.format.name
    if name in _PACKED:
        return (_packed(frame, name),)
    if name == "pal8":
        return (_from_palette(frame),)
    if name == "gbrp":
        green, blue, red = (_samples(frame, part, 1)[..., 0] for part in range(3))
        return (np.stack([red, green, blue], axis=-1),)
    if name.startswith("gbrpf32"):
        planes = _words(frame, ">f4" if name.endswith("be") else "<f4")
        return (np.stack([planes[2], planes[0], planes[1]]).astype(np.float32, copy=False),)
    if _DEEP_RGB.fullmatch(name):
        return (_deep_rgb(frame, name),)
    if name in ("yuyv422", "uyvy422"):
        return _interleaved(frame, first=0 if name == "yuyv422" else 1)
    if name == "nv21":
        luma, chroma = _samples(frame, 0, 1)[..., 0], _samples(frame, 1, 2)
        return luma, chroma[..., ::-1]
    if name in ("p010le", "p010be"):
        luma, chroma = _samples(frame, 0, 2), _samples(frame, 1, 4)
        chroma = chroma.reshape(*chroma.shape[:2], 2, 2)
        return (luma[..., ::-1], chroma[..., ::-1]) if name == "p010be" else (luma, chroma)
    if name == "nv12":
        return _samples(frame, 0, 1)[..., 0], _samples(frame, 1, 2)
    if name.endswith("le"):
        return tuple(_samples(frame, part, 2) for part in range(len(frame.planes)))
    if name.endswith("be"):
        return tuple(_samples(frame, part, 2)[..., ::-1] for part in range(len(frame.planes)))
    return tuple(_samples(frame, part, 1)[..., 0] for part in range(len(frame.planes)))


def check_codes(frame: av.VideoFrame, called: str) -> None:
    """Refuse words above the peak of their format: these samples lie in other bits than it says.

    Args:
        frame: As it was decoded; of bare samples, whatever was in the file.
        called: What it is, for the message.
    """
    name = frame.format.name
    deep = _DEEP_PLANES.fullmatch(name)
    if deep is None:
        return
    order = ">u2" if deep[2] == "be" else "<u2"
    parts = range(len(frame.planes))
    most = max(int(_samples(frame, part, 2).view(order).max()) for part in parts)
    peak = 2 ** int(deep[1]) - 1
    if most > peak:
        raise ScoreError(
            f"{called} has a code value of {most}: {name} takes 0 to {peak}. Shift the samples to "
            f"the low {deep[1]} bits."
        )


def frame_of(planes: Planes, pixel_format: str, size: tuple[int, int]) -> av.VideoFrame:
    """A frame of the library's own, filled from planes in a model's format.

    Args:
        planes: As :func:`planes_of` gives them.
        pixel_format: FFmpeg's name of their layout (``gray`` for ``gray8``, ``gbrpf32le`` for
            ``rgbf32``, or any planar format of bytes or byte pairs).
        size: Width and height of the frame.
    """
    frame = av.VideoFrame(*size, pixel_format)
    if pixel_format == "gbrpf32le":
        red, green, blue = planes[0]
        planes = (green, blue, red)
    for plane, wanted in zip(frame.planes, planes, strict=True):
        rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
        filled = np.ascontiguousarray(wanted).view(np.uint8).reshape(plane.height, -1)
        rows[:, : filled.shape[1]] = filled
    return frame


def exchanged(planes: Planes, held: str, wanted: str) -> Planes | None:
    """The same samples in another model format, ``None`` where that takes more than moving them.

    Between ``nv12`` and ``yuv420p``, ``p010le`` and ``yuv420p10le``, and from ``rgb24`` to
    ``rgbf32``, which is a division by 255.
    """
    match held, wanted:
        case "nv12", "yuv420p":
            return planes[0], planes[1][..., 0], planes[1][..., 1]
        case "yuv420p", "nv12":
            return planes[0], np.stack(planes[1:], axis=-1)
        case "p010le", "yuv420p10le":
            luma, chroma = (_shifted(plane, -6) for plane in planes)
            return luma, chroma[..., 0, :], chroma[..., 1, :]
        case "yuv420p10le", "p010le":
            luma, u, v = (_shifted(plane, 6) for plane in planes)
            return luma, np.stack([u, v], axis=-2)
        case "rgb24", "rgbf32":
            return (planes[0].transpose(2, 0, 1) / np.float32(255),)
        case _:
            return planes if held == wanted else None


def _shifted(pairs: NDArray[np.uint8], bits: int) -> NDArray[np.uint8]:
    words = np.ascontiguousarray(pairs).view("<u2")
    moved = np.left_shift(words, bits) if bits > 0 else np.right_shift(words, -bits)
    pairs_again: NDArray[np.uint8] = moved.astype("<u2", copy=False).view(np.uint8)
    return pairs_again


def _samples(frame: av.VideoFrame, part: int, pixel: int) -> NDArray[np.uint8]:
    """One plane as bytes, ``(height, width, bytes of a pixel)``."""
    plane = frame.planes[part]
    width, height, stride = plane.width, plane.height, plane.line_size
    if stride < 0:
        # The rows lie bottom up, and the buffer the library offers starts at the last of them.
        start = plane.buffer_ptr + stride * (height - 1)
        memory = (ctypes.c_uint8 * (-stride * height)).from_address(start)
        rows = np.frombuffer(memoryview(memory), np.uint8).reshape(height, -stride)[::-1].copy()
    else:
        rows = np.frombuffer(memoryview(plane), np.uint8, count=stride * height)
        rows = rows.reshape(height, stride)
    return rows[:, : width * pixel].reshape(height, width, pixel)


def _packed(frame: av.VideoFrame, name: str) -> NDArray[np.uint8]:
    size, (red, green, blue) = _PACKED[name]
    pixels = _samples(frame, 0, size)
    if name == "rgb24":
        return pixels
    return np.stack([pixels[..., red], pixels[..., green], pixels[..., blue]], axis=-1)


def _from_palette(frame: av.VideoFrame) -> NDArray[np.uint8]:
    palette = np.frombuffer(memoryview(frame.planes[1]), "=u4", count=256)
    indices = _samples(frame, 0, 1)[..., 0]
    opaque = palette >> 24 == 255
    if not opaque.all() and not opaque[indices].all():
        raise ScoreError(
            "An image with a palette has transparent pixels: opaque ones were wanted. Lay it on "
            "a background first."
        )
    colours = np.stack([palette >> 16 & 255, palette >> 8 & 255, palette & 255], axis=-1)
    return colours.astype(np.uint8)[indices]


def _words(frame: av.VideoFrame, dtype: str) -> list[NDArray[Any]]:
    size = np.dtype(dtype).itemsize
    return [
        np.ascontiguousarray(_samples(frame, part, size)).view(dtype)[..., 0]
        for part in range(len(frame.planes))
    ]


def _deep_rgb(frame: av.VideoFrame, name: str) -> NDArray[np.float32]:
    order = ">u2" if name.endswith("be") else "<u2"
    if name.startswith("gbrp"):
        green, blue, red = _words(frame, order)
        channels, depth = np.stack([red, green, blue]), int(name[4:-2])
    else:
        pixels = np.ascontiguousarray(_samples(frame, 0, 6)).view(order).transpose(2, 0, 1)
        channels, depth = pixels if name.startswith("rgb") else pixels[::-1], 16
    return channels.astype(np.float32) / np.float32(2**depth - 1)


def _interleaved(frame: av.VideoFrame, *, first: int) -> Planes:
    """Planes of a 4:2:2 frame whose words are Y U Y V, or U Y V Y where luma is not first."""
    width = frame.width
    chroma_width = (width + 1) // 2
    plane = frame.planes[0]
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
    words = rows[:, : 4 * chroma_width]
    chroma = 1 - first
    return words[:, first::2][:, :width], words[:, chroma::4], words[:, chroma + 2 :: 4]
