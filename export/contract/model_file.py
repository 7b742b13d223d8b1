"""A model file: its bytes, their hash, and what it says about itself."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

from framegauge.export.contract.bounded_file import MOST_MODEL, read_bounded
from framegauge.export.contract.manifest import Manifest
from framegauge.export.contract.model_bytes import check_sound, read_manifest

_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class ModelFile:
    """A model, read whole.

    Attributes:
        path: Where it lies.
        content: Its bytes.
        manifest: What it says about itself.
    """

    path: Path
    content: bytes
    manifest: Manifest

    @cached_property
    def sha256(self) -> str:
        """Of the bytes, in hex."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def title(self) -> str:
        """The file's name, or what it computes where the name is a hash."""
        if _HASH.fullmatch(self.path.stem) is None:
            return self.path.name
        labels = ",".join(output.name for output in self.manifest.scores)
        return f"{labels} ({self.manifest.format}, {self.manifest.precision})"

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Self:
        """The model in a file.

        Raises:
            OSError: The file cannot be read, or is no file or too large to be a model.
            ManifestError: It is not a model of ours, is damaged, or has its weights elsewhere.
        """
        content = read_bounded(path, MOST_MODEL)
        manifest = read_manifest(content, file=str(path))
        check_sound(content, file=str(path))
        return cls(path=Path(path), content=content, manifest=manifest)
