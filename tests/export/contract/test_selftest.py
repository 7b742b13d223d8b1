from typing import Any

import numpy as np
import pytest

from framegauge.export.contract import selftest
from framegauge.export.contract.formats import FORMATS, find_format
from framegauge.export.contract.roles import input_name

# Left edges of the first four squares: detail, flat, dark, bright.
FIRST_ROW = [0, 16, 32, 48]
PLACES = [(0, 1), (2, 3), (7, 40), (20, 50), (33, 5), (63, 62), (999, 1500)]


def test_the_corner_of_the_first_frame_is_zero() -> None:
    # x = y = c = n = 0: every term of the hash is zero, and so is the ramp.
    assert value("reference", 0, 0, 0, 0) == 0


@pytest.mark.parametrize("c", [0, 1, 2])
def test_flat_squares_hold_one_value_and_its_error(c: int) -> None:
    assert value("reference", 0, 3, 17, c) == 96 + 16 * c
    assert value("distorted", 0, 3, 17, c) == 98 + 16 * c


@pytest.mark.parametrize("role", ["reference", "distorted"])
@pytest.mark.parametrize("n", [0, 1])
@pytest.mark.parametrize("c", [0, 2])
@pytest.mark.parametrize(
    ("y", "x"), [(0, 1), (2, 3), (7, 40), (20, 50), (33, 5), (63, 62), (999, 1500)]
)
def test_samples_are_those_of_the_formula_in_pure_integers(
    role: str, n: int, c: int, y: int, x: int
) -> None:
    assert value(role, n, y, x, c) == formula(role, n, y, x, c)


@pytest.mark.parametrize("x", FIRST_ROW)
def test_frames_of_a_batch_begin_with_another_square(x: int) -> None:
    first, second = (kind(n, 0, x) for n in (0, 1))

    assert second == (first + 1) % 4
    assert value("reference", 1, 0, x, 0) == formula("reference", 1, 0, x, 0)


def test_chroma_is_drawn_towards_grey() -> None:
    luma_like = value("reference", 0, 3, 17, 1)

    assert value("reference", 0, 3, 17, 1, chroma=True) == 96 + luma_like // 4
    assert value("reference", 0, 3, 17, 0, chroma=True) == value("reference", 0, 3, 17, 0)


@pytest.mark.parametrize("depth", [10, 12, 16])
def test_deeper_samples_are_shifted_up_with_low_bits_in_detail_only(depth: int) -> None:
    eight, deep = (value("reference", 0, 5, 9, 0, depth=bits) for bits in (8, depth))
    flat = value("reference", 0, 5, 20, 0, depth=depth)

    low = (mixed(0, 5, 9, 0, 0) >> 20) % 2 ** (depth - 8)
    assert deep == eight * 2 ** (depth - 8) + low
    assert flat == 96 * 2 ** (depth - 8)


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gets_planes_of_its_shapes(name: Any) -> None:
    form = find_format(name)

    feed = selftest.batch(form, "distorted", (33, 51), 2)

    wanted = {
        input_name("distorted", plane.part): (2, *form.shape(plane, 33, 51))
        for plane in form.planes
    }
    assert {key: plane.shape for key, plane in feed.items()} == wanted
    assert {str(plane.dtype) for plane in feed.values()} == {form.dtype}


@pytest.mark.parametrize("name", ["yuv420p10le", "yuv422p12le", "p010le"])
def test_words_of_deep_formats_are_in_range(name: str) -> None:
    form = find_format(name)

    for plane in selftest.batch(form, "reference", (40, 64), 2).values():
        words = plane.view("<u2") >> form.shift
        unused = plane.view("<u2") & ((1 << form.shift) - 1)
        assert words.max() <= form.peak
        assert words.max() > form.peak * 0.6
        assert unused.max() == 0


def test_interleaved_chroma_is_that_of_planar_frames() -> None:
    planar = selftest.batch(find_format("yuv420p10le"), "reference", (33, 51), 2)
    packed = selftest.batch(find_format("p010le"), "reference", (33, 51), 2)

    for index, part in enumerate("uv"):
        words = planar[f"reference_{part}"].view("<u2")[..., 0]
        interleaved = packed["reference_uv"].view("<u2")[..., index, 0] >> 6
        np.testing.assert_array_equal(interleaved, words)


def test_rgb_in_float_is_rgb_in_bytes_over_255() -> None:
    whole = selftest.batch(find_format("rgb24"), "distorted", (20, 35), 1)["distorted"]
    parts = selftest.batch(find_format("rgbf32"), "distorted", (20, 35), 1)["distorted"]

    np.testing.assert_allclose(parts, whole.transpose(0, 3, 1, 2) / 255, rtol=1e-7)


def test_the_two_frames_differ_but_not_everywhere() -> None:
    form = find_format("gray8")

    reference, distorted = (
        selftest.batch(form, role, (64, 64), 1)[f"{role}_y"] for role in ("reference", "distorted")
    )

    assert 0.5 < np.mean(reference != distorted) < 1


def value(role: Any, n: Any, y: Any, x: Any, c: Any, *, depth: Any = 8, chroma: Any = False) -> Any:
    position = (np.array([each]) for each in (y, x, c))
    return selftest.samples(role, n, *position, depth=depth, chroma=chroma).item()


def mixed(n: Any, y: Any, x: Any, c: Any, d: Any) -> Any:
    h = (73856093 * x ^ 19349663 * y ^ 83492791 * c ^ 2654435761 * n ^ 40503 * d) % 2**32
    h = ((h ^ h >> 16) * 73244475) % 2**32
    return h ^ h >> 16


def kind(n: Any, y: Any, x: Any) -> Any:
    return (y // 16 + x // 16 + n) % 4


def formula(role: Any, n: Any, y: Any, x: Any, c: Any) -> Any:
    noise, error = mixed(n, y, x, c, 0), mixed(n, y, x, c, 1)
    square = kind(n, y, x)
    base = ((3 * x + 5 * y + 64 * c) % 128 + noise % 128, 96 + 16 * c, noise % 8, 240 + noise % 8)
    shift = (error % 16 - 7, 2, error % 4 - 1, -(error % 4))
    return min(max(base[square] + (shift[square] if role == "distorted" else 0), 0), 255)
