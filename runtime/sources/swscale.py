"""Other sizes and pixel formats of a frame, by FFmpeg's software scaler, with every setting named.

The scaler has habits that would falsify a measurement, each met and avoided here:

- Going to fewer bits while it resizes, it adds a pattern of noise; going to more, it leaves full
  range short of its peak. So depth changes in a step of its own, and size at the greater depth.
- It takes and gives grey as full range, whatever it is told. So grey goes through luma.
- Its float RGB from YUV is too dark by 1/256. So the matrix is applied here.
- Its full-range formats (``yuvj420p``) cannot be told otherwise. So it gets their planes under the
  plain name.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any, Literal, get_args

import av
import av.filter
import numpy as np
from numpy.typing import NDArray

from framegauge.export.formats import FORMATS, find_format
from framegauge.runtime.cpus import usable_cpus
from framegauge.runtime.errors import UsageError
from framegauge.runtime.sources.colour import Matrix, Range, colour_matrix
from framegauge.runtime.sources.facts import Facts
from framegauge.runtime.sources.planes import Planes, exchanged, frame_of, holding, planes_of

Scaler = Literal["bicubic", "lanczos", "bilinear", "area"]

_PLANAR = {"nv12": "yuv420p", "p010le": "yuv420p10le"}
_EXACT = "accurate_rnd+full_chroma_int+full_chroma_inp"
# As the models have it, and H.264 and HEVC by default; the scaler would take chroma as centred.
_SITING = "in_chroma_loc=left:out_chroma_loc=left"


class Conversion:
    """Pictures of one video -> planes of one model format and size; nothing is done needlessly."""

    def __init__(
        self,
        facts: Facts,
        *,
        format: str,
        size: tuple[int, int] | None = None,
        scaler: str = "bicubic",
        matrix: str | None = None,
        range: str | None = None,
    ) -> None:
        """Settle what is to be done with every picture.

        Args:
            facts: What the pictures are.
            format: Name of the model format.
            size: Width and height wanted.
            scaler: How samples are interpolated, where they have to be.
            matrix: Of the planes that come out; as it is, or the usual one if they were RGB.
            range: Of the planes that come out; as it is, or limited if they were RGB.

        Raises:
            UsageError: There is no such format, scaler, matrix or range, or no such size.
        """
        _check(format, size, scaler, matrix, range)
        rgb = facts.matrix is None
        self._facts = facts
        self._format = find_format(format)
        self._size = size or facts.size
        self._scaler = scaler
        self._matrix = matrix or facts.matrix or ("bt709" if self._size[1] >= 720 else "bt601")
        self._range = range or ("limited" if rgb else facts.range)
        self._graphs: dict[str, av.filter.Graph] = {}
        keeps_colour = (
            rgb
            or self._format.kind == "rgb"
            or (self._range == facts.range and facts.format == "gray8")
            or (self._range == facts.range and self._matrix == facts.matrix)
        )
        self._moves_only = self._size == facts.size and keeps_colour

    def __call__(self, picture: av.VideoFrame | Planes) -> Planes:
        """The planes of one picture: a decoded frame, or planes of ``facts.format``."""
        facts = self._facts
        if self._moves_only and facts.format is not None:
            held = planes_of(picture) if isinstance(picture, av.VideoFrame) else picture
            moved = exchanged(held, facts.format, self._format.name)
            if moved is not None:
                return moved
        scaled = self._scaled(self._plain(picture))
        return self._finished(scaled)

    def _plain(self, picture: av.VideoFrame | Planes) -> av.VideoFrame:
        """The picture as a frame that the scaler understands as its facts say."""
        facts = self._facts
        if not isinstance(picture, av.VideoFrame):
            name = {"gray8": "gray", "rgbf32": "gbrpf32le"}.get(facts.pixel_format)
            picture = frame_of(picture, name or facts.pixel_format, facts.size)
        name = picture.format.name
        if name.startswith("gbrpf32"):
            words = np.round(np.clip(planes_of(picture)[0], 0, 1) * 65535).astype("<u2")
            pairs = words.view(np.uint8).reshape(*words.shape, 2)
            return frame_of((pairs[1], pairs[2], pairs[0]), "gbrp16le", facts.size)
        if name.startswith("yuvj"):
            return frame_of(planes_of(picture), name.replace("j", ""), facts.size)
        if re.fullmatch(r"gray(9|1[0246])?(le|be)?", name):
            return _with_neutral_chroma(picture)
        return picture

    def _scaled(self, frame: av.VideoFrame) -> av.VideoFrame:
        kind = frame.format.name
        if kind not in self._graphs:
            self._graphs[kind] = _graph(frame, self._steps(kind))
        graph = self._graphs[kind]
        graph.vpush(frame)
        return graph.vpull()

    def _steps(self, pixel_format: str) -> list[tuple[str, str]]:
        """Arguments of scale filters, each with the pixel format that comes out of it."""
        facts, last = self._facts, self._last_format()
        settings = f"flags={self._scaler}+{_EXACT}:sws_dither=none:{_SITING}"
        before = f"in_color_matrix={facts.matrix}:in_range={facts.range}" if facts.matrix else ""
        after = f"out_color_matrix={self._matrix}:out_range={self._range}"
        unchanged = f"out_color_matrix={facts.matrix}:out_range={facts.range}"

        more_bits = _at_depth(pixel_format, av.VideoFormat(last).components[0].bits)
        most_bits = _at_depth(last, facts.depth) if last in FORMATS else last
        steps = []
        if more_bits != pixel_format and _is_yuv(last):
            steps.append((":".join([settings, before, unchanged]), more_bits))
        scale = [f"w={self._size[0]}:h={self._size[1]}", settings, before]
        if _is_yuv(last):
            scale.append(after)
        steps.append((":".join(filter(None, scale)), most_bits))
        if most_bits != last:
            same = f"in_range={self._range}:out_range={self._range}"
            steps.append((f"{settings}:{same}", last))
        return steps

    def _last_format(self) -> str:
        """What the scaler is asked for, from which the planes wanted are made."""
        depth = self._facts.depth
        match self._format.name:
            case "gray8":
                return "yuv420p"
            case "rgbf32" if self._facts.matrix is not None:
                return _at_depth("yuv444p", depth)
            case "rgbf32" if depth > 8:
                return f"gbrp{min(depth, 16)}le"
            case "rgbf32":
                return "rgb24"
            case name:
                return _PLANAR.get(name, name)

    def _finished(self, frame: av.VideoFrame) -> Planes:
        planes = planes_of(frame)
        if self._format.name == "gray8":
            return planes[:1]
        if self._format.name == "rgbf32" and self._facts.matrix is not None:
            return (self._coloured(planes),)
        held = holding(frame.format.name) or self._format.name
        return exchanged(planes, held, self._format.name) or planes

    def _coloured(self, planes: Planes) -> NDArray[np.float32]:
        """RGB in [0, 1] of 4:4:4 planes, colours outside the cube brought to its surface."""
        depth = self._facts.depth
        codes = planes if depth == 8 else tuple(_words(plane) for plane in planes)
        matrix = colour_matrix(self._facts.matrix or "bt601", self._facts.range, depth)
        values = np.stack(codes).astype(np.float32)
        rgb = np.tensordot(matrix[:, :3], values, axes=1) + matrix[:, 3, None, None]
        clipped: NDArray[np.float32] = np.clip(rgb, 0, 1)
        return clipped


def _check(
    form: str, size: tuple[int, int] | None, scaler: str, matrix: str | None, span: str | None
) -> None:
    if form not in FORMATS:
        raise UsageError(f"No model takes the format {form!r}. Formats: {', '.join(FORMATS)}.")
    if size is not None and min(size) < 1:
        raise UsageError(f"A frame has at least 1x1 pixels, {size[0]}x{size[1]} was asked for.")
    for what, value, allowed in (
        ("scaler", scaler, get_args(Scaler)),
        ("matrix", matrix, (None, *get_args(Matrix))),
        ("range", span, (None, *get_args(Range))),
    ):
        if value not in allowed:
            listed = ", ".join(filter(None, allowed))
            raise UsageError(f"There is no {what} called {value!r}. Choose one of {listed}.")


def _graph(frame: av.VideoFrame, steps: list[tuple[str, str]]) -> av.filter.Graph:
    """The steps as a graph for frames like this one."""
    graph = av.filter.Graph()
    graph.threads = usable_cpus()
    chain = [
        graph.add_buffer(
            width=frame.width,
            height=frame.height,
            format=frame.format,
            time_base=Fraction(1, 1000),
        )
    ]
    for arguments, pixel_format in steps:
        chain.append(graph.add("scale", arguments))
        chain.append(graph.add("format", f"pix_fmts={pixel_format}"))
    graph.link_nodes(*chain, graph.add("buffersink"))
    graph.configure(auto_buffer=False)
    return graph


def _at_depth(pixel_format: str, depth: int) -> str:
    """The same planes with at least so many bits."""
    match = re.fullmatch(r"(yuv4\d\dp)(\d\d)?(le)?", pixel_format)
    if match is None or depth <= int(match[2] or 8):
        return pixel_format
    return f"{match[1]}{min(depth, 16)}le"


def _is_yuv(pixel_format: str) -> bool:
    return pixel_format.startswith("yuv")


def _words(pairs: NDArray[np.uint8]) -> NDArray[Any]:
    return np.ascontiguousarray(pairs).view("<u2")[..., 0]


def _with_neutral_chroma(picture: av.VideoFrame) -> av.VideoFrame:
    depth = max(part.bits for part in picture.format.components)
    (luma,) = planes_of(picture)
    shape = (picture.height + 1) // 2, (picture.width + 1) // 2
    chroma: NDArray[np.uint8] = np.full(shape, 128, np.uint8)
    if depth > 8:
        chroma = np.full((*shape, 1), 2 ** (depth - 1), "<u2").view(np.uint8)
    planar = "yuv420p" if depth == 8 else f"yuv420p{depth}le"
    return frame_of((luma, chroma, chroma), planar, (picture.width, picture.height))
