"""Numbers as people write them; Python itself also reads ``1_0`` and digits of other scripts."""

from __future__ import annotations

import re
from fractions import Fraction

_MOST_DIGITS = 40
_FRACTION = re.compile(r"[0-9]{1,12}(\.[0-9]{0,12}|/[0-9]{1,12})?")


def whole_number(text: str) -> int:
    """The whole number that a text stands for.

    Raises:
        ValueError: It stands for none.

    Example:
        >>> whole_number("-12")
        -12
    """
    return int(_plain(text))


def real_number(text: str) -> float:
    """The number that a text stands for, which may be infinite or NaN.

    Raises:
        ValueError: It stands for none.

    Example:
        >>> real_number("1e-3")
        0.001
    """
    return float(_plain(text))


def fraction(text: str) -> Fraction:
    """The number or fraction of two whole ones, not negative, that a text stands for.

    Python's own also reads ``1e999999999``, digit for digit.

    Raises:
        ValueError: It stands for none.

    Example:
        >>> fraction("30000/1001")
        Fraction(30000, 1001)
    """
    if _FRACTION.fullmatch(text) is None:
        raise ValueError(f"{text[:_MOST_DIGITS]!r} is no number such as 25 or 30000/1001")
    try:
        return Fraction(text)
    except ZeroDivisionError:
        raise ValueError(f"{text!r} divides by zero") from None


def _plain(text: str) -> str:
    if "_" in text or not text.isascii() or len(text) > _MOST_DIGITS:
        raise ValueError(f"{text[:_MOST_DIGITS]!r} is no number such as 12 or 0.5")
    return text
