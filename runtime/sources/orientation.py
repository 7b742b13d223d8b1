"""Whether a picture is to be shown otherwise than it is stored: turned, mirrored, or both.

References:
    ISO/IEC 14496-12, section 8.3.2 (the matrix of a track); CIPA DC-008 (EXIF), tag 274, whose
    eight values FFmpeg turns into such a matrix.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from fractions import Fraction
from typing import cast

import av
import av.filter
from av.sidedata.sidedata import SideData, Type

# Signs of a, b, c and d in x' = ax + cy and y' = bx + dy, with y downwards.
_WORDS = {
    (1, 0, 0, 1): None,
    (-1, 0, 0, 1): "mirrored left to right",
    (-1, 0, 0, -1): "turned by 180 degrees",
    (1, 0, 0, -1): "mirrored top to bottom",
    (0, 1, 1, 0): "mirrored left to right, then turned by 270 degrees clockwise",
    (0, 1, -1, 0): "turned by 90 degrees clockwise",
    (0, -1, -1, 0): "mirrored left to right, then turned by 90 degrees clockwise",
    (0, -1, 1, 0): "turned by 270 degrees clockwise",
}


def orientation(frame: av.VideoFrame) -> str | None:
    """What is to be done to a decoded frame to show it, ``None`` if nothing."""
    for each in _side_data(frame):
        if each.type is Type.DISPLAYMATRIX:
            a, b, _, c, d = struct.unpack("=9i", bytes(each))[:5]
            signs = tuple((value > 0) - (value < 0) for value in (a, b, c, d))
            # A scale says how large pixels are shown, and a place says where.
            return _WORDS.get(signs, f"turned by the matrix {a} {b} {c} {d}")
    return None


def _side_data(frame: av.VideoFrame) -> Iterable[SideData]:
    try:
        return cast(Iterable[SideData], frame.side_data)
    except ValueError:
        # PyAV gives none of it where there is a kind that it has no name for, as EXIF is.
        return cast(Iterable[SideData], _with_known_side_data(frame).side_data)


def _with_known_side_data(frame: av.VideoFrame) -> av.VideoFrame:
    known = [cast(int, each.value) for each in Type]
    graph = av.filter.Graph()
    buffer = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, 1000)
    )
    without = [
        graph.add("sidedata", f"mode=delete:type={kind}") for kind in range(64) if kind not in known
    ]
    graph.link_nodes(buffer, *without, graph.add("buffersink"))
    graph.configure(auto_buffer=False)
    graph.vpush(frame)
    return graph.vpull()
