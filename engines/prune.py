"""What a store need not keep, and why."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from framegauge.engines.held import Held, engine_name
from framegauge.engines.machine import flavours
from framegauge.engines.store import Store
from framegauge.engines.trust import SCRATCH

DAY = 86400.0

# A file this old that no sidecar names is no part of a build that is under way.
_ABANDONED = 3600.0


@dataclass(frozen=True, kw_only=True)
class Removal:
    """Files to go together.

    Attributes:
        key: The engine's, or the file's name where it belongs to none.
        why: The reason, for people.
        files: What is removed.
        size: Their bytes.
    """

    key: str
    why: str
    files: tuple[Path, ...]
    size: int


def prune(
    store: Store,
    *,
    older_than: float | None = None,
    unused: float | None = None,
    other_versions: bool = False,
    dry_run: bool = False,
) -> list[Removal]:
    """Remove from the user's store what is broken, left over, or named here.

    Args:
        store: The store; the system's are left alone.
        older_than: Engines made more days ago than this go.
        unused: Engines not used for more days than this go.
        other_versions: Engines of other versions of a flavour that is installed here go.
        dry_run: Only tell.

    Returns:
        What went, or would go.
    """
    removals = [
        *_engines(store, older_than, unused, other_versions),
        *_left_over(store),
    ]
    if not dry_run:
        for removal in removals:
            for file in removal.files:
                file.unlink(missing_ok=True)
    return removals


def _engines(
    store: Store, older_than: float | None, unused: float | None, other_versions: bool
) -> Iterator[Removal]:
    now = time.time()
    for held in store.entries():
        if held.is_system:
            continue
        made = (held.folder / f"{held.key}.json").lstat().st_mtime
        if held.problem is not None:
            why = held.problem
        elif older_than is not None and now - made > older_than * DAY:
            why = f"made {(now - made) / DAY:.1f} days ago"
        elif unused is not None and now - held.used > unused * DAY:
            why = f"not used for {(now - held.used) / DAY:.1f} days"
        elif other_versions and (other := _other_version(held)):
            why = other
        else:
            continue
        yield _removal(held.key, why, _files(held))


def _other_version(held: Held) -> str | None:
    recipe = held.facts.recipe
    installed = flavours().get(recipe.target.flavour)
    if installed is None or installed == recipe.version:
        return None
    return f"of {recipe.target.flavour} {recipe.version}; installed is {installed}"


def _left_over(store: Store) -> Iterator[Removal]:
    """Files of builds that were killed, and engines that no sidecar names."""
    if not store.folder.is_dir():
        return
    named = {engine_name(held.sidecar) for held in store.entries() if held.sidecar}
    keys = {held.key for held in store.entries()}
    for path in sorted(store.folder.iterdir()):
        is_old = time.time() - path.lstat().st_mtime > _ABANDONED
        if not is_old or path.is_dir():
            continue
        if path.name.startswith(".") and path.suffix == SCRATCH:
            yield _removal(path.name, "left by a build that was stopped", (path,))
        elif path.suffix == ".engine" and path.name not in named:
            if path.name.partition(".")[0] not in keys:
                yield _removal(path.name, "no sidecar names it", (path,))
            else:
                yield _removal(path.name, "its sidecar names another", (path,))
        elif path.suffix in (".lock", ".used", ".cache") and path.stem not in keys:
            yield _removal(path.name, "its engine is gone", (path,))


def _files(held: Held) -> tuple[Path, ...]:
    return tuple(sorted(held.folder.glob(f"{held.key}.*")))


def _removal(key: str, why: str, files: tuple[Path, ...]) -> Removal:
    return Removal(key=key, why=why, files=files, size=sum(file.lstat().st_size for file in files))
