"""Luma from RGB: weights with their standard.

References:
    ITU-R BT.601-7, BT.709-6, BT.2020-2: luma coefficients. MATLAB's ``rgb2gray``, whose weights
    are those of BT.601 as NTSC's inverse matrix gives them.
"""

from __future__ import annotations

from typing import Literal

from torch import Tensor

Matrix = Literal["bt601", "bt709", "bt2020"]
Grey = Literal["bt601", "bt709", "bt2020", "rgb2gray"]

LUMA: dict[str, tuple[float, float, float]] = {
    "bt601": (0.299, 0.587, 0.114),
    "bt709": (0.2126, 0.7152, 0.0722),
    "bt2020": (0.2627, 0.6780, 0.0593),
    # RIFE, UnFlow, DDFlow and ARFlow round BT.601 to a sum of 0.9999.
    "rounded": (0.2989, 0.5870, 0.1140),
    "rgb2gray": (0.298936021293775, 0.587043074451121, 0.114020904255103),
}


def luma(rgb: Tensor, *, matrix: str) -> Tensor:
    """Luma of RGB, ``(N, 3, H, W)`` to ``(N, 1, H, W)``, in the range of the input."""
    red, green, blue = LUMA[matrix]
    return red * rgb[:, 0:1] + green * rgb[:, 1:2] + blue * rgb[:, 2:3]


def rgb2gray(rgb: Tensor) -> Tensor:
    """Grey as MATLAB makes it of 8-bit images: luma rounded to a code value.

    ``(N, 3, H, W)`` to ``(N, 1, H, W)``, both in [0, 1]. No gradient passes.
    """
    return (luma(rgb, matrix="rgb2gray") * 255).round() / 255
