"""Models to engines: what has to be built, built side by side, and kept in a store.

TensorRT-RTX builds for any RTX GPU on a machine with none; TensorRT for the GPU at hand.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Event
from typing import Literal

from framegauge.engines.building.build_process import BuildProcess
from framegauge.engines.building.job import Job, describe, order
from framegauge.engines.building.tensorrt.compiler import BuildError
from framegauge.engines.identity.machine import Platform, TargetError, flavours
from framegauge.engines.identity.options import normalised
from framegauge.engines.identity.profile import Profile
from framegauge.engines.identity.sidecar import Recipe
from framegauge.engines.identity.target import Target
from framegauge.engines.store.store import Store
from framegauge.engines.store.stored_engine import StoredEngine
from framegauge.engines.store.trusted_files import StoreError
from framegauge.export.contract.model_file import ModelFile

_EXTRAS = {"tensorrt": "tensorrt", "tensorrt_rtx": "rtx"}


@dataclass(frozen=True, kw_only=True)
class Result:
    """What became of a job.

    Attributes:
        job: The job.
        outcome: Built now; kept because the store had it; or failed.
        why: Why it was built, or why it failed; empty if it was kept.
        held: The engine in the store, ``None`` if it failed.
        seconds: Wall time it took.
    """

    job: Job
    outcome: Literal["built", "kept", "failed"]
    why: str
    held: StoredEngine | None
    seconds: float


# Called with a job, the phase of its build and how far it has come in [0, 1], from several threads:
# first 0, and 1 at the very end alone, when the phase is the outcome.
Progress = Callable[[Job, str, float], None]

STARTING, WAITING = "building", "waiting for another process that builds it"

_NEARLY = 0.99


def jobs(
    model: ModelFile,
    targets: Iterable[Target],
    profiles: Sequence[Profile],
    options: Mapping[str, str] | None = None,
) -> list[Job]:
    """One job for each target.

    Args:
        model: The model.
        targets: What engines are for.
        profiles: Sizes, all in every engine; the least are raised to what the model takes.
        options: Builder options by name.

    Raises:
        ValueError: A profile is too small for the model, or an option is unknown.
        TargetError: A flavour is not installed here.
    """
    fitted: dict[Profile, Profile] = {}
    for profile in profiles:
        fitted.setdefault(profile.fitted(model.manifest), profile)
    if not fitted:
        raise ValueError("An engine needs at least one --profile.")
    return [
        Job(
            model=model,
            recipe=Recipe(
                model=model.sha256,
                profiles=tuple(fitted),
                target=target,
                version=_version(target),
                options=normalised(options or {}, target.flavour),
                platform=Platform.here(),
            ),
            asked=tuple(fitted.values()),
        )
        for target in targets
    ]


def build(
    wanted: Sequence[Job],
    store: Store,
    *,
    force: bool = False,
    workers: int | None = None,
    cpus: int = 1,
    progress: Progress | None = None,
) -> list[Result]:
    """Make the engines that a store has not, each in a process that may crash alone.

    Args:
        wanted: The jobs; one that fails does not stop the others.
        store: Where engines are kept, and looked for.
        force: Build what is there too.
        workers: Builds side by side; ``None`` for one a CPU, or one where builds are timed on a
            GPU.
        cpus: How many CPUs may be used.
        progress: Told of phases, from several threads.

    Returns:
        What became of each job, in their order.
    """
    started = time.monotonic()
    found = {id(job): (None, "asked for") if force else _kept(job, store) for job in wanted}
    missing = [job for job in wanted if found[id(job)][0] is None]
    is_timed = any(job.recipe.target.flavour == "tensorrt" for job in missing)
    count = workers or (1 if is_timed else cpus)
    made: dict[int, Result] = {}
    crews: SimpleQueue[BuildProcess] = SimpleQueue()
    stopped = Event()

    def make(job: Job) -> None:
        crew = crews.get()
        tell = progress or (lambda job, phase, share: None)
        try:
            tell(job, STARTING, 0.0)
            result = _made(job, store, crew, found[id(job)][1], force, tell, stopped)
            made[id(job)] = result
            if not stopped.is_set():
                tell(job, result.outcome, 1.0)
        finally:
            crews.put(crew)

    if missing:
        staff = [BuildProcess() for _ in range(min(count, len(missing)))]
        for crew in staff:
            crews.put(crew)
        pool = ThreadPoolExecutor(len(staff))
        try:
            list(pool.map(make, missing))
        finally:
            # An interrupt ends the builds with it, and those that wait for other processes.
            stopped.set()
            for crew in staff:
                crew.stop()
            pool.shutdown(cancel_futures=True)
            for crew in staff:
                crew.dismiss()
    return [
        made.get(id(job))
        or Result(
            job=job,
            outcome="kept",
            why="",
            held=found[id(job)][0],
            seconds=time.monotonic() - started,
        )
        for job in wanted
    ]


def _kept(job: Job, store: Store) -> tuple[StoredEngine | None, str]:
    """The sound engine that a store has for a job, or why one must be built."""
    held = store.get(job.recipe.key)
    if held is None:
        return None, "not in the store"
    try:
        store.read(held)
    except StoreError as error:
        return None, str(error)
    return held, ""


def _made(
    job: Job,
    store: Store,
    crew: BuildProcess,
    why: str,
    force: bool,
    tell: Progress,
    stopped: Event,
) -> Result:
    started = time.monotonic()

    def wait() -> None:
        tell(job, WAITING, 0.0)
        if stopped.is_set():
            raise BuildError(f"The build of {job.model.path} was stopped.")

    def follow(phase: str, share: float) -> None:
        tell(job, phase, min(share, _NEARLY))

    try:
        with store.building(job.recipe.key, wait):
            # Whoever held the lock before may have built it.
            held, _ = (None, "") if force else _kept(job, store)
            if held is None:
                engine = crew.build(order(job), follow)
                seconds = round(time.monotonic() - started, 2)
                held = store.put(engine, describe(job, engine, {"seconds": seconds}))
            else:
                why = "another process built it meanwhile"
    except (BuildError, StoreError, OSError) as error:
        return Result(
            job=job,
            outcome="failed",
            why=str(error),
            held=None,
            seconds=time.monotonic() - started,
        )
    return Result(job=job, outcome="built", why=why, held=held, seconds=time.monotonic() - started)


def _version(target: Target) -> str:
    installed = flavours()
    if target.flavour not in installed:
        raise TargetError(
            f"Building for {target} needs {target.flavour}, which is not installed. "
            f"pip install '.[{_EXTRAS[target.flavour]}]'"
            + (f"; installed: {', '.join(installed)}." if installed else ".")
        )
    return installed[target.flavour]
