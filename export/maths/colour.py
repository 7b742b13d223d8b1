"""Luma from RGB: weights with their standard.

References:
    ITU-R BT.601-7, BT.709-6, BT.2020-2: luma coefficients.
"""

from __future__ import annotations

from typing import Literal

from torch import Tensor

Matrix = Literal["bt601", "bt709", "bt2020"]

LUMA: dict[str, tuple[float, float, float]] = {
    "bt601": (0.299, 0.587, 0.114),
    "bt709": (0.2126, 0.7152, 0.0722),
    "bt2020": (0.2627, 0.6780, 0.0593),
    # RIFE, UnFlow, DDFlow and ARFlow round BT.601 to a sum of 0.9999.
    "rounded": (0.2989, 0.5870, 0.1140),
}


def luma(rgb: Tensor, *, matrix: str) -> Tensor:
    """Luma of RGB, ``(N, 3, H, W)`` to ``(N, 1, H, W)``, in the range of the input."""
    red, green, blue = LUMA[matrix]
    return red * rgb[:, 0:1] + green * rgb[:, 1:2] + blue * rgb[:, 2:3]
