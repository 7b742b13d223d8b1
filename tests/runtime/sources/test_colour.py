import numpy as np
import pytest
from numpy.testing import assert_allclose

from framegauge.export.contract.colour_map import Matrix, Range
from framegauge.runtime.sources.colour import colour_matrix

MATRICES: list[Matrix] = ["bt601", "bt709", "bt2020"]


@pytest.mark.parametrize("matrix", MATRICES)
@pytest.mark.parametrize(
    ("span", "depth", "black", "white"),
    [
        ("limited", 8, 16, 235),
        ("limited", 10, 64, 940),
        ("limited", 12, 256, 3760),
        ("full", 8, 0, 255),
        ("full", 10, 0, 1023),
    ],
)
def test_black_and_white_have_the_codes_of_the_standard(
    matrix: Matrix, span: Range, depth: int, black: int, white: int
) -> None:
    colour = colour_matrix(matrix, span, depth).astype(np.float64)
    neutral = 2 ** (depth - 1)

    # The matrix is rounded to float32, and its entries are multiplied by codes.
    assert_allclose(colour @ [black, neutral, neutral, 1], [0, 0, 0], atol=5e-7)
    assert_allclose(colour @ [white, neutral, neutral, 1], [1, 1, 1], atol=5e-7)


# Full red by hand, 10 bits: 64 + 876 K_R, 512 - 448 K_R / (1 - K_B), 960. Codes are integers, so
# RGB is met to about one code.
@pytest.mark.parametrize(
    ("matrix", "codes"),
    [("bt601", (326, 361, 960)), ("bt709", (250, 409, 960)), ("bt2020", (294, 387, 960))],
)
def test_red_has_the_codes_of_the_standard(matrix: Matrix, codes: tuple[int, int, int]) -> None:
    rgb = colour_matrix(matrix, "limited", 10) @ [*codes, 1]

    assert_allclose(rgb, [1, 0, 0], atol=2e-3)


@pytest.mark.parametrize("matrix", MATRICES)
def test_luma_of_the_result_is_the_luma_that_went_in(matrix: Matrix) -> None:
    k_r, k_b = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722), "bt2020": (0.2627, 0.0593)}[
        matrix
    ]

    red, green, blue = colour_matrix(matrix, "full", 8) @ [100, 30, 200, 1]

    assert_allclose(k_r * red + (1 - k_r - k_b) * green + k_b * blue, 100 / 255, atol=1e-6)


def test_it_is_float32_with_the_offset_last() -> None:
    colour = colour_matrix("bt709", "limited", 8)

    assert (colour.shape, colour.dtype) == ((3, 4), np.float32)
    assert_allclose(colour[:, 0], 1 / 219, rtol=1e-6)
