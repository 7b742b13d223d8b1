"""Frames of four kinds, to measure on: natural, dark, flat, and bright with low contrast.

Natural frames are clouds with edges: smooth noise at cells of 2 to 64 pixels, each octave as strong
as the next (the power of natural images falls as 1/f^2: Field, "Relations between the statistics of
natural images and the response properties of cortical cells", J. Opt. Soc. Am. A 4(12), 1987),
channels mostly alike, and a step wherever the broadest noise passes its middle. Dark and bright
frames are the same in the lowest and the highest 16 of 256 levels, flat ones a level for each
channel. The distorted frame is the mean of the reference a pixel to either side, as of an
interpolation that is late, with noise of one level; a flat one is a level brighter. NumPy only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from framegauge.export.contract.roles import owner
from framegauge.export.contract.selftest import hashed, moved

if TYPE_CHECKING:
    from framegauge.export.contract.selftest import Integers

KINDS = ("natural", "dark", "flat", "bright")

_CELLS = (64, 32, 16, 8, 4, 2)
_STEP = 0.2

Reals = NDArray[np.float64]


def samples(
    role: str, n: int, y: Integers, x: Integers, c: Integers, *, depth: int, chroma: bool
) -> Integers:
    """Code values of a frame of the kind ``KINDS[n % 4]``, in ``[0, 2**depth)``.

    The arguments are those of :func:`framegauge.export.contract.selftest.samples`.
    """
    down, across = moved(role)
    y, x = y + down, x + across
    kind = KINDS[n % len(KINDS)]
    if owner(role) == "distorted":
        left, right = (_levels(kind, y, x + step, c) for step in (-1, 1))
        noise = 1 if kind == "flat" else hashed(n, y, x, c, 1) % 3 - 1
        level = (left + right) / 2 + noise
    else:
        level = _levels(kind, y, x, c)
    if chroma:
        level = np.where(c > 0, 96 + level / 4, level)
    code: Integers = np.floor(level.clip(0, 255) * 2 ** (depth - 8)).astype(np.int64)
    return code


def _levels(kind: str, y: Integers, x: Integers, c: Integers) -> Reals:
    """Of 256 levels, with fractions for formats of more bits."""
    match kind:
        case "natural":
            return 16 + 223 * _clouds(y, x, c)
        case "dark":
            return 16 * _clouds(y, x, c)
        case "bright":
            return 239 + 16 * _clouds(y, x, c)
        case _:
            return 96.0 + 16 * c + 0 * (x + y)


def _clouds(y: Integers, x: Integers, c: Integers) -> Reals:
    """In ``[0, 1]``."""
    grey = np.zeros_like(c)
    common, own = (_noise(y, x, each, len(_CELLS)) for each in (grey, c + 1))
    edges = _noise(y, x, grey, 1) > 0.5
    return (0.75 * common + 0.25 * own) * (1 - _STEP) + _STEP * edges


def _noise(y: Integers, x: Integers, c: Integers, octaves: int) -> Reals:
    """Mean of smooth noises in ``[0, 1]``, those of the widest cells."""
    layers = (_lattice(y, x, c, cell) for cell in _CELLS[:octaves])
    return sum(layers, np.zeros(())) / octaves


def _lattice(y: Integers, x: Integers, c: Integers, cell: int) -> Reals:
    """A random number in ``[0, 1]`` at every ``cell``-th position, and straight lines between."""
    (top, down), (left, across) = divmod(y, cell), divmod(x, cell)
    corner = [[hashed(cell, top + i, left + j, c, 2) % 256 / 255 for j in (0, 1)] for i in (0, 1)]
    rows = [first + (second - first) * across / cell for first, second in corner]
    between: Reals = rows[0] + (rows[1] - rows[0]) * down / cell
    return between
