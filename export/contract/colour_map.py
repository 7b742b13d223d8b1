"""From code values to colours: the affine map that models with planes take as an input.

Reference:
    Recommendation ITU-R BT.601-7, section 2.5; BT.709-6, sections 3 and 4; BT.2020-2, tables 4
    and 5 (non-constant luminance): luma weights and the quantisation of limited range.
    ITU-T H.273, section 8.3: the same for full range.
"""

from __future__ import annotations

from typing import Literal, get_args

Matrix = Literal["bt601", "bt709", "bt2020"]
Range = Literal["limited", "full"]
Rows = tuple[tuple[float, float, float, float], ...]

MATRICES: tuple[Matrix, ...] = get_args(Matrix)
RANGES: tuple[Range, ...] = get_args(Range)

WEIGHTS: dict[str, tuple[float, float]] = {
    "bt601": (0.299, 0.114),
    "bt709": (0.2126, 0.0722),
    "bt2020": (0.2627, 0.0593),
}
"""Weights of red and blue in luma, by the name of the matrix."""


def colour_map(matrix: str, range: str, depth: int) -> Rows:
    r"""The map from code values (Y, Cb, Cr) to RGB in [0, 1], for one pixel format.

    .. math::
        R = Y' + 2 (1 - K_R) C_R, \quad B = Y' + 2 (1 - K_B) C_B, \quad
        Y' = K_R R + (1 - K_R - K_B) G + K_B B

    with :math:`Y' = (Y / 2^{b-8} - 16) / 219` and :math:`C = (C' / 2^{b-8} - 128) / 224` in limited
    range, :math:`Y' = Y / (2^b - 1)` and :math:`C = (C' - 2^{b-1}) / (2^b - 1)` in full range.
    Grey frames use it with neutral chroma, :math:`2^{b-1}`.

    Args:
        matrix: One of :data:`MATRICES`, for the luma weights :math:`K_R`, :math:`K_B`.
        range: ``limited`` or ``full``: which code values are black and white.
        depth: Bits of a sample, :math:`b`.

    Returns:
        Rows R, G, B over Y, Cb, Cr and an offset that is added. Colours outside the cube come out
        as they are.

    Example:
        >>> red, green, blue = colour_map("bt709", "limited", 8)
        >>> round(sum(x * y for x, y in zip(red, (235, 128, 128, 1))), 6)
        1.0
    """
    k_r, k_b = WEIGHTS[matrix]
    k_g = 1 - k_r - k_b
    if range == "limited":
        black, white, swing = (code * 2 ** (depth - 8) for code in (16, 219, 224))
    else:
        black, white, swing = 0, 2**depth - 1, 2**depth - 1
    neutral = 2 ** (depth - 1)
    rows = []
    for cb, cr in (
        (0.0, 2 * (1 - k_r)),
        (-2 * (1 - k_b) * k_b / k_g, -2 * (1 - k_r) * k_r / k_g),
        (2 * (1 - k_b), 0.0),
    ):
        y, u, v = 1 / white, cb / swing, cr / swing
        rows.append((y, u, v, -(y * black + u * neutral + v * neutral)))
    return tuple(rows)
