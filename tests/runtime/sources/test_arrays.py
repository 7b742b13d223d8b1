from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from framegauge.runtime.errors import ScoreError, UsageError
from framegauge.runtime.sources.source import open_source


def zeros(*shapes: tuple[int, ...], dtype: Any = np.uint8) -> tuple[Any, ...]:
    return tuple(np.zeros(shape, dtype) for shape in shapes)


@pytest.mark.parametrize(
    ("frame", "wanted"),
    [
        (np.zeros((5, 7, 3), np.uint8), "rgb24"),
        (np.zeros((5, 7), np.uint8), "gray8"),
        (np.zeros((3, 5, 7), np.float32), "rgbf32"),
        (zeros((5, 7), (3, 4), (3, 4)), "yuv420p"),
        (zeros((5, 7), (5, 4), (5, 4)), "yuv422p"),
        (zeros((5, 7), (5, 7), (5, 7)), "yuv444p"),
        (zeros((5, 7), (3, 4, 2)), "nv12"),
    ],
)
def test_shapes_tell_the_format(frame: Any, wanted: str) -> None:
    with open_source([frame]) as source:
        facts = source.facts

    assert (facts.format, facts.width, facts.height, facts.frames) == (wanted, 7, 5, 1)


def test_words_become_byte_pairs_low_byte_first() -> None:
    planes = zeros((4, 6), (2, 3), (2, 3), dtype=np.uint16)
    planes[0][1, 2] = 0x0123

    with open_source([planes], pixel_format="yuv420p10le") as source:
        (given,) = source.frames(format="yuv420p10le")

    assert [plane.shape for plane in given] == [(4, 6, 2), (2, 3, 2), (2, 3, 2)]
    assert_array_equal(given[0][1, 2], [0x23, 0x01])


def test_words_of_p010_use_all_their_bits() -> None:
    planes = np.full((4, 6), 0xFFC0, np.uint16), np.full((2, 3, 2), 0x8000, np.uint16)

    with open_source([planes], pixel_format="p010le") as source:
        (given,) = source.frames(format="p010le")

    assert [plane.shape for plane in given] == [(4, 6, 2), (2, 3, 2, 2)]


def test_strided_frames_are_taken_without_a_copy() -> None:
    picture = np.arange(2 * 8 * 9 * 3, dtype=np.uint8).reshape(2, 8, 9, 3)

    with open_source(picture[:, ::2, ::3]) as source:
        frames = list(source.frames(format="rgb24"))

    assert np.shares_memory(frames[1][0], picture)
    assert_array_equal(frames[1][0], picture[1, ::2, ::3])


def test_frames_are_made_as_they_are_needed() -> None:
    made = []

    def clip() -> Iterator[Any]:
        for number in range(100):
            made.append(number)
            yield np.full((4, 4), number, np.uint8)

    with open_source(clip(), frame_rate="30000/1001") as source:
        next(source.frames(format="gray8"))

    assert made == [0]
    assert source.facts.frames is None
    assert source.facts.frame_rate == Fraction(30000, 1001)


@pytest.mark.parametrize(
    ("value", "seen"), [(np.nan, "nan"), (np.inf, "inf"), (-0.25, "-0.25"), (1.5, "1.5")]
)
def test_floats_outside_0_to_1_are_refused_by_frame(value: float, seen: str) -> None:
    good, bad = np.full((3, 4, 4), 0.5, np.float32), np.full((3, 4, 4), 0.5, np.float32)
    bad[1, 2, 3] = value

    with (
        open_source([good, bad]) as source,
        pytest.raises(ScoreError, match=rf"Frame 1 of the arrays has values from .*{seen}"),
    ):
        list(source.frames(format="rgbf32"))


def test_words_above_the_peak_are_refused() -> None:
    planes = zeros((4, 4), (2, 2), (2, 2), dtype=np.uint16)
    planes[1][0, 0] = 1024

    with (
        open_source([planes], pixel_format="yuv420p10le") as source,
        pytest.raises(ScoreError, match=r"Frame 0 .* a value of 1024: .* 0 to 1023"),
    ):
        list(source.frames(format="yuv420p10le"))


@pytest.mark.parametrize(
    "second",
    [np.zeros((4, 5, 3), np.uint8), np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.uint16)],
)
def test_a_frame_unlike_the_first_is_refused(second: Any) -> None:
    first = np.zeros((4, 4, 3), np.uint8)

    with (
        open_source([first, second]) as source,
        pytest.raises(ScoreError, match=r"Frame 1 .* does not fit rgb24 of 4x4"),
    ):
        list(source.frames(format="rgb24"))


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (np.zeros((4, 4, 4), np.uint8), r"uint8 \(4, 4, 4\) came"),
        (np.zeros((4, 4, 3), np.float64), r"float64 \(4, 4, 3\) came"),
        (zeros((4, 4), (2, 2), (2, 2), dtype=np.uint16), "such as yuv420p10le"),
        (np.zeros(4, np.uint8), "uint8"),
    ],
)
def test_frames_of_no_format_are_refused(frame: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        open_source([frame])


def test_a_format_that_is_not_known_is_refused() -> None:
    with pytest.raises(UsageError, match="'yuv410p' was given"):
        open_source([np.zeros((4, 4), np.uint8)], pixel_format="yuv410p")


def test_no_frames_are_refused() -> None:
    with pytest.raises(ScoreError, match="has no frames"):
        open_source([])


def test_grey_in_memory_is_full_range_and_planes_are_assumed_limited() -> None:
    with open_source([np.zeros((4, 4), np.uint8)]) as grey:
        assert (grey.facts.range, grey.facts.assumed) == ("full", ())
    with open_source([zeros((720, 8), (360, 4), (360, 4))]) as planes:
        assert (planes.facts.range, planes.facts.matrix) == ("limited", "bt709")
        assert planes.facts.assumed == ("matrix", "range")
