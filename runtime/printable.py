"""Text that people look at: what a terminal or a page would obey, and not show, is escaped."""

from __future__ import annotations

import re

# Control characters but tab and line feed, what turns the direction of writing around, and what
# stands for bytes of a file name that are no UTF-8.
_UNSHOWN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def printable(text: str) -> str:
    r"""Text that every file and terminal takes, whatever it came from.

    Example:
        >>> printable("caf\udce9\x1b[2J")
        'caf\\udce9\\x1b[2J'
    """
    return _UNSHOWN.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
