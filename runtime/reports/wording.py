"""What a report says of its inputs and of what made it, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from framegauge.runtime.printable import printable

# What null says, by key; of any other it says that nothing is known.
_WITHOUT = {
    "chroma": "not used",
    "chroma_siting": "not said",
    "chroma_siting_taken": "none",
    "converted": "no",
    "cropped": "no",
    "count": "all",
    "film_grain": "none",
    "format": "none",
    "matrix": "none",
    "orientation": "as it is stored",
    "primaries": "not said",
    "quantise": "no",
    "scaled": "no",
    "transfer": "not said",
}

_NOTABLE = (
    *("assumed", "from_container", "container_differs", "orientation", "cropped", "film_grain"),
    *("converted", "scaled", "mismatch_ignored"),
)


def side_by_side(
    reference: Mapping[str, Any], distorted: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """The facts of two videos, each a row with what it is for the one and the other."""
    left, right = dict(flat(reference)), dict(flat(distorted))
    return [
        {
            "key": key,
            "values": (left.get(key, ""), right.get(key, "")),
            "differs": left.get(key) != right.get(key) and key != "name",
            "notable": key.replace(" ", "_").startswith(_NOTABLE)
            and {left.get(key), right.get(key)} - {None, "none", *_WITHOUT.values()} != set(),
        }
        for key in dict.fromkeys([*left, *right])
    ]


def flat(section: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    """Names and words of all that a section says, nested ones joined."""
    for key, value in section.items():
        name = f"{above} {key}".strip().replace("_", " ")
        if isinstance(value, Mapping) and value:
            yield from flat(value, name)
        else:
            words = _WITHOUT.get(key, "not known") if value is None else _words(value)
            yield clean(name), clean(words)


def _words(value: Any) -> str:
    match value:
        case None:
            return "not known"
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.7g}"
        case list() | tuple():
            return ", ".join(_words(each) for each in value) or "none"
        case Mapping():
            return ", ".join(f"{key}: {_words(each)}" for key, each in value.items()) or "none"
        case _:
            return str(value)


def clean(text: str) -> str:
    """Text that a page shows as it is: a file name may have bytes that no text has."""
    return printable(text)
