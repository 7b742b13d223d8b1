"""Engine files named by what made them; a broken, foreign or lying one is never served.

A store is a folder with three files an engine: ``KEY.DIGEST.engine``, where the digest is of the
engine's own bytes, ``KEY.json``, its sidecar, and ``KEY.used``, whose time is the last use. RTX's
runtime cache lies beside them as ``KEY.cache``. Files appear whole, the sidecar last, and are never
written over, so that no reader needs a lock; locks only keep two builders from the same work.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout
from platformdirs import user_cache_path

from framegauge.engines.identity.sidecar import Sidecar
from framegauge.engines.identity.sidecar_values import DIGEST
from framegauge.engines.store.stored_engine import StoredEngine, engine_name, look
from framegauge.engines.store.trusted_files import StoreError, check_folder, write_whole

STORE_VARIABLE = "FRAMEGAUGE_STORE"
SYSTEM_VARIABLE = "FRAMEGAUGE_SYSTEM_STORE"

_SECONDS_BETWEEN = 0.5


class Store:
    """A writable store of the user's over read-only ones of the system's.

    Attributes:
        folder: The user's store.
        system: The system's, in the order they are looked in.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str] | None = None,
        *,
        system: Sequence[str | os.PathLike[str]] | None = None,
        lock: bool = True,
    ) -> None:
        """Open a store; nothing is made before the first engine is put into it.

        Args:
            folder: The user's store; ``None`` for ``FRAMEGAUGE_STORE``, or else a folder in the
                user's cache.
            system: Stores to read only; ``None`` for ``FRAMEGAUGE_SYSTEM_STORE``, which may name
                several, as ``PATH`` does.
            lock: Keep two builders from the same work.

        Raises:
            StoreError: There is no home folder and no store was named, or others may write to a
                store.
        """
        named = os.environ.get(SYSTEM_VARIABLE, "").split(os.pathsep)
        self.folder = Path(folder) if folder is not None else _users_folder()
        self.system = tuple(
            Path(each) for each in (system if system is not None else filter(None, named))
        )
        self._lock = lock
        for each in (self.folder, *self.system):
            check_folder(each)

    def entries(self) -> list[StoredEngine]:
        """Every engine, the user's first; what can be told from its sidecar and size is."""
        return [
            self._look(folder, path.stem)
            for folder in (self.folder, *self.system)
            if folder.is_dir()
            for path in sorted(folder.glob("*.json"))
            if DIGEST.fullmatch(path.stem)
        ]

    def get(self, key: str) -> StoredEngine | None:
        """The engine of that key, a sound one before a broken one; ``None`` if there is none.

        Raises:
            StoreError: It is not a key.
        """
        if DIGEST.fullmatch(key) is None:
            raise StoreError(f"{key!r} is not the key of an engine: 64 hexadecimal digits.")
        found = [
            self._look(folder, key)
            for folder in (self.folder, *self.system)
            if os.path.lexists(folder / f"{key}.json")
        ]
        return min(found, key=lambda held: held.problem is not None, default=None)

    def read(self, held: StoredEngine) -> bytes:
        """An engine's bytes, proven to be those that its sidecar speaks of.

        Raises:
            StoreError: They are not, or cannot be read.
        """
        with held.open() as file:
            content = file.read()
        held.check(content)
        return content

    def put(self, engine: bytes, sidecar: Sidecar) -> StoredEngine:
        """Keep an engine; it is there whole afterwards, or not at all.

        Raises:
            StoreError: The sidecar speaks of another engine, or others may write to the store.
            OSError: The disk is full or failed.
        """
        if (len(engine), hashlib.sha256(engine).hexdigest()) != (sidecar.size, sidecar.engine):
            raise StoreError("The sidecar speaks of another engine than the one given with it.")
        self._make()
        before = self.get(sidecar.key)
        write_whole(self.folder / engine_name(sidecar), engine)
        self.amend(sidecar)
        if before is not None and before.sidecar and not before.is_system:
            stale = engine_name(before.sidecar)
            if stale != engine_name(sidecar):
                (self.folder / stale).unlink(missing_ok=True)
        # RTX's compiled kernels belong to the engine they were compiled from.
        if before is None or before.sidecar is None or before.sidecar.engine != sidecar.engine:
            (self.folder / f"{sidecar.key}.cache").unlink(missing_ok=True)
        self.touch(self._look(self.folder, sidecar.key))
        return self._look(self.folder, sidecar.key)

    def amend(self, sidecar: Sidecar) -> None:
        """Write a sidecar anew, with what was learned since; the engine stays as it is."""
        self._make()
        write_whole(self.folder / f"{sidecar.key}.json", sidecar.to_json().encode())

    def touch(self, held: StoredEngine) -> None:
        """Note that an engine is used now, where that can be written."""
        if held.is_system:
            return
        with suppress(OSError):
            stamp = held.folder / f"{held.key}.used"
            os.close(os.open(stamp, os.O_CREAT | os.O_WRONLY | os.O_NOFOLLOW, 0o644))
            os.utime(stamp, follow_symlinks=False)

    @contextmanager
    def building(self, key: str, wait: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Wait for whoever builds that engine now; nothing but doubled work depends on it.

        Args:
            key: The engine's.
            wait: Called now and then while another builds it; what it raises ends the waiting.
        """
        if not self._lock:
            yield
            return
        self._make()
        lock = FileLock(self.folder / f"{key}.lock")
        while not lock.is_locked:
            try:
                lock.acquire(timeout=_SECONDS_BETWEEN)
            except Timeout:
                wait()
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def idle(self, key: str) -> Iterator[bool]:
        """Whether nobody builds that engine, and nobody will before this ends."""
        lock = FileLock(self.folder / f"{key}.lock")
        try:
            lock.acquire(blocking=False)
        except Timeout:
            yield False
            return
        try:
            yield True
        finally:
            lock.release()

    def _look(self, folder: Path, key: str) -> StoredEngine:
        return look(folder, key, is_system=folder != self.folder)

    def _make(self) -> None:
        try:
            self.folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"The store {self.folder} cannot be made ({error.strerror}). Name another with "
                f"--store or {STORE_VARIABLE}."
            ) from error
        check_folder(self.folder)


def _users_folder() -> Path:
    named = os.environ.get(STORE_VARIABLE)
    if named:
        return Path(named)
    with suppress(RuntimeError):  # there is no home
        folder = user_cache_path("framegauge") / "engines"
        if folder.is_absolute():
            return folder
    raise StoreError(
        f"There is no home folder to keep engines in. Name a store with --store or "
        f"{STORE_VARIABLE}."
    )
