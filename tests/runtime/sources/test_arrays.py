from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from framegauge.runtime import score
from framegauge.runtime.errors import ScoreError, UsageError
from framegauge.runtime.sources.source import open_source


class OnlyDlpack:
    """An array on the host that speaks DLPack, and nothing else."""

    def __init__(self, array: NDArray[Any]) -> None:
        self._array = array

    def __dlpack__(self, **asked: Any) -> Any:
        return self._array.__dlpack__(**asked)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self._array.__dlpack_device__()


class OnGpu:
    """An array that says it lies on a GPU."""

    def __dlpack__(self, **asked: Any) -> Any:
        raise AssertionError("its memory is not to be read")

    def __dlpack_device__(self) -> tuple[int, int]:
        return 2, 0


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


@pytest.mark.parametrize(
    ("frame", "pixel_format", "wanted"),
    [
        (np.zeros((5, 7, 3), np.uint8), None, "rgb24"),
        (np.zeros((5, 7, 3), np.uint8), "rgb24", "rgb24"),
        (np.zeros((5, 7), np.uint8), None, "gray8"),
        (np.zeros((1, 5, 7), np.uint8), None, "gray8"),
        (np.zeros((5, 7), np.uint8), "gray", "gray8"),
        (np.zeros((3, 5, 7), np.float32), None, "rgbf32"),
        (np.zeros((3, 5, 7), np.float32), "rgbf32", "rgbf32"),
        (zeros((5, 7), (3, 4), (3, 4)), None, "yuv420p"),
        (list(zeros((5, 7), (3, 4), (3, 4))), None, "yuv420p"),
        (zeros((5, 7), (3, 4, 2)), None, "nv12"),
        (zeros((5, 7), (5, 7), (5, 7)), "yuv444p", "yuv444p"),
        ([zeros((5, 7), (5, 7), (5, 7))], None, "yuv444p"),
        (zeros((5, 7), (5, 7), (5, 7), dtype=np.uint16), "yuv444p12le", "yuv444p12le"),
        (zeros((5, 7), (3, 4, 2), dtype=np.uint16), "p010le", "p010le"),
        (memoryview(np.zeros((5, 7, 3), np.uint8)), None, "rgb24"),
        (torch.zeros((5, 7, 3), dtype=torch.uint8), None, "rgb24"),
        (OnlyDlpack(np.zeros((5, 7, 3), np.uint8)), None, "rgb24"),
        ([OnlyDlpack(np.zeros((5, 7, 3), np.uint8))], None, "rgb24"),
    ],
)
def test_one_frame_is_a_clip_of_one(frame: Any, pixel_format: str | None, wanted: str) -> None:
    with open_source(frame, pixel_format=pixel_format) as source:
        facts = source.facts
        frames = list(source.frames(format=wanted))

    assert (facts.format, facts.width, facts.height, facts.frames) == (wanted, 7, 5, 1)
    assert len(frames) == 1


@pytest.mark.parametrize(
    ("clip", "pixel_format", "wanted"),
    [
        (np.zeros((6, 5, 7, 3), np.uint8), None, "rgb24"),
        (np.zeros((6, 5, 7), np.uint8), None, "gray8"),
        (np.zeros((6, 3, 5, 7), np.float32), None, "rgbf32"),
        (torch.zeros((6, 5, 7), dtype=torch.uint8), None, "gray8"),
        (np.zeros((6, 5, 7), np.uint8), "gray8", "gray8"),
        ([np.zeros((5, 7), np.uint8)] * 6, None, "gray8"),
        ([np.zeros((5, 7, 3), np.uint8)] * 6, None, "rgb24"),
        ([zeros((5, 7), (5, 7), (5, 7))] * 6, None, "yuv444p"),
        (np.fromiter([np.zeros((5, 7), np.uint8)] * 6, object), None, "gray8"),
    ],
)
def test_one_axis_more_than_a_frame_is_a_clip(
    clip: Any, pixel_format: str | None, wanted: str
) -> None:
    with open_source(clip, pixel_format=pixel_format) as source:
        facts = source.facts
        frames = list(source.frames(format=wanted))

    assert (facts.format, facts.width, facts.height, facts.frames) == (wanted, 7, 5, 6)
    assert len(frames) == 6


@pytest.mark.parametrize(
    ("given", "one"),
    [
        (np.zeros((3, 5, 7), np.uint8), r"its channels first, or 3 grey .* of 7x5.*moveaxis"),
        (np.zeros((4, 5, 7), np.uint8), r"its channels first, or 4 grey frames of 7x5"),
        (np.zeros((5, 7, 4), np.uint8), r"channels last, or 5 grey .* 4x7.*frame\[..., :3\]"),
        (np.zeros((5, 7, 1), np.uint8), r"channels last, or 5 grey .* 1x7.*frame\[..., 0\]"),
        (np.zeros((5, 7, 2), np.uint8), r"channels last, or 5 grey .* 2x7.*frame\[..., 0\]"),
        (zeros((5, 7), (5, 7), (5, 7)), r"one yuv444p frame, or 3 grey frames\..*\[frame\]"),
        (list(zeros((5, 7), (5, 7), (5, 7))), r"one yuv444p frame, or 3 grey frames"),
        (zeros((1, 1), (1, 1), (1, 1)), r"one yuv420p frame, or 3 grey frames"),
    ],
)
def test_what_could_be_one_frame_or_several_is_refused_until_it_is_said(
    given: Any, one: str
) -> None:
    with pytest.raises(UsageError, match=one) as refused:
        open_source(given)

    assert "pixel_format='gray8'" in str(refused.value)
    with open_source(given, pixel_format="gray8") as source:
        assert source.facts.frames == len(given)
        assert len(list(source.frames(format="gray8"))) == len(given)


@pytest.mark.parametrize(
    "given",
    [
        lambda frame: frame,
        lambda frame: frame[None],
        lambda frame: [frame],
        lambda frame: iter([frame]),
        lambda frame: memoryview(frame),
        lambda frame: torch.from_numpy(frame),
    ],
    ids=["array", "batch", "list", "iterator", "memoryview", "torch"],
)
def test_one_colour_frame_scores_by_all_its_pixels(
    given: Callable[[NDArray[np.uint8]], Any],
) -> None:
    generator = np.random.default_rng(0)
    reference, distorted = (generator.integers(0, 256, (128, 128, 3), np.uint8) for _ in range(2))
    error = np.mean((reference.astype(float) - distorted) ** 2)

    report = score(given(reference), given(distorted), metrics="psnr")

    assert_allclose(report.frames.scores["psnr"], [10 * np.log10(255**2 / error)], atol=1e-5)


def test_narrow_grey_frames_score_one_by_one_where_it_is_said() -> None:
    generator = np.random.default_rng(0)
    reference, distorted = (generator.integers(0, 256, (20, 32, 3), np.uint8) for _ in range(2))
    errors = ((reference.astype(float) - distorted) ** 2).mean(axis=(1, 2))

    report = score(reference, distorted, metrics="psnr", pixel_format="gray8")

    assert_allclose(report.frames.scores["psnr"], 10 * np.log10(255**2 / errors), atol=1e-5)


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
        (np.zeros((4, 5, 4), np.uint8), r"uint8 \(4, 5, 4\) came.*frame\[..., :3\], in .* R, G, B"),
        (np.zeros((4, 5, 1), np.uint8), r"uint8 \(4, 5, 1\) came.*frame\[..., 0\]"),
        (np.zeros((3, 4, 5), np.uint8), r"uint8 \(3, 4, 5\) came.*moveaxis\(frame, -3, -1\)"),
        (np.zeros((4, 4, 3), np.float64), r"float64 \(4, 4, 3\) came.*frame\[..., :3\], -1, -3\)"),
        (np.zeros((4, 5, 6), np.float32), r"float32 \(4, 5, 6\) came.*frame\[..., :3, :, :\]"),
        (zeros((4, 4), (2, 2), (2, 2), dtype=np.uint16), "such as yuv420p10le"),
        (np.zeros(4, np.uint8), "uint8"),
    ],
)
def test_frames_of_no_format_are_refused(frame: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        open_source([frame])


@pytest.mark.parametrize("given", [None, 7, np.uint8(7), np.zeros(4, np.uint8), b"bytes"])
def test_what_is_no_frame_and_holds_none_is_refused(given: Any) -> None:
    with pytest.raises(UsageError, match=r"Frames are uint8 .* \(\) came"):
        open_source(given)


def test_a_frame_with_alpha_does_not_fit_the_format_named() -> None:
    frame = np.zeros((4, 5, 4), np.uint8)

    with (
        open_source(frame, pixel_format="rgb24") as source,
        pytest.raises(ScoreError, match=r"uint8 \(4, 5, 4\) came.*give frame\[..., :3\]"),
    ):
        list(source.frames(format="rgb24"))


@pytest.mark.parametrize("clip", [lambda there: there, lambda there: [there]], ids=["one", "list"])
def test_a_frame_on_a_gpu_is_sent_to_the_scorer(clip: Callable[[Any], Any]) -> None:
    with pytest.raises(UsageError, match=r"this OnGpu lies on a GPU\..*with Scorer"):
        open_source(clip(OnGpu()))


def test_a_format_that_is_not_known_is_refused() -> None:
    with pytest.raises(UsageError, match="'yuv410p' was given"):
        open_source([np.zeros((4, 4), np.uint8)], pixel_format="yuv410p")


@pytest.mark.parametrize("clip", [[], (), np.zeros((0, 8, 3), np.uint8), np.zeros((0, 8, 8, 3))])
def test_no_frames_are_refused(clip: Any) -> None:
    with pytest.raises(ScoreError, match="has no frames"):
        open_source(clip)


def test_grey_in_memory_is_full_range_and_planes_are_assumed_limited() -> None:
    with open_source([np.zeros((4, 4), np.uint8)]) as grey:
        assert (grey.facts.range, grey.facts.assumed) == ("full", ())
    with open_source([zeros((720, 8), (360, 4), (360, 4))]) as planes:
        assert (planes.facts.range, planes.facts.matrix) == ("limited", "bt709")
        assert planes.facts.assumed == ("matrix", "range")
