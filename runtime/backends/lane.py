"""One execution context of an engine, with its stream, its memory and its CUDA graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framegauge.runtime.backends.cuda import Bytes, CudaError, Memory
from framegauge.runtime.backends.gpu_array import GpuArray
from framegauge.runtime.backends.session import Feed
from framegauge.runtime.errors import ScoreError


class EngineError(ScoreError):
    """An engine that cannot be loaded, or whose run failed."""


class Lane:
    """What one thread at a time runs an engine in."""

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
            feed: Every input by name; those on the host are copied, those on the GPU are not.
            outputs: Which outputs are wanted on the host.
            targets: Where to leave outputs on the GPU.

        Raises:
            EngineError: TensorRT refused the shapes or failed.
            CudaError: CUDA failed.
        """
        self._memory.use()
        self._take(profile)
        for name, values in feed.items():
            self._give(name, values)
        self._infer()
        shapes = {name: tuple(self._context.get_tensor_shape(name)) for name in self._outputs}
        for name, dtype in self._outputs.items():
            target = (targets or {}).get(name)
            size = int(np.prod(shapes[name])) * dtype.itemsize
            address = self._at(name, size).pointer if target is None else target.pointer
            self._bind(name, shapes[name], address)
        self._execute()
        landed = {}
        for name in outputs:
            held = self._held[name]
            values = held.view(shapes[name], self._outputs[name])
            self._memory.download(_bytes(values), held.pointer, self._stream)
            landed[name] = values
        self._memory.wait(self._stream)
        return {name: values.copy() for name, values in landed.items()}

    def close(self) -> None:
        """Give everything back."""
        self._memory.use()
        self._forget_graph()
        for held in self._held.values():
            held.drop()
        self._held.clear()
        self._context = None
        self._memory.drop_stream(self._stream)

    def _infer(self) -> None:
        """Let TensorRT work out the outputs' shapes."""
        try:
            unknown = self._context.infer_shapes()
        except RuntimeError as error:
            raise EngineError(f"The engine does not take these shapes: {error}.") from error
        self._check(not unknown, f"was not given {', '.join(unknown)}")

    def _take(self, profile: int) -> None:
        if profile == self._profile:
            return
        self._changed()
        taken = self._context.set_optimization_profile_async(profile, self._stream)
        self._check(taken, f"does not take profile {profile}")
        self._memory.wait(self._stream)
        self._profile = profile
        self._bound.clear()

    def _give(self, name: str, values: NDArray[Any] | GpuArray) -> None:
        """Bind an input, copied to the GPU if it is not there."""
        if isinstance(values, GpuArray):
            self._bind(name, values.shape, values.pointer, is_input=True)
            values.awaited(self._stream)
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
    """Memory of one tensor on the GPU, and page-locked memory of the same size to copy through."""

    def __init__(self, memory: Memory, size: int) -> None:
        self._memory, self.size = memory, size
        self.pointer = memory.allocate(size)
        try:
            self._staging = memory.page_locked(size)
        except CudaError:
            memory.free(self.pointer)
            raise

    def view(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
        """The page-locked memory as an array."""
        size = int(np.prod(shape)) * dtype.itemsize
        return self._staging[:size].view(dtype).reshape(shape)

    def drop(self) -> None:
        """Give both back."""
        self._memory.unlock(self._staging)
        self._memory.free(self.pointer)


def _bytes(values: NDArray[Any]) -> Bytes:
    return values.reshape(-1).view(np.uint8)
