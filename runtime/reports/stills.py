"""Pictures of the worst frames: the reference, the distorted and their difference."""

from __future__ import annotations

import heapq
import math
from base64 import b64encode
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np
from av import CodecContext, VideoFrame
from av.video.reformatter import Interpolation
from numpy.typing import NDArray

from framegauge.export.contract.formats import Format
from framegauge.runtime.sources.colour import Colour
from framegauge.runtime.sources.planes import Planes, frame_of

# swscale's numbers for the standards (SWS_CS_*) and for the ranges (AVCOL_RANGE_*).
_MATRICES = {"bt601": 5, "bt709": 1, "bt2020": 9}
_RANGES = {"limited": 1, "full": 2}
_ACCURATE = (
    Interpolation.BICUBIC
    | Interpolation.ACCURATE_RND
    | Interpolation.FULL_CHR_H_INT
    | Interpolation.FULL_CHR_H_INP
)
# swscale's deep RGB is the 8-bit code times 256, so white is 65280.
_CODE = 256
_WIDEST = 960
_LARGEST_GAIN = 128
# Quantisers of MPEG's family, 1 (finest) to 31. An amplified difference is mostly noise, which
# costs many bytes and needs few.
_PICTURE = 4
_DIFFERENCE = 10


@dataclass(frozen=True, kw_only=True)
class Still:
    """One frame to look at.

    Attributes:
        frame: Its index in the reference.
        label: The score it is worst by.
        value: That score, NaN if it has none.
        reference: Picture, a ``data:`` address.
        distorted: The same of the distorted video.
        difference: The same of the absolute difference of their RGB, times the gain.
        gain: What the difference was multiplied by; 1 if the frames are equal.
    """

    frame: int
    label: str
    value: float
    reference: str
    distorted: str
    difference: str
    gain: int


class Worst:
    """The worst frames of those offered, by one score; holds only so many, whatever the clip."""

    def __init__(
        self,
        count: int,
        *,
        label: str,
        better: Literal["higher", "lower"],
        form: Format,
        reference: Colour,
        distorted: Colour,
    ) -> None:
        """Hold nothing yet.

        Args:
            count: How many to keep.
            label: The score that decides.
            better: Which way an improvement moves it.
            form: Pixel format of the planes.
            reference: What the reference's code values mean; of no concern to RGB.
            distorted: The same of the distorted video.
        """
        self._count = count
        self._label = label
        self._better = better
        self._form = form
        self._colours = reference, distorted
        # Least bad first, and of equals the latest first: what the next worse frame replaces.
        self._kept: list[tuple[float, int, float, tuple[Planes, Planes]]] = []

    def offer(self, frame: int, value: float, reference: Planes, distorted: Planes) -> None:
        """Keep the frame if it is among the worst so far; its planes are copied only then.

        Args:
            frame: Index in the reference, different in every call.
            value: Its score; without a finite one a frame is the worst.
            reference: Planes in the order and shape of the format, without batch.
            distorted: The same of the distorted video.
        """
        badness = -value if self._better == "higher" else value
        if math.isnan(badness):
            badness = math.inf
        if len(self._kept) >= self._count:
            if not self._kept or (badness, -frame) <= self._kept[0][:2]:
                return
            heapq.heappop(self._kept)
        pair = (
            tuple(plane.copy() for plane in reference),
            tuple(plane.copy() for plane in distorted),
        )
        heapq.heappush(self._kept, (badness, -frame, value, pair))

    def pictures(self) -> list[Still]:
        """The frames that were kept as pictures, the worst first."""
        return [
            self._still(-number, value, pair)
            for _, number, value, pair in sorted(
                self._kept, reverse=True, key=lambda kept: kept[:2]
            )
        ]

    def _still(self, frame: int, value: float, pair: tuple[Planes, Planes]) -> Still:
        reference, distorted = (
            to_rgb(planes, self._form, colour)
            for planes, colour in zip(pair, self._colours, strict=True)
        )
        difference = np.abs(reference.astype(np.int32) - distorted)
        gain = fitting_gain(difference)
        return Still(
            frame=frame,
            label=self._label,
            value=value,
            reference=to_jpeg(reference, quantiser=_PICTURE),
            distorted=to_jpeg(distorted, quantiser=_PICTURE),
            difference=to_jpeg(difference * gain, quantiser=_DIFFERENCE),
            gain=gain,
        )


def to_rgb(planes: Planes, form: Format, colour: Colour) -> NDArray[np.uint16]:
    """A frame's colours, ``(H, W, 3)``: the 8-bit code times 256, so that depth is kept."""
    if form.dtype == "float32":
        return _codes(np.nan_to_num(np.moveaxis(planes[0], 0, 2)))
    if form.kind == "rgb":
        return _codes(planes[0] / 255)
    if form.kind == "gray":
        words = (
            planes[0] if form.depth == 8 else np.ascontiguousarray(planes[0]).view("<u2")[..., 0]
        )
        step = 2 ** (form.depth - 8)
        dark, light = (16 * step, 235 * step) if colour.range == "limited" else (0, form.peak)
        grey = (words.astype(np.float64) - dark) / (light - dark)
        return _codes(grey[..., None].repeat(3, axis=2))
    height, width = planes[0].shape[:2]
    frame = frame_of(planes, form.name, (width, height))
    matrix = _MATRICES[colour.matrix]
    converted: NDArray[np.uint16] = frame.reformat(
        format="rgb48le",
        src_colorspace=matrix,
        dst_colorspace=matrix,
        src_color_range=_RANGES[colour.range],
        dst_color_range=_RANGES["full"],
        interpolation=int(_ACCURATE),
    ).to_ndarray()  # type: ignore[assignment]
    return converted


def fitting_gain(difference: NDArray[np.int32]) -> int:
    """The power of two that makes nearly all of a difference visible and little of it clip.

    Args:
        difference: Absolute difference of two pictures of :func:`to_rgb`.
    """
    errors = difference.max(axis=2)
    errors = errors[errors > 0]
    if not errors.size:
        return 1
    room = 255 * _CODE / float(np.percentile(errors, 99))
    return int(min(_LARGEST_GAIN, 2 ** math.floor(math.log2(max(room, 1)))))


def to_jpeg(picture: NDArray[np.uint16] | NDArray[np.int32], *, quantiser: int) -> str:
    """A picture of :func:`to_rgb` as a ``data:`` address, at most 960 pixels wide.

    Args:
        picture: Colours, ``(H, W, 3)``, the 8-bit code times 256; what is brighter than white
            becomes white.
        quantiser: From 1, the finest, to 31.
    """
    height, width = picture.shape[:2]
    codes = ((picture.astype(np.int32) + _CODE // 2) // _CODE).clip(0, 255).astype(np.uint8)
    factor = min(1.0, _WIDEST / width)
    frame = VideoFrame.from_ndarray(np.ascontiguousarray(codes), "rgb24").reformat(
        width=max(1, round(width * factor)),
        height=max(1, round(height * factor)),
        interpolation=int(Interpolation.AREA),
    )
    # Two steps: swscale drops chroma when it scales and changes the format at once. A JPEG is
    # full-range bt601, whatever the video was.
    frame = frame.reformat(
        format="yuvj444p",
        dst_colorspace=_MATRICES["bt601"],
        dst_color_range=_RANGES["full"],
        interpolation=int(_ACCURATE),
    )
    encoder = CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height = frame.width, frame.height
    encoder.pix_fmt = "yuvj444p"
    encoder.time_base = Fraction(1)
    encoder.qmin = encoder.qmax = quantiser
    encoded = b"".join(bytes(packet) for packet in (*encoder.encode(frame), *encoder.encode(None)))
    return "data:image/jpeg;base64," + b64encode(encoded).decode()


def _codes(unit: NDArray[Any]) -> NDArray[np.uint16]:
    codes: NDArray[np.uint16] = np.rint(unit.clip(0, 1) * (255 * _CODE)).astype(np.uint16)
    return codes
