"""TensorRT engines as what runs a model: ``tensorrt`` and ``tensorrt_rtx`` are one API.

NVIDIA's module is passed in, so that one code path serves both; where they differ, :attr:`is_rtx`
decides. RTX compiles kernels for the GPU at hand when an engine is first run, keeps them in a
runtime cache, and captures CUDA graphs itself. TensorRT has all of its kernels in the engine, and
its graphs are captured here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from framegauge.export.manifest import Manifest
from framegauge.runtime.backends.cuda import Memory, check_device
from framegauge.runtime.backends.gpu_array import GpuArray, GpuMemory, empty
from framegauge.runtime.backends.lane import EngineError, Lane
from framegauge.runtime.backends.lanes import Lanes
from framegauge.runtime.backends.pieces import Piece, pieces_of, tightest
from framegauge.runtime.backends.session import Device, Feed
from framegauge.runtime.backends.verdict import errors_kept, verdict

if TYPE_CHECKING:
    from framegauge.engines.profile import Profile
    from framegauge.engines.resolution import Validity
    from framegauge.runtime.backends.kernel_cache import KernelCache

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
    """

    def __init__(
        self,
        content: bytes,
        manifest: Manifest,
        profiles: Sequence[Profile],
        *,
        module: Any,
        memory: Memory,
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
            cache: Where RTX keeps the kernels it compiles.
            only: Index of the one profile that is used, ``None`` for the tightest that holds.
            lanes: Most contexts at a time; further threads wait.

        Raises:
            EngineError: TensorRT cannot load it here, or it is of another model.
            CudaError: CUDA failed.
        """
        self.manifest = manifest
        self.profiles: Sequence[Profile] = tuple(profiles)
        self.is_rtx = module.__name__.startswith("tensorrt_rtx")
        self.device: Device = "tensorrt-rtx" if self.is_rtx else "tensorrt"
        self._usable = {
            index: profile
            for index, profile in enumerate(self.profiles)
            if only is None or index == only
        }
        self.validity: Validity | None = None
        self._module, self._memory, self._cache = module, memory, cache
        self._said: list[str] = []
        self._kernels: Any = None
        memory.use()
        self._runtime = module.Runtime(errors_kept(module, self._said))
        if self.is_rtx:
            self.validity = verdict(module, self._runtime, content)
            if self.validity.verdict == "invalid":
                raise EngineError(f"{self.validity}: {self._complaint()}")
        self._engine = self._runtime.deserialize_cuda_engine(content)
        if self._engine is None:
            raise EngineError(f"TensorRT cannot load the engine: {self._complaint()}")
        self.inputs: Sequence[str]
        self.outputs: Sequence[str]
        self.inputs, self.outputs = self._names()
        dtypes = {
            name: np.dtype(module.nptype(self._engine.get_tensor_dtype(name)))
            for name in self.outputs
        }
        self._dtypes: Mapping[str, np.dtype[Any]] = dtypes
        self._config = self._rtx_config() if self.is_rtx else None
        self._lanes = Lanes(self._lane, lanes)

    def holds(self, batch: int, height: int, width: int) -> bool:
        """Whether one of its profiles does; larger batches are cut into pieces."""
        return tightest(self._usable, batch, height, width) is not None

    def run(self, feed: Feed, outputs: Sequence[str] | None = None) -> dict[str, NDArray[Any]]:
        """Outputs by name; see :class:`~framegauge.runtime.backends.session.Session`."""
        wanted = list(self.outputs if outputs is None else outputs)
        pieces, done = self._pieces(feed), []
        with self._lanes.one() as lane:
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
        self._memory.use()
        landing = {
            name: empty(
                (count,),
                self._dtypes[name],
                self._memory.index,
                GpuMemory(
                    count * self._dtypes[name].itemsize, self._memory.allocate, self._memory.free
                ),
            )
            for name in outputs
        }
        with self._lanes.one() as lane:
            for piece in pieces:
                targets = {
                    name: each.part(piece.begin, piece.end) for name, each in landing.items()
                }
                lane.run(piece.profile, piece.feed, (), targets)
        return landing

    def describe(self) -> dict[str, Any]:
        """What ran the model, for the report."""
        facts: dict[str, Any] = {
            "device": f"GPU {self._memory.index}",
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
        if self._cache is not None and self._kernels is not None:
            self._cache.write(bytes(self._kernels.serialize()))

    def close(self) -> None:
        """Keep the kernels, and let go of contexts and memory."""
        self.keep_kernels()
        self._lanes.close()

    def _names(self) -> tuple[list[str], list[str]]:
        """Names of inputs and outputs, which must be the manifest's."""
        engine, mode = self._engine, self._module.TensorIOMode.INPUT
        names = [engine.get_tensor_name(index) for index in range(engine.num_io_tensors)]
        given = {name for name in names if engine.get_tensor_mode(name) == mode}
        inputs, outputs = (
            [each.name for each in some] for some in (self.manifest.inputs, self.manifest.outputs)
        )
        if given != set(inputs) or set(names) - given != set(outputs):
            raise EngineError(
                f"The engine is of another model: it has {', '.join(names)}, and the model "
                f"{', '.join([*inputs, *outputs])}."
            )
        if engine.num_optimization_profiles != len(self.profiles):
            raise EngineError(
                f"The engine has {engine.num_optimization_profiles} profiles, and its sidecar "
                f"{len(self.profiles)}."
            )
        return inputs, outputs

    def _rtx_config(self) -> Any:
        """How RTX shall run: one kernel for one shape from the first frame on, and its own graphs.

        Its default compiles better kernels while others already run, and scores would depend on
        when they are ready.
        """
        module, config = self._module, self._engine.create_runtime_config()
        config.dynamic_shapes_kernel_specialization_strategy = (
            module.DynamicShapesKernelSpecializationStrategy.EAGER
        )
        config.cuda_graph_strategy = module.CudaGraphStrategy.WHOLE_GRAPH_CAPTURE
        config.set_execution_context_allocation_strategy(
            module.ExecutionContextAllocationStrategy.ON_PROFILE_CHANGE
        )
        self._kernels = config.create_runtime_cache() if self._cache is not None else None
        if self._cache is not None and self._kernels is not None:
            kept = self._cache.read()
            if kept is not None and not self._kernels.deserialize(kept):
                self._cache.refused()
            config.set_runtime_cache(self._kernels)
        return config

    def _lane(self) -> Lane:
        self._memory.use()
        if self._config is not None:
            context = self._engine.create_execution_context(self._config)
        else:
            strategy = self._module.ExecutionContextAllocationStrategy.ON_PROFILE_CHANGE
            context = self._engine.create_execution_context(strategy)
        if context is None:
            raise EngineError(f"TensorRT makes no execution context: {self._complaint()}")
        return Lane(
            context,
            self._memory,
            outputs=self._dtypes,
            captures=not self.is_rtx,
            complaint=self._complaint,
        )

    def _pieces(self, feed: Feed) -> list[Piece]:
        check_device(feed, self._memory.index)
        return pieces_of(self.manifest, self._usable, feed)

    def _complaint(self) -> str:
        return self._said[-1] if self._said else "nothing"
