"""Models, stores and engines that several tests of engines share."""

from __future__ import annotations

import hashlib
import struct
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from framegauge.engines.identity.machine import Platform
from framegauge.engines.identity.profile import Profile
from framegauge.engines.identity.sidecar import Recipe, Sidecar
from framegauge.engines.identity.target import Target
from framegauge.engines.store.store import Store
from framegauge.export.contract.model_file import ModelFile

SHIPPED = Path(__file__).parents[2] / "runtime" / "models"


@pytest.fixture(scope="session")
def shipped() -> Path:
    """The folder of models that travel with the package."""
    return SHIPPED


@pytest.fixture(scope="session")
def model() -> ModelFile:
    """A small model of rgb24 frames."""
    return ModelFile.read(SHIPPED / "rgb24" / "mse.onnx")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store, with none of the system's under it."""
    return Store(tmp_path / "store", system=[])


@pytest.fixture(scope="session")
def recipe(model: ModelFile) -> Recipe:
    """What an engine of the small model for one architecture is made of."""
    return Recipe(
        model=model.sha256,
        profiles=(Profile.parse("16x16/64x64/256x256x2").fitted(model.manifest),),
        target=Target(flavour="tensorrt_rtx", architectures=("sm89",)),
        version="1.7.1.116",
        options={"tf32": "false"},
        platform=Platform(system="linux", machine="x86_64"),
    )


@pytest.fixture(scope="session")
def made(model: ModelFile, recipe: Recipe) -> Callable[..., tuple[bytes, Sidecar]]:
    """Bytes that start as an RTX engine for SM89 does, and their sidecar; quicker than a build."""

    def engine(body: bytes = b"body", **changes: object) -> tuple[bytes, Sidecar]:
        # Tag, form, length, version 1.7.1.116, tag, and the fourth bit for SM89.
        head = struct.pack("<4sIQQ4B4sI", b"vtrt", 0, 2, 36 + len(body), 1, 7, 1, 116, b"vtrt", 8)
        content = head + body
        return content, Sidecar(
            recipe=replace(recipe, **changes),
            file="mse.onnx",
            manifest=model.manifest,
            engine=hashlib.sha256(content).hexdigest(),
            size=len(content),
            created="2026-01-02T03:04:05+00:00",
        )

    return engine


@pytest.fixture(scope="session")
def python() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a script in a Python of its own."""

    def run(script: str, *arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", script, *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=600,
            **options,
        )

    return run
