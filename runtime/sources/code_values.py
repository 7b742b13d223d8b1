"""Code values at another depth, and as colours: what FFmpeg's scaler does not do exactly."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from framegauge.export.contract.colour_map import Range
from framegauge.runtime.sources.colour import colour_matrix
from framegauge.runtime.sources.planes import Planes


def rgb24(rgb: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Bytes ``(H, W, 3)``, the nearest to ``(3, H, W)`` in [0, 1].

    Example:
        >>> rgb24(np.full((3, 1, 1), 25700 / 65535, np.float32)).tolist()
        [[[100, 100, 100]]]
    """
    codes: NDArray[np.uint8] = np.rint(255 * np.moveaxis(rgb.clip(0, 1), 0, 2)).astype(np.uint8)
    return codes


def gbrp16(rgb: NDArray[np.float32]) -> Planes:
    """Green, blue and red, 16 bits each, of ``(3, H, W)`` in [0, 1]."""
    red, green, blue = (_pairs(np.rint(65535 * plane.clip(0, 1))) for plane in rgb)
    return green, blue, red


def coloured(planes: Planes, matrix: str, range: Range, depth: int) -> NDArray[np.float32]:
    """RGB in [0, 1] of 4:4:4 planes, colours outside the cube brought to its surface."""
    affine = colour_matrix(matrix, range, depth)
    values = np.stack([_words(plane) for plane in planes]).astype(np.float32)
    rgb = np.tensordot(affine[:, :3], values, axes=1) + affine[:, 3, None, None]
    clipped: NDArray[np.float32] = np.clip(rgb, 0, 1)
    return clipped


def uncoloured(rgb: NDArray[np.float32], matrix: str) -> Planes:
    """Planes of RGB in [0, 1]: 4:4:4, 16 bits, limited range."""
    affine = colour_matrix(matrix, "limited", 16).astype(np.float64)
    inverse = np.linalg.inv(affine[:, :3])
    codes = np.tensordot(inverse, rgb.clip(0, 1) - affine[:, 3, None, None], axes=1)
    return tuple(_pairs(np.rint(plane)) for plane in codes)


def at_depth(planes: Planes, range: Range, held: int, wanted: int) -> Planes:
    """Luma and chroma of ``held`` bits with ``wanted``, halves rounded up.

    Full range goes from peak to peak, limited range by a power of two.

    Example:
        >>> grey = tuple(_pairs(np.array([[65535 if n == 0 else 32768]])) for n in (0, 1, 2))
        >>> [plane.item() for plane in at_depth(grey, "full", 16, 8)]
        [255, 128, 128]
    """
    if held == wanted:
        return planes
    scale = 2.0 ** (wanted - held) if range == "limited" else (2**wanted - 1) / (2**held - 1)
    centres = [(0, 0), *[(2 ** (held - 1), 2 ** (wanted - 1))] * 2]
    codes = [
        np.floor((_words(plane) - np.float32(before)) * np.float32(scale) + (after + 0.5))
        for plane, (before, after) in zip(planes, centres, strict=False)
    ]
    kept = [plane.clip(0, 2**wanted - 1) for plane in codes]
    return tuple(plane.astype(np.uint8) if wanted == 8 else _pairs(plane) for plane in kept)


def with_neutral_chroma(luma: NDArray[Any], depth: int) -> Planes:
    """Grey of so many bits as 4:2:0 planes."""
    height, width = luma.shape[:2]
    centre = np.full(((height + 1) // 2, (width + 1) // 2), 2 ** (depth - 1))
    chroma = centre.astype(np.uint8) if depth == 8 else _pairs(centre)
    return luma, chroma, chroma


def _words(plane: NDArray[Any]) -> NDArray[Any]:
    """Code values of a plane of bytes ``(H, W)``, or of pairs of bytes ``(H, W, 2)``."""
    return plane if plane.ndim == 2 else np.ascontiguousarray(plane).view("<u2")[..., 0]


def _pairs(codes: NDArray[Any]) -> NDArray[np.uint8]:
    words = codes.astype("<u2")
    return words.view(np.uint8).reshape(*words.shape, 2)
