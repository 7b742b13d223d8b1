"""What of a decoded frame is shown, where a container says that some of it is not.

References:
    RFC 9559, section 5.1.4.1.28 (Matroska: PixelCropTop and others); ISO/IEC 14496-12, section
    12.1.4 (MP4: the clean aperture).
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from fractions import Fraction

import av
import av.filter

from framegauge.runtime.errors import ScoreError
from framegauge.runtime.sources.planes import chroma_step


@dataclass(frozen=True)
class Cropping:
    """Columns and rows at each side that are not shown."""

    left: int = 0
    right: int = 0
    top: int = 0
    bottom: int = 0

    def __bool__(self) -> bool:
        return any(astuple(self))

    def to_json(self) -> dict[str, int] | None:
        """As the report has it, ``None`` for nothing."""
        return dict(vars(self)) if self else None


UNCROPPED = Cropping()


class Cropper:
    """Frames of one video -> what is shown of them; their samples stay where they lie."""

    def __init__(self, name: str, cropping: Cropping) -> None:
        """Keep what is to be cut.

        Args:
            name: What messages call the video.
            cropping: What is not shown.
        """
        self._name = name
        self._cropping = cropping
        self._graph: av.filter.Graph | None = None

    def __call__(self, frame: av.VideoFrame) -> av.VideoFrame:
        """What is shown of a frame.

        Raises:
            ScoreError: Nothing is left, or chroma lies across the edge.
        """
        if not self._cropping:
            return frame
        if self._graph is None:
            self._graph = self._crop(frame)
        self._graph.vpush(frame)
        return self._graph.vpull()

    def _crop(self, frame: av.VideoFrame) -> av.filter.Graph:
        left, right, top, bottom = astuple(self._cropping)
        width, height = frame.width - left - right, frame.height - top - bottom
        if min(width, height) < 1:
            raise ScoreError(
                f"{self._name} is {frame.width}x{frame.height}, and its container crops "
                f"{left}+{right} columns and {top}+{bottom} rows: nothing is left. Correct what "
                "it says of cropping."
            )
        across, down = chroma_step(frame.format.name)
        if left % across or top % down:
            raise ScoreError(
                f"{self._name} is {frame.format.name}, and its container crops {left} columns at "
                f"the left and {top} rows at the top: chroma samples span {across}x{down} pixels, "
                "and cannot be cut between. Decode it to 4:4:4 with that cropping, and score that."
            )
        graph = av.filter.Graph()
        graph.link_nodes(
            graph.add_buffer(
                width=frame.width,
                height=frame.height,
                format=frame.format,
                time_base=Fraction(1, 1000),
            ),
            graph.add("crop", f"w={width}:h={height}:x={left}:y={top}:exact=1"),
            graph.add("buffersink"),
        )
        graph.configure(auto_buffer=False)
        return graph
