"""An engine's bytes made NVIDIA's engine: ``tensorrt`` and ``tensorrt_rtx`` are one API.

NVIDIA's module is passed in, so that one code path serves both; where they differ, ``is_rtx``
decides. RTX compiles kernels for the GPU at hand when an engine is first run, keeps them in a
runtime cache, and captures CUDA graphs itself. TensorRT has all of its kernels in the engine, and
its graphs are captured by :mod:`framegauge.runtime.backends.tensorrt.execution_context`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from framegauge.export.contract.manifest import Manifest
from framegauge.runtime.backends.tensorrt.execution_context import EngineError
from framegauge.runtime.backends.tensorrt.nvidia_log import errors_kept, verdict
from framegauge.runtime.errors import ScoreError

if TYPE_CHECKING:
    from framegauge.engines import Profile, Validity
    from framegauge.runtime.backends.tensorrt.kernel_cache import KernelCache

# The type of every output.
SCORES = np.dtype(np.float32)


class Engine:
    """NVIDIA's engine, of the model that it should be of.

    Attributes:
        is_rtx: Whether it is of ``tensorrt_rtx``.
        validity: RTX's own word on the engine; ``None`` of TensorRT, which gives none.
    """

    def __init__(
        self,
        content: bytes,
        manifest: Manifest,
        profiles: Sequence[Profile],
        *,
        module: Any,
        options: Mapping[str, str],
        cache: KernelCache | None,
    ) -> None:
        """Load an engine onto the current GPU.

        Args:
            content: Its bytes.
            manifest: The model's.
            profiles: Its profiles, in its order.
            module: ``tensorrt`` or ``tensorrt_rtx``.
            options: Builder options that it was built with.
            cache: Where RTX keeps the kernels it compiles.

        Raises:
            EngineError: TensorRT cannot load it here, or it is of another model.
        """
        self.is_rtx = module.__name__.startswith("tensorrt_rtx")
        self.validity: Validity | None = None
        self._module, self._said = module, list[str]()
        with _starting():
            self._engine = self._loaded(content, options)
            self._check_names(manifest, len(profiles))
            self._check_tensors(manifest, len(profiles))
            self._config = self._rtx_config(cache) if self.is_rtx else None

    def context(self) -> Any:
        """NVIDIA's execution context, which has no memory yet.

        Raises:
            EngineError: TensorRT makes none.
        """
        how = self._config
        if how is None:
            how = self._module.ExecutionContextAllocationStrategy.ON_PROFILE_CHANGE
        with _starting():
            context = self._engine.create_execution_context(how)
        if context is None:
            raise EngineError(f"TensorRT makes no execution context: {self.complaint()}")
        return context

    def complaint(self) -> str:
        """What TensorRT said last."""
        return self._said[-1] if self._said else "nothing"

    def _loaded(self, content: bytes, options: Mapping[str, str]) -> Any:
        """NVIDIA's engine of an engine's bytes."""
        module = self._module
        self._runtime = module.Runtime(errors_kept(module, self._said))
        if options.get("version_compatible") == "true":
            # Such an engine carries the runtime of its own version, which is code of the host.
            self._runtime.engine_host_code_allowed = True
        if self.is_rtx:
            self.validity = verdict(module, self._runtime, content)
            if self.validity.verdict == "invalid":
                raise EngineError(f"{self.validity}: {self.complaint()}")
        engine = self._runtime.deserialize_cuda_engine(content)
        if engine is None:
            raise EngineError(f"TensorRT cannot load the engine: {self.complaint()}")
        return engine

    def _check_names(self, manifest: Manifest, profiles: int) -> None:
        """Refuse other inputs, outputs or profiles than there should be."""
        engine, mode = self._engine, self._module.TensorIOMode.INPUT
        names = [engine.get_tensor_name(index) for index in range(engine.num_io_tensors)]
        given = {name for name in names if engine.get_tensor_mode(name) == mode}
        inputs, outputs = (
            [each.name for each in some] for some in (manifest.inputs, manifest.outputs)
        )
        if given != set(inputs) or set(names) - given != set(outputs):
            raise EngineError(
                f"The engine is of another model: it has {', '.join(names)}, and the model "
                f"{', '.join([*inputs, *outputs])}."
            )
        if engine.num_optimization_profiles != profiles:
            raise EngineError(
                f"The engine has {engine.num_optimization_profiles} profiles, and its sidecar "
                f"{profiles}."
            )

    def _check_tensors(self, manifest: Manifest, profiles: int) -> None:
        """Refuse tensors of other types or layouts than the model's: bytes would be misread."""
        engine, module = self._engine, self._module
        wanted = {each.name: np.dtype(each.dtype) for each in manifest.inputs}
        wanted |= {each.name: SCORES for each in manifest.outputs}
        for name, dtype in wanted.items():
            got = np.dtype(module.nptype(engine.get_tensor_dtype(name)))
            forms = {engine.get_tensor_format(name, index) for index in range(profiles)}
            place = engine.get_tensor_location(name)
            if got != dtype or forms != {module.TensorFormat.LINEAR}:
                listed = ", ".join(map(str, forms))
                raise EngineError(
                    f"The engine has {name} as {got} ({listed}), and the model as {dtype}, linear."
                )
            if place != module.TensorLocation.DEVICE:
                raise EngineError(f"The engine has {name} on the host, and not on the GPU.")

    def _rtx_config(self, cache: KernelCache | None) -> Any:
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
        if cache is not None:
            cache.attach(config)
        return config


@contextmanager
def _starting() -> Iterator[None]:
    """Turn what NVIDIA's bindings raise where TensorRT or CUDA does not start into ours."""
    try:
        yield
    except ScoreError:
        raise
    except (TypeError, RuntimeError) as error:
        raise EngineError(f"TensorRT cannot start here: {error}.") from error
