import os
import time

import pytest

from framegauge.engines import prune as pruning
from framegauge.engines.prune import prune
from framegauge.engines.store import Store

DAY = 86400


def aged(path, days):
    past = time.time() - days * DAY
    os.utime(path, (past, past), follow_symlinks=False)


@pytest.fixture
def kept(store, made):
    """An engine made ten days ago and used five days ago, and one of now."""
    old = store.put(*made(b"old", version="1.6.0.27"))
    new = store.put(*made(b"new"))
    aged(store.folder / f"{old.key}.json", 10)
    aged(store.folder / f"{old.key}.used", 5)
    return old, new


def test_nothing_goes_that_was_not_named(store, kept):
    assert prune(store) == []
    assert len(store.entries()) == 2


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        ({"older_than": 9.5}, "made 10.0 days ago"),
        ({"unused": 4.5}, "not used for 5.0 days"),
    ],
)
def test_old_and_unused_engines_go_with_all_their_files(store, kept, wanted, why):
    old, new = kept
    old.cache.write_bytes(b"kernels")

    size = sum(path.stat().st_size for path in store.folder.glob(f"{old.key}*"))

    (removal,) = prune(store, **wanted)

    assert (removal.key, removal.why, removal.size) == (old.key, why, size)
    assert store.entries() == [new]
    assert not list(store.folder.glob(f"{old.key}*"))


@pytest.mark.parametrize("wanted", [{"older_than": 10.5}, {"unused": 5.5}])
def test_younger_engines_stay(store, kept, wanted):
    assert prune(store, **wanted) == []


def test_engines_of_versions_not_installed_go_if_asked(store, kept, monkeypatch):
    monkeypatch.setattr(pruning, "flavours", lambda: {"tensorrt_rtx": "1.7.1.116"})

    (removal,) = prune(store, other_versions=True)

    assert removal.key == kept[0].key
    assert removal.why == "of tensorrt_rtx 1.6.0.27; installed is 1.7.1.116"


def test_versions_of_a_flavour_not_installed_here_stay(store, kept, monkeypatch):
    monkeypatch.setattr(pruning, "flavours", dict)

    assert prune(store, other_versions=True) == []


def test_a_dry_run_tells_and_removes_nothing(store, kept):
    before = sorted(store.folder.iterdir())

    removals = prune(store, older_than=1, dry_run=True)

    assert [removal.key for removal in removals] == [kept[0].key]
    assert sorted(store.folder.iterdir()) == before


def test_broken_engines_go(store, made):
    held = store.put(*made())
    held.path.write_bytes(b"cut")

    (removal,) = prune(store)

    assert "has 3 bytes" in removal.why
    assert store.entries() == []


def test_what_killed_builds_left_goes_when_it_is_old(store, kept):
    old, _ = kept
    young = store.folder / ".young.part"
    stale = [
        store.folder / ".stale.part",
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


def test_the_systems_engines_stay(tmp_path, made):
    system = Store(tmp_path / "system", system=[])
    held = system.put(*made())
    aged(system.folder / f"{held.key}.json", 100)

    assert prune(Store(tmp_path / "user", system=[system.folder]), older_than=1) == []


def test_a_store_that_is_not_there_has_nothing_to_remove(store):
    assert prune(store, older_than=0) == []
