"""What is known of an engine: the JSON that lies beside it, and the key made of what decides.

The key is the SHA-256 of everything that decides what an engine is; the rest is information.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from framegauge.engines.identity import sidecar_values as checked
from framegauge.engines.identity.machine import Platform
from framegauge.engines.identity.profile import Profile
from framegauge.engines.identity.target import Target
from framegauge.export.contract.json_form import parsed
from framegauge.export.contract.manifest import SCHEMA as MANIFEST_SCHEMA
from framegauge.export.contract.manifest import Manifest, ManifestError

SCHEMA = 1


class SidecarError(ValueError):
    """A sidecar that is damaged, of a newer release, or says what its own key denies."""


class NewerError(SidecarError):
    """A sidecar of a newer release, in which nothing need be wrong."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that decides what an engine is.

    Attributes:
        model: SHA-256 of the model file's bytes, in hex.
        profiles: Sizes it takes, in TensorRT's order.
        target: Flavour and GPUs.
        version: Full version of the flavour, ``1.7.1.116``.
        options: Builder options that differ from the builder's defaults, by name. TF32, which is
            always off, is among them.
        platform: What it runs on.
    """

    model: str
    profiles: tuple[Profile, ...]
    target: Target
    version: str
    options: Mapping[str, str]
    platform: Platform

    @property
    def key(self) -> str:
        """SHA-256 over canonical JSON of the recipe, in hex: the engine's name in a store."""
        facts = {
            "model": self.model,
            "profiles": [dataclasses.astuple(each) for each in self.profiles],
            "flavour": self.target.flavour,
            "version": self.version,
            "capabilities": self.target.capabilities,
            "options": dict(self.options),
            "system": self.platform.system,
            "machine": self.platform.machine,
        }
        text = json.dumps(facts, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Sidecar:
    """An engine's own words on itself.

    Attributes:
        recipe: What decides.
        file: Name of the model file, for people.
        manifest: The model's own manifest, so that the engine needs no model beside it.
        engine: SHA-256 of the engine's bytes, in hex.
        size: Of the engine, in bytes.
        created: When it was made, UTC, ISO 8601.
        about: Information that decides nothing: ``path`` of the model when it was built,
            ``driver``, ``gpu``, ``seconds`` of the build, ``adopted`` from where.
        verifications: What each self-test on a GPU found.
        asked: The profiles as they were asked for, before the model raised their least sizes.
        schema: Version of this form.
    """

    recipe: Recipe
    file: str
    manifest: Manifest
    engine: str
    size: int
    created: str
    about: Mapping[str, Any] = field(default_factory=dict)
    verifications: tuple[Mapping[str, Any], ...] = ()
    asked: tuple[Profile, ...] = ()
    schema: int = SCHEMA

    @property
    def key(self) -> str:
        """The engine's name in a store."""
        return self.recipe.key

    @property
    def entries(self) -> tuple[str, ...]:
        """What the model computes: the labels of its scores."""
        return tuple(output.name for output in self.manifest.scores)

    @property
    def profiles(self) -> tuple[Profile, ...]:
        """The profiles as they were asked for, where that is known."""
        return self.asked or self.recipe.profiles

    def to_json(self) -> str:
        """The sidecar as JSON, for people too."""
        recipe = self.recipe
        facts = {
            "schema": self.schema,
            "key": self.key,
            "model": {
                "file": self.file,
                "sha256": recipe.model,
                "entries": self.entries,
                "precision": self.manifest.precision,
            },
            "target": dataclasses.asdict(recipe.target),
            "version": recipe.version,
            "profiles": [
                {name: size._asdict() for name, size in vars(each).items()}
                for each in recipe.profiles
            ],
            "asked": [str(each) for each in self.asked],
            "options": dict(recipe.options),
            "platform": dataclasses.asdict(recipe.platform),
            "engine": {"sha256": self.engine, "size": self.size},
            "created": self.created,
            "about": dict(self.about),
            "verifications": [dict(each) for each in self.verifications],
            "manifest": self.manifest.to_json(),
        }
        return json.dumps(facts, indent=1, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str, *, file: str) -> Self:
        """The sidecar in a file.

        Args:
            text: What the file holds.
            file: Its name, for errors.

        Raises:
            NewerError: It comes from a newer release.
            SidecarError: It is damaged, lacks or has too much, or its key is not that of what it
                says.
        """
        try:
            facts = parsed(text)
        except ValueError as error:
            raise SidecarError(f"{file} is not a sidecar of an engine ({error}).") from error
        schema = facts.get("schema") if isinstance(facts, dict) else None
        if type(schema) is not int:
            raise SidecarError(f"{file} is not a sidecar of an engine: it has no schema.")
        if schema > SCHEMA:
            raise NewerError(
                f"{file} is of schema {schema}, and this release reads up to {SCHEMA}. Update "
                "framegauge."
            )
        try:
            sidecar = cls._read(facts, file)
        except NewerError:
            raise
        except KeyError as error:
            raise SidecarError(f"{file} is damaged (it has no {error.args[0]}).") from error
        except UnicodeEncodeError as error:
            words = "a text in it has half a character: surrogates not allowed"
            raise SidecarError(f"{file} is damaged ({words}).") from error
        except ValueError as error:
            raise SidecarError(f"{file} is damaged ({error}).") from error
        except (TypeError, AttributeError) as error:
            raise SidecarError(f"{file} is damaged (a part of it is of another form).") from error
        said = facts["key"], facts["model"]["entries"], facts["model"]["precision"]
        if said != (sidecar.key, list(sidecar.entries), sidecar.manifest.precision):
            raise SidecarError(
                f"{file} says what its own key or manifest denies: it was altered, or is of "
                "another engine."
            )
        return sidecar

    @classmethod
    def _read(cls, facts: dict[str, Any], file: str) -> Self:
        model, engine = facts["model"], facts["engine"]
        checked.fields(facts, _TOP, "the sidecar")
        checked.fields(model, ("file", "sha256", "entries", "precision"), "model")
        checked.fields(engine, ("sha256", "size"), "engine")
        target = facts["target"]
        recipe = Recipe(
            model=checked.digest(model["sha256"]),
            profiles=tuple(
                Profile(**{name: checked.size(size) for name, size in each.items()})
                for each in facts["profiles"]
            ),
            target=Target(
                **{**target, "architectures": tuple(map(checked.text, target["architectures"]))}
            ),
            version=checked.version(facts["version"]),
            options={
                checked.text(name): checked.text(value) for name, value in facts["options"].items()
            },
            platform=Platform(
                **{name: checked.text(word) for name, word in facts["platform"].items()}
            ),
        )
        if not recipe.profiles:
            raise ValueError("it has no profiles")
        manifest = _manifest(checked.text(facts["manifest"]), file)
        asked = tuple(Profile.parse(checked.text(each)) for each in facts["asked"])
        if asked and tuple(each.fitted(manifest) for each in asked) != recipe.profiles:
            raise ValueError("its profiles are not those that were asked for")
        return cls(
            recipe=recipe,
            file=checked.text(model["file"]),
            manifest=manifest,
            engine=checked.digest(engine["sha256"]),
            size=checked.length(engine["size"]),
            created=checked.utc(facts["created"]),
            about=checked.facts(facts["about"]),
            verifications=tuple(map(checked.facts, facts["verifications"])),
            asked=asked,
            schema=facts["schema"],
        )


_TOP = (
    *("schema", "key", "model", "target", "version", "profiles", "asked", "options"),
    *("platform", "engine", "created", "about", "verifications", "manifest"),
)


def _manifest(text: str, file: str) -> Manifest:
    try:
        return Manifest.from_json(text, file=file)
    except ManifestError as error:
        if _schema(text) > MANIFEST_SCHEMA:
            raise NewerError(str(error)) from error
        raise ValueError(f"the model's manifest: {error}") from error


def _schema(text: str) -> int:
    """The schema that a manifest says it is of, 0 if it does not."""
    try:
        schema = parsed(text)["schema"]
    except (ValueError, TypeError, KeyError):
        return 0
    return schema if type(schema) is int else 0
