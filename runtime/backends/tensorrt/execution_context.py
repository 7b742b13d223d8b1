"""One execution context of an engine, with its stream, its memory and its CUDA graph."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framegauge.runtime.backends.gpu.cuda import Bytes, CudaError, Memory
from framegauge.runtime.backends.gpu.gpu_array import GpuArray
from framegauge.runtime.backends.session import Feed
from framegauge.runtime.errors import ScoreError

# TensorRT takes no address that is less aligned; memory that CUDA allocates always is.
_ALIGNMENT = 256


class EngineError(ScoreError):
    """An engine that cannot be loaded, or whose run failed."""


class ExecutionContext:
    """What one thread at a time runs an engine in, while the memory's GPU is the current one."""

    def __init__(
        self,
        context: Any,
        memory: Memory,
        *,
        outputs: Mapping[str, np.dtype[Any]],
        captures: bool,
        complaint: Callable[[], str],
    ) -> None:
        """Give an execution context its stream.

        Args:
            context: TensorRT's ``IExecutionContext``, which is not safe in two threads.
            memory: The GPU's.
            outputs: Every output of the engine, and its type.
            captures: Replay a CUDA graph of runs that repeat; RTX does so by itself.
            complaint: What TensorRT said last, for errors.
        """
        self._context, self._memory = context, memory
        self._outputs, self._captures = outputs, captures
        self._complaint = complaint
        self._stream = memory.stream()
        self._held: dict[str, _Held] = {}
        self._profile: int | None = None
        self._bound: dict[str, tuple[tuple[int, ...], int]] = {}
        self._graph: Any = None
        self._runs = 0

    def run(
        self,
        profile: int,
        feed: Feed,
        outputs: Sequence[str],
        targets: Mapping[str, GpuArray] | None = None,
    ) -> dict[str, NDArray[Any]]:
        """Run a batch that the profile holds.

        Args:
            profile: Index of the optimisation profile.
            feed: Every input by name; those on the GPU are copied only if TensorRT does not take
                their address.
            outputs: Which outputs are wanted on the host.
            targets: Where to copy outputs to on the GPU.

        Raises:
            EngineError: TensorRT refused the shapes or failed.
            CudaError: CUDA failed.
        """
        self.take(profile)
        for name, values in feed.items():
            self._give(name, values)
        self._infer()
        shapes = {name: tuple(self._context.get_tensor_shape(name)) for name in self._outputs}
        for name, dtype in self._outputs.items():
            size = int(np.prod(shapes[name])) * dtype.itemsize
            self._bind(name, shapes[name], self._at(name, size).pointer)
        self._execute()
        for name, target in (targets or {}).items():
            words = f"gives {name} of the shape {shapes[name]}, not {target.shape}"
            self._check(shapes[name] == target.shape, words)
            source = self._held[name].pointer
            self._memory.copy(target.pointer, source, target.nbytes, self._stream)
        landed = {}
        for name in outputs:
            held = self._held[name]
            values = held.view(shapes[name], self._outputs[name])
            self._memory.download(_bytes(values), held.pointer, self._stream)
            landed[name] = values
        self._memory.wait(self._stream)
        return {name: values.copy() for name, values in landed.items()}

    def take(self, profile: int) -> None:
        """Make a profile the context's, which gets memory for everything in between."""
        if profile == self._profile:
            return
        self._changed()
        taken = self._context.set_optimization_profile_async(profile, self._stream)
        self._check(taken, f"does not take profile {profile}")
        self._memory.wait(self._stream)
        self._profile = profile
        self._bound.clear()

    def close(self) -> None:
        """Give everything back, once the stream is done with it; one failure keeps no other."""
        with suppress(CudaError):
            self._memory.wait(self._stream)
        with ExitStack() as last_first:
            last_first.callback(self._memory.drop_stream, self._stream)
            for held in self._held.values():
                last_first.callback(held.drop)
            self._held = {}
            last_first.callback(setattr, self, "_context", None)
            last_first.callback(self._forget_graph)

    def _infer(self) -> None:
        """Let TensorRT work out the outputs' shapes."""
        try:
            unknown = self._context.infer_shapes()
        except RuntimeError as error:
            raise EngineError(f"The engine does not take these shapes: {error}.") from error
        self._check(not unknown, f"was not given {', '.join(unknown)}")

    def _give(self, name: str, values: NDArray[Any] | GpuArray) -> None:
        """Bind an input, copied if it does not lie on the GPU, or not where TensorRT takes it."""
        if isinstance(values, GpuArray):
            values.awaited(self._stream, name)
            pointer = values.pointer
            if pointer % _ALIGNMENT:
                pointer = self._at(name, values.nbytes).pointer
                self._memory.copy(pointer, values.pointer, values.nbytes, self._stream)
            self._bind(name, values.shape, pointer, is_input=True)
            return
        held = self._at(name, values.nbytes)
        staged = held.view(values.shape, values.dtype)
        np.copyto(staged, values)
        self._bind(name, values.shape, held.pointer, is_input=True)
        self._memory.upload(held.pointer, _bytes(staged), self._stream)

    def _at(self, name: str, size: int) -> _Held:
        """Memory for a tensor, as large as any so far."""
        held = self._held.get(name)
        if held is None or held.size < size:
            if held is not None:
                held.drop()
                del self._held[name]
            held = self._held[name] = _Held(self._memory, size)
        return held

    def _bind(
        self, name: str, shape: tuple[int, ...], pointer: int, *, is_input: bool = False
    ) -> None:
        before = self._bound.get(name)
        if before == (shape, pointer):
            return
        self._changed()
        if is_input and (before is None or before[0] != shape):
            taken = self._context.set_input_shape(name, shape)
            self._check(taken, f"does not take {name} of the shape {shape}")
        taken = self._context.set_tensor_address(name, pointer)
        self._check(taken, f"does not take memory for {name}")
        self._bound[name] = shape, pointer

    def _execute(self) -> None:
        """Do the work, from the second run on of the same memory and shapes as a graph."""
        if self._graph is None and self._captures and self._runs:
            with _no_collection():
                self._capture()
        if self._graph is not None:
            self._memory.launch(self._graph, self._stream)
        else:
            self._check(self._context.execute_async_v3(self._stream), "failed")
        self._runs += 1

    def _capture(self) -> None:
        self._memory.begin_capture(self._stream)
        done = False
        try:
            done = self._context.execute_async_v3(self._stream)
        finally:
            try:
                self._graph = self._memory.end_capture(self._stream)
            except CudaError:
                done = False  # what cannot be captured is run as it is
        if not done:
            self._forget_graph()
            self._captures = False

    def _changed(self) -> None:
        """A graph is of one state of the context, and is nothing worth once that changes."""
        self._forget_graph()
        self._runs = 0

    def _forget_graph(self) -> None:
        if self._graph is not None:
            graph, self._graph = self._graph, None
            self._memory.drop_graph(graph)

    def _check(self, done: bool, words: str) -> None:
        if not done:
            raise EngineError(f"The engine {words}. TensorRT says: {self._complaint()}")


class _Held:
    """Memory of one tensor on the GPU, and as much to copy through if the host asks for it."""

    def __init__(self, memory: Memory, size: int) -> None:
        self._memory, self.size = memory, size
        self.pointer = memory.allocate(size)
        self._staging: Bytes | None = None

    def view(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
        """Page-locked memory of the host as an array."""
        if self._staging is None:
            self._staging = self._memory.page_locked(self.size)
        size = int(np.prod(shape)) * dtype.itemsize
        return self._staging[:size].view(dtype).reshape(shape)

    def drop(self) -> None:
        """Give both back."""
        with ExitStack() as last_first:
            last_first.callback(self._memory.free, self.pointer)
            if self._staging is not None:
                last_first.callback(self._memory.unlock, self._staging)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Keep Python from freeing other arrays of the GPU, which spoils a capture in its thread."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _bytes(values: NDArray[Any]) -> Bytes:
    return values.reshape(-1).view(np.uint8)
