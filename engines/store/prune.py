"""What a store need not keep, and why."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from framegauge.engines.identity.machine import flavours
from framegauge.engines.store.store import Store
from framegauge.engines.store.stored_engine import StoredEngine, engine_name, look
from framegauge.engines.store.superseded import superseded as find_superseded

DAY = 86400.0

# A file this old that no sidecar names is no part of a build that is under way.
_ABANDONED = 3600.0

# The names that a store gives: all else in its folder is somebody else's.
_KEPT = re.compile(r"(?P<key>[0-9a-f]{64})\.(json|used|cache|lock|[0-9a-f]{16}\.engine)")
_SCRATCH = re.compile(rf"\.({_KEPT.pattern})-[0-9a-f]{{16}}\.part")


@dataclass(frozen=True, kw_only=True)
class Removal:
    """Files to go together.

    Attributes:
        key: The engine's that they are of.
        why: The reason, for people.
        files: What is removed.
        size: Their bytes.
    """

    key: str
    why: str
    files: tuple[Path, ...]
    size: int


@dataclass(frozen=True, kw_only=True)
class Rules:
    """Which sound engines go too.

    Attributes:
        older_than: Those made more days ago than this.
        unused: Those not used for more days than this.
        other_versions: Those of other versions of a flavour that is installed here.
        superseded: Why others are superseded, by their keys.
    """

    older_than: float | None = None
    unused: float | None = None
    other_versions: bool = False
    superseded: Mapping[str, str] = field(default_factory=dict)

    def why(self, held: StoredEngine) -> str | None:
        """Why an engine goes, ``None`` if it stays."""
        if held.fault == "damaged":
            return held.problem
        if held.sidecar is None:
            return None
        made = _days_since(datetime.fromisoformat(held.sidecar.created).timestamp())
        idle = _days_since(held.used)
        if self.older_than is not None and made > self.older_than:
            return f"made {made:.1f} days ago"
        if self.unused is not None and idle > self.unused:
            return f"not used for {idle:.1f} days"
        if held.key in self.superseded:
            return self.superseded[held.key]
        return _other_version(held) if self.other_versions else None


def prune(
    store: Store,
    *,
    older_than: float | None = None,
    unused: float | None = None,
    other_versions: bool = False,
    superseded: bool = False,
    dry_run: bool = False,
) -> list[Removal]:
    """Remove from the user's store what is broken, left over, or named here.

    Only files of a store's own names are touched, and none of an engine that is being built. What
    cannot be read, or is of a newer release, stays: :func:`set_aside` names it.

    Args:
        store: The store; the system's are left alone.
        older_than: Engines made more days ago than this go.
        unused: Engines not used for more days than this go.
        other_versions: Engines of other versions of a flavour that is installed here go.
        superseded: Engines in whose place there is a later one go.
        dry_run: Only tell.

    Returns:
        What went, or would go.
    """
    rules = Rules(
        older_than=older_than,
        unused=unused,
        other_versions=other_versions,
        superseded=find_superseded(store.entries()) if superseded else {},
    )
    files = _files(store.folder) if store.folder.is_dir() else []
    by_key: dict[str, list[Path]] = {}
    for path in files:
        if key := _key(path):
            by_key.setdefault(key, []).append(path)
    scratch = [
        _removal(path.name, "left by a build that was stopped", [path])
        for path in files
        if _SCRATCH.fullmatch(path.name) and _is_abandoned(path)
    ]
    found = [
        *(each for key in by_key for each in _swept(store, key, by_key[key], rules, dry_run)),
        *scratch,
    ]
    if not dry_run:
        _remove(scratch)
    return found


def set_aside(store: Store) -> list[StoredEngine]:
    """The engines of the user's store that cannot be told to be good or bad, and so stay."""
    return [
        held
        for held in store.entries()
        if not held.is_system and held.fault not in (None, "damaged")
    ]


def _swept(store: Store, key: str, files: list[Path], rules: Rules, dry_run: bool) -> list[Removal]:
    """What goes of one key; taken away while nobody builds it, if it still is to go then."""
    old = {path for path in files if _is_abandoned(path)}
    found = list(_of_key(store, key, files, old, rules))
    if dry_run or not found:
        return found
    with store.idle(key) as is_idle:
        if not is_idle:
            return []
        # To ask for a lock makes its file, or a young one of it.
        lock = store.folder / f"{key}.lock"
        now = [path for path in _files(store.folder) if _key(path) == key]
        still = {path for path in old.intersection(now) if path == lock or _is_abandoned(path)}
        found = list(_of_key(store, key, now, still, rules))
        _remove(found)
        lock.unlink(missing_ok=True)
        return found


def _of_key(
    store: Store, key: str, files: list[Path], old: set[Path], rules: Rules
) -> Iterator[Removal]:
    """What goes of one key: the engine with all that is its, or what it has no use for."""
    has_sidecar = store.folder / f"{key}.json" in files
    held = look(store.folder, key, is_system=False) if has_sidecar else None
    if held is not None and (why := rules.why(held)):
        yield _removal(key, why, files)
        return
    named = engine_name(held.sidecar) if held and held.sidecar else None
    for path in (each for each in files if each in old):
        is_engine = path.suffix == ".engine"
        if held is None:
            yield _removal(
                key, "no sidecar names it" if is_engine else "its engine is gone", [path]
            )
        elif is_engine and named not in (None, path.name):
            yield _removal(key, "its sidecar names another", [path])


def _remove(found: list[Removal]) -> None:
    for file in (file for removal in found for file in removal.files):
        file.unlink(missing_ok=True)


def _files(folder: Path) -> list[Path]:
    """The files and links of a folder, in order."""
    with os.scandir(folder) as found:
        names = [
            each.name for each in found if each.is_file(follow_symlinks=False) or each.is_symlink()
        ]
    return [folder / name for name in sorted(names)]


def _key(path: Path) -> str | None:
    """The key of the engine that a file is of, ``None`` if its name is no store's."""
    match = _KEPT.fullmatch(path.name)
    return match["key"] if match else None


def _other_version(held: StoredEngine) -> str | None:
    recipe = held.facts.recipe
    installed = flavours().get(recipe.target.flavour)
    if installed is None or installed == recipe.version:
        return None
    return f"of {recipe.target.flavour} {recipe.version}; installed is {installed}"


def _is_abandoned(path: Path) -> bool:
    with suppress(FileNotFoundError):
        return time.time() - path.lstat().st_mtime > _ABANDONED
    return False


def _days_since(moment: float) -> float:
    return (time.time() - moment) / DAY


def _removal(key: str, why: str, files: list[Path]) -> Removal:
    size = 0
    for file in files:
        with suppress(FileNotFoundError):
            size += file.lstat().st_size
    return Removal(key=key, why=why, files=tuple(files), size=size)
