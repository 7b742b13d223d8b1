"""Values of a sidecar, each proven to be what it should before anything is made of it."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from framegauge.engines.identity.profile import Size

DIGEST = re.compile(r"[0-9a-f]{64}")

# What TensorRT can count and what a disk can hold: no sum over such numbers fails.
_MOST_SIDE, _MOST_LENGTH = 2**31 - 1, 2**63 - 1
_VERSION = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9}){1,5}[!-~]{0,20}")


def fields(facts: dict[str, Any], wanted: tuple[str, ...], what: str) -> None:
    """Refuse an object that lacks a field or has one too many."""
    if set(facts) != set(wanted):
        differ = sorted(set(facts) ^ set(wanted))
        raise ValueError(f"{what} lacks, or has too much: {', '.join(differ)}")


def facts(value: Any) -> dict[str, Any]:
    """Facts by name."""
    if not isinstance(value, dict):
        raise ValueError(f"{value!r:.60} should be an object")
    return dict(value)


def digest(value: Any) -> str:
    """A SHA-256 in hex."""
    if not isinstance(value, str) or DIGEST.fullmatch(value) is None:
        raise ValueError(f"{value!r} is not a SHA-256 in hex")
    return value


def text(value: Any) -> str:
    """Text that can be printed."""
    if not isinstance(value, str):
        raise ValueError(f"{value!r} should be text")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{value!a:.60} has half a character: surrogates not allowed") from None
    return value


def length(value: Any) -> int:
    """The length of a file in bytes."""
    if type(value) is not int or not 1 <= value <= _MOST_LENGTH:
        raise ValueError(f"the engine's size is {value!r:.60}")
    return value


def version(value: Any) -> str:
    """The full version of a TensorRT."""
    if _VERSION.fullmatch(text(value)) is None:
        raise ValueError(f"{value!r:.60} is not the version of a TensorRT, such as 1.7.1.116")
    return str(value)


def utc(value: Any) -> str:
    """A time, in UTC."""
    if datetime.fromisoformat(text(value)).utcoffset() != timedelta(0):
        raise ValueError(f"{value!r} should be a time in UTC, such as 2026-01-02T03:04:05+00:00")
    return str(value)


def size(facts: dict[str, Any]) -> Size:
    """A batch of frames."""
    found = Size(**facts)
    if not all(type(side) is int and side <= _MOST_SIDE for side in found):
        raise ValueError(f"{facts!r:.200} should be whole numbers up to {_MOST_SIDE}")
    return found
