"""Optical flow computed from frames, where no file gives it.

Reference:
    Kroeger, Timofte, Dai and Van Gool, "Fast optical flow using dense inverse search", ECCV 2016,
    in OpenCV's implementation.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framegauge.export.contract.formats import Format
from framegauge.runtime.errors import BackendError, UsageError
from framegauge.runtime.sources.flow_files import Array
from framegauge.runtime.sources.planes import Planes

# OpenCV's numbers of its presets.
_PRESETS = {"ultrafast": 0, "fast": 1, "medium": 2}
_LEAST = 12  # below, OpenCV finds no room for a patch


class DIS:
    """Dense inverse search between two frames, on luma of 8 bits."""

    def __init__(self, preset: str = "medium") -> None:
        """Load OpenCV.

        Args:
            preset: ``ultrafast``, ``fast`` or ``medium``, slower and better from left to right.

        Raises:
            UsageError: There is no such preset.
            BackendError: OpenCV is not installed.
        """
        if preset not in _PRESETS:
            raise UsageError(
                f"--flow-estimator takes dis or one of {', '.join(f'dis:{p}' for p in _PRESETS)}; "
                f"got the preset {preset!r}."
            )
        self.preset = preset
        self._cv2 = _opencv()
        self._search = self._cv2.DISOpticalFlow_create(_PRESETS[preset])

    @classmethod
    def parse(cls, text: str) -> DIS:
        """The estimator that ``dis`` or ``dis:PRESET`` stands for.

        Raises:
            UsageError: There is no such estimator.
            BackendError: OpenCV is not installed.
        """
        name, _, preset = text.partition(":")
        if name != "dis":
            raise UsageError(
                f"--flow-estimator takes dis, or dis:PRESET with {', '.join(_PRESETS)}; got "
                f"{text!r}."
            )
        return cls(preset or "medium")

    def to_json(self) -> dict[str, Any]:
        """What it is, as the report has it."""
        return {
            "source": "dis",
            "preset": self.preset,
            "opencv": self._cv2.__version__,
            "on": "8-bit luma",
        }

    def __call__(self, start: NDArray[np.uint8], end: NDArray[np.uint8]) -> Array:
        """The flow from one frame to another.

        Args:
            start: Luma of the frame where vectors begin, ``(H, W)``, at least 12 pixels each way.
            end: The same of the frame where they end.

        Returns:
            float32 ``(2, H, W)``, x first, in pixels.

        Raises:
            UsageError: The frames are too small.
        """
        if min(start.shape) < _LEAST:
            height, width = start.shape
            raise UsageError(
                f"--flow-estimator dis takes frames of at least {_LEAST}x{_LEAST} pixels, got "
                f"{width}x{height}. Give flows with --flow ROLE=PATTERN."
            )
        flow = self._search.calc(start, end, None)
        return np.ascontiguousarray(flow.transpose(2, 0, 1), np.float32)


def luma8(planes: Planes, form: Format) -> NDArray[np.uint8]:
    """Luma of a frame, 8 bits: what flow is estimated on.

    The Y plane's eight high bits, or of RGB ``0.299 R + 0.587 G + 0.114 B``, rounded.

    Args:
        planes: The frame, in the form's order and shape, without batch.
        form: Pixel format.

    Returns:
        uint8 ``(H, W)``.
    """
    first = planes[0]
    if form.kind == "rgb":
        scale = 255 if form.dtype == "float32" else 1
        colours = first.transpose(1, 2, 0) if form.dtype == "float32" else first
        luma = colours @ np.array([0.299, 0.587, 0.114], np.float32) * np.float32(scale)
        return np.round(luma).astype(np.uint8)
    if form.depth == 8:
        return np.ascontiguousarray(first)
    words = np.ascontiguousarray(first).view("<u2")[..., 0]
    return (words >> (form.shift + form.depth - 8)).astype(np.uint8)


def _opencv() -> ModuleType:
    try:
        import cv2
    except ImportError as error:
        raise BackendError(
            "--flow-estimator dis needs OpenCV, which is not installed. pip install "
            "'.[flow]', or give flows with --flow ROLE=PATTERN."
        ) from error
    return cv2
