"""Whether a picture is to be shown otherwise than it is stored: turned, mirrored, or both.

References:
    ISO/IEC 14496-12, section 8.3.2 (the matrix of a track); CIPA DC-008 (EXIF), tag 274, whose
    eight values FFmpeg turns into such a matrix.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import cast

import av
from av.sidedata.sidedata import SideData, Type

from framegauge.runtime.sources.side_data import passed

_MATRIX = cast(int, Type.DISPLAYMATRIX.value)
# FFmpeg numbers its kinds of side data from 0 up, some 35 of them by now.
_KINDS = range(64)

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
    # PyAV is asked of a frame that holds the matrix alone: see side_data.
    marked = passed(frame, f"mode=select:type={_MATRIX}")
    if marked is None:
        return None
    alone = passed(marked, *(f"mode=delete:type={kind}" for kind in _KINDS if kind != _MATRIX))
    for each in cast(Iterable[SideData], alone.side_data) if alone is not None else ():
        a, b, _, c, d = struct.unpack("=9i", bytes(each))[:5]
        signs = tuple((value > 0) - (value < 0) for value in (a, b, c, d))
        # A scale says how large pixels are shown, and a place says where.
        return _WORDS.get(signs, f"turned by the matrix {a} {b} {c} {d}")
    return None
