import math

import numpy as np
import pytest

from framegauge.runtime.reports.timeline import curve, distribution, kept


def test_a_short_clip_is_shown_whole() -> None:
    scores = np.random.default_rng(0).normal(size=3000)

    assert kept(scores).tolist() == list(range(3000))


@pytest.mark.parametrize("frames", [3001, 4500, 4501, 172_800, 200_003])
def test_a_long_clip_is_thinned_and_keeps_its_extremes(frames: int) -> None:
    scores = np.random.default_rng(frames).normal(size=frames)

    positions = kept(scores)

    assert len(positions) <= 3000
    assert (np.diff(positions) > 0).all()
    assert scores[positions].min() == scores.min()
    assert scores[positions].max() == scores.max()


def test_every_single_bad_frame_stays() -> None:
    scores = np.full(100_000, 40.0)
    bad = np.arange(50, 100_000, 997)
    scores[bad] = 20.0

    assert set(bad.tolist()) <= set(kept(scores).tolist())


def test_frames_without_a_finite_score_stay_as_gaps() -> None:
    scores = np.random.default_rng(0).normal(size=50_000)
    scores[[7, 25_000, 49_999]] = [math.nan, math.inf, -math.inf]

    drawn = curve(np.arange(50_000) * 2, scores)

    gaps = [number for number, score in zip(drawn["x"], drawn["y"], strict=True) if score is None]
    assert gaps == [14, 50_000, 99_998]


def test_a_clip_without_any_finite_score_is_all_gaps() -> None:
    drawn = curve(np.arange(9000), np.full(9000, math.nan))

    assert set(drawn["y"]) == {None}
    assert distribution(np.full(9000, math.nan)) == {"middle": [], "count": []}


def test_every_frame_is_counted_in_the_distribution() -> None:
    scores = np.random.default_rng(0).normal(size=12_345)

    drawn = distribution(scores)

    assert sum(drawn["count"]) == 12_345
    assert len(drawn["middle"]) == 40


@pytest.mark.parametrize("scores", [[1.0] * 5, [0.1, math.nextafter(0.1, 1)], [0.0]])
def test_equal_scores_have_one_bar(scores: list[float]) -> None:
    assert distribution(np.array(scores))["count"] == [len(scores)]
