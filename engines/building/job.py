"""One engine to be made: what the builder is told, and what is said of the engine afterwards."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from framegauge.engines.building.tensorrt.compiler import BuildOrder
from framegauge.engines.identity.machine import TargetError, gpu
from framegauge.engines.identity.profile import Profile
from framegauge.engines.identity.sidecar import Recipe, Sidecar
from framegauge.export.contract.model_file import ModelFile


@dataclass(frozen=True, kw_only=True)
class Job:
    """One engine to be made of a model.

    Attributes:
        model: The model.
        recipe: All that decides what the engine is.
        asked: The recipe's profiles as they were asked for.
    """

    model: ModelFile
    recipe: Recipe
    asked: tuple[Profile, ...] = ()

    def __str__(self) -> str:
        """Model and target, for people."""
        return f"{self.model.title} for {self.recipe.target}"


def order(job: Job) -> BuildOrder:
    """What the builder is told."""
    recipe, manifest = job.recipe, job.model.manifest
    return BuildOrder(
        model=str(job.model.path),
        sha256=recipe.model,
        inputs=[each.name for each in manifest.inputs],
        outputs=[each.name for each in manifest.outputs],
        flavour=recipe.target.flavour,
        architectures=recipe.target.architectures,
        compatibility=recipe.target.compatibility,
        options=dict(recipe.options),
        profiles=[profile.shapes(manifest) for profile in recipe.profiles],
    )


def describe(job: Job, engine: bytes, about: Mapping[str, Any]) -> Sidecar:
    """The sidecar of an engine that is made now."""
    return Sidecar(
        recipe=job.recipe,
        file=job.model.path.name,
        manifest=job.model.manifest,
        engine=hashlib.sha256(engine).hexdigest(),
        size=len(engine),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        about={"path": str(job.model.path.absolute()), **_surroundings(), **about},
        asked=job.asked,
    )


def _surroundings() -> dict[str, Any]:
    """The GPU and driver of this machine, if there are any."""
    try:
        found = gpu()
    except TargetError:
        return {"gpu": None, "driver": None}
    return {"gpu": found.name, "driver": found.driver}
