"""What FFmpeg knows of a stream and PyAV does not show: where chroma lies, and what is cropped.

FFmpeg's Matroska writer puts both into a header, whatever the stream was read from. So the stream's
header is written in memory, without a frame, and read again.

Reference:
    RFC 9559, section 5.1.4 (elements of a track); RFC 8794, sections 4 to 6 (their form).
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass

import av
from av.video.stream import VideoStream

from framegauge.runtime.sources.cropping import UNCROPPED, Cropping

# Segment, Tracks, TrackEntry, Video, Colour.
_PARENTS = (0x18538067, 0x1654AE6B, 0xAE, 0xE0, 0x55B0)
_SITED = 0x55B7, 0x55B8  # ChromaSitingHorz, ChromaSitingVert
_CROPPED = 0x54CC, 0x54DD, 0x54BB, 0x54AA  # PixelCropLeft, Right, Top, Bottom
_SITINGS = {
    (1, 2): "left",
    (2, 2): "centre",
    (1, 1): "topleft",
    (2, 1): "top",
}


@dataclass(frozen=True, kw_only=True)
class StreamHeader:
    """What a stream's header says beside what PyAV shows.

    Attributes:
        siting: Where subsampled chroma lies, ``None`` if it is not said.
        cropping: What of every decoded frame is not to be shown.
    """

    siting: str | None = None
    cropping: Cropping = UNCROPPED


def stream_header(stream: VideoStream) -> StreamHeader:
    """The header of a stream, empty where Matroska cannot hold its codec."""
    written = io.BytesIO()
    try:
        with av.open(written, "w", format="matroska") as container:
            container.add_stream_from_template(stream, opaque=True)
            container.start_encoding()
            found = dict(_elements(written.getvalue()))
    except (av.FFmpegError, ValueError):
        return StreamHeader()
    across, down = (found.get(name, 0) for name in _SITED)
    return StreamHeader(
        siting=_SITINGS.get((across, down)),
        cropping=Cropping(*(found.get(name, 0) for name in _CROPPED)),
    )


def _elements(content: bytes) -> Iterator[tuple[int, int]]:
    """Names and numbers of all elements below the parents."""
    position = 0
    while position < len(content):
        width = _width(content[position])
        name = int.from_bytes(content[position : position + width], "big")
        position += width
        width = _width(content[position])
        most = (1 << 7 * width) - 1
        size = int.from_bytes(content[position : position + width], "big") & most
        position += width
        # One whose size is not known yet is entered too, as a parent is.
        if name in _PARENTS:
            continue
        yield name, int.from_bytes(content[position : position + size], "big")
        position += size


def _width(first: int) -> int:
    """Bytes of a number whose first byte this is."""
    return 9 - first.bit_length()
