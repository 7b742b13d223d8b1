"""Whether the last picture of a stream is whole, where nothing but the end of the bytes ends it.

A bare stream and MPEG's transport and program streams do not say how long a picture is, and
FFmpeg's decoders of H.265, H.266 and others read zeros where bytes are missing, and report
nothing. But a picture that is whole does not depend on what comes after it. So the pictures since
the last that stands by itself are decoded again, also with other bytes after the end: if these give
another picture, the decoder wanted more than there was.
"""

from __future__ import annotations

import random
from contextlib import suppress
from typing import cast

import av
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

# Formats that leave the length of a picture open, by FFmpeg's names, and decoders that do not mind
# what follows a picture. (Those of MPEG-1, 2 and 4 do, and notice by themselves what is missing.)
_OPEN_ENDED = {"h264", "hevc", "vvc", "h261", "mpegts", "mpeg"}
_NO_ZEROS_AT_END = {"h264", "hevc", "vvc"}
_INTERFRAME = _NO_ZEROS_AT_END | {"h261"}

# Images that a decoder fills up with anything. (A palette of PCX is looked for at the end.)
_STILLS = {"hdr", "pcx", "qoi", "sgi", "sunrast", "wbmp"}

# What may follow. A decoder that wants but a few bits more may make the same of one as of nothing.
# No start code occurs in them, so they belong to the last picture.
_FILLERS = (b"", b"\xaa" * 64, random.Random(3).randbytes(4096))

_MOST_BYTES = 64 << 20


class LastPicture:
    """The packets since the last key frame of a stream, to be decoded again at its end."""

    def __init__(self, video: VideoStream, formats: set[str]) -> None:
        """Prepare for a stream.

        Args:
            video: The stream.
            formats: FFmpeg's names of its container.
        """
        self._context = video.codec_context
        codec = self._context.name
        self._wanted = (codec in _STILLS and self._context.pix_fmt != "pal8") or (
            codec in _INTERFRAME and bool(formats & _OPEN_ENDED)
        )
        self._packets: list[av.Packet] = []  # type: ignore[type-arg]
        self._size = 0

    def note(self, packet: av.Packet) -> None:  # type: ignore[type-arg]
        """Keep a packet that was read; those before a key frame are let go."""
        if not self._wanted or not packet.size:
            return
        if packet.is_keyframe:
            self._packets, self._size = [], 0
        self._size += packet.size
        # A stream of hours with a single key frame is not kept, and its end not checked.
        if self._size <= _MOST_BYTES:
            self._packets.append(packet)

    def is_cut(self) -> bool:
        """Whether the last picture lacks bytes; ``False`` too where that cannot be told."""
        if not self._packets or self._size > _MOST_BYTES:
            return False
        first, *others = map(self._last_pictures, _FILLERS)
        if all(other == first for other in others):
            return False
        # What lacks the pictures it was made from need not come out the same twice.
        return self._last_pictures(b"") == first

    def _last_pictures(self, filler: bytes) -> list[bytes]:
        """The planes of what comes out from the last packet on, with this after it."""
        decoder = self._decoder()
        *earlier, last = self._packets
        content = bytes(last)
        if self._context.name in _NO_ZEROS_AT_END:
            content = content.rstrip(b"\0")
        longer = av.Packet(content + filler)
        longer.pts, longer.dts, longer.time_base = last.pts, last.dts, last.time_base
        planes = []
        for packet in (*earlier, longer, None):
            if packet is longer:
                decoder.skip_frame = "DEFAULT"
            frames = []
            with suppress(av.FFmpegError):
                frames = decoder.decode(packet)
            if packet is longer or packet is None:
                planes += [bytes(plane) for frame in frames for plane in frame.planes]
        return planes

    def _decoder(self) -> VideoCodecContext:
        decoder = cast(VideoCodecContext, av.CodecContext.create(self._context.name, "r"))
        decoder.extradata = self._context.extradata
        decoder.width, decoder.height = self._context.width, self._context.height
        decoder.thread_type, decoder.thread_count = "AUTO", self._context.thread_count
        decoder.options = {"flags": "+output_corrupt", "skip_loop_filter": "all"}
        decoder.skip_frame = "NONREF"  # no later picture is made from those
        return decoder
