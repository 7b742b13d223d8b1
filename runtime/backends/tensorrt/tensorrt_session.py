"""TensorRT engines as what runs a model, on as many contexts as threads use them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from framegauge.engines.proving.verify import RUNS
from framegauge.export.contract.manifest import Manifest
from framegauge.runtime.backends.gpu.cuda import CudaError, Memory
from framegauge.runtime.backends.gpu.gpu_array import GpuArray, GpuMemory, empty
from framegauge.runtime.backends.session import Device, Feed, check_device, gpu_words
from framegauge.runtime.backends.tensorrt.batch_pieces import Piece, pieces_of, tightest
from framegauge.runtime.backends.tensorrt.context_pool import ContextPool
from framegauge.runtime.backends.tensorrt.execution_context import ExecutionContext
from framegauge.runtime.backends.tensorrt.loaded_engine import SCORES, Engine
from framegauge.runtime.errors import ScoreError

if TYPE_CHECKING:
    from framegauge.engines import Profile
    from framegauge.runtime.backends.tensorrt.kernel_cache import KernelCache

# Contexts side by side: each has memory of its own for everything in between.
LANES = 4


class TensorrtSession:
    """An engine made ready to run, in as many contexts as threads use it.

    Attributes:
        device: Which flavour of TensorRT.
        manifest: What the model says about itself.
        inputs: Names of the inputs, in the manifest's order.
        outputs: Names of the outputs, likewise.
        profiles: Sizes it takes.
        validity: RTX's own word on the engine; ``None`` of TensorRT, which gives none.
        proving_runs: Runs after which it does nothing new.
    """

    proving_runs = RUNS

    def __init__(
        self,
        content: bytes,
        manifest: Manifest,
        profiles: Sequence[Profile],
        *,
        module: Any,
        memory: Memory,
        options: Mapping[str, str] | None = None,
        cache: KernelCache | None = None,
        only: int | None = None,
        lanes: int = LANES,
    ) -> None:
        """Load an engine.

        Args:
            content: Its bytes.
            manifest: The model's.
            profiles: Its profiles, in its order.
            module: ``tensorrt`` or ``tensorrt_rtx``.
            memory: The GPU it runs on.
            options: Builder options that it was built with.
            cache: Where RTX keeps the kernels it compiles.
            only: Index of the one profile that is used, ``None`` for the tightest that holds.
            lanes: Most contexts at a time; further threads wait.

        Raises:
            EngineError: TensorRT cannot load it here, or it is of another model.
            CudaError: CUDA failed.
        """
        self.manifest = manifest
        self.profiles: Sequence[Profile] = tuple(profiles)
        self._usable = {
            index: profile
            for index, profile in enumerate(self.profiles)
            if only is None or index == only
        }
        self._module, self._memory, self._cache = module, memory, cache
        with memory.current():
            self._engine = Engine(
                content, manifest, self.profiles, module=module, options=options or {}, cache=cache
            )
        self.device: Device = "tensorrt-rtx" if self._engine.is_rtx else "tensorrt"
        self.inputs: Sequence[str] = [each.name for each in manifest.inputs]
        self.outputs: Sequence[str] = [each.name for each in manifest.outputs]
        self.validity = self._engine.validity
        self._lanes = ContextPool(self._lane, lanes)

    def holds(self, batch: int, height: int, width: int) -> bool:
        """Whether one of its profiles does; larger batches are cut into pieces."""
        return tightest(self._usable, batch, height, width) is not None

    def run(self, feed: Feed, outputs: Sequence[str] | None = None) -> dict[str, NDArray[Any]]:
        """Outputs by name; see :class:`~framegauge.runtime.backends.session.Session`."""
        wanted = list(self.outputs if outputs is None else outputs)
        pieces, done = self._pieces(feed), []
        with self._memory.current(), self._lanes.one(pieces[0].profile) as lane:
            for piece in pieces:
                values = lane.run(piece.profile, piece.feed, wanted)
                done.append({name: each[piece.known :] for name, each in values.items()})
        if len(done) == 1:
            return done[0]
        return {name: np.concatenate([each[name] for each in done]) for name in wanted}

    def run_on_gpu(self, feed: Feed, outputs: Sequence[str]) -> dict[str, GpuArray]:
        """Outputs of one number a sample, ``(N,)``, left on the GPU and written whole."""
        pieces = self._pieces(feed)
        count = pieces[-1].end
        with self._memory.current(), self._lanes.one(pieces[0].profile) as lane:
            landing = {
                name: empty(
                    (count,),
                    SCORES,
                    self._memory.index,
                    GpuMemory(count * SCORES.itemsize, self._memory),
                )
                for name in outputs
            }
            for piece in pieces:
                targets = {
                    name: each.part(piece.begin, piece.end) for name, each in landing.items()
                }
                lane.run(piece.profile, piece.feed, (), targets)
        return landing

    def describe(self) -> dict[str, Any]:
        """What ran the model, for the report."""
        facts: dict[str, Any] = {
            "device": gpu_words(self._memory.index),
            "versions": {
                self._module.__name__: self._module.__version__,
                "numpy": np.__version__,
            },
        }
        if self.validity is not None:
            facts["validity"] = self.validity.verdict
        if self._cache is not None:
            facts["kernel_cache"] = self._cache.state
        return facts

    def keep_kernels(self) -> None:
        """Write RTX's compiled kernels beside the engine, if there are new ones."""
        if self._cache is not None:
            with suppress(CudaError), self._memory.current():
                self._cache.keep()

    def bounded(self, seconds: float) -> AbstractContextManager[None]:
        """Nothing: an engine has no loops, and a GPU cannot be stopped."""
        return nullcontext()

    def close(self) -> None:
        """Keep the kernels, and let go of contexts and memory."""
        self.keep_kernels()
        with self._memory.current():
            self._lanes.close()

    def _lane(self, profile: int) -> ExecutionContext:
        """A context that has the memory for a profile."""
        lane = ExecutionContext(
            self._engine.context(),
            self._memory,
            outputs=dict.fromkeys(self.outputs, SCORES),
            captures=not self._engine.is_rtx,
            complaint=self._engine.complaint,
        )
        try:
            lane.take(profile)
        except BaseException:
            with suppress(ScoreError):
                lane.close()
            raise
        return lane

    def _pieces(self, feed: Feed) -> list[Piece]:
        check_device(feed, self._memory.index)
        return pieces_of(self.manifest, self._usable, feed)
