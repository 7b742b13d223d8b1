"""The file beside an engine in which RTX keeps the kernels it compiled on a GPU."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from framegauge.engines import StoreError
from framegauge.engines.store.trusted_files import check_folder, open_checked, write_whole


class KernelCache:
    """Kernels compiled for an engine; a run goes on without where they cannot be kept.

    Attributes:
        state: What became of them, in words.
    """

    def __init__(self, path: Path, *, others: Sequence[Path] = ()) -> None:
        """Name the files; none is opened yet.

        Args:
            path: Where kernels are kept, and looked for first.
            others: Where else they may be, to be read only.
        """
        self._path, self._others = path, tuple(others)
        self._digest: bytes | None = None
        self._kernels: Any = None
        self.state = "compiled in this run"

    def attach(self, config: Any) -> None:
        """Let contexts made by RTX's ``IRuntimeConfig`` use what is kept, and add to it."""
        self._kernels = config.create_runtime_cache()
        if self._kernels is None:
            return
        kept = self.read()
        if kept is not None and not self._kernels.deserialize(kept):
            self.refused()
        config.set_runtime_cache(self._kernels)

    def keep(self) -> None:
        """Keep what was compiled; nothing that goes wrong with that fails a run."""
        if self._kernels is None:
            return
        try:
            kernels = self._kernels.serialize()
        except (TypeError, RuntimeError) as error:
            self.state = f"not kept ({error})"
            return
        if kernels is None:
            self.state = "not kept (TensorRT gave none)"
        else:
            self.write(bytes(kernels))

    def read(self) -> bytes | None:
        """What is kept, ``None`` if that is nothing, or nothing to be trusted."""
        for path in (self._path, *self._others):
            try:
                with open_checked(path) as file:
                    content = file.read()
            except FileNotFoundError:
                continue
            except StoreError as error:
                self.state = f"compiled in this run ({error})"
                continue
            self._digest = hashlib.sha256(content).digest()
            self.state = f"taken from {path}"
            return content
        return None

    def refused(self) -> None:
        """Note that what was read is of another GPU, driver or release."""
        self._digest = None
        self.state = "compiled in this run (those kept were of another GPU, driver or release)"

    def write(self, content: bytes) -> None:
        """Keep kernels, if they are not what was read; the file appears whole or not at all."""
        digest = hashlib.sha256(content).digest()
        if digest == self._digest:
            return
        try:
            self._path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            check_folder(self._path.parent)
            write_whole(self._path, content)
        except (OSError, StoreError) as error:
            self.state = f"not kept ({error})"
            return
        self._digest = digest
        self.state = f"kept in {self._path}"
