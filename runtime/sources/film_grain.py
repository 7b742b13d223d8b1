"""Film grain that a stream carries as numbers, for decoders to draw over the pictures.

References:
    AV1 Bitstream & Decoding Process Specification, section 7.18.3 (film grain synthesis);
    ITU-T H.274, section 8.5 (film grain characteristics of H.264, HEVC and VVC).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, cast

import av
from av.sidedata.sidedata import Type
from av.video.codeccontext import VideoCodecContext

from framegauge.runtime.sources.side_data import carries

FilmGrain = Literal["on", "off"]

# What decoders are told to give the numbers out, and leave the pictures as they are.
EXPORTED: Mapping[str, str] = {"export_side_data": "film_grain"}

_CARRIERS = frozenset(("libdav1d", "libaom-av1", "av1", "h264", "hevc", "vvc"))
_PARAMETERS = cast(int, Type.FILM_GRAIN_PARAMS.value)


def has_film_grain(decoder: VideoCodecContext, packet: av.Packet) -> bool:  # type: ignore[type-arg]
    """Whether the picture that a stream's first packet holds is to be drawn with grain.

    Args:
        decoder: Of the stream; one more like it decodes the packet.
        packet: The first one.
    """
    if decoder.name not in _CARRIERS:
        return False
    probe = cast(VideoCodecContext, av.CodecContext.create(decoder.name, "r"))
    probe.extradata = decoder.extradata
    probe.options = dict(EXPORTED)
    probe.thread_count = 1
    try:
        frames = [*probe.decode(packet), *probe.decode(None)]
    except av.FFmpegError:
        return False  # the stream's own decoder tells what is wrong
    return any(carries(frame, _PARAMETERS) for frame in frames)
