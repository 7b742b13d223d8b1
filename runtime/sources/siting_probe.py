"""Where chroma of a decoded frame lies, told by what FFmpeg's scaler makes of a pattern there.

PyAV does not show it, and Matroska has no words for two of the places: see matroska_header.
"""

from __future__ import annotations

from fractions import Fraction

import av
import av.filter

from framegauge.runtime.sources.planes import chroma_step, planes_of

# The scaler takes a frame that says nothing for one in the centre, so that is not told from it.
_PLACES = ("left", "topleft", "top", "bottomleft", "bottom")
_SIDE = 16
_FULL = "yuv444p"


def probed_siting(frame: av.VideoFrame) -> str | None:
    """Where it says that its chroma lies, ``None`` if it says nothing, or the centre."""
    if chroma_step(frame.format.name) != (2, 2) or min(frame.width, frame.height) < _SIDE:
        return None
    # In place of the samples: they may be flat, and are the decoder's.
    pattern = _filtered(
        frame,
        ("crop", f"w={_SIDE}:h={_SIDE}:x=0:y=0"),
        ("geq", "lum=128:cb=20+6*X*X:cr=20+6*Y*Y"),
        # Colours that are said would be changed too.
        ("setparams", "range=unknown:colorspace=unknown:color_primaries=unknown:color_trc=unknown"),
    )
    # This heeds what the frame says, and the filter does not.
    found = _samples(pattern.reformat(format=_FULL, interpolation="BILINEAR"))
    for place in _PLACES:
        scaled = f"flags=bilinear:in_chroma_loc={place}"
        taken = _filtered(pattern, ("scale", scaled), ("format", f"pix_fmts={_FULL}"))
        if _samples(taken) == found:
            return place
    return None


def _filtered(frame: av.VideoFrame, *filters: tuple[str, str]) -> av.VideoFrame:
    graph = av.filter.Graph()
    graph.link_nodes(
        graph.add_buffer(
            width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, 25)
        ),
        *(graph.add(name, arguments) for name, arguments in filters),
        graph.add("buffersink"),
    )
    graph.configure(auto_buffer=False)
    graph.vpush(frame)
    return graph.vpull()


def _samples(frame: av.VideoFrame) -> list[bytes]:
    return [plane.tobytes() for plane in planes_of(frame)]
