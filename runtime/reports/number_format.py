"""Numbers as people read them."""

from __future__ import annotations

import math
from collections.abc import Iterable

from framegauge.runtime.pooling.gate import Gate

_DIGITS = 5
_SIGNS = {">=": "≥", "<=": "≤", ">": ">", "<": "<"}


def rounded(values: Iterable[float | None]) -> list[str]:
    """Numbers of one kind with as many decimals as make the largest five digits long.

    Example:
        >>> rounded([38.12345, 4.5, None])
        ['38.123', '4.500', 'n/a']
    """
    numbers = [math.nan if value is None else value for value in values]
    largest = max((abs(number) for number in numbers if math.isfinite(number)), default=0.0)
    whole = math.floor(math.log10(largest)) + 1 if largest > 0 else 1
    decimals = min(max(_DIGITS - max(whole, 0), 0), 6)
    if 0 < largest < 10.0 ** -(decimals - 1):
        return [f"{number:.{_DIGITS - 1}g}" if _is_number(number) else "n/a" for number in numbers]
    return [f"{number:.{decimals}f}" if _is_number(number) else "n/a" for number in numbers]


def told_apart(value: float | None, bound: float) -> str:
    """A number with as many digits as it takes to see that it is not the bound.

    Example:
        >>> told_apart(0.9499999, 0.95)
        '0.9499999'
    """
    if value is None:
        return "n/a"
    for digits in range(_DIGITS, 17):
        text = f"{value:.{digits}g}"
        if float(text) != bound or value == bound:
            return text
    return repr(value)


def bound_of(gate: Gate) -> str:
    """A gate's bound with its sign: ``≥ 0.95``."""
    return f"{_SIGNS[gate.op]} {gate.bound:.15g}"


def _is_number(number: float) -> bool:
    return not math.isnan(number)
