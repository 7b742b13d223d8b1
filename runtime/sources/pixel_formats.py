"""Pixel formats that hold no picture to be scored: raw mosaics, surfaces of a GPU, rarities."""

from __future__ import annotations

import re

import av

from framegauge.runtime.errors import ScoreError

# FFmpeg's scaler stops the whole process at the first two, and takes none of the others; the slow
# test of every pixel format keeps this list.
_NOT_SCALED = re.compile(
    r"bayer_\w+|yaf32[bl]e|(gbrap|gray)32[bl]e|rgb96[bl]e|rgba(128|f32)[bl]e|(rgb|bgr)4"
    r"|(x2rgb10|x2bgr10|xv30|v30x|y210|y212|y216)be"
)


def check_pixel_format(name: str, pixel_format: str) -> None:
    """Refuse a pixel format of which no picture can be made here.

    Args:
        name: What messages call the clip.
        pixel_format: FFmpeg's name.

    Raises:
        ScoreError: It is one of those.
    """
    if av.VideoFormat(pixel_format).components and not _NOT_SCALED.fullmatch(pixel_format):
        return
    kind = "the mosaic of a sensor, not of pixels" if "bayer" in pixel_format else "not a picture"
    raise ScoreError(
        f"{name} is {pixel_format}, which is {kind}, and nothing here converts it. Write it as "
        "planes or RGB first, for instance with FFmpeg's -pix_fmt rgb48le (a mosaic needs a raw "
        "developer)."
    )
