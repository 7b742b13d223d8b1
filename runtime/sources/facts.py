"""What is known of a video: how it is stored, what its code values mean, what was assumed."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, cast, get_args

import av

from framegauge.export.contract.colour_map import Matrix, Range
from framegauge.export.contract.spec import Transfer
from framegauge.runtime.errors import ScoreError, UsageError
from framegauge.runtime.sources.planes import holding

# Code points of ITU-T H.273, tables 2 to 4, with FFmpeg's names.
MATRICES = {
    1: "bt709",
    4: "fcc",
    5: "bt601",
    6: "bt601",
    7: "smpte240m",
    8: "ycgco",
    9: "bt2020",
    10: "bt2020c",
    11: "smpte2085",
    12: "chroma-derived-nc",
    13: "chroma-derived-c",
    14: "ictcp",
}
TRANSFERS = {
    1: "bt709",
    4: "gamma22",
    5: "gamma28",
    6: "smpte170m",
    7: "smpte240m",
    8: "linear",
    9: "log100",
    10: "log316",
    11: "iec61966-2-4",
    12: "bt1361e",
    13: "iec61966-2-1",
    14: "bt2020-10",
    15: "bt2020-12",
    16: "smpte2084",
    17: "smpte428",
    18: "arib-std-b67",
}
PRIMARIES = {
    1: "bt709",
    4: "bt470m",
    5: "bt470bg",
    6: "smpte170m",
    7: "smpte240m",
    8: "film",
    9: "bt2020",
    10: "smpte428",
    11: "smpte431",
    12: "smpte432",
    22: "ebu3213",
}
HDR = ("smpte2084", "arib-std-b67")


@dataclass(frozen=True, kw_only=True)
class Facts:
    """How a video is stored and what its code values mean.

    Attributes:
        name: Path as given, ``-`` for standard input, ``array`` for frames in memory.
        width: Pixels.
        height: Pixels.
        pixel_format: FFmpeg's name of what the decoder gives.
        format: The model format that holds it with every sample kept, ``None`` if none does.
        depth: Bits of a sample.
        matrix: How luma and chroma were made from colours, ``None`` for RGB.
        range: Which code values are black and white.
        siting: Where subsampled chroma lies, one of
            :data:`~framegauge.export.contract.roles.SITINGS`; ``None`` if not said.
        transfer: FFmpeg's name of the transfer function, ``None`` if not said.
        primaries: FFmpeg's name of the primaries, ``None`` if not said.
        assumed: Which of these the stream did not say and nobody gave.
        frame_rate: Frames a second, ``None`` if unknown.
        frames: The count that the container declares, ``None`` if it declares none.
        codec: FFmpeg's name of the decoder.
        interlaced: The first frame is made of two fields.
        orientation: How it is to be turned or mirrored to be shown, which nothing here does;
            ``None`` if it is not.
    """

    name: str
    width: int
    height: int
    pixel_format: str
    format: str | None
    depth: int
    matrix: Matrix | None
    range: Range
    siting: str | None = None
    transfer: str | None = None
    primaries: str | None = None
    assumed: tuple[str, ...] = ()
    frame_rate: Fraction | None = None
    frames: int | None = None
    codec: str
    interlaced: bool = False
    orientation: str | None = None

    @property
    def hdr(self) -> bool:
        """The transfer function is PQ or HLG."""
        return self.transfer in HDR

    @property
    def light(self) -> Transfer:
        """What the code values stand for, as metrics ask for it: ``pq``, ``hlg``, else ``sdr``."""
        lights: dict[str | None, Transfer] = {"smpte2084": "pq", "arib-std-b67": "hlg"}
        return lights.get(self.transfer, "sdr")

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
            "frame_rate": None if self.frame_rate is None else str(self.frame_rate),
            "frames": self.frames,
            "codec": self.codec,
            "interlaced": self.interlaced,
            "orientation": self.orientation,
            "hdr": self.hdr,
        }


def facts(
    name: str,
    *,
    size: tuple[int, int],
    pixel_format: str,
    codec: str,
    colorspace: int = 2,
    color_range: int = 0,
    transfer: int = 2,
    primaries: int = 2,
    frame_rate: Fraction | None = None,
    frames: int | None = None,
    interlaced: bool = False,
    orientation: str | None = None,
    still: bool = False,
    matrix: str | None = None,
    range: str | None = None,
) -> Facts:
    """The facts of a video whose stream carries these code points.

    Args:
        name: What people call it.
        size: Width and height.
        pixel_format: FFmpeg's name.
        codec: FFmpeg's name of the decoder.
        colorspace: Code point of the matrix, 2 where the stream does not say.
        color_range: 1 limited, 2 full, 0 where the stream does not say.
        transfer: Code point of the transfer function.
        primaries: Code point of the primaries.
        frame_rate: Frames a second.
        frames: Declared count.
        interlaced: The first frame is made of two fields.
        orientation: How it is to be turned or mirrored to be shown.
        still: It is an image: grey without a range is full range.
        matrix: What to take in place of the stream's matrix.
        range: What to take in place of the stream's range.

    Raises:
        UsageError: ``matrix`` or ``range`` is not one of those known.
        ScoreError: The stream has a matrix that is none of those known, and none was given.
    """
    _check_choice("--matrix", matrix, get_args(Matrix))
    _check_choice("--range", range, get_args(Range))
    layout = av.VideoFormat(pixel_format)
    rgb = layout.is_rgb or layout.has_palette
    # PyAV's is_chroma knows chroma by its being subsampled, and misses that of 4:4:4.
    grey = not rgb and len(layout.components) < 3
    assumed = []

    if rgb:
        matrix = None
    elif matrix is None:
        matrix = MATRICES.get(colorspace)
        if matrix is None:
            matrix = "bt709" if size[1] >= 720 else "bt601"
            if not grey:
                assumed.append("matrix")
        elif matrix not in get_args(Matrix):
            raise ScoreError(
                f"{name} is coded with the matrix {matrix}; framegauge knows "
                f"{', '.join(get_args(Matrix))}. Say which of them to use with --matrix."
            )
    if rgb or (range is None and (color_range == 2 or pixel_format.startswith("yuvj"))):
        range = "full"
    elif range is None and color_range == 1:
        range = "limited"
    elif range is None and grey and still:
        range = "full"
    elif range is None:
        range = "limited"
        assumed.append("range")

    return Facts(
        name=name,
        width=size[0],
        height=size[1],
        pixel_format=pixel_format,
        format=holding(pixel_format),
        depth=max(part.bits for part in layout.components),
        matrix=cast(Matrix | None, matrix),
        range=cast(Range, range),
        transfer=TRANSFERS.get(transfer),
        primaries=PRIMARIES.get(primaries),
        assumed=tuple(assumed),
        frame_rate=frame_rate,
        frames=frames,
        codec=codec,
        interlaced=interlaced,
        orientation=orientation,
    )


def _check_choice(flag: str, value: str | None, allowed: tuple[str, ...]) -> None:
    if value is not None and value not in allowed:
        raise UsageError(f"{flag} takes one of {', '.join(allowed)}; got {value!r}. Choose one.")
