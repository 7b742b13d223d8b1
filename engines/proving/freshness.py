"""How an engine stands to the model it was built from, as that lies on disk now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from framegauge.engines.identity.sidecar import Sidecar
from framegauge.engines.proving.file_checks import Finding
from framegauge.engines.store.stored_engine import StoredEngine
from framegauge.export.contract.model_file import ModelFile

_SHORT = 8


@dataclass(frozen=True, kw_only=True)
class Freshness:
    """An engine's examination, and its model if that is still what it was.

    Attributes:
        finding: The examination, with what the model adds to it.
        model: The model, ``None`` where it is gone or changed.
    """

    finding: Finding
    model: ModelFile | None


def beside_model(
    finding: Finding, moved: Sequence[ModelFile] = (), stored: Sequence[StoredEngine] = ()
) -> Freshness:
    """Hold an engine against its model, its manifest and its profiles.

    Args:
        finding: What is known of it so far.
        moved: Models that lie elsewhere now.
        stored: The engines among which it lies.
    """
    if finding.problem is not None or finding.held.sidecar is None:
        return Freshness(finding=finding, model=None)
    sidecar = finding.held.sidecar
    try:
        fitting = tuple(each.fitted(sidecar.manifest) for each in sidecar.recipe.profiles)
        for each in fitting:
            each.shapes(sidecar.manifest)
        if fitting != sidecar.recipe.profiles:
            raise ValueError("its profiles reach below the least frame that the model takes")
    except ValueError as error:
        problem = f"{str(error).rstrip('.')}. Build it again."
        return Freshness(finding=replace(finding, problem=problem), model=None)
    checked = (*finding.checked, "every profile gives every input of the model a shape")
    try:
        model = model_of(sidecar, moved, stored)
    except (OSError, ValueError) as error:
        unchecked = (*finding.unchecked, lost(sidecar, error))
        return Freshness(finding=replace(finding, checked=checked, unchecked=unchecked), model=None)
    path = model.path
    if model.sha256 != sidecar.recipe.model:
        digests = f"{sidecar.recipe.model[:_SHORT]} -> {model.sha256[:_SHORT]}"
        words = (
            f"the model {path} has changed since ({digests}): see `framegauge engines regenerate`"
        )
        unchecked = (*finding.unchecked, words)
        return Freshness(finding=replace(finding, checked=checked, unchecked=unchecked), model=None)
    if model.manifest != sidecar.manifest:
        problem = f"Its sidecar's manifest is not that of {path}. Build it again."
        return Freshness(finding=replace(finding, problem=problem), model=None)
    checked = (*checked, f"{path} is still the model it was built from, manifest and all")
    return Freshness(finding=replace(finding, checked=checked), model=model)


def model_of(
    sidecar: Sidecar,
    moved: Sequence[ModelFile] = (),
    stored: Sequence[StoredEngine] = (),
    read: Callable[[Path], ModelFile] = ModelFile.read,
) -> ModelFile:
    """The model of an engine as it is now, changed or not.

    One that moved is told by its hash, wherever it lies. Else the model is what lies where it lay
    when the engine was built; and where nothing does, what moved and has its name and format.

    Args:
        sidecar: The engine's.
        moved: Models that lie elsewhere now.
        stored: The engines among which it lies: a name that two of their models have tells
            nothing.
        read: What reads a file.

    Raises:
        OSError: It cannot be read, or several could be meant.
        ValueError: What lies there is not a model of ours.
    """
    for each in moved:
        if each.sha256 == sidecar.recipe.model:
            return each
    path = sidecar.about.get("path")
    try:
        if not isinstance(path, str):
            raise FileNotFoundError("where it lay is not known")
        return read(Path(path))
    except (OSError, ValueError) as error:
        name = sidecar.file, sidecar.manifest.format
        named = [each for each in moved if (each.path.name, each.manifest.format) == name]
        if not named:
            raise
        akin = [held.sidecar for held in stored if held.sidecar]
        places = {
            each.about.get("path") for each in akin if name == (each.file, each.manifest.format)
        }
        if len({each.sha256 for each in named}) > 1 or len(places | {path}) > 1:
            raise FileNotFoundError(
                f"there are several models of that name, and none given has the hash "
                f"{sidecar.recipe.model[:_SHORT]}"
            ) from error
        return named[0]


def lost(sidecar: Sidecar, error: Exception) -> str:
    """That an engine's model cannot be read, and what to do."""
    where = sidecar.about.get("path", sidecar.file)
    words = getattr(error, "strerror", None) or str(error).rstrip(".")
    return f"its model {where} cannot be read ({words}). Say where it is with --model"
