"""Which engines have to be made again, and why: a new GPU, a new TensorRT, a changed model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

from framegauge.engines.building.build import jobs
from framegauge.engines.building.job import Job
from framegauge.engines.identity.machine import Gpu, TargetError, gpu
from framegauge.engines.identity.options import ALWAYS
from framegauge.engines.identity.profile import Profile
from framegauge.engines.identity.sidecar import Sidecar
from framegauge.engines.identity.target import Target
from framegauge.engines.proving.freshness import lost, model_of
from framegauge.engines.store.store import Store
from framegauge.engines.store.stored_engine import StoredEngine
from framegauge.engines.store.trusted_files import StoreError
from framegauge.export.contract.model_file import ModelFile

_SHORT = 8


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """One engine that there shall be, of whatever version of TensorRT is installed.

    Attributes:
        model: The model.
        target: What it is for.
        profiles: Sizes, all in the one engine.
        options: Builder options by name.
    """

    model: ModelFile
    target: Target
    profiles: tuple[Profile, ...]
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def identity(self) -> tuple[object, ...]:
        """What tells it from another, but for versions."""
        options = tuple(sorted(self.options.items()))
        return self.model.sha256, self.target, self.profiles, options


@dataclass(frozen=True, kw_only=True)
class Absent:
    """Engines that there shall be, or are, of a model that is not at hand.

    Attributes:
        name: The model, or what is known in its place.
        why: The reason, for people.
        action: Nothing can be done here; what is there stays; or the model is to be made first.
        target: What they are for, if that is known.
    """

    name: str
    why: str
    action: Literal["cannot", "keep", "export"] = "cannot"
    target: str = ""

    @property
    def identity(self) -> tuple[object, ...]:
        """What tells it from another."""
        return self.name, self.why, self.action, self.target


@dataclass(frozen=True, kw_only=True)
class Step:
    """What has to be done for one engine.

    Attributes:
        wanted: The engine.
        action: Build it; keep what is there; make its model first; or nothing can be done here.
        why: The reason, for people.
        job: What the builder is told, where it is to build.
    """

    wanted: Wanted | Absent
    action: Literal["build", "keep", "cannot", "export"]
    why: str
    job: Job | None = None


def plan(
    wanted: Iterable[Wanted | Absent], store: Store, *, find_gpu: Callable[[], Gpu] = gpu
) -> list[Step]:
    """What has to be done so that a store has the engines that are wanted.

    Args:
        wanted: The engines.
        store: Where they are looked for.
        find_gpu: What tells the GPU at hand, which TensorRT builds for alone.
    """
    stored = store.entries()
    distinct = {each.identity: each for each in wanted}
    steps = [
        Step(wanted=each, action=each.action, why=each.why)
        if isinstance(each, Absent)
        else _step(each, store, stored, find_gpu)
        for each in distinct.values()
    ]
    # Profiles that differ may come to the same for a model that takes large frames only.
    keys = [step.job.recipe.key if step.job else None for step in steps]
    return [step for at, step in enumerate(steps) if keys[at] is None or keys[at] not in keys[:at]]


def wanted_again(
    store: Store, *, models: Sequence[ModelFile] = (), targets: Sequence[Target] = ()
) -> list[Wanted | Absent]:
    """What a store has, of the models as they are now.

    Args:
        store: The store.
        models: Models that lie elsewhere now than when their engines were built.
        targets: Also wanted, for every model, profile and option there is.
    """
    read = cache(ModelFile.read)
    wanted: list[Wanted | Absent] = []
    stored = store.entries()
    for held in stored:
        if held.sidecar is None:
            # What a newer release has made is for that to make again.
            action: Literal["cannot", "keep"] = "keep" if held.fault == "newer" else "cannot"
            name = held.key[:_SHORT]
            wanted.append(Absent(name=name, why=held.problem or "", action=action))
            continue
        sidecar, recipe = held.sidecar, held.sidecar.recipe
        try:
            model = model_of(sidecar, models, stored, read)
        except (OSError, ValueError) as error:
            words = f"{lost(sidecar, error)}."
            wanted.append(Absent(name=sidecar.file, why=words, target=str(recipe.target)))
            continue
        options = {name: value for name, value in recipe.options.items() if name not in ALWAYS}
        wanted += [
            Wanted(model=model, target=target, profiles=sidecar.profiles, options=options)
            for target in (recipe.target, *targets)
            if target.flavour == recipe.target.flavour or not options
        ]
    used = [each.model for each in wanted if isinstance(each, Wanted)]
    idle = [each for each in models if each not in used]
    words = "no engine of the store is of it, or lacks its model"
    return [*wanted, *(Absent(name=str(each.path), why=words) for each in idle)]


def _step(
    wanted: Wanted, store: Store, stored: Sequence[StoredEngine], find_gpu: Callable[[], Gpu]
) -> Step:
    try:
        (job,) = jobs(wanted.model, [wanted.target], wanted.profiles, wanted.options)
    except TargetError as error:
        return _without_builder(wanted, store, stored, error)
    except ValueError as error:
        return Step(wanted=wanted, action="cannot", why=str(error))
    held = store.get(job.recipe.key)
    problem = _problem(store, held) if held else None
    if held is not None and problem is None:
        return Step(wanted=wanted, action="keep", why="up to date")
    why = f"file damaged: {problem}" if held else _cause(job, stored)
    elsewhere = _elsewhere(wanted.target, find_gpu)
    if elsewhere is not None:
        return Step(wanted=wanted, action="cannot", why=f"{why}; {elsewhere}")
    return Step(wanted=wanted, action="build", why=why, job=job)


def _without_builder(
    wanted: Wanted, store: Store, stored: Sequence[StoredEngine], error: TargetError
) -> Step:
    """What is to be done where the flavour is not installed: its version cannot be compared."""
    for held in stored:
        if held.sidecar is None or _problem(store, held) is not None:
            continue
        recipe = held.sidecar.recipe
        is_same = (
            recipe.model == wanted.model.sha256
            and recipe.target == wanted.target
            and recipe.profiles
            == tuple(each.fitted(wanted.model.manifest) for each in wanted.profiles)
            and dict(recipe.options) == {**wanted.options, **ALWAYS}
        )
        if is_same:
            flavour = recipe.target.flavour
            words = f"of {flavour} {recipe.version}; {flavour} is not installed here to compare"
            return Step(wanted=wanted, action="keep", why=words)
    return Step(wanted=wanted, action="cannot", why=str(error))


def _problem(store: Store, held: StoredEngine) -> str | None:
    try:
        store.read(held)
    except StoreError as error:
        return str(error)
    return None


def _elsewhere(target: Target, find_gpu: Callable[[], Gpu]) -> str | None:
    """Why an engine cannot be built here, ``None`` if it can."""
    if target.flavour == "tensorrt_rtx":
        return None
    try:
        here = find_gpu().architecture
    except TargetError:
        here = "none"
    if target.architectures == (here,):
        return None
    return f"TensorRT builds for {target} on such a GPU alone, and the one here is {here}"


def _cause(job: Job, stored: Sequence[StoredEngine]) -> str:
    """Why an engine is not there: how it differs from the most like it that is."""
    name, path = job.model.path.name, str(job.model.path.absolute())
    akin = [
        sidecar
        for sidecar in (held.sidecar for held in stored)
        if sidecar is not None
        and (
            sidecar.recipe.model == job.recipe.model
            or (sidecar.about.get("path", path) == path and sidecar.file == name)
        )
    ]
    if not akin:
        return f"no engine of {name}"
    found = [(list(_differences(each, job)), each.created) for each in akin]
    fewest = min(len(differences) for differences, _ in found)
    nearest = [each for each in found if len(each[0]) == fewest]
    return "; ".join(max(nearest, key=lambda each: each[1])[0])


def _differences(old: Sidecar, job: Job) -> Iterator[str]:
    was, now = old.recipe, job.recipe
    if was.model != now.model:
        yield f"model changed: sha {was.model[:_SHORT]} -> {now.model[:_SHORT]}"
    if was.target != now.target:
        yield f"no engine for {now.target}"
    elif was.version != now.version:
        yield f"{now.target.flavour} {was.version} -> {now.version}"
    if was.profiles != now.profiles:
        yield f"no engine of profile {', '.join(map(str, job.asked))}"
    if dict(was.options) != dict(now.options):
        told = (f"{name}={value}" for name, value in now.options.items())
        yield f"no engine with {', '.join(told)}"
    if was.platform != now.platform:
        yield f"no engine for {now.platform.system} on {now.platform.machine}"
