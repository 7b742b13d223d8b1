"""An engine that lies in a store: what its sidecar says, and whether its bytes bear that out."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from framegauge.engines.identity.header import Header, HeaderError
from framegauge.engines.identity.sidecar import NewerError, Sidecar
from framegauge.engines.store.trusted_files import StoreError, open_checked

# Proven to be of no use; of a newer release; or not to be read or trusted as things are.
Fault = Literal["damaged", "newer", "closed"]

# Far more than a sidecar has; a hostile file is not read whole.
_MOST_SIDECAR = 4 * 2**20


@dataclass(frozen=True, kw_only=True)
class StoredEngine:
    """One engine of a store.

    Attributes:
        key: Its name.
        folder: The store it lies in.
        is_system: Whether that is read only to us.
        sidecar: What it says of itself, ``None`` if that cannot be read.
        problem: Why it is not to be used, ``None`` if nothing was found.
        fault: The kind of problem, ``None`` if there is none.
        used: When it was last used, or else made, in seconds since 1970.
    """

    key: str
    folder: Path
    is_system: bool
    sidecar: Sidecar | None
    problem: str | None
    fault: Fault | None
    used: float

    @property
    def facts(self) -> Sidecar:
        """Its sidecar.

        Raises:
            StoreError: That cannot be read.
        """
        if self.sidecar is None:
            raise StoreError(f"The engine {self.key} cannot be used: {self.problem}")
        return self.sidecar

    @property
    def path(self) -> Path:
        """The engine's file.

        Raises:
            StoreError: Its sidecar, which knows the name, cannot be read.
        """
        return self.folder / engine_name(self.facts)

    @property
    def cache(self) -> Path:
        """Where RTX's runtime cache of this engine lies."""
        return self.folder / f"{self.key}.cache"

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """The engine's file, to be read; what is read still wants :meth:`check`.

        Raises:
            StoreError: It has a problem, is gone, or is not ours to trust.
        """
        if self.problem is not None:
            raise StoreError(f"The engine {self.key} cannot be used: {self.problem}")
        try:
            with open_checked(self.path) as file:
                yield file
        except FileNotFoundError as error:
            raise StoreError(f"{self.path} is gone. Build it again.") from error

    def check(self, content: bytes) -> None:
        """Prove that bytes are the engine that the sidecar speaks of.

        Raises:
            StoreError: They are not, and why.
        """
        sidecar, path = self.facts, self.path
        if len(content) != sidecar.size:
            raise StoreError(
                f"{path} has {len(content)} bytes, and its sidecar says {sidecar.size}: it was "
                "cut short or changed. Build it again."
            )
        if hashlib.sha256(content).hexdigest() != sidecar.engine:
            raise StoreError(
                f"{path} is not the engine that its sidecar speaks of: its SHA-256 differs. "
                "Build it again."
            )
        try:
            header = Header.read(content, file=str(path))
        except HeaderError as error:
            raise StoreError(str(error)) from error
        _check_header(header, sidecar, path)


def look(folder: Path, key: str, *, is_system: bool) -> StoredEngine:
    """The engine of that key in a folder, as far as can be told without reading it whole."""
    sidecar, problem = None, None
    fault: Fault | None = None
    path = folder / f"{key}.json"
    try:
        with open_checked(path) as file:
            text = file.read(_MOST_SIDECAR).decode()
        sidecar = Sidecar.from_json(text, file=str(path))
        if sidecar.key == key:
            problem = _light_problem(folder, sidecar)
        else:
            problem = f"{path} belongs to another engine, {sidecar.key}."
            sidecar = None
        fault = "damaged" if problem else None
    except NewerError as error:
        problem, fault = str(error), "newer"
    except ValueError as error:
        problem, fault = str(error), "damaged"
    except (StoreError, OSError) as error:
        problem, fault = str(error), "closed"
    return StoredEngine(
        key=key,
        folder=folder,
        is_system=is_system,
        sidecar=sidecar,
        problem=problem,
        fault=fault,
        used=_used(folder, key),
    )


def engine_name(sidecar: Sidecar) -> str:
    """The name of the engine's file: its key and its own digest, both hexadecimal."""
    return f"{sidecar.key}.{sidecar.engine[:16]}.engine"


def _light_problem(folder: Path, sidecar: Sidecar) -> str | None:
    """What is wrong with an engine as far as can be told without reading it whole."""
    path = folder / engine_name(sidecar)
    try:
        with open_checked(path) as file:
            size = os.fstat(file.fileno()).st_size
    except FileNotFoundError:
        return f"{path} is missing."
    if size != sidecar.size:
        return f"{path} has {size} bytes, and its sidecar says {sidecar.size}."
    return None


def _check_header(header: Header, sidecar: Sidecar, path: Path) -> None:
    """Refuse an engine whose first bytes tell of another than its sidecar does."""
    recipe = sidecar.recipe
    wanted = recipe.target.flavour, recipe.version
    if (header.flavour, header.version) != wanted:
        raise StoreError(
            f"{path} was made by {header.flavour} {header.version}, and its sidecar says "
            f"{' '.join(wanted)}. Build it again."
        )
    if header.architectures not in (None, recipe.target.architectures):
        raise StoreError(
            f"{path} is for {', '.join(header.architectures or ())}, and its sidecar says "
            f"{', '.join(recipe.target.architectures)}. Build it again."
        )


def _used(folder: Path, key: str) -> float:
    for suffix in ("used", "json"):
        with suppress(OSError):
            return (folder / f"{key}.{suffix}").lstat().st_mtime
    return time.time()
