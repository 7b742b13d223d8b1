"""Optical flow from files: Middlebury's, KITTI's, PFM and NumPy's.

References:
    Baker et al., "A database and evaluation methodology for optical flow", IJCV 2011, whose
    ``flowIO.cpp`` defines ``.flo``; Menze and Geiger, "Object scene flow for autonomous vehicles",
    CVPR 2015 (KITTI's development kit); Mayer et al., "A large dataset to train convolutional
    networks for disparity, optical flow, and scene flow estimation", CVPR 2016 (PFM).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from framegauge.runtime.errors import ScoreError, UsageError
from framegauge.runtime.sources.video import open_video

Array = NDArray[np.float32]

# Middlebury writes 1e10 where a flow is not known, and reads anything above 1e9 so.
_UNKNOWN = 1e9
_FLO_TAG = b"PIEH"
# Beyond any frame; a header that says more is not one.
_LONGEST = 1 << 16
_PLACE = re.compile(r"%(0?)(\d*)d")
_PFM = re.compile(
    rb"(?P<kind>P[Ff])\s+(?P<width>\d{1,9})\s+(?P<height>\d{1,9})\s+"
    rb"(?P<scale>[-+]?\d{1,40}(?:\.\d{0,40})?(?:[eE][-+]?\d{1,3})?)(?:\r\n|\s)"
)
# NumPy's format: its version, the length of the header, and that, which its end pads.
_NPY_HEAD = 4096
_NPY = re.compile(
    rb"\x93NUMPY(?:\x01\x00(?P<short>..)|[\x02\x03]\x00(?P<long>....))"
    rb"(?P<text>\{(?P<facts>[^{}]*)\} *\n)",
    re.DOTALL,
)
_NPY_FACT = re.compile(rb"'(\w+)': *('[^']*'|True|False|\([0-9, ]{0,40}\))")
_FLOATS = re.compile(r"[<>=|]?f[248]")


def read_flow(path: str | os.PathLike[str]) -> tuple[Array, Array]:
    """A flow from a file, by the file's ending.

    ``.flo`` is Middlebury's. ``.png`` is KITTI's: 16 bits, red and green ``(value - 2**15) / 64``,
    blue zero where nothing is known. ``.pfm`` holds three channels from the bottom row up, the
    third of which is not looked at. ``.npy`` is an array of floats, ``(2, H, W)`` or ``(H, W, 2)``.
    In all but PNG a component beyond 1e9 says that nothing is known of the pixel.

    Args:
        path: The file.

    Returns:
        The flow, float32 ``(2, H, W)``, x first, in pixels, zero where it is not known; and where
        it is known, float32 ``(1, H, W)``, 1 or 0.

    Raises:
        UsageError: The ending is none of these.
        ScoreError: The file cannot be read, is damaged, cut off or too long, has values that are
            not numbers, or is an array that could be of both shapes.
    """
    file = Path(path)
    reader = _READERS.get(file.suffix.lower())
    if reader is None:
        raise UsageError(
            f"{file} is no file of a flow by its ending. Endings: {', '.join(_READERS)}."
        )
    try:
        if not file.is_file():
            file.stat()
            raise ScoreError(f"The flow {file} is no file, but a folder, pipe or device.")
        return reader(file)
    except OSError as error:
        raise ScoreError(f"The flow {file} cannot be read: {error.strerror or error}.") from error


def _flo(file: Path) -> tuple[Array, Array]:
    with file.open("rb") as opened:
        head = opened.read(12)
        if len(head) < 12 or head[:4] != _FLO_TAG:
            raise _damaged(file, f"a .flo begins with {_FLO_TAG.decode()} and its size", head[:4])
        width, height = (int(side) for side in np.frombuffer(head, "<i4", 2, 4))
        _check(file, width, height, before=12, channels=2)
        samples = np.fromfile(opened, "<f4", 2 * width * height)
    return _known(file, samples.reshape(height, width, 2).transpose(2, 0, 1))


def _pfm(file: Path) -> tuple[Array, Array]:
    with file.open("rb") as opened:
        head = opened.read(256)
        match = _PFM.match(head)
        scale = float(match["scale"]) if match else 0.0
        if match is None or scale == 0 or match["kind"] != b"PF":
            raise _damaged(
                file,
                "a flow in PFM begins with PF (three channels), its size and a scale",
                head[:16],
            )
        width, height = int(match["width"]), int(match["height"])
        _check(file, width, height, before=match.end(), channels=3)
        opened.seek(match.end())
        samples = np.fromfile(opened, "<f4" if scale < 0 else ">f4", 3 * width * height)
    return _known(file, samples.reshape(height, width, 3)[::-1, :, :2].transpose(2, 0, 1))


def _npy(file: Path) -> tuple[Array, Array]:
    with file.open("rb") as opened:
        head = opened.read(_NPY_HEAD)
    # The header is a dictionary as Python writes it, which is not left to Python to evaluate.
    match = _NPY.match(head)
    facts = dict(_NPY_FACT.findall(match["facts"])) if match else {}
    if (
        match is None
        or facts.keys() != {b"descr", b"fortran_order", b"shape"}
        or int.from_bytes(match["short"] or match["long"], "little") != len(match["text"])
    ):
        raise _damaged(file, "the header of an array was wanted", head[:8])
    descr = facts[b"descr"].strip(b"'").decode()
    if _FLOATS.fullmatch(descr) is None or b"'" in facts[b"shape"]:
        raise _damaged(file, "an array of floats was wanted", descr)
    shape = tuple(int(side) for side in facts[b"shape"].strip(b"()").split(b",") if side.strip())
    if len(shape) != 3 or not all(0 < side <= _LONGEST for side in shape):
        raise _damaged(file, "an array (2, H, W) or (H, W, 2) was wanted", shape)
    dtype = np.dtype(descr)
    wanted, size = match.end() + prod(shape) * dtype.itemsize, file.stat().st_size
    if size != wanted:
        raise _damaged(file, f"{wanted} bytes were wanted", size)
    order: Literal["F", "C"] = "F" if facts[b"fortran_order"] == b"True" else "C"
    array = np.memmap(file, dtype, "r", match.end(), shape, order)
    if array.shape[0] == array.shape[2] == 2:
        raise ScoreError(
            f"The flow {file} is {array.shape}: (2, H, W) of a frame 2 pixels wide, or (H, W, 2) "
            "of one 2 pixels high. Write it as .flo, which says its size."
        )
    if array.shape[2] == 2:
        array = array.transpose(2, 0, 1)
    if array.shape[0] != 2:
        raise _damaged(file, "an array (2, H, W) or (H, W, 2) was wanted", array.shape)
    return _known(file, array)


def _png(file: Path) -> tuple[Array, Array]:
    facts, frames = open_video(str(file), file, still=True)
    try:
        if facts.pixel_format != "rgb48be":
            raise _damaged(file, "KITTI's flows have 16-bit RGB (rgb48be)", facts.pixel_format)
        samples = next(frames).to_ndarray(format="rgb48be").astype(np.float32)
    finally:
        frames.close()
    valid = (samples[..., 2] > 0).astype(np.float32)[None]
    flow = (samples[..., :2].transpose(2, 0, 1) - 2**15) / np.float32(64)
    return np.ascontiguousarray(flow * valid), valid


_READERS: dict[str, Callable[[Path], tuple[Array, Array]]] = {
    ".flo": _flo,
    ".png": _png,
    ".pfm": _pfm,
    ".npy": _npy,
}


def _known(file: Path, samples: NDArray[np.floating]) -> tuple[Array, Array]:
    """The flow with zeros where it is not known, and where it is known."""
    if np.isnan(samples).any():
        raise _damaged(file, "numbers were wanted", f"{int(np.isnan(samples).sum())} NaN")
    with np.errstate(over="ignore"):  # beyond float32 is beyond what is known
        values = np.array(samples, np.float32)
    valid = np.abs(values).max(axis=0, keepdims=True) <= _UNKNOWN
    flow = np.where(valid, values, np.float32(0))
    return np.ascontiguousarray(flow), valid.astype(np.float32)


def _check(file: Path, width: int, height: int, *, before: int, channels: int) -> None:
    """Refuse a header whose size makes no sense, or is not that of the file."""
    if not (0 < width <= _LONGEST and 0 < height <= _LONGEST):
        raise _damaged(file, f"sides of 1 to {_LONGEST} pixels were wanted", f"{width}x{height}")
    wanted, size = before + 4 * channels * width * height, file.stat().st_size
    if size != wanted:
        raise _damaged(file, f"{wanted} bytes were wanted for {width}x{height} pixels", size)


def _damaged(file: Path, wanted: str, came: object) -> ScoreError:
    return ScoreError(
        f"The flow {file} is damaged or no flow: {wanted}, got {came}. Write it again."
    )


class FlowFiles:
    """Flows from a pattern of file names, one file a judged frame.

    Attributes:
        pattern: Such as ``flows/%05d.flo``.
    """

    def __init__(self, role: str, pattern: str) -> None:
        """Read nothing yet.

        Args:
            role: Whose flow it is, for errors.
            pattern: Path whose file name has one ``%d`` or ``%05d``: the index, from 0, that the
                frame judged has in the reference.

        Raises:
            UsageError: The pattern has not exactly one place for a number, or no flow's ending.
        """
        self.role, self.pattern = role, pattern
        path = Path(pattern)
        if len(_PLACE.findall(path.name)) != 1:
            raise UsageError(
                f"--flow {role}={pattern}: the file name needs one %d or %05d, the place of the "
                "frame's number."
            )
        if path.suffix.lower() not in _READERS:
            raise UsageError(
                f"--flow {role}={pattern} does not end like a flow. Endings: {', '.join(_READERS)}."
            )

    def read(self, number: int, *, width: int, height: int) -> tuple[Array, Array]:
        """The flow of a frame, as :func:`read_flow` gives it.

        Args:
            number: Index of the frame judged in the reference.
            width: Of the frames.
            height: Of the frames.

        Raises:
            ScoreError: The file is missing or damaged, or its flow has another size.
        """
        path = Path(self.pattern)
        digits = _PLACE.sub(lambda place: f"{number:{place[1]}{place[2]}d}", path.name)
        file = path.with_name(digits)
        if not file.exists():
            raise ScoreError(
                f"The {self.role} of frame {number} should be {file}, which does not exist. The "
                "number in --flow's pattern is the index of the frame in the reference, from 0."
            )
        flow, valid = read_flow(file)
        if flow.shape[1:] != (height, width):
            raise ScoreError(
                f"The flow {file} is {flow.shape[2]}x{flow.shape[1]}, and the frames are "
                f"{width}x{height}. Flows are in pixels of the frames: make them at that size."
            )
        return flow, valid
