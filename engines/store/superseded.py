"""Engines in whose place there is a later one: of a model made anew, or by a newer TensorRT."""

from __future__ import annotations

import re
from collections.abc import Iterable

from framegauge.engines.identity.sidecar import Sidecar
from framegauge.engines.store.stored_engine import StoredEngine

_SHORT = 12
_SHA = 8


def superseded(stored: Iterable[StoredEngine]) -> dict[str, str]:
    """Why engines are superseded, by their keys: a later one that is sound has their place.

    An engine's place is its target, profiles, builder options and platform, and the file of its
    model; where that is not known, the model itself.
    """
    latest: dict[tuple[object, ...], Sidecar] = {}
    known = [held.sidecar for held in stored if held.sidecar is not None and held.problem is None]
    for each in sorted(known, key=_order):
        latest[_place(each)] = each
    return {
        each.key: f"superseded by {last.key[:_SHORT]}: {_difference(each, last)}"
        for each in known
        if (last := latest[_place(each)]).key != each.key
    }


def _place(sidecar: Sidecar) -> tuple[object, ...]:
    recipe = sidecar.recipe
    return (
        sidecar.about.get("path", recipe.model),
        recipe.target,
        recipe.platform,
        sidecar.profiles,
        tuple(sorted(recipe.options.items())),
    )


def _order(sidecar: Sidecar) -> tuple[list[int], str]:
    """Later versions last, and of one version what was made last."""
    return [int(each) for each in re.findall(r"\d+", sidecar.recipe.version)], sidecar.created


def _difference(old: Sidecar, new: Sidecar) -> str:
    was, now = old.recipe, new.recipe
    words = []
    if was.model != now.model:
        words.append(f"model changed, sha {was.model[:_SHA]} -> {now.model[:_SHA]}")
    if was.version != now.version:
        words.append(f"{now.target.flavour} {was.version} -> {now.version}")
    return ", ".join(words)
