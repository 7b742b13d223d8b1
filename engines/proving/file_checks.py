"""What can be told of a stored engine without running it, and what that leaves open."""

from __future__ import annotations

from dataclasses import dataclass

from framegauge.engines.identity.machine import Gpu, flavours
from framegauge.engines.store.store import Store
from framegauge.engines.store.stored_engine import StoredEngine
from framegauge.engines.store.trusted_files import StoreError


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What an examination found.

    Attributes:
        held: The engine.
        problem: Why it is not to be used, ``None`` if nothing was found.
        checked: What was looked at, for people.
        unchecked: What was not, and why.
    """

    held: StoredEngine
    problem: str | None
    checked: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()


def examine(store: Store, held: StoredEngine, here: Gpu | None) -> Finding:
    """Look at an engine's files, whole.

    Args:
        store: The store it lies in.
        held: The engine.
        here: The GPU of this machine, ``None`` if there is none.
    """
    try:
        store.read(held)
    except StoreError as error:
        return Finding(held=held, problem=str(error))
    recipe = held.facts.recipe
    checked = [
        "its sidecar's key is that of what it says",
        "size and SHA-256 of the engine",
        f"the engine's own first bytes: {recipe.target.flavour} {recipe.version}",
        "nobody else may write its files",
    ]
    unchecked = []
    if recipe.target.flavour == "tensorrt":
        unchecked.append("its length and its GPU, of which such a file tells nothing")
    installed = flavours().get(recipe.target.flavour)
    if installed == recipe.version:
        checked.append(f"{recipe.target.flavour} of that version is installed here")
    else:
        unchecked.append(
            f"loading: {recipe.target.flavour} {recipe.version} is not installed here"
            + (f", {installed} is" if installed else "")
        )
    if here is None:
        unchecked.append("whether it fits a GPU, and its self-test: there is no GPU here")
    elif recipe.target.fit(here.architecture) is None:
        unchecked.append(f"its self-test: it is not for the GPU here, {here.architecture}")
    else:
        checked.append(f"it is for the GPU here, {here.name} ({here.architecture})")
    return Finding(held=held, problem=None, checked=tuple(checked), unchecked=tuple(unchecked))
