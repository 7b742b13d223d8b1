import json
import os
import stat
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from framegauge.engines.identity.sidecar import Recipe, Sidecar
from framegauge.engines.store.store import Store
from framegauge.engines.store.stored_engine import engine_name
from framegauge.engines.store.trusted_files import StoreError

FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from framegauge.engines.identity.sidecar import Sidecar
from framegauge.engines.store.store import Store

engine, sidecar = Path(sys.argv[2]), Path(sys.argv[3])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[4]), int(sys.argv[4])))
try:
    Store(sys.argv[1], system=[]).put(
        engine.read_bytes(), Sidecar.from_json(sidecar.read_text(), file="x")
    )
except OSError as error:
    print(error.strerror)
"""

KILLED_BEFORE_THE_SIDECAR = """
import os, signal, sys
from pathlib import Path
from framegauge.engines.identity.sidecar import Sidecar
from framegauge.engines.store.store import Store

class Killed(Store):
    def amend(self, sidecar):
        os.kill(os.getpid(), signal.SIGKILL)

engine, sidecar = Path(sys.argv[2]), Path(sys.argv[3])
Killed(sys.argv[1], system=[]).put(
    engine.read_bytes(), Sidecar.from_json(sidecar.read_text(), file="x")
)
"""

WITHOUT_A_HOME = """
from framegauge.engines.store.store import Store
print(Store(system=[]).folder)
"""


def sound(store: Any, key: Any) -> Any:
    held = store.get(key)
    return held is not None and held.problem is None


@pytest.fixture
def files(made: Callable[..., tuple[bytes, Sidecar]], tmp_path: Path) -> Any:
    """An engine and its sidecar as two files outside any store."""
    engine, sidecar = made(b"x" * 100_000)
    paths = tmp_path / "given.engine", tmp_path / "given.json"
    paths[0].write_bytes(engine)
    paths[1].write_text(sidecar.to_json())
    return (*paths, sidecar)


def test_what_was_put_is_found_listed_and_read(
    store: Store, made: Callable[..., tuple[bytes, Sidecar]]
) -> None:
    engine, sidecar = made()

    held = store.put(engine, sidecar)

    assert store.get(sidecar.key) == held
    assert store.entries() == [held]
    assert store.read(held) == engine
    assert held.sidecar == sidecar
    assert held.problem is None
    assert not held.is_system


def test_a_store_that_is_not_there_yet_is_empty(store: Store) -> None:
    assert store.entries() == []
    assert store.get("0" * 64) is None
    assert not store.folder.exists()


def test_nobody_else_may_write_what_was_put_whatever_the_umask(
    store: Store, made: Callable[..., tuple[bytes, Sidecar]]
) -> None:
    before = os.umask(0)
    try:
        store.put(*made())
    finally:
        os.umask(before)

    modes = [stat.S_IMODE(path.stat().st_mode) for path in (store.folder, *store.folder.iterdir())]

    assert all(not mode & 0o022 for mode in modes)


def test_an_engine_put_again_replaces_the_one_before_and_its_runtime_cache(
    store: Store, made: Callable[..., tuple[bytes, Sidecar]]
) -> None:
    old = store.put(*made(b"old"))
    old.cache.write_bytes(b"kernels of the old one")

    new = store.put(*made(b"new"))

    assert store.read(new).endswith(b"new")
    assert not old.path.exists()
    assert not new.cache.exists()


def test_the_runtime_cache_of_an_engine_put_again_unchanged_is_kept(
    store: Store, made: Callable[..., tuple[bytes, Sidecar]]
) -> None:
    held = store.put(*made())
    held.cache.write_bytes(b"kernels")

    store.put(*made())

    assert held.cache.read_bytes() == b"kernels"


def test_a_sidecar_of_another_engine_is_not_put(
    store: Store, made: Callable[..., tuple[bytes, Sidecar]]
) -> None:
    engine, _ = made(b"one")
    _, sidecar = made(b"two")

    with pytest.raises(StoreError, match="speaks of another engine"):
        store.put(engine, sidecar)


def test_what_was_learned_since_is_written_beside_the_engine(
    store: Store, made: Callable[..., tuple[bytes, Sidecar]]
) -> None:
    engine, sidecar = made()
    store.put(engine, sidecar)

    store.amend(replace(sidecar, verifications=({"gpu": "NVIDIA L4", "passed": True},)))

    held = store.get(sidecar.key)
    assert held.facts.verifications == ({"gpu": "NVIDIA L4", "passed": True},)
    assert store.read(held) == engine


def test_use_is_stamped(store: Store, made: Callable[..., tuple[bytes, Sidecar]]) -> None:
    held = store.put(*made())
    os.utime(held.folder / f"{held.key}.used", (1000, 1000))

    store.touch(held)

    assert store.get(held.key).used == pytest.approx(time.time(), abs=60)


def test_a_system_store_lies_under_the_users_and_is_never_written(
    tmp_path: Path, made: Callable[..., tuple[bytes, Sidecar]]
) -> None:
    system = Store(tmp_path / "system", system=[])
    theirs = system.put(*made(b"theirs"))
    before = {path: path.stat().st_mtime_ns for path in system.folder.iterdir()}
    store = Store(tmp_path / "user", system=[system.folder])

    found = store.get(theirs.key)
    store.touch(found)
    mine = store.put(*made(b"mine"))

    assert found.is_system
    assert store.read(found).endswith(b"theirs")
    assert store.get(theirs.key) == mine
    assert [held.is_system for held in store.entries()] == [False, True]
    assert {path: path.stat().st_mtime_ns for path in system.folder.iterdir()} == before


def test_a_sound_engine_of_the_system_stands_in_for_a_broken_one(
    tmp_path: Path, made: Callable[..., tuple[bytes, Sidecar]]
) -> None:
    system = Store(tmp_path / "system", system=[])
    system.put(*made())
    store = Store(tmp_path / "user", system=[system.folder])
    store.put(*made()).path.write_bytes(b"cut")

    assert store.get(made()[1].key).is_system


def test_stores_are_named_by_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FRAMEGAUGE_STORE", str(tmp_path / "mine"))
    monkeypatch.setenv("FRAMEGAUGE_SYSTEM_STORE", f"{tmp_path / 'a'}{os.pathsep}{tmp_path / 'b'}")

    store = Store()

    assert store.folder == tmp_path / "mine"
    assert store.system == (tmp_path / "a", tmp_path / "b")


def test_no_home_is_needed_where_a_store_is_named(
    tmp_path: Path, python: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    done = python(WITHOUT_A_HOME, env={"FRAMEGAUGE_STORE": str(tmp_path)}, cwd=tmp_path)

    assert done.stdout.strip() == str(tmp_path)


def test_without_a_home_the_error_names_the_flag_and_the_variable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("FRAMEGAUGE_STORE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("HOME", raising=False)
    # As in a container that runs under a number without a name.
    monkeypatch.setattr("os.getuid", lambda: 54321)

    with pytest.raises(StoreError, match=r"no home folder.*--store or FRAMEGAUGE_STORE"):
        Store()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), "bytes, and its sidecar says"),
        (lambda path: path.write_bytes(b""), "has 0 bytes"),
        (lambda path: path.unlink(), "is missing"),
        (lambda path: (path.unlink(), path.mkdir()), "it is not a file"),
        (lambda path: (path.unlink(), os.mkfifo(path)), "it is not a file"),
        (lambda path: (path.unlink(), path.symlink_to("/etc/passwd")), "it is a link"),
        (lambda path: path.chmod(0o666), "may be written by others"),
        (lambda path: path.chmod(0o664), "may be written by others"),
    ],
)
def test_a_damaged_engine_is_told_at_once_and_never_read(
    store: Store,
    made: Callable[..., tuple[bytes, Sidecar]],
    damage: Callable[..., Any],
    message: str,
) -> None:
    held = store.put(*made())
    damage(held.path)

    found = store.get(held.key)

    assert message in found.problem
    with pytest.raises(StoreError, match="cannot be used"):
        store.read(found)


def test_an_engine_of_the_same_size_and_other_bytes_is_refused_when_it_is_read(
    store: Store, made: Callable[..., tuple[bytes, Sidecar]]
) -> None:
    held = store.put(*made(b"aaaa"))
    held.path.write_bytes(made(b"bbbb")[0])

    with pytest.raises(StoreError, match="its SHA-256 differs"):
        store.read(store.get(held.key))


def test_engines_whose_files_were_swapped_are_refused(
    store: Store, made: Callable[..., tuple[bytes, Sidecar]]
) -> None:
    one = store.put(*made(b"one!"))
    other = store.put(*made(b"two!", version="1.7.2.0"))
    first, second = one.path.read_bytes(), other.path.read_bytes()
    one.path.write_bytes(second)
    other.path.write_bytes(first)

    for held in (one, other):
        with pytest.raises(StoreError, match="differs"):
            store.read(store.get(held.key))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": "1.6.0.0"}, "made by tensorrt_rtx 1.7.1.116, and its sidecar says"),
        ({"architectures": ("sm120",)}, "is for sm89, and its sidecar says sm120"),
    ],
)
def test_a_sidecar_that_the_engine_itself_denies_is_refused(
    store: Store,
    made: Callable[..., tuple[bytes, Sidecar]],
    recipe: Recipe,
    changes: dict[str, Any],
    message: str,
) -> None:
    names = changes.pop("architectures", None)
    if names:
        changes["target"] = replace(recipe.target, architectures=names)
    held = store.put(*made(**changes))

    with pytest.raises(StoreError, match=message):
        store.read(held)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "not a sidecar"),
        (b"\xff\xfe\x00", "decode"),
        (b"[" * 200_000, "not a sidecar"),
        (b" " * (5 * 2**20), "not a sidecar"),
    ],
)
def test_a_broken_sidecar_is_a_state_and_no_crash(
    store: Store, made: Callable[..., tuple[bytes, Sidecar]], content: Any, message: str
) -> None:
    held = store.put(*made())
    (store.folder / f"{held.key}.json").write_bytes(content)

    (found,) = store.entries()

    assert found.sidecar is None
    assert message in found.problem
    with pytest.raises(StoreError, match="cannot be used"):
        store.read(found)


def test_a_sidecar_under_another_key_is_refused(
    store: Store, made: Callable[..., tuple[bytes, Sidecar]]
) -> None:
    held = store.put(*made())
    (store.folder / f"{held.key}.json").rename(store.folder / f"{'0' * 64}.json")

    found = store.get("0" * 64)

    assert "belongs to another engine" in found.problem


def test_a_sidecar_cannot_name_a_file_elsewhere(
    store: Store, made: Callable[..., tuple[bytes, Sidecar]]
) -> None:
    held = store.put(*made())
    path = store.folder / f"{held.key}.json"
    facts = json.loads(path.read_text())
    facts["engine"]["sha256"] = "../../../../etc/passwd"
    path.write_text(json.dumps(facts))

    assert "not a SHA-256" in store.get(held.key).problem


@pytest.mark.parametrize("key", ["../../etc/passwd", "", "A" * 64, "0" * 63, "0" * 64 + "\n"])
def test_what_is_no_key_is_refused(store: Store, key: Any) -> None:
    with pytest.raises(StoreError, match="not the key of an engine"):
        store.get(key)


@pytest.mark.parametrize("mode", [0o777, 0o775, 0o1777])
def test_a_store_that_others_may_write_is_refused(tmp_path: Path, mode: int) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(mode)

    with pytest.raises(StoreError, match=r"may be written by others.*chmod go-w .*--store"):
        Store(tmp_path / "open", system=[])
    with pytest.raises(StoreError, match="may be written by others"):
        Store(tmp_path / "mine", system=[tmp_path / "open"])


def test_a_store_of_another_user_is_refused(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder away")
    (tmp_path / "theirs").mkdir()
    os.chown(tmp_path / "theirs", 12345, 12345)

    with pytest.raises(StoreError, match=r"belongs to another user \(number 12345\)"):
        Store(tmp_path / "theirs", system=[])


def test_a_store_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(StoreError, match="not a folder"):
        Store(tmp_path / "file", system=[])


def test_a_store_that_cannot_be_made_says_so(
    tmp_path: Path, made: Callable[..., tuple[bytes, Sidecar]]
) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(StoreError, match=r"cannot be made .*--store"):
        Store(tmp_path / "file" / "store", system=[]).put(*made())


@pytest.mark.parametrize("most", [0, 1000, 100_500])
def test_a_full_disk_leaves_nothing_half_done(
    store: Store, files: Any, python: Callable[..., subprocess.CompletedProcess[str]], most: int
) -> None:
    engine, sidecar, facts = files

    done = python(FULL_DISK, store.folder, engine, sidecar, most)

    # The engine is 100,036 bytes, the sidecar some thousand: the last case fails on neither.
    fits = most > 100_036
    assert done.stdout.strip() == ("" if fits else "File too large")
    assert sound(store, facts.key) == fits
    assert [path.name for path in store.folder.glob(".*")] == []


def test_a_process_killed_between_engine_and_sidecar_leaves_no_entry(
    store: Store, files: Any, python: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    engine, sidecar, facts = files

    done = python(KILLED_BEFORE_THE_SIDECAR, store.folder, engine, sidecar)

    assert done.returncode == -9
    assert store.get(facts.key) is None
    store.put(engine.read_bytes(), facts)
    assert sound(store, facts.key)


def test_two_writers_without_a_lock_never_show_a_reader_a_wrong_engine(
    tmp_path: Path, made: Callable[..., tuple[bytes, Sidecar]]
) -> None:
    stores = [Store(tmp_path / "store", system=[], lock=False) for _ in range(3)]
    bodies = [bytes([letter]) * 20_000 for letter in b"ab"]
    key, wrong = made()[1].key, []
    stopped = threading.Event()

    def write(store: Any, body: Any) -> None:
        for _ in range(40):
            store.put(*made(body))

    def read(store: Any) -> None:
        while not stopped.is_set():
            held = store.get(key)
            try:
                content = store.read(held) if held else made(bodies[0])[0]
            except StoreError:
                continue
            if content[36:] not in bodies:
                wrong.append(content)

    reader = threading.Thread(target=read, args=(stores[2],))
    writers = [
        threading.Thread(target=write, args=pair) for pair in zip(stores[:2], bodies, strict=True)
    ]
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    stopped.set()
    reader.join()

    assert wrong == []
    # The last word may be of an engine that the other writer took away: told, and made again.
    held = stores[2].get(key)
    assert held.problem is None or "missing" in held.problem
    stores[2].put(*made(bodies[0]))
    assert sound(stores[2], key)


def test_files_are_named_by_key_and_content(
    store: Store, made: Callable[..., tuple[bytes, Sidecar]]
) -> None:
    engine, sidecar = made()

    store.put(engine, sidecar)

    assert engine_name(sidecar) == f"{sidecar.key}.{sidecar.engine[:16]}.engine"
    assert sorted(path.suffix for path in store.folder.iterdir()) == [".engine", ".json", ".used"]
