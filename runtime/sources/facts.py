"""What is known of a video: how it is stored, what its code values mean, what was assumed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, cast, get_args

import av

from framegauge.export.contract.colour_map import Matrix, Range
from framegauge.runtime.sources.code_points import light_of
from framegauge.runtime.sources.colour_tags import NOTHING_SAID, ColourTags, is_rgb
from framegauge.runtime.sources.cropping import UNCROPPED, Cropping
from framegauge.runtime.sources.planes import chroma_step, holding

HDR = ("smpte2084", "arib-std-b67")


@dataclass(frozen=True, kw_only=True)
class Facts:
    """How a video is stored and what its code values mean.

    Attributes:
        name: Path as given, ``-`` for standard input, ``array`` for frames in memory.
        width: Pixels that are shown.
        height: Pixels that are shown.
        pixel_format: FFmpeg's name of what the decoder gives.
        format: The model format that holds it with every sample kept, ``None`` if none does.
        depth: Bits of a sample.
        matrix: How luma and chroma were made from colours, by FFmpeg's name or one of
            :data:`~framegauge.export.contract.colour_map.MATRICES`, which alone can be made RGB
            here; ``None`` for RGB.
        range: Which code values are black and white.
        siting: Where subsampled chroma lies, one of
            :data:`~framegauge.export.contract.roles.SITINGS`; ``None`` if not said.
        transfer: FFmpeg's name of the transfer function, ``None`` if not said.
        primaries: FFmpeg's name of the primaries, ``None`` if not said.
        assumed: Which of these were not said and nobody gave.
        from_container: Which of these the container says, and the stream does not.
        container_differs: What the container says otherwise than the stream, which is heeded.
        frame_rate: Frames a second, ``None`` if unknown.
        frames: The count that the container declares, ``None`` if it declares none.
        codec: FFmpeg's name of the decoder.
        interlaced: The first frame is made of two fields.
        orientation: How it is to be turned or mirrored to be shown, which nothing here does;
            ``None`` if it is not.
        cropping: What the container cuts off of every decoded frame.
        film_grain: ``applied`` or ``left out``, ``None`` if the stream carries none.
    """

    name: str
    width: int
    height: int
    pixel_format: str
    format: str | None
    depth: int
    matrix: str | None
    range: Range
    siting: str | None = None
    transfer: str | None = None
    primaries: str | None = None
    assumed: tuple[str, ...] = ()
    from_container: tuple[str, ...] = ()
    container_differs: Mapping[str, str] = field(default_factory=dict)
    frame_rate: Fraction | None = None
    frames: int | None = None
    codec: str
    interlaced: bool = False
    orientation: str | None = None
    cropping: Cropping = UNCROPPED
    film_grain: str | None = None

    @property
    def hdr(self) -> bool:
        """The transfer function is PQ or HLG."""
        return self.transfer in HDR

    @property
    def light(self) -> str:
        """What the code values stand for, as metrics ask for it: ``pq``, ``hlg``, ``sdr``.

        For a transfer function that is none of these, its name.
        """
        return light_of(self.transfer)

    @property
    def is_subsampled(self) -> bool:
        """There is less chroma than luma."""
        return chroma_step(self.pixel_format) != (1, 1)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.width, self.height

    def to_json(self) -> dict[str, Any]:
        """The facts as the report has them; a rate is written ``"30000/1001"``."""
        return {
            "name": self.name,
            "width": self.width,
            "height": self.height,
            "pixel_format": self.pixel_format,
            "format": self.format,
            "depth": self.depth,
            "matrix": self.matrix,
            "range": self.range,
            "chroma_siting": self.siting,
            "transfer": self.transfer,
            "primaries": self.primaries,
            "assumed": list(self.assumed),
            "from_container": list(self.from_container),
            "container_differs": dict(self.container_differs),
            "frame_rate": None if self.frame_rate is None else str(self.frame_rate),
            "frames": self.frames,
            "codec": self.codec,
            "interlaced": self.interlaced,
            "orientation": self.orientation,
            "cropped": self.cropping.to_json(),
            "film_grain": self.film_grain,
            "hdr": self.hdr,
        }


def facts(
    name: str,
    *,
    size: tuple[int, int],
    pixel_format: str,
    codec: str,
    tags: ColourTags = NOTHING_SAID,
    container: ColourTags = NOTHING_SAID,
    given: ColourTags = NOTHING_SAID,
    still: bool = False,
) -> Facts:
    """What is known of a video by its pictures and by what is said of their colours.

    Args:
        name: What people call it.
        size: Width and height.
        pixel_format: FFmpeg's name.
        codec: FFmpeg's name of the decoder.
        tags: What the stream says of its colours.
        container: What the container says of them.
        given: What to take in place of what is said.
        still: It is an image: grey without a range is full range.
    """
    said = given.completed(tags).completed(container)
    layout = av.VideoFormat(pixel_format)
    rgb = is_rgb(layout)
    # PyAV's is_chroma knows chroma by its being subsampled, and misses that of 4:4:4.
    grey = not rgb and len(layout.components) < 3
    matrix, range = said.matrix, said.range
    assumed = []

    if rgb:
        matrix, range = None, "full"
    if not rgb and (matrix is None or (grey and matrix not in get_args(Matrix))):
        matrix = "bt709" if size[1] >= 720 else "bt601"
        if not grey:
            assumed.append("matrix")
    if range is None:
        range = "full" if grey and still else "limited"
        if range == "limited":
            assumed.append("range")

    return Facts(
        name=name,
        width=size[0],
        height=size[1],
        pixel_format=pixel_format,
        format=holding(pixel_format),
        depth=max(part.bits for part in layout.components),
        matrix=matrix,
        range=cast(Range, range),
        transfer=said.transfer,
        primaries=said.primaries,
        assumed=tuple(assumed),
        from_container=tuple(given.completed(tags).added_by(container)),
        container_differs=tags.contradicted(container, besides=given),
        codec=codec,
    )
