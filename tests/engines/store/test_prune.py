import os
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from framegauge.engines.identity.sidecar import Sidecar
from framegauge.engines.store import prune as pruning
from framegauge.engines.store.prune import prune, set_aside
from framegauge.engines.store.store import Store

DAY = 86400


def aged(path: Any, days: Any) -> None:
    past = time.time() - days * DAY
    os.utime(path, (past, past), follow_symlinks=False)


@pytest.fixture
def kept(store: Store, made: Callable[..., tuple[bytes, Sidecar]]) -> Any:
    """An engine made ten days ago and used five days ago, and one of now."""
    past, now = (datetime.now(UTC) - timedelta(days=days) for days in (10, 0))
    engine, sidecar = made(b"old", version="1.6.0.27")
    old = store.put(engine, replace(sidecar, created=past.isoformat()))
    engine, sidecar = made(b"new")
    new = store.put(engine, replace(sidecar, created=now.isoformat()))
    aged(store.folder / f"{old.key}.used", 5)
    return old, new


def test_nothing_goes_that_was_not_named(store: Store, kept: Any) -> None:
    assert prune(store) == []
    assert len(store.entries()) == 2


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        ({"older_than": 9.5}, "made 10.0 days ago"),
        ({"unused": 4.5}, "not used for 5.0 days"),
    ],
)
def test_old_and_unused_engines_go_with_all_their_files(
    store: Store, kept: Any, wanted: dict[str, Any], why: str
) -> None:
    old, new = kept
    old.cache.write_bytes(b"kernels")

    size = sum(path.stat().st_size for path in store.folder.glob(f"{old.key}*"))

    (removal,) = prune(store, **wanted)

    assert (removal.key, removal.why, removal.size) == (old.key, why, size)
    assert store.entries() == [new]
    assert not list(store.folder.glob(f"{old.key}*"))


@pytest.mark.parametrize("wanted", [{"older_than": 10.5}, {"unused": 5.5}])
def test_younger_engines_stay(store: Store, kept: Any, wanted: dict[str, Any]) -> None:
    assert prune(store, **wanted) == []


def test_engines_of_versions_not_installed_go_if_asked(
    store: Store, kept: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "flavours", lambda: {"tensorrt_rtx": "1.7.1.116"})

    (removal,) = prune(store, other_versions=True)

    assert removal.key == kept[0].key
    assert removal.why == "of tensorrt_rtx 1.6.0.27; installed is 1.7.1.116"


def test_versions_of_a_flavour_not_installed_here_stay(
    store: Store, kept: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "flavours", dict)

    assert prune(store, other_versions=True) == []


def test_a_dry_run_tells_and_removes_nothing(store: Store, kept: Any) -> None:
    before = sorted(store.folder.iterdir())

    removals = prune(store, older_than=1, dry_run=True)

    assert [removal.key for removal in removals] == [kept[0].key]
    assert sorted(store.folder.iterdir()) == before


def test_broken_engines_go(store: Store, made: Callable[..., tuple[bytes, Sidecar]]) -> None:
    held = store.put(*made())
    held.path.write_bytes(b"cut")

    (removal,) = prune(store)

    assert "has 3 bytes" in removal.why
    assert store.entries() == []


def test_what_killed_builds_left_goes_when_it_is_old(store: Store, kept: Any) -> None:
    old, _ = kept
    scratch = f".{'1' * 64}.{'2' * 16}.engine-{'4' * 16}.part", f".{'1' * 64}.json-{'4' * 16}.part"
    young = store.folder / scratch[0]
    stale = [
        store.folder / scratch[1],
        store.folder / f"{'1' * 64}.{'2' * 16}.engine",
        store.folder / f"{old.key}.{'3' * 16}.engine",
        store.folder / f"{'1' * 64}.lock",
    ]
    for path in (young, *stale):
        path.write_bytes(b"left")
    for path in stale:
        aged(path, 1)

    removals = prune(store)

    assert {removal.why for removal in removals} == {
        "left by a build that was stopped",
        "no sidecar names it",
        "its sidecar names another",
        "its engine is gone",
    }
    assert young.exists()
    assert not [path for path in stale if path.exists()]
    assert len(store.entries()) == 2


def test_the_systems_engines_stay(
    tmp_path: Path, made: Callable[..., tuple[bytes, Sidecar]]
) -> None:
    system = Store(tmp_path / "system", system=[])
    system.put(*made())

    assert prune(Store(tmp_path / "user", system=[system.folder]), older_than=1) == []


def test_a_store_that_is_not_there_has_nothing_to_remove(store: Store) -> None:
    assert prune(store, older_than=0) == []


def test_an_engine_stays_as_old_as_it_was_made_however_often_it_is_verified(
    store: Store, kept: Any
) -> None:
    old, _ = kept
    store.amend(replace(old.facts, verifications=({"passed": True},)))

    (removal,) = prune(store, older_than=9.5)

    assert removal.key == old.key


def test_files_that_no_store_names_are_left_alone(store: Store, kept: Any) -> None:
    names = (
        "clip.json",
        "clip.mp4",
        "*.json",
        "a.lock",
        "b.cache",
        "c.used",
        "d.engine",
        ".e.part",
    )
    strangers = [store.folder / name for name in names]
    (store.folder / f"{'1' * 64}.frames").mkdir()
    for path in strangers:
        path.write_bytes(b"somebody's")
        aged(path, 100)

    assert len(store.entries()) == 2
    assert prune(store) == []
    assert [path.name for path in strangers if path.exists()] == list(names)


def test_files_of_a_broken_engine_that_no_store_names_are_left_alone(
    store: Store, made: Callable[..., tuple[bytes, Sidecar]]
) -> None:
    held = store.put(*made())
    held.path.write_bytes(b"cut")
    mine = store.folder / f"{held.key}.mp4"
    mine.write_bytes(b"somebody's")
    (store.folder / f"{held.key}.frames").mkdir()

    prune(store)

    assert sorted(path.suffix for path in store.folder.iterdir()) == [".frames", ".mp4"]


def test_an_engine_of_a_newer_release_stays(
    store: Store, made: Callable[..., tuple[bytes, Sidecar]]
) -> None:
    held = store.put(*made())
    path = store.folder / f"{held.key}.json"
    path.write_text(path.read_text().replace('"schema": 1', '"schema": 2'))

    assert prune(store, older_than=0, unused=0, other_versions=True) == []
    assert [each.key for each in set_aside(store)] == [held.key]
    assert held.path.exists()


def test_an_engine_of_a_newer_manifest_stays(
    store: Store, made: Callable[..., tuple[bytes, Sidecar]]
) -> None:
    held = store.put(*made())
    path = store.folder / f"{held.key}.json"
    path.write_text(path.read_text().replace('\\"schema\\":', '\\"schema\\":9'))

    assert prune(store) == []
    assert [each.fault for each in set_aside(store)] == ["newer"]


@pytest.mark.parametrize("which", ["engine", "sidecar"])
def test_an_engine_that_others_may_write_stays_to_be_closed(
    store: Store, made: Callable[..., tuple[bytes, Sidecar]], which: str
) -> None:
    held = store.put(*made())
    path = held.path if which == "engine" else store.folder / f"{held.key}.json"
    path.chmod(0o666)

    assert prune(store) == []
    (left,) = set_aside(store)
    assert "chmod go-w" in left.problem


def test_an_engine_that_is_being_built_stays(
    store: Store, made: Callable[..., tuple[bytes, Sidecar]]
) -> None:
    held = store.put(*made())
    held.path.write_bytes(b"cut")

    with store.building(held.key):
        assert prune(store) == []

    assert len(prune(store)) == 1


def test_an_engine_that_is_built_anew_while_it_is_judged_stays(
    store: Store, made: Callable[..., tuple[bytes, Sidecar]], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, sidecar = made()
    store.put(engine, sidecar).path.write_bytes(b"cut")
    judged = pruning.Rules.why

    def then_built(rules: Any, held: Any) -> Any:
        why = judged(rules, held)
        store.put(engine, sidecar)
        return why

    monkeypatch.setattr(pruning.Rules, "why", then_built)

    assert prune(store) == []
    assert store.get(sidecar.key).problem is None


def test_the_lock_of_a_build_that_takes_hours_stays(store: Store) -> None:
    key = "1" * 64

    with store.building(key):
        lock = store.folder / f"{key}.lock"
        aged(lock, 1)
        assert prune(store) == []
        assert lock.exists()


def test_what_is_swept_leaves_no_lock_behind(
    store: Store, made: Callable[..., tuple[bytes, Sidecar]]
) -> None:
    store.put(*made()).path.write_bytes(b"cut")
    stray = store.folder / f"{'1' * 64}.{'2' * 16}.engine"
    stray.write_bytes(b"left")
    aged(stray, 1)

    prune(store)

    assert list(store.folder.iterdir()) == []
