"""A fleet's engines, listed in TOML: models x targets x profiles x precisions.

Such as::

    store = "engines"                     # beside this file, unless --store names another

    [[engines]]
    models = ["mine.onnx", "models/*.onnx"]   # files beside this one
    targets = ["rtx", "sm120"]
    profiles = ["1080p", ["540p", "2160p"]]   # an inner list goes into one engine

    [[engines]]
    entries = ["psnr,ssim"]               # the models that `framegauge score` takes for these
    formats = ["yuv420p", "rgb24"]
    precisions = ["fp32", "fp16"]
    targets = ["local"]
    profiles = ["2160p"]
    flavour = "tensorrt"
    compatibility = "ampere_plus"
    options = { builder_optimization_level = 5 }

The precision of an engine is its model's: files are listed by name, entries are exported in each.
"""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from glob import glob
from pathlib import Path
from typing import Any, get_args

from framegauge.engines.machine import FLAVOURS, Flavour, Gpu, TargetError, gpu
from framegauge.engines.modelfile import ModelFile
from framegauge.engines.options import parse_options
from framegauge.engines.profile import Profile
from framegauge.engines.regenerate import Wanted
from framegauge.engines.target import LOCAL, Compatibility, Target, parse_targets
from framegauge.export.formats import FORMATS
from framegauge.export.manifest import PRECISIONS, Precision
from framegauge.export.spec import nearest

_TOP = ("store", "engines")


@dataclass(frozen=True, kw_only=True)
class Export:
    """A model that is named by what it computes."""

    entries: str
    format: str
    precision: Precision


@dataclass(frozen=True, kw_only=True)
class Group:
    """One ``[[engines]]`` table: every combination of what it lists.

    Attributes:
        models: Files of models.
        exports: Models that are named by what they compute.
        targets: As ``--target`` takes them.
        profiles: Those of each engine.
        flavour: Which TensorRT, ``None`` for the one that fits.
        compatibility: Hardware compatibility level.
        options: Builder options by name.
    """

    models: tuple[Path, ...] = ()
    exports: tuple[Export, ...] = ()
    targets: tuple[str, ...]
    profiles: tuple[tuple[Profile, ...], ...]
    flavour: Flavour | None = None
    compatibility: Compatibility = "none"
    options: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """What a TOML file lists.

    Attributes:
        store: Where its engines are kept, ``None`` if it does not say.
        groups: Its tables.
    """

    store: Path | None
    groups: tuple[Group, ...]

    @classmethod
    def read(cls, path: Path) -> Fleet:
        """The fleet in a file.

        Raises:
            ValueError: It is no TOML, has a key that is not known, or a value that cannot be.
            OSError: It cannot be read.
        """
        try:
            facts = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ValueError(f"{path} is not TOML: {error}.") from error
        _check_keys(facts, _TOP, f"{path}")
        store, tables = facts.get("store"), facts.get("engines")
        if store is not None and not isinstance(store, str):
            raise ValueError(f"{path}: store is the path of a folder, got {store!r}.")
        if not isinstance(tables, list) or not all(isinstance(each, dict) for each in tables):
            raise ValueError(f"{path} lists no engines: it needs [[engines]] tables.")
        return cls(
            store=path.parent / store if store is not None else None,
            groups=tuple(
                _group(table, f"{path}, [[engines]] number {number}", path.parent)
                for number, table in enumerate(tables, 1)
            ),
        )

    def wanted(
        self, export: Callable[[Export], Sequence[Path]], *, find_gpu: Callable[[], Gpu] = gpu
    ) -> Iterator[Wanted]:
        """Every engine it lists.

        Args:
            export: Gives the files of a model that is named by what it computes.
            find_gpu: What tells the GPU that ``local`` means.

        Raises:
            ValueError: A target is not known.
            TargetError: ``local`` is listed, and there is no GPU.
            ManifestError: A file is not a model of ours.
            OSError: A model cannot be read.
        """
        for group in self.groups:
            files = [*group.models, *(file for each in group.exports for file in export(each))]
            models = [ModelFile.read(file) for file in dict.fromkeys(files)]
            targets = [
                target for word in group.targets for target in _targets(word, group, find_gpu)
            ]
            yield from (
                Wanted(model=model, target=target, profiles=profiles, options=group.options)
                for model in models
                for target in targets
                for profiles in group.profiles
            )


def _group(table: dict[str, Any], where: str, folder: Path) -> Group:
    known = [each.name for each in dataclasses.fields(Group) if each.name != "exports"]
    _check_keys(table, [*known, "entries", "formats", "precisions"], where)
    entries, formats, precisions = (
        _words(table, name, where, default)
        for name, default in (("entries", ()), ("formats", ("rgb24",)), ("precisions", ("fp32",)))
    )
    if bool(entries) == ("models" in table):
        raise ValueError(f"{where} needs either models, which are files, or entries.")
    if not entries and not {"formats", "precisions"}.isdisjoint(table):
        raise ValueError(
            f"{where}: formats and precisions go with entries. A file has its own: list the files."
        )
    _check_words(formats, FORMATS, "formats", where)
    _check_words(precisions, PRECISIONS, "precisions", where)
    targets = _words(table, "targets", where)
    flavour, compatibility = table.get("flavour"), table.get("compatibility", "none")
    if flavour is not None:
        _check_words([flavour], FLAVOURS, "flavour", where)
    _check_words([compatibility], get_args(Compatibility), "compatibility", where)
    options = table.get("options", {})
    if not isinstance(options, dict):
        raise ValueError(f"{where}: options is a table of builder options, got {options!r}.")
    group = Group(
        models=tuple(_files(_words(table, "models", where, ()), folder, where)),
        exports=tuple(
            Export(entries=each, format=form, precision=precision)  # type: ignore[arg-type]
            for each in entries
            for form in formats
            for precision in precisions
        ),
        targets=targets,
        profiles=tuple(_profiles(table, where)),
        flavour=flavour,
        compatibility=compatibility,
        options=parse_options(f"{name}={value}" for name, value in options.items()),
    )
    for word in targets:
        if word != LOCAL:
            _targets(word, group, gpu)
    return group


def _targets(word: str, group: Group, find_gpu: Callable[[], Gpu]) -> list[Target]:
    """What a word means, without asking whether it can be built on this machine."""
    level, flavour = group.compatibility, group.flavour
    try:
        return parse_targets(word, flavour=flavour, compatibility=level, find_gpu=find_gpu)
    except TargetError:
        if word == LOCAL:
            raise
        there = Gpu(index=0, name=word, architecture=word, driver="")
        return parse_targets(word, flavour=flavour, compatibility=level, find_gpu=lambda: there)


def _profiles(table: dict[str, Any], where: str) -> Iterator[tuple[Profile, ...]]:
    listed = table.get("profiles", ["1080p"])
    if not isinstance(listed, list) or not listed:
        raise ValueError(f"{where}: profiles is a list such as ['1080p'], got {listed!r}.")
    for each in listed:
        words = each if isinstance(each, list) else [each]
        if not words or not all(isinstance(word, str) for word in words):
            raise ValueError(f"{where}: profiles holds texts or lists of them, got {each!r}.")
        yield tuple(map(Profile.parse, words))


def _files(patterns: Iterable[str], folder: Path, where: str) -> Iterator[Path]:
    for pattern in patterns:
        found = sorted(glob(str(folder / pattern)))
        if not found:
            raise ValueError(f"{where}: no file is called {pattern!r} in {folder.absolute()}.")
        yield from map(Path, found)


def _words(
    table: dict[str, Any], name: str, where: str, default: tuple[str, ...] | None = None
) -> tuple[str, ...]:
    if name not in table and default is not None:
        return default
    listed = table.get(name)
    if not isinstance(listed, list) or not listed or not all(isinstance(w, str) for w in listed):
        raise ValueError(f"{where}: {name} is a list of texts, got {listed!r}.")
    return tuple(listed)


def _check_keys(facts: dict[str, Any], known: Sequence[str], where: str) -> None:
    for name in facts:
        if name not in known:
            raise ValueError(
                f"{where} has an unknown key {name!r}{nearest(name, known)} "
                f"Keys: {', '.join(known)}."
            )


def _check_words(words: Iterable[Any], known: Iterable[str], name: str, where: str) -> None:
    choices = list(known)
    for word in words:
        if word not in choices:
            raise ValueError(
                f"{where}: {name} has no {word!r}{nearest(str(word), choices)} "
                f"It takes {', '.join(choices)}."
            )
