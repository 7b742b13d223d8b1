"""What the code values of a video mean, and the map that models are given for it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framegauge.export.contract.colour_map import Range, colour_map


@dataclass(frozen=True)
class Colour:
    """What the code values of a video mean.

    Attributes:
        matrix: What makes RGB of them, or FFmpeg's name of one that nothing here does that with.
        range: Which of them are black and white.
        siting: Where subsampled chroma lies; see
            :data:`~framegauge.export.contract.roles.SITINGS`.
    """

    matrix: str
    range: Range
    siting: str = "left"


def colour_matrix(matrix: str, range: Range, depth: int) -> NDArray[np.float32]:
    """The affine map from code values (Y, Cb, Cr) to RGB in [0, 1], ``(3, 4)``.

    See :func:`framegauge.export.contract.colour_map.colour_map`.

    Example:
        >>> (colour_matrix("bt709", "limited", 8) @ [235, 128, 128, 1]).round(6).tolist()
        [1.0, 1.0, 1.0]
    """
    return np.array(colour_map(matrix, range, depth), np.float32)
