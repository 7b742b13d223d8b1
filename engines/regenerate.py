"""Which engines have to be made again, and why: a new GPU, a new TensorRT, a changed model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

from framegauge.engines.build import Job, jobs
from framegauge.engines.held import Held
from framegauge.engines.machine import Gpu, TargetError, gpu
from framegauge.engines.modelfile import ModelFile
from framegauge.engines.options import ALWAYS
from framegauge.engines.profile import Profile
from framegauge.engines.sidecar import Sidecar
from framegauge.engines.standing import lost, model_of
from framegauge.engines.store import Store
from framegauge.engines.target import Target
from framegauge.engines.trust import StoreError
from framegauge.export.manifest import ManifestError

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
        return self.model.sha256, self.target, self.profiles, tuple(sorted(self.options.items()))


@dataclass(frozen=True, kw_only=True)
class Step:
    """What has to be done for one engine.

    Attributes:
        wanted: The engine.
        action: Build it; keep what is there; or nothing can be done here.
        why: The reason, for people.
        job: What the builder is told, where it is to build.
    """

    wanted: Wanted
    action: Literal["build", "keep", "cannot"]
    why: str
    job: Job | None = None


def plan(
    wanted: Iterable[Wanted], store: Store, *, find_gpu: Callable[[], Gpu] = gpu
) -> list[Step]:
    """What has to be done so that a store has the engines that are wanted.

    Args:
        wanted: The engines.
        store: Where they are looked for.
        find_gpu: What tells the GPU at hand, which TensorRT builds for alone.
    """
    stored = store.entries()
    distinct = {each.identity: each for each in wanted}
    steps = [_step(each, store, stored, find_gpu) for each in distinct.values()]
    # Profiles that differ may come to the same for a model that takes large frames only.
    keys = [step.job.recipe.key if step.job else None for step in steps]
    return [step for at, step in enumerate(steps) if keys[at] is None or keys[at] not in keys[:at]]


def wanted_again(
    store: Store, *, models: Sequence[ModelFile] = (), targets: Sequence[Target] = ()
) -> tuple[list[Wanted], list[str]]:
    """What a store has, of the models as they are now.

    Args:
        store: The store.
        models: Models that lie elsewhere now than when their engines were built.
        targets: Also wanted, for every model, profile and option there is.

    Returns:
        The engines, and why some cannot be told of.
    """
    read = cache(ModelFile.read)
    wanted: list[Wanted] = []
    notes: dict[str, None] = {}
    for held in store.entries():
        if held.sidecar is None:
            notes[f"{held.key[:_SHORT]}: {held.problem}"] = None
            continue
        sidecar, recipe = held.sidecar, held.sidecar.recipe
        try:
            model = model_of(sidecar, models, read)
        except (OSError, ManifestError) as error:
            notes[f"{held.key[:_SHORT]}: {lost(sidecar, error)}."] = None
            continue
        options = {name: value for name, value in recipe.options.items() if name not in ALWAYS}
        wanted += [
            Wanted(model=model, target=target, profiles=recipe.profiles, options=options)
            for target in (recipe.target, *targets)
            if target.flavour == recipe.target.flavour or not options
        ]
    return wanted, list(notes)


def _step(
    wanted: Wanted, store: Store, stored: Sequence[Held], find_gpu: Callable[[], Gpu]
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
    wanted: Wanted, store: Store, stored: Sequence[Held], error: TargetError
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


def _problem(store: Store, held: Held) -> str | None:
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


def _cause(job: Job, stored: Sequence[Held]) -> str:
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
        yield f"no engine of profile {', '.join(map(str, now.profiles))}"
    if dict(was.options) != dict(now.options):
        told = (f"{name}={value}" for name, value in now.options.items())
        yield f"no engine with {', '.join(told)}"
    if was.platform != now.platform:
        yield f"no engine for {now.platform.system} on {now.platform.machine}"
