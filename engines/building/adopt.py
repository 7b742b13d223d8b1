"""Engines built elsewhere: the line that builds one with NVIDIA's ``trtexec``, and taking it in."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from framegauge.engines.building.job import Job, describe
from framegauge.engines.identity.header import Header
from framegauge.engines.identity.machine import Flavour, Platform, flavours
from framegauge.engines.identity.options import ALWAYS, normalised
from framegauge.engines.identity.profile import Profile, Shapes
from framegauge.engines.identity.sidecar import Recipe
from framegauge.engines.identity.target import Compatibility, Target
from framegauge.engines.store.store import Store
from framegauge.engines.store.stored_engine import StoredEngine
from framegauge.engines.store.trusted_files import StoreError
from framegauge.export.contract.bounded_file import read_bounded
from framegauge.export.contract.model_file import ModelFile

# Larger than any GPU's memory of today.
_MOST_ENGINE = 2**38
_LEVELS = {"ampere_plus": "ampere+", "same_compute_capability": "sameComputeCapability"}


def command(
    model: ModelFile,
    profiles: Sequence[Profile],
    *,
    plan: str,
    major: int = 11,
    compatibility: Compatibility = "none",
) -> str:
    """The ``trtexec`` line that builds an engine as framegauge would.

    Args:
        model: The model.
        profiles: Sizes it shall take.
        plan: File that trtexec shall write.
        major: TensorRT's major version: 10 has to be told to keep the model's types, 11 knows
            nothing else.
        compatibility: Hardware compatibility level.

    Raises:
        ValueError: A profile is too small for the model, or the version is not known.
    """
    if major not in (10, 11):
        raise ValueError(f"--tensorrt takes 10 or 11, got {major}.")
    words = ["trtexec", f"--onnx={model.path}", f"--saveEngine={plan}", "--noTF32"]
    words += ["--stronglyTyped"] if major == 10 else []
    words += ["--skipInference"]
    many = len(profiles) > 1
    dynamic = [
        each.name
        for each in model.manifest.inputs
        if any(isinstance(axis, str) for axis in each.dims)
    ]
    for index, profile in enumerate(profiles):
        shapes = profile.fitted(model.manifest).shapes(model.manifest)
        words += [f"--profile={index}"] if many else []
        words += [
            f"--{kind}Shapes={_listed(shapes, dynamic, field)}"
            for kind, field in (("min", "least"), ("opt", "usual"), ("max", "most"))
        ]
    if compatibility != "none":
        words.append(f"--hardwareCompatibilityLevel={_LEVELS[compatibility]}")
    return " ".join(map(shlex.quote, words))


def adopt(
    plan: Path,
    model: ModelFile,
    store: Store,
    *,
    profiles: Sequence[Profile],
    architectures: Sequence[str] = (),
    compatibility: Compatibility = "none",
    options: Mapping[str, str] | None = None,
    force: bool = False,
) -> StoredEngine:
    """Take an engine that was built elsewhere into a store.

    The file's own first bytes give flavour and version, and for RTX its architectures. That it is
    of this model, and what it was built with, cannot be told from it without a GPU: that is taken
    on the caller's word, and the sidecar says so.

    Args:
        plan: The engine.
        model: The model it was built from.
        store: Where it is kept.
        profiles: Sizes it was built for.
        architectures: What it was built for; needed where the file does not say.
        compatibility: Hardware compatibility level it was built with.
        options: Builder options it was built with that differ from TensorRT's defaults, beside
            TF32 off.
        force: Take it in place of another that the store has for the same.

    Raises:
        ValueError: It is no engine, is cut short, is for another target than said, the target is
            not known, an option cannot be, or the store has another sound engine for the same.
        OSError: It cannot be read, or the store cannot be written.
        StoreError: The store is not to be trusted.
    """
    engine = read_bounded(plan, _MOST_ENGINE)
    header = Header.read(engine, file=str(plan))
    if header.length not in (None, len(engine)):
        raise ValueError(
            f"{plan} is cut short or too long: it says {header.length} bytes, and has "
            f"{len(engine)}. Copy or build it again."
        )
    built_for = header.architectures or tuple(architectures)
    if not built_for:
        raise ValueError(
            f"{plan} does not say which GPU it was built on. Name it: --target sm90 (and "
            "--compatibility, if it was built with one)."
        )
    target = Target(flavour=header.flavour, architectures=built_for, compatibility=compatibility)
    if architectures and set(architectures) != set(built_for):
        raise ValueError(
            f"{plan} is for {', '.join(built_for)}, and --target says "
            f"{', '.join(architectures)}. Leave --target out, or name another file."
        )
    recipe = Recipe(
        model=model.sha256,
        profiles=tuple(profile.fitted(model.manifest) for profile in profiles),
        target=target,
        version=header.version,
        options=_options(options or {}, header.flavour),
        platform=Platform.here(),
    )
    trusted = ["model", "profiles", "options", "platform"]
    about = {
        "adopted": plan.name,
        "taken_on_trust": trusted if header.architectures else [*trusted, "target"],
    }
    job = Job(model=model, recipe=recipe, asked=tuple(profiles))
    with store.building(recipe.key):
        held = _sound(store, recipe.key)
        if held is not None and not force:
            if held.facts.engine == hashlib.sha256(engine).hexdigest():
                return held
            raise ValueError(
                f"The store has another sound engine of {held.facts.file} for this target, these "
                f"profiles and options: {held.path}. To put {plan} in its place, add --force."
            )
        return store.put(engine, describe(job, engine, about))


def _options(options: Mapping[str, str], flavour: Flavour) -> dict[str, str]:
    """The options that an engine is said to be built with, as a build writes them."""
    if options.get("tf32", "false") != "false":
        raise ValueError(
            "The engine was built with TF32, which changes scores. Build it again with --noTF32."
        )
    further = {name: value for name, value in options.items() if name not in ALWAYS}
    if flavour in flavours():
        return normalised(further, flavour)
    if further.get("version_compatible", "true") not in ("true", "false"):
        raise ValueError(
            "--builder-option version_compatible takes true or false; got "
            f"{further['version_compatible']!r}."
        )
    return {**further, **ALWAYS}


def _sound(store: Store, key: str) -> StoredEngine | None:
    """The engine of that key, if there is one that can be used."""
    held = store.get(key)
    try:
        if held is not None:
            store.read(held)
    except StoreError:
        return None
    return held


def _listed(shapes: Mapping[str, Shapes], names: Sequence[str], field: str) -> str:
    """Shapes as trtexec takes them: ``name:1x2x3`` with commas."""
    return ",".join(f"{name}:{'x'.join(map(str, getattr(shapes[name], field)))}" for name in names)
