"""Which engine runs a model: found in the store, loaded, proven, or built."""

from __future__ import annotations

from collections.abc import Iterator

from framegauge.engines import (
    FLAVOURS,
    PRESETS,
    Flavour,
    Gpu,
    Profile,
    Resolution,
    Size,
    Store,
    StoredEngine,
    StoreError,
    TargetError,
    build,
    parse_targets,
    resolve,
)
from framegauge.engines.building.build import jobs
from framegauge.export.contract.model_file import ModelFile
from framegauge.runtime.backends.request import (
    BackendRequest,
    Choice,
    Machine,
    NoEngineError,
    Prove,
)
from framegauge.runtime.backends.tensorrt.kernel_cache import KernelCache
from framegauge.runtime.backends.tensorrt.tensorrt_session import TensorrtSession
from framegauge.runtime.errors import BackendError, ScoreError

_DEFAULT_PROFILE = "1080p"
_SHORT = 12
_EXTRAS = {"tensorrt": ".[tensorrt]", "tensorrt_rtx": ".[rtx]"}


class EngineChoice:
    """The engines of one model on this machine."""

    def __init__(
        self, file: ModelFile, wish: BackendRequest, prove: Prove, machine: Machine
    ) -> None:
        """Look at what there is.

        Raises:
            NoEngineError: There is no TensorRT, no GPU or no store to be used.
        """
        self._file, self._wish, self._prove, self._machine = file, wish, prove, machine
        asked: tuple[Flavour, ...] = FLAVOURS
        if wish.backend != "auto":
            asked = ("tensorrt",) if wish.backend == "tensorrt" else ("tensorrt_rtx",)
        installed = machine.flavours()
        self._flavours = {name: installed[name] for name in asked if name in installed}
        if not self._flavours:
            extras = " or ".join(f"pip install '{_EXTRAS[name]}'" for name in asked)
            absent = f"{' and '.join(asked)} not installed"
            raise NoEngineError(wish.backend, f"{absent}. {extras}.", absent)
        try:
            self._gpu: Gpu = machine.gpu(wish.device)
            self._store = Store()
        except (TargetError, StoreError) as error:
            raise NoEngineError(wish.backend, str(error), str(error)) from error

    def take(self, frames: tuple[int, int, int] | None) -> Choice:
        """The best engine that loads and passes its self-test, built if that is allowed.

        Args:
            frames: Batch, height and width, ``None`` if they are not known yet.

        Raises:
            NoEngineError: There is none, and why not each of the store's.
        """
        size = None if frames is None else Size(*frames)
        resolution = self._resolution(size)
        failed = ""
        while True:
            taken, resolution = self._first(resolution)
            if taken is not None:
                return taken
            if not self._wish.build_missing or failed:
                raise self._none(resolution, size, failed)
            failed = self._build(size) or "the engine built cannot be used"
            resolution = self._resolution(size)

    def _resolution(self, size: Size | None) -> Resolution:
        """The store's engines, judged; larger batches than an engine takes are cut."""
        stored = self._store.entries()
        for wanted in dict.fromkeys((size, size._replace(batch=1) if size else None)):
            found = resolve(
                self._file.sha256, stored, gpu=self._gpu, flavours=self._flavours, size=wanted
            )
            if found.chosen is not None or wanted is None or wanted.batch == 1:
                return found
        return found

    def _first(self, resolution: Resolution) -> tuple[Choice | None, Resolution]:
        """The first engine that can be used, and what became of those before it."""
        while (held := resolution.chosen) is not None:
            try:
                session = self._load(held)
                try:
                    tested = self._prove(session)
                except BaseException:
                    session.close()
                    raise
            except (ScoreError, StoreError, BackendError, ImportError, OSError) as error:
                resolution = resolution.refusing(held, str(error))
                continue
            session.keep_kernels()
            self._store.touch(held)
            if session.validity is not None:
                resolution = resolution.judged(held, session.validity)
            best = resolution.best
            why = best.reason if best else ""
            return Choice(session=session, why=why, tested=tested, engine=held.key), resolution
        return None, resolution

    def _load(self, held: StoredEngine) -> TensorrtSession:
        sidecar = held.facts
        if sidecar.manifest != self._file.manifest:
            raise StoreError("its sidecar's manifest is not the model's")
        flavour = sidecar.recipe.target.flavour
        cache = None
        if flavour == "tensorrt_rtx":
            own = self._store.folder / held.cache.name
            cache = KernelCache(own, others=[held.cache] if held.cache != own else [])
        return TensorrtSession(
            self._store.read(held),
            self._file.manifest,
            sidecar.recipe.profiles,
            module=self._machine.module(flavour),
            memory=self._machine.memory(self._wish.device),
            options=sidecar.recipe.options,
            cache=cache,
        )

    def _build(self, size: Size | None) -> str:
        """Build an engine for the GPU at hand; what went wrong, if something did."""
        flavour = next(iter(self._flavours)) if self._wish.backend != "auto" else None
        try:
            targets = parse_targets("local", flavour=flavour, find_gpu=lambda: self._gpu)
            wanted = jobs(self._file, targets, [Profile.parse(_preset(size))])
            results = build(wanted, self._store)
        except (ValueError, TargetError, StoreError, OSError) as error:
            return str(error)
        return "; ".join(result.why for result in results if result.outcome == "failed")

    def _none(self, resolution: Resolution, size: Size | None, failed: str) -> NoEngineError:
        flavour = "" if self._wish.backend == "auto" else f" --flavour {next(iter(self._flavours))}"
        profile = "" if size is None else f" --profile {_preset(size)}"
        command = f"framegauge engines build {self._file.path} --target local{flavour}{profile}"
        listed = list(_words(resolution, self._file.sha256))
        frames = f" and frames of {size}" if size else ""
        reason = f"no engine for this model{frames} in {self._store.folder}"
        if failed:
            reason += f", and building one failed: {failed.rstrip('.')}"
        lines = "".join(f"\n  {each}" for each in listed)
        return NoEngineError(
            self._wish.backend,
            f"{reason}.{lines}\nBuild one: {command}{'' if failed else ', or use --build-missing'}",
            f"{reason} ({'; '.join(listed)})" if listed else reason,
        )


def _words(resolution: Resolution, model: str) -> Iterator[str]:
    """Why not each engine of the model."""
    for each in resolution.candidates:
        sidecar = each.held.sidecar
        if sidecar is not None and sidecar.recipe.model == model:
            target = sidecar.recipe.target
            yield f"{each.held.key[:_SHORT]} ({target.flavour}, {target}): {each.reason}"


def _preset(size: Size | None) -> str:
    """The smallest preset that holds a size, or the size itself."""
    if size is None:
        return _DEFAULT_PROFILE
    for name in PRESETS:
        if Profile.parse(name).holds(1, size.height, size.width):
            return name
    return str(size._replace(batch=1))
