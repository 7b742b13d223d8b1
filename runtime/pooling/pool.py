"""Pooling: the scores of all frames to a few numbers for the clip.

A clip with a frame that has no finite score, or with no frames, has no pooled values: every one
of them is NaN.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]

_PERCENTILE = re.compile(r"p([0-9]{1,3}(?:\.[0-9]{1,15})?)")


def percentile(values: Scores, p: float) -> float:
    """The value that ``p`` percent of the frames lie below.

    With the values sorted, the one at position ``p (n - 1) / 100``, counted from 0, linear
    between neighbours.

    Args:
        values: Scores, ``(n,)``, at least one.
        p: Percent, in ``[0, 100]``.

    Example:
        >>> percentile(np.array([10.0, 20.0, 30.0]), 25)
        15.0
    """
    return float(np.percentile(values, p))


def harmonic_mean(values: Scores) -> float:
    """Harmonic mean as libvmaf defines it, ``n / sum(1 / (1 + x)) - 1``: low scores weigh more.

    NaN where a score lies below -1, for which it has no meaning.

    Example:
        >>> harmonic_mean(np.array([0.0, 1.0]))  # 2 / (1 + 1/2) - 1
        0.33333333333333326
    """
    if np.min(values) < -1:
        return float("nan")
    with np.errstate(divide="ignore"):
        return float(len(values) / np.sum(1 / (1 + values)) - 1)


_NAMED: dict[str, Callable[[Scores], float]] = {
    "min": lambda values: float(np.min(values)),
    "max": lambda values: float(np.max(values)),
    "mean": lambda values: float(np.mean(values)),
    "harmonic_mean": harmonic_mean,
    "median": lambda values: percentile(values, 50),
    "stdev": lambda values: float(np.std(values)),
}

POOLS = (*_NAMED, "p1", "p5", "p10", "p90", "p95", "p99")


def is_pool(name: str) -> bool:
    """Whether ``name`` is one of the named pools or a percentile, ``p0`` to ``p100``."""
    number = _PERCENTILE.fullmatch(name)
    return name in _NAMED or (number is not None and float(number[1]) <= 100)


def pool_by(values: Scores, name: str) -> float:
    """One pooled value by its name.

    Args:
        values: Scores of the frames, ``(n,)``.
        name: ``mean``, ``p5``, ``p0.1``, ...: whatever :func:`is_pool` accepts.

    Returns:
        The value, in the unit of the scores; NaN if there are no frames or one is not finite.

    Raises:
        ValueError: No pool has that name.
    """
    if not is_pool(name):
        raise ValueError(f"There is no pool called {name!r}. Pools: {', '.join(POOLS)}, any pN.")
    if not len(values) or not np.isfinite(values).all():
        return float("nan")
    # A sum beyond float64 is infinite, and no matter for a warning.
    with np.errstate(over="ignore", invalid="ignore"):
        if name in _NAMED:
            return _NAMED[name](values)
        return percentile(values, float(name.removeprefix("p")))


def pool(values: Scores) -> dict[str, float]:
    """The pooled values that every report carries, by name.

    ``stdev`` is the population's, ``sqrt(mean((x - mean(x))**2))``: the frames are the clip, not
    a sample of it.

    Args:
        values: Scores of the frames, ``(n,)``.

    Returns:
        ``min max mean harmonic_mean median stdev p1 p5 p10 p90 p95 p99``, in the unit of the
        scores; all NaN if there are no frames or one is not finite.

    Example:
        >>> pool(np.array([1.0, 3.0]))["stdev"]
        1.0
    """
    return {name: pool_by(values, name) for name in POOLS}
