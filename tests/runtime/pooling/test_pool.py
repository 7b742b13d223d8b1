import math

import numpy as np
import pytest

from framegauge.runtime.pooling.pool import POOLS, harmonic_mean, is_pool, percentile, pool, pool_by


def test_pooled_values_of_a_ramp_have_closed_forms() -> None:
    ramp = np.arange(101.0)

    pooled = pool(ramp)

    assert pooled == pytest.approx(
        {
            "min": 0,
            "max": 100,
            "mean": 50,
            # 101 / (1 + 1/2 + ... + 1/101) - 1
            "harmonic_mean": 101 / math.fsum(1 / n for n in range(1, 102)) - 1,
            "median": 50,
            # Variance of 0..n-1 is (n^2 - 1) / 12.
            "stdev": math.sqrt((101**2 - 1) / 12),
            "p1": 1,
            "p5": 5,
            "p10": 10,
            "p90": 90,
            "p95": 95,
            "p99": 99,
        },
        rel=1e-14,  # rounding of float64
    )


def test_order_of_frames_does_not_matter() -> None:
    scores = np.random.default_rng(1).uniform(0, 60, 257)

    assert pool(scores[::-1].copy()) == pytest.approx(pool(np.sort(scores)), rel=1e-13)


@pytest.mark.parametrize(
    ("p", "wanted"), [(0, 1.0), (0.1, 1.004), (25, 2.0), (99.9, 4.996), (100, 5.0)]
)
def test_percentile_is_linear_between_neighbours(p: float, wanted: float) -> None:
    assert percentile(np.array([5.0, 1.0, 3.0, 2.0, 4.0]), p) == pytest.approx(wanted, rel=1e-15)


def test_one_frame_is_its_own_pool() -> None:
    pooled = pool(np.array([0.25]))

    assert {name: value for name, value in pooled.items() if name != "stdev"} == pytest.approx(
        dict.fromkeys([name for name in POOLS if name != "stdev"], 0.25), rel=1e-15
    )
    assert pooled["stdev"] == 0


def test_harmonic_mean_reaches_minus_one_and_not_below() -> None:
    assert harmonic_mean(np.array([-1.0, 5.0])) == -1
    assert math.isnan(harmonic_mean(np.array([-1.5, 5.0])))


@pytest.mark.parametrize("scores", [[], [1.0, math.nan], [math.inf, 1.0], [-math.inf]])
def test_a_clip_without_a_finite_score_for_each_frame_has_no_pooled_values(
    scores: list[float],
) -> None:
    pooled = pool(np.array(scores, float))

    assert all(math.isnan(value) for value in pooled.values())


@pytest.mark.parametrize("name", ["mean", "p0", "p0.1", "p99.9", "p100"])
def test_pools_are_the_named_ones_and_percentiles(name: str) -> None:
    assert is_pool(name)


@pytest.mark.parametrize("name", ["avg", "p", "p-1", "p101", "p1e1", "p.5", "P5", ""])
def test_other_names_are_no_pools(name: str) -> None:
    assert not is_pool(name)


def test_an_unknown_pool_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"'avg'.*harmonic_mean"):
        pool_by(np.array([1.0]), "avg")
