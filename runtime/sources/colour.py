"""From code values to colours: the affine map that models with planes take as an input.

Reference:
    Recommendation ITU-R BT.601-7, section 2.5; BT.709-6, sections 3 and 4; BT.2020-2, tables 4
    and 5 (non-constant luminance): luma weights and the quantisation of limited range.
    ITU-T H.273, section 8.3: the same for full range.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Matrix = Literal["bt601", "bt709", "bt2020"]
Range = Literal["limited", "full"]

WEIGHTS: dict[str, tuple[float, float]] = {
    "bt601": (0.299, 0.114),
    "bt709": (0.2126, 0.0722),
    "bt2020": (0.2627, 0.0593),
}
"""Weights of red and blue in luma, by the name of the matrix."""


@dataclass(frozen=True)
class Colour:
    """What the code values of a video mean."""

    matrix: Matrix
    range: Range


def colour_matrix(matrix: Matrix, range: Range, depth: int) -> NDArray[np.float32]:
    r"""The map from code values (Y, Cb, Cr) to RGB in [0, 1], for one pixel format.

    .. math::
        R = Y' + 2 (1 - K_R) C_R, \quad B = Y' + 2 (1 - K_B) C_B, \quad
        Y' = K_R R + (1 - K_R - K_B) G + K_B B

    with :math:`Y' = (Y / 2^{b-8} - 16) / 219` and :math:`C = (C' / 2^{b-8} - 128) / 224` in limited
    range, :math:`Y' = Y / (2^b - 1)` and :math:`C = (C' - 2^{b-1}) / (2^b - 1)` in full range.
    Grey frames use it with neutral chroma, :math:`2^{b-1}`.

    Args:
        matrix: Luma weights :math:`K_R`, :math:`K_B`.
        range: Which code values are black and white.
        depth: Bits of a sample, :math:`b`.

    Returns:
        ``(3, 4)``: the last column is added. Colours outside the cube come out as they are.

    Example:
        >>> (colour_matrix("bt709", "limited", 8) @ [235, 128, 128, 1]).round(6).tolist()
        [1.0, 1.0, 1.0]
    """
    k_r, k_b = WEIGHTS[matrix]
    k_g = 1 - k_r - k_b
    if range == "limited":
        black, white, swing = (code * 2 ** (depth - 8) for code in (16, 219, 224))
    else:
        black, white, swing = 0, 2**depth - 1, 2**depth - 1
    neutral = 2 ** (depth - 1)
    decode = np.array(
        [
            [1, 0, 2 * (1 - k_r)],
            [1, -2 * (1 - k_b) * k_b / k_g, -2 * (1 - k_r) * k_r / k_g],
            [1, 2 * (1 - k_b), 0],
        ],
        dtype=np.float64,
    ) / np.array([white, swing, swing], dtype=np.float64)
    offset = -decode @ np.array([black, neutral, neutral], dtype=np.float64)
    return np.column_stack([decode, offset]).astype(np.float32)
