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
from dataclasses import dataclass, field, replace
from glob import glob
from pathlib import Path
from typing import Any, get_args

from framegauge.engines.fleet.regenerate import Absent, Wanted
from framegauge.engines.fleet.toml_values import check_keys, check_words, words_of
from framegauge.engines.identity.machine import FLAVOURS, Flavour, Gpu, TargetError, gpu
from framegauge.engines.identity.options import parse_options
from framegauge.engines.identity.profile import Profile
from framegauge.engines.identity.target import LOCAL, Compatibility, Target, parse_targets
from framegauge.export.contract.bounded_file import MOST_SETTINGS, read_bounded
from framegauge.export.contract.formats import FORMATS
from framegauge.export.contract.manifest import PRECISIONS, ManifestError, Precision
from framegauge.export.contract.model_file import ModelFile

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
            facts = tomllib.loads(read_bounded(path, MOST_SETTINGS).decode())
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ValueError(f"{path} is not TOML: {error}.") from error
        except RecursionError:
            raise ValueError(
                f"{path} is no list of a fleet: its values lie too deep in each other."
            ) from None
        check_keys(facts, _TOP, f"{path}")
        store, tables = facts.get("store"), facts.get("engines")
        if store is not None and not isinstance(store, str):
            raise ValueError(f"{path}: store is the path of a folder, got {store!r}.")
        if not (
            tables and isinstance(tables, list) and all(isinstance(each, dict) for each in tables)
        ):
            raise ValueError(f"{path} lists no engines: it needs [[engines]] tables.")
        return cls(
            store=path.parent / store if store is not None else None,
            groups=tuple(
                _group(table, f"{path}, [[engines]] number {number}", path.parent)
                for number, table in enumerate(tables, 1)
            ),
        )

    def wanted(
        self,
        export: Callable[[Export], Sequence[Path] | Absent],
        *,
        find_gpu: Callable[[], Gpu] = gpu,
    ) -> Iterator[Wanted | Absent]:
        """Every engine it lists, and what cannot be had of it.

        Args:
            export: Gives the files of a model that is named by what it computes, or why not.
            find_gpu: What tells the GPU that ``local`` means.
        """
        for group in self.groups:
            made = [export(each) for each in group.exports]
            named = ", ".join(group.targets)
            yield from (replace(each, target=named) for each in made if isinstance(each, Absent))
            exported = [file for each in made if not isinstance(each, Absent) for file in each]
            for file in dict.fromkeys([*group.models, *exported]):
                yield from _wanted(file, group, find_gpu)


def _wanted(file: Path, group: Group, find_gpu: Callable[[], Gpu]) -> Iterator[Wanted | Absent]:
    """The engines of one model."""
    try:
        model = ModelFile.read(file)
    except (OSError, ManifestError) as error:
        yield Absent(name=str(file), why=str(error))
        return
    for word in group.targets:
        try:
            targets = _targets(word, group, find_gpu)
        except TargetError as error:
            yield Absent(name=str(file), why=str(error), target=word)
            continue
        yield from (
            Wanted(model=model, target=target, profiles=profiles, options=group.options)
            for target in targets
            for profiles in group.profiles
        )


def _group(table: dict[str, Any], where: str, folder: Path) -> Group:
    known = [each.name for each in dataclasses.fields(Group) if each.name != "exports"]
    check_keys(table, [*known, "entries", "formats", "precisions"], where)
    entries, formats, precisions = (
        words_of(table, name, where, default)
        for name, default in (("entries", ()), ("formats", ("rgb24",)), ("precisions", ("fp32",)))
    )
    if bool(entries) == ("models" in table):
        raise ValueError(f"{where} needs either models, which are files, or entries.")
    if not entries and not {"formats", "precisions"}.isdisjoint(table):
        raise ValueError(
            f"{where}: formats and precisions go with entries. A file has its own: list the files."
        )
    check_words(formats, FORMATS, "formats", where)
    check_words(precisions, PRECISIONS, "precisions", where)
    targets = words_of(table, "targets", where)
    flavour, compatibility = table.get("flavour"), table.get("compatibility", "none")
    if flavour is not None:
        check_words([flavour], FLAVOURS, "flavour", where)
    check_words([compatibility], get_args(Compatibility), "compatibility", where)
    options = table.get("options", {})
    if not isinstance(options, dict):
        raise ValueError(f"{where}: options is a table of builder options, got {options!r}.")
    group = Group(
        models=tuple(_files(words_of(table, "models", where, ()), folder, where)),
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
        # A name may have brackets, and so may the folder's.
        try:
            is_name = (folder / pattern).exists()
        except OSError as error:
            raise ValueError(f"{where}: {pattern!r:.80} is no name: {error.strerror}.") from error
        found = [pattern] if is_name else sorted(glob(pattern, root_dir=folder))
        if not found:
            raise ValueError(f"{where}: no file is called {pattern!r} in {folder.absolute()}.")
        yield from (folder / each for each in found)
