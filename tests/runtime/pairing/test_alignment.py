from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from numpy.typing import NDArray

from framegauge.runtime import Report, ScoreError, UsageError, score
from framegauge.runtime.pairing.alignment import Alignment
from framegauge.runtime.pairing.frame_rates import rate_steps

PAL = Fraction(25)
FILM = Fraction(24000, 1001)


def paired(reference: str, distorted: str, **options: Any) -> str:
    pairs = Alignment(**options).pairs(iter(reference), iter(distorted))
    return " ".join(f"{number}{left}{right}" for number, left, right in pairs)


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({}, "0aA 1bB 2cC 3dD 4eE"),
        ({"start": 2}, "2cC 3dD 4eE"),
        ({"count": 2}, "0aA 1bB"),
        ({"start": 1, "count": 3}, "1bB 2cC 3dD"),
        ({"count": 5}, "0aA 1bB 2cC 3dD 4eE"),
        ({"subsample": 2}, "0aA 2cC 4eE"),
        ({"subsample": 3}, "0aA 3dD"),
        ({"subsample": 9}, "0aA"),
        ({"start": 1, "subsample": 2}, "1bB 3dD"),
        ({"start": 1, "subsample": 2, "count": 1}, "1bB"),
        ({"offset": 1, "count": 4}, "0aB 1bC 2cD 3dE"),
        ({"offset": -1, "count": 4}, "1bA 2cB 3dC 4eD"),
        ({"offset": -1, "start": 3, "count": 2}, "3dC 4eD"),
        ({"offset": 2, "start": 1, "count": 2}, "1bD 2cE"),
        ({"offset": -2, "subsample": 2, "count": 2}, "2cA 4eC"),
        ({"offset": 1, "on_length_mismatch": "shortest"}, "0aB 1bC 2cD 3dE"),
        ({"offset": -3, "on_length_mismatch": "shortest"}, "3dA 4eB"),
        ({"count": 50, "on_length_mismatch": "shortest"}, "0aA 1bB 2cC 3dD 4eE"),
    ],
    ids=str,
)
def test_frames_are_paired_and_keep_the_index_of_the_reference(
    options: dict[str, Any], wanted: str
) -> None:
    assert paired("abcde", "ABCDE", **options) == wanted
    assert len(wanted.split()) == Alignment(**options).expected(5, 5)


@pytest.mark.parametrize(
    ("reference", "distorted", "options", "wanted"),
    [
        ("abc", "xABC", {"offset": 1}, "0aA 1bB 2cC"),
        ("xabc", "ABC", {"offset": -1}, "1aA 2bB 3cC"),
        ("abcd", "ABCDE", {"on_length_mismatch": "shortest"}, "0aA 1bB 2cC 3dD"),
        ("abcde", "ABCD", {"on_length_mismatch": "shortest"}, "0aA 1bB 2cC 3dD"),
        ("abcde", "ABCD", {"count": 4}, "0aA 1bB 2cC 3dD"),
        ("abcde", "ABCD", {"subsample": 3, "on_length_mismatch": "shortest"}, "0aA 3dD"),
    ],
)
def test_videos_that_begin_or_end_apart_are_paired_where_that_is_allowed(
    reference: str, distorted: str, options: dict[str, Any], wanted: str
) -> None:
    assert paired(reference, distorted, **options) == wanted


@pytest.mark.parametrize(
    ("reference", "distorted", "options"),
    [
        ("abcd", "ABCDE", {}),
        ("abcde", "ABCD", {}),
        ("abcd", "ABCD", {"offset": 1}),
        ("abcd", "ABCD", {"offset": -1}),
        ("abcd", "ABCDEF", {"subsample": 4}),
        ("abcdef", "ABCD", {"subsample": 4}),
        ("abcd", "ABCDE", {"count": 5}),
        ("abcd", "ABCDE", {"start": 3}),
    ],
)
def test_videos_that_do_not_end_together_are_refused_with_the_flag(
    reference: str, distorted: str, options: dict[str, Any]
) -> None:
    with pytest.raises(
        ScoreError, match=r"they do not end together.*--on-length-mismatch shortest"
    ):
        paired(reference, distorted, **options)


def test_pairs_before_the_end_are_given_before_it_is_found_that_the_ends_differ() -> None:
    pairs = Alignment().pairs(iter("abc"), iter("AB"))

    assert [next(pairs)[0], next(pairs)[0]] == [0, 1]
    with pytest.raises(ScoreError, match="has 3 frames and the distorted video 2"):
        next(pairs)


@pytest.mark.parametrize(
    ("reference", "distorted", "options"),
    [
        ("abc", "ABC", {"start": 3}),
        ("abc", "ABC", {"offset": 3, "on_length_mismatch": "shortest"}),
        ("abc", "ABC", {"offset": -3, "on_length_mismatch": "shortest"}),
        ("abc", "", {}),
        ("", "ABC", {}),
    ],
)
def test_nothing_to_score_is_an_error(
    reference: str, distorted: str, options: dict[str, Any]
) -> None:
    with pytest.raises(ScoreError, match=r"no pair of frames to score.*--start or --offset"):
        paired(reference, distorted, **options)


def test_no_frame_is_taken_beyond_the_last_that_counts() -> None:
    def frames() -> Iterator[str]:
        yield from "ab"
        raise AssertionError("a third frame was taken")

    assert len(list(Alignment(count=2).pairs(frames(), frames()))) == 2


@pytest.mark.parametrize(
    ("reference", "distorted", "options", "steps", "wanted"),
    [
        ("abcdef", "ACE", {}, (2, 1), "0aA 2cC 4eE"),
        ("abcde", "ACE", {}, (2, 1), "0aA 2cC 4eE"),
        ("ace", "ABCDEF", {}, (1, 2), "0aA 1cC 2eE"),
        ("ace", "ABCDE", {}, (1, 2), "0aA 1cC 2eE"),
        ("abcdef", "ACE", {"start": 1}, (2, 1), "2cC 4eE"),
        ("abcdef", "ACE", {"subsample": 2}, (2, 1), "0aA 4eE"),
        ("ace", "xABCDEF", {"offset": 1}, (1, 2), "0aA 1cC 2eE"),
        ("abcdefgh", "CEG", {"offset": -1}, (2, 1), "2cC 4eE 6gG"),
        ("abcdef", "AD", {}, (3, 1), "0aA 3dD"),
    ],
)
def test_the_faster_video_loses_the_frames_between(
    reference: str,
    distorted: str,
    options: dict[str, Any],
    steps: tuple[int, int],
    wanted: str,
) -> None:
    options = options | {"reference_step": steps[0], "distorted_step": steps[1]}

    assert paired(reference, distorted, **options) == wanted
    assert Alignment(**options).expected(len(reference), len(distorted)) == len(wanted.split())


@pytest.mark.parametrize(("reference", "distorted"), [("abcdef", "AC"), ("abcd", "ACE")])
def test_with_frames_left_out_ends_that_differ_are_still_refused(
    reference: str, distorted: str
) -> None:
    with pytest.raises(ScoreError, match="they do not end together"):
        paired(reference, distorted, reference_step=2)


@pytest.mark.parametrize(
    ("lengths", "options", "wanted"),
    [
        ((None, 5), {}, None),
        ((5, None), {"count": 3}, 3),
        ((5, 9), {"on_length_mismatch": "shortest"}, 5),
        ((5, 9), {"count": 5}, 5),
        ((5, 9), {"count": 7, "on_length_mismatch": "shortest"}, 5),
        ((5, 5), {"start": 9}, 0),
    ],
)
def test_the_number_of_pairs_is_known_as_far_as_the_lengths_are(
    lengths: tuple[int | None, int | None], options: dict[str, Any], wanted: int | None
) -> None:
    assert Alignment(**options).expected(*lengths) == wanted


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"count": 6}, 5),
        ({"start": 3, "count": 100}, 2),
        ({"subsample": 2, "count": 4}, 3),
        ({"factor": 2, "count": 3}, 2),
    ],
    ids=str,
)
def test_fewer_frames_than_were_asked_for_are_refused(options: dict[str, Any], found: int) -> None:
    words = f"--count {options['count']} frames were asked for, and there are {found} to score"

    with pytest.raises(ScoreError, match=f"{words}.*--on-length-mismatch shortest"):
        Alignment(**options).expected(5, 5)


def test_fewer_frames_than_were_asked_for_are_refused_where_no_length_was_declared() -> None:
    with pytest.raises(ScoreError, match="--count 4 frames were asked for, and there are 3 to sco"):
        paired("abc", "ABC", count=4)


def test_declared_lengths_that_differ_are_refused_before_anything_is_scored() -> None:
    with pytest.raises(ScoreError, match="The reference has 5 frames and the distorted video 9"):
        Alignment().expected(5, 9)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"start": -1}, "--start takes at least 0, got -1"),
        ({"count": 0}, "--count takes at least 1, got 0"),
        ({"subsample": 0}, "--subsample takes at least 1, got 0"),
        ({"on_length_mismatch": "pad"}, "--on-length-mismatch takes one of error, shortest"),
        ({"on_rate_mismatch": "blend"}, "--on-rate-mismatch takes one of error, index, drop"),
    ],
    ids=str,
)
def test_options_out_of_range_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Alignment(**options)


@pytest.mark.parametrize(
    ("reference", "distorted", "on_mismatch", "wanted"),
    [
        (PAL, PAL, "error", (1, 1)),
        (None, PAL, "error", (1, 1)),
        (PAL, None, "drop", (1, 1)),
        (FILM, Fraction(23976, 1000), "error", (1, 1)),
        (PAL, PAL * 2, "index", (1, 1)),
        (PAL, PAL * 2, "drop", (1, 2)),
        (PAL * 2, PAL, "drop", (2, 1)),
        (Fraction(120), Fraction(24), "drop", (5, 1)),
        (Fraction(2997, 100), Fraction(60000, 1001), "drop", (1, 2)),
        (FILM, Fraction(24), "index", (1, 1)),
    ],
)
def test_rates_give_the_frames_of_each_video_for_a_pair(
    reference: Fraction | None, distorted: Fraction | None, on_mismatch: Any, wanted: Any
) -> None:
    assert rate_steps(reference, distorted, on_mismatch) == wanted


@pytest.mark.parametrize(
    ("reference", "distorted", "on_mismatch", "words"),
    [
        (PAL, PAL * 2, "error", "25 frames a second.*50.*--on-rate-mismatch index.*drop"),
        (Fraction(24), FILM, "error", "24 frames a second.*23.976"),
        (Fraction(24), FILM, "drop", "neither is a whole multiple"),
        (PAL, Fraction(30), "drop", "25 and 30 frames a second: neither is a whole multiple"),
        (Fraction(60), FILM, "drop", "neither is a whole multiple"),
    ],
)
def test_rates_that_cannot_be_paired_are_refused(
    reference: Fraction, distorted: Fraction, on_mismatch: Any, words: str
) -> None:
    with pytest.raises(ScoreError, match=words):
        rate_steps(reference, distorted, on_mismatch)


def counting(frames: range) -> list[tuple[NDArray[np.uint8], ...]]:
    """Frames whose luma is their number: only a frame and itself are equal."""
    return [
        tuple(np.full(shape, number, np.uint8) for shape in ((16, 16), (8, 8), (8, 8)))
        for number in frames
    ]


def luma_error(report: Report) -> NDArray[np.float64]:
    """Differences of the numbers that were compared, from the PSNR of flat frames."""
    psnr = report.frames.scores["psnr_y"]
    return np.where(psnr == 60, 0, 255 / 10 ** (psnr / 20))


@pytest.mark.parametrize(
    ("first", "options", "numbers", "error"),
    [
        (0, {}, [0, 1, 2, 3, 4, 5, 6, 7], 0),
        (3, {}, [0, 1, 2, 3, 4, 5, 6, 7], 3),
        (0, {"offset": 3, "count": 4}, [0, 1, 2, 3], 3),
        (0, {"offset": -3, "count": 4}, [3, 4, 5, 6], 3),
        (3, {"offset": -3, "on_length_mismatch": "shortest"}, [3, 4, 5, 6, 7], 0),
        (0, {"start": 2, "subsample": 3}, [2, 5], 0),
        (0, {"offset": 1, "start": 2, "count": 2, "subsample": 2}, [2, 4], 1),
    ],
    ids=str,
)
def test_scores_are_of_the_frames_that_the_report_names(
    first: int, options: dict[str, Any], numbers: list[int], error: float
) -> None:
    report = score(
        counting(range(8)), counting(range(first, first + 8)), metrics="psnr_y", **options
    )

    assert report.frames.numbers.tolist() == numbers
    assert_allclose(luma_error(report), error, atol=1e-4)
    assert {key: report.alignment[key] for key in options} == options


def test_lengths_that_only_reading_shows_are_refused() -> None:
    with pytest.raises(ScoreError, match="has 4 frames and the distorted video 5"):
        score(iter(counting(range(4))), iter(counting(range(5))), metrics="psnr_y")


def test_declared_lengths_are_compared_before_the_first_score() -> None:
    told: list[int] = []
    four, five = counting(range(4)), counting(range(5))

    with pytest.raises(ScoreError, match="has 4 frames and the distorted video 5"):
        score(four, five, metrics="psnr_y", progress=lambda done, total: told.append(done))

    assert told == []


@pytest.mark.parametrize(
    ("rates", "numbers"), [(("50", "25"), [0, 2, 4, 6]), (("25", "50"), [0, 1, 2, 3])]
)
def test_the_video_of_twice_the_rate_loses_every_other_frame(
    rates: tuple[str, str], numbers: list[int], clip: Callable[..., Path], tmp_path: Path
) -> None:
    frames = {"25": counting(range(0, 8, 2)), "50": counting(range(8))}
    videos = []
    for rate in rates:
        samples = b"".join(plane.tobytes() for frame in frames[rate] for plane in frame)
        (tmp_path / f"{rate}.yuv").write_bytes(samples)
        raw = ("-f", "rawvideo", "-s", "16x16", "-pix_fmt", "yuv420p", "-r", rate)
        videos.append(clip(".mkv", *raw, "-i", tmp_path / f"{rate}.yuv", "-c:v", "ffv1"))

    dropped = score(*videos, metrics="psnr_y", on_rate_mismatch="drop")
    by_index = score(
        *videos, metrics="psnr_y", on_rate_mismatch="index", on_length_mismatch="shortest"
    )

    assert dropped.frames.numbers.tolist() == numbers
    assert_allclose(luma_error(dropped), 0)
    assert_allclose(luma_error(by_index), [0, 1, 2, 3], atol=1e-4)
    with pytest.raises(ScoreError, match=r"--on-rate-mismatch index.*--on-rate-mismatch drop"):
        score(*videos, metrics="psnr_y")


@pytest.mark.parametrize(
    ("options", "lengths", "wanted"),
    [
        ({"factor": 2}, (7, 7), 3),
        ({"factor": 4}, (9, 9), 6),
        ({"factor": 4}, (12, 9), 6),
        ({"factor": 4}, (4, 4), 0),
        ({"factor": 4, "start": 2}, (9, 9), 5),
        ({"factor": 4, "start": 4}, (9, 9), 3),
        ({"factor": 4, "count": 2}, (9, 9), 2),
        ({"factor": 4, "offset": 2}, (9, 11), 6),
        ({"factor": 4, "offset": -1, "on_length_mismatch": "shortest"}, (9, 8), 3),
        ({"factor": 2, "on_length_mismatch": "shortest"}, (9, 6), 2),
        ({"factor": 4}, (None, 9), None),
    ],
    ids=str,
)
def test_frames_made_between_inputs_are_counted(
    options: dict[str, Any], lengths: tuple[int | None, int | None], wanted: int | None
) -> None:
    assert Alignment(**options).expected(*lengths) == wanted


@pytest.mark.parametrize("lengths", [(9, 8), (9, 13), (3, 5)])
def test_videos_of_different_numbers_of_inputs_do_not_end_together(
    lengths: tuple[int, int],
) -> None:
    with pytest.raises(ScoreError, match="they do not end together"):
        Alignment(factor=4).expected(*lengths)


def test_an_alignment_has_a_factor_only_where_there_is_one() -> None:
    assert Alignment(factor=3).to_json()["factor"] == 3
    assert "factor" not in Alignment().to_json()
