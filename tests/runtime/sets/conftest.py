"""What the tests of sets share: uniform pictures, whose scores have closed forms."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import numpy as np
import pytest


@pytest.fixture
def flat(tmp_path: Path) -> Callable[[Mapping[str, int]], Path]:
    """Writes uniform pictures by their level under one folder, which it gives."""

    def write(levels: Mapping[str, int]) -> Path:
        for name, level in levels.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            assert cv2.imwrite(str(path), np.full((24, 32, 3), level, np.uint8))
        return tmp_path

    return write


@pytest.fixture
def decibels() -> Callable[[float], float]:
    """PSNR of pictures that differ by so many code values everywhere."""
    return lambda error: 20 * math.log10(255 / error)
