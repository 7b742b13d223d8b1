"""A clip's score from the moments of its frames: the rule, which every host follows to the digit.

A moment is one number a frame. Its mean over the clip is the sum from the first frame to the last,
one addition after another in float64, divided by the number of frames; there is no pairing and no
compensation, so that two hosts have the same last digit and parts of a clip can be joined. The
finish then makes the score of the mean or means.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from framegauge.export.contract.interface import Aggregate


def clip_score(aggregate: Aggregate, moments: Mapping[str, Iterable[float]]) -> float:
    """A clip's score; NaN without frames, or where a moment or the score is not finite.

    Args:
        aggregate: Which.
        moments: For each moment that it is of, the values of all frames in order.

    Example:
        >>> kind = Aggregate(name="apsnr_y", of=("psnr_y.mse",), finish="psnr", peak=255, cap=60)
        >>> clip_score(kind, {"psnr_y.mse": [0.0, 2 * 255.0**2 / 100]})
        20.0
    """
    return finished(aggregate, [mean(moments[name]) for name in aggregate.of])


def mean(values: Iterable[float]) -> float:
    """Sum of the values from first to last, divided by their count; NaN of none."""
    total, count = 0.0, 0
    # The built-in sum compensates from Python 3.12 on.
    for value in values:
        total += value
        count += 1
    return total / count if count else math.nan


def finished(aggregate: Aggregate, means: Sequence[float]) -> float:
    """The score that the means of an aggregate's moments make.

    ``psnr`` is ``min(cap, 10 log10(peak**2 / mean))``, ``root`` the square root of the mean,
    ``mean`` the mean itself, and ``ratio`` the first mean divided by the second.
    """
    if not all(map(math.isfinite, means)):
        return math.nan
    score = _finished(aggregate, means)
    return score if math.isfinite(score) else math.nan


def _finished(aggregate: Aggregate, means: Sequence[float]) -> float:
    first = means[0]
    match aggregate.finish:
        case "mean":
            return first
        case "root":
            return math.sqrt(first) if first >= 0 else math.nan
        case "ratio":
            return first / means[1] if means[1] != 0 else math.nan
        case "psnr":
            if first < 0 or aggregate.peak is None or aggregate.cap is None:
                return math.nan
            if first == 0:
                return aggregate.cap
            return min(aggregate.cap, 10 * math.log10(aggregate.peak**2 / first))
