"""What lies beside a decoded picture, by FFmpeg's filter for it.

PyAV's side data frees what the frame itself frees later, wherever an entry has metadata, as an ICC
profile has; and it gives none where there is a kind that it has no name for.
"""

from __future__ import annotations

from fractions import Fraction

import av
import av.filter


def carries(frame: av.VideoFrame, kind: int) -> bool:
    """Whether a frame has side data of a kind, by FFmpeg's number of it."""
    return passed(frame, f"mode=select:type={kind}") is not None


def passed(frame: av.VideoFrame, *settings: str) -> av.VideoFrame | None:
    """The frame as FFmpeg's ``sidedata`` filters let it pass, ``None`` if they do not."""
    graph = av.filter.Graph()
    buffer = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, 1000)
    )
    filters = [graph.add("sidedata", setting) for setting in settings]
    graph.link_nodes(buffer, *filters, graph.add("buffersink"))
    graph.configure(auto_buffer=False)
    graph.vpush(frame)
    try:
        return graph.vpull()
    except BlockingIOError:
        return None
