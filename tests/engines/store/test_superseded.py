from collections.abc import Callable
from dataclasses import replace

from framegauge.engines.identity.sidecar import Sidecar
from framegauge.engines.store.prune import prune
from framegauge.engines.store.store import Store
from framegauge.engines.store.superseded import superseded

Made = Callable[..., tuple[bytes, Sidecar]]


def put(store: Store, made: Made, body: bytes, created: str, **changes: object) -> str:
    engine, sidecar = made(body, **changes)
    return store.put(engine, replace(sidecar, created=f"2026-01-{created}T00:00:00+00:00")).key


def test_an_engine_of_an_older_version_is_superseded_whenever_it_was_made(
    store: Store, made: Made
) -> None:
    new = put(store, made, b"new", "01", version="1.7.1.116")
    old = put(store, made, b"old", "02", version="1.6.0.27")

    assert superseded(store.entries()) == {
        old: f"superseded by {new[:12]}: tensorrt_rtx 1.6.0.27 -> 1.7.1.116"
    }


def test_engines_of_other_options_are_not_superseded(store: Store, made: Made) -> None:
    put(store, made, b"one", "01")
    put(store, made, b"two", "02", options={"tf32": "false", "optimization_level": "5"})

    assert superseded(store.entries()) == {}


def test_a_broken_engine_supersedes_none(store: Store, made: Made) -> None:
    put(store, made, b"old", "01", version="1.6.0.27")
    new = put(store, made, b"new", "02")
    store.folder.joinpath(next(store.folder.glob(f"{new}.*.engine")).name).write_bytes(b"cut")

    assert superseded(store.entries()) == {}


def test_those_superseded_go_if_asked_and_stay_otherwise(store: Store, made: Made) -> None:
    old = put(store, made, b"old", "01", version="1.6.0.27")
    new = put(store, made, b"new", "02")

    unasked = prune(store)
    (removal,) = prune(store, superseded=True)

    assert unasked == []
    assert removal.key == old
    assert [held.key for held in store.entries()] == [new]
