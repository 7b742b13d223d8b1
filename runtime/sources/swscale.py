"""Other sizes and pixel formats of a frame, by FFmpeg's software scaler, with every setting named.

The scaler has habits that would falsify a measurement, each met and avoided here:

- Going to fewer bits while it resizes, it adds a pattern of noise; going to more, it leaves full
  range short of its peak. So size changes at the greater depth, and depth in a step of its own.
- It halves the steps of deep samples for each bit, so that white of full range and of RGB, 65535,
  becomes 255.996, and is then rounded up: a code too bright. So these lose their bits here.
- It rounds chroma down where it changes the range. So that is done at 16 bits.
- It takes and gives grey as full range, whatever it is told. So grey goes through luma.
- Its float RGB from YUV is too dark by 1/256. So the matrix is applied here.
- Its full-range formats (``yuvj420p``) cannot be told otherwise. So it gets their planes under the
  plain name.
"""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from typing import Literal, cast, get_args

import av
import av.filter

from framegauge.export.contract.colour_map import MATRICES, Matrix, Range
from framegauge.export.contract.formats import FORMATS, find_format
from framegauge.export.contract.roles import SITINGS
from framegauge.runtime.cpu_count import usable_cpus
from framegauge.runtime.errors import UsageError
from framegauge.runtime.sources import code_values as codes
from framegauge.runtime.sources.colour_mismatch import check_matrix
from framegauge.runtime.sources.facts import Facts
from framegauge.runtime.sources.planes import (
    Planes,
    chroma_step,
    exchanged,
    frame_of,
    holding,
    planes_of,
)

# Formats with the same samples as another in another order: no conversion, and free to choose.
REORDERED = {"nv12": "yuv420p", "p010le": "yuv420p10le"}

Scaler = Literal["bicubic", "lanczos", "bilinear", "area"]

# Planes that there are of 8 to 16 bits; of 4:1:1 there are those of 8 alone.
_PLANES = re.compile(r"(yuv4(?:20|22|44)p)(\d\d?)?(?:le)?")
# Grey goes to the scaler with chroma beside it.
_WITH_CHROMA = {"gray8": "yuv420p"} | {
    f"gray{bits}le": f"yuv420p{bits}le" for bits in (10, 12, 14, 16)
}
_PLANAR = REORDERED | _WITH_CHROMA
_EXACT = "accurate_rnd+full_chroma_int+full_chroma_inp"
# The scaler's names of where chroma lies; what is not said is left, where it would be centred.
_SITED = {name: "center" if name == "centre" else name for name in SITINGS}


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
        siting: str | None = None,
    ) -> None:
        """Settle what is to be done with every picture.

        Args:
            facts: What the pictures are.
            format: Name of the model format.
            size: Width and height wanted.
            scaler: How samples are interpolated, where they have to be.
            matrix: Of the planes that come out; as it is, or the usual one if they were RGB.
            range: Of the planes that come out; as it is, or limited if they were RGB.
            siting: Of the chroma that comes out; as it is.

        Raises:
            UsageError: There is no such format, scaler, matrix or range, or no such size.
        """
        _check(format, size, scaler, None if matrix == facts.matrix else matrix, range)
        if find_format(format).kind == "rgb" or matrix not in (None, facts.matrix):
            check_matrix(facts, "a conversion")
        elif facts.matrix is not None and facts.matrix not in MATRICES:
            # The scaler does not know them all; what keeps its matrix goes through it as of any.
            matrix, facts = MATRICES[0], replace(facts, matrix=MATRICES[0])
        rgb = facts.matrix is None
        self._facts = facts
        self._format = find_format(format)
        self._size = size or facts.size
        self._scaler = scaler
        usual = "bt709" if self._size[1] >= 720 else "bt601"
        self._matrix = cast(Matrix, matrix or facts.matrix or usual)
        self._range = cast(Range, range or ("limited" if rgb else facts.range))
        self._graphs: dict[str, av.filter.Graph] = {}
        self._siting = _SITED[facts.siting or "left"], _SITED[siting or facts.siting or "left"]
        keeps_colour = (
            rgb
            or self._format.kind == "rgb"
            or (self._range == facts.range and facts.format in _WITH_CHROMA)
            or (
                self._range == facts.range
                and self._matrix == facts.matrix
                and len(set(self._siting)) == 1
            )
        )
        self._moves_only = self._size == facts.size and keeps_colour
        self._deep_rgb = rgb and facts.depth > 8
        self._by_float = format == "rgbf32" or (
            format == "rgb24" and facts.depth > 8 and (rgb or facts.range == "full")
        )
        # What the planes are that the scaler is given, ``None`` where it is given RGB.
        self._given = (facts.matrix, facts.range) if facts.matrix else None
        if self._deep_rgb and self._format.kind != "rgb":
            self._given = self._matrix, "limited"
        self._planar = _PLANAR.get(format, format)
        self._last = self._last_format()

    def __call__(self, picture: av.VideoFrame | Planes) -> Planes:
        """The planes of one picture: a decoded frame, or planes of ``facts.format``."""
        facts = self._facts
        if self._moves_only and facts.format is not None:
            held = planes_of(picture) if isinstance(picture, av.VideoFrame) else picture
            moved = exchanged(held, facts.format, self._format.name)
            if moved is not None:
                return moved
            if (facts.format, self._format.name) == ("rgbf32", "rgb24"):
                return (codes.rgb24(held[0]),)
        return self._finished(self._through(self._plain(picture), *self._step()))

    def _plain(self, picture: av.VideoFrame | Planes) -> av.VideoFrame:
        """The picture as a frame that the scaler understands as its facts say."""
        facts = self._facts
        if not isinstance(picture, av.VideoFrame):
            name = {"gray8": "gray", "rgbf32": "gbrpf32le"}.get(facts.pixel_format)
            picture = frame_of(picture, name or facts.pixel_format, facts.size)
        if self._deep_rgb:
            return self._plain_rgb(picture)
        name, size = picture.format.name, facts.size
        if name.startswith("yuvj"):
            picture = frame_of(planes_of(picture), name.replace("j", ""), size)
        elif re.fullmatch(r"gray(9|1[0246])?(le|be)?", name):
            (luma,) = planes_of(picture)
            planar = _at_depth("yuv420p", facts.depth)
            picture = frame_of(codes.with_neutral_chroma(luma, facts.depth), planar, size)
        elif facts.format in REORDERED:
            planar = REORDERED[facts.format]
            picture = frame_of(
                exchanged(planes_of(picture), facts.format, planar) or (), planar, size
            )
        name = picture.format.name
        if not _is_yuv(self._last) or _bits(self._last) <= min(facts.depth, 16):
            return picture
        if _PLANES.fullmatch(name) is None and facts.matrix is not None:
            same = "flags={}+{}:in_range={}:out_range={}:in_chroma_loc={}:out_chroma_loc={}".format(
                *(self._scaler, _EXACT, *[facts.range] * 2, *[self._siting[0]] * 2)
            )
            picture = self._through(picture, same, _nearest_planes(picture.format))
            name = picture.format.name
        deeper = _at_depth(name, _bits(self._last))
        if deeper == name:
            return picture
        planes = codes.at_depth(planes_of(picture), facts.range, _bits(name), _bits(deeper))
        return frame_of(planes, deeper, size)

    def _plain_rgb(self, picture: av.VideoFrame) -> av.VideoFrame:
        """RGB of more than 8 bits as integers without alpha, or as the planes wanted in 4:4:4."""
        depth = self._facts.depth
        if holding(picture.format.name) is None:
            picture = self._through(picture, "", f"gbrp{depth}le" if depth <= 16 else "gbrpf32le")
        (rgb,) = planes_of(picture)
        if self._format.kind != "rgb":
            planes = codes.uncoloured(rgb, self._matrix)
            return frame_of(planes, "yuv444p16le", self._facts.size)
        if not picture.format.name.startswith("gbrpf32"):
            return picture
        return frame_of(codes.gbrp16(rgb), "gbrp16le", self._facts.size)

    def _through(self, frame: av.VideoFrame, arguments: str, pixel_format: str) -> av.VideoFrame:
        """What a scale filter makes of a frame."""
        kind = f"{frame.format.name} {pixel_format}"
        if kind not in self._graphs:
            self._graphs[kind] = _graph(frame, arguments, pixel_format)
        graph = self._graphs[kind]
        graph.vpush(frame)
        return graph.vpull()

    def _step(self) -> tuple[str, str]:
        """Arguments of the scale filter, and the pixel format that comes out of it."""
        parts = [f"w={self._size[0]}:h={self._size[1]}:flags={self._scaler}+{_EXACT}"]
        parts.append("sws_dither=none:in_chroma_loc={}:out_chroma_loc={}".format(*self._siting))
        if self._given:
            parts.append("in_color_matrix={}:in_range={}".format(*self._given))
        if self._format.kind != "rgb":
            parts.append(f"out_color_matrix={self._matrix}:out_range={self._range}")
        elif self._given and _is_yuv(self._last):
            parts.append("out_color_matrix={}:out_range={}".format(*self._given))
        return ":".join(parts), self._last

    def _last_format(self) -> str:
        """What the scaler is asked for, from which the planes wanted are made."""
        facts, depth = self._facts, min(self._facts.depth, 16)
        if self._format.kind == "rgb":
            if facts.matrix is not None and self._by_float:
                return _at_depth("yuv444p", depth)
            return f"gbrp{depth}le" if self._deep_rgb else "rgb24"
        same_range = (facts.range if facts.matrix else "limited") == self._range
        depth = max(depth, self._format.depth) if same_range and not self._deep_rgb else 16
        return _at_depth(self._planar, depth)

    def _finished(self, frame: av.VideoFrame) -> Planes:
        planes = planes_of(frame)
        if self._by_float:
            if self._given:
                rgb = codes.coloured(planes, *self._given, _bits(self._last))
            else:
                (rgb,) = exchanged(planes, str(holding(frame.format.name)), "rgbf32") or planes
            return (codes.rgb24(rgb) if self._format.name == "rgb24" else rgb,)
        if self._format.kind == "rgb":
            return planes
        planes = codes.at_depth(planes, self._range, _bits(self._last), self._format.depth)
        if self._format.kind == "gray":
            return planes[:1]
        return exchanged(planes, self._planar, self._format.name) or planes


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


def _graph(frame: av.VideoFrame, arguments: str, pixel_format: str) -> av.filter.Graph:
    """A scale filter for frames like this one."""
    graph = av.filter.Graph()
    graph.threads = usable_cpus()
    graph.link_nodes(
        graph.add_buffer(
            width=frame.width,
            height=frame.height,
            format=frame.format,
            time_base=Fraction(1, 1000),
        ),
        graph.add("scale", arguments),
        graph.add("format", f"pix_fmts={pixel_format}"),
        graph.add("buffersink"),
    )
    graph.configure(auto_buffer=False)
    return graph


def _at_depth(pixel_format: str, depth: int) -> str:
    """The same planes with at least so many bits."""
    match = _PLANES.fullmatch(pixel_format)
    if match is None or depth <= int(match[2] or 8):
        return pixel_format
    return f"{match[1]}{min(depth, 16)}le"


def _nearest_planes(layout: av.VideoFormat) -> str:
    """Planes of the same bits that there are of every depth, with no less chroma."""
    planes = {(2, 2): "yuv420p", (2, 1): "yuv422p"}.get(chroma_step(layout.name), "yuv444p")
    depth = min(layout.components[0].bits, 16)
    return planes if depth == 8 else f"{planes}{depth}le"


def _bits(pixel_format: str) -> int:
    return int(av.VideoFormat(pixel_format).components[0].bits)


def _is_yuv(pixel_format: str) -> bool:
    return pixel_format.startswith("yuv")
