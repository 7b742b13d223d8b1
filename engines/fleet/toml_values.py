"""Values of a TOML table, refused by name and place where they cannot be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from framegauge.export.contract.entry import nearest


def words_of(
    table: dict[str, Any], name: str, where: str, default: tuple[str, ...] | None = None
) -> tuple[str, ...]:
    """The texts that a table lists under a name.

    Args:
        table: The table.
        name: The key.
        where: The table's place, for errors.
        default: What stands for a key that is not there; without it the key must be.

    Raises:
        ValueError: It is no list of texts, or empty.
    """
    if name not in table and default is not None:
        return default
    listed = table.get(name)
    if not isinstance(listed, list) or not listed or not all(isinstance(w, str) for w in listed):
        raise ValueError(f"{where}: {name} is a list of texts, got {listed!r}.")
    return tuple(listed)


def check_keys(facts: dict[str, Any], known: Sequence[str], where: str) -> None:
    """Refuse a table with a key that is not known."""
    for name in facts:
        if name not in known:
            raise ValueError(
                f"{where} has an unknown key {name!r}{nearest(name, known)} "
                f"Keys: {', '.join(known)}."
            )


def check_words(words: Iterable[Any], known: Iterable[str], name: str, where: str) -> None:
    """Refuse a word under a name that it does not take."""
    choices = list(known)
    for word in words:
        if word not in choices:
            raise ValueError(
                f"{where}: {name} has no {word!r}{nearest(str(word), choices)} "
                f"It takes {', '.join(choices)}."
            )
