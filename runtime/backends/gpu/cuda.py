"""CUDA's runtime, as far as running engines needs it: memory, copies, streams and graphs.

Every call's status is checked. Nothing of CUDA is loaded before a :class:`Cuda` is made.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from framegauge.runtime.errors import BackendError, ScoreError

Bytes = NDArray[np.uint8]

# What an NVIDIA driver shows of itself: on Linux, in WSL, on Jetson.
_NODES = ("/dev/nvidiactl", "/dev/nvidia0", "/dev/dxg", "/dev/nvhost-gpu", "/dev/nvmap")
_WINDOWS = "System32/nvcuda.dll"
_HIDE = "CUDA_VISIBLE_DEVICES"


class CudaError(ScoreError):
    """A call of CUDA that failed."""


class Memory(Protocol):
    """The part of CUDA that engines are run with; sizes are in bytes, addresses are numbers."""

    index: int

    def current(self) -> AbstractContextManager[None]:
        """Make the GPU the current one of this thread, and afterwards the one that was."""

    def allocate(self, size: int) -> int:
        """Memory on the GPU."""

    def free(self, pointer: int) -> None:
        """Give memory on the GPU back."""

    def page_locked(self, size: int) -> Bytes:
        """Memory on the host that is copied from and to without the CPU."""

    def unlock(self, memory: Bytes) -> None:
        """Give memory on the host back."""

    def upload(self, pointer: int, source: Bytes, stream: int) -> None:
        """Copy page-locked bytes to the GPU, in the stream's order."""

    def download(self, target: Bytes, pointer: int, stream: int) -> None:
        """Copy bytes of the GPU to page-locked ones, in the stream's order."""

    def copy(self, target: int, source: int, size: int, stream: int) -> None:
        """Copy bytes from one place on the GPU to another, in the stream's order."""

    def stream(self) -> int:
        """A stream that waits for no other."""

    def drop_stream(self, stream: int) -> None:
        """Give a stream back."""

    def wait(self, stream: int) -> None:
        """Wait until all that a stream was given is done."""

    def begin_capture(self, stream: int) -> None:
        """Write down what a stream is given from now on, in place of doing it."""

    def end_capture(self, stream: int) -> Any:
        """What was written down, ready to be launched."""

    def launch(self, graph: Any, stream: int) -> None:
        """Do what was written down."""

    def drop_graph(self, graph: Any) -> None:
        """Give it back."""


class Cuda:
    """:class:`Memory` by ``cuda-python``, whose runtime knows no objects.

    Attributes:
        index: CUDA's number of the GPU.
    """

    def __init__(self, index: int = 0) -> None:
        """Load CUDA's runtime.

        Raises:
            BackendError: cuda-python is not installed.
        """
        try:
            from cuda.bindings import driver
            from cuda.bindings import runtime as cudart
        except ImportError as error:
            raise BackendError(
                "Running on the GPU needs cuda-python, which is not installed. Install "
                "'.[rtx]' or '.[tensorrt]'."
            ) from error
        self.index = index
        self._cudart, self._driver = cudart, driver

    @contextmanager
    def current(self) -> Iterator[None]:
        """Make the GPU the current one of this thread, and afterwards the one that was."""
        before = int(self._done(self._cudart.cudaGetDevice()))
        self._done(self._cudart.cudaSetDevice(self.index))
        try:
            yield
        finally:
            if before != self.index and self._is_awake(before):
                self._done(self._cudart.cudaSetDevice(before))

    def allocate(self, size: int) -> int:
        """Memory on the GPU."""
        return int(self._done(self._cudart.cudaMalloc(max(1, size))))

    def free(self, pointer: int) -> None:
        """Give memory on the GPU back."""
        self._done(self._cudart.cudaFree(pointer))

    def page_locked(self, size: int) -> Bytes:
        """Memory on the host that is copied from and to without the CPU."""
        flags = self._cudart.cudaHostAllocDefault
        pointer = int(self._done(self._cudart.cudaHostAlloc(max(1, size), flags)))
        return np.ctypeslib.as_array((ctypes.c_uint8 * size).from_address(pointer))

    def unlock(self, memory: Bytes) -> None:
        """Give memory on the host back."""
        self._done(self._cudart.cudaFreeHost(memory.ctypes.data))

    def upload(self, pointer: int, source: Bytes, stream: int) -> None:
        """Copy page-locked bytes to the GPU, in the stream's order."""
        kind = self._cudart.cudaMemcpyKind.cudaMemcpyHostToDevice
        self._copy(pointer, source.ctypes.data, source.nbytes, kind, stream)

    def download(self, target: Bytes, pointer: int, stream: int) -> None:
        """Copy bytes of the GPU to page-locked ones, in the stream's order."""
        kind = self._cudart.cudaMemcpyKind.cudaMemcpyDeviceToHost
        self._copy(target.ctypes.data, pointer, target.nbytes, kind, stream)

    def copy(self, target: int, source: int, size: int, stream: int) -> None:
        """Copy bytes from one place on the GPU to another, in the stream's order."""
        kind = self._cudart.cudaMemcpyKind.cudaMemcpyDeviceToDevice
        self._copy(target, source, size, kind, stream)

    def stream(self) -> int:
        """A stream that waits for no other."""
        flags = self._cudart.cudaStreamNonBlocking
        return int(self._done(self._cudart.cudaStreamCreateWithFlags(flags)))

    def drop_stream(self, stream: int) -> None:
        """Give a stream back."""
        self._done(self._cudart.cudaStreamDestroy(stream))

    def wait(self, stream: int) -> None:
        """Wait until all that a stream was given is done."""
        self._done(self._cudart.cudaStreamSynchronize(stream))

    def begin_capture(self, stream: int) -> None:
        """Write down what a stream is given from now on; other threads go on as they were."""
        mode = self._cudart.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal
        self._done(self._cudart.cudaStreamBeginCapture(stream, mode))

    def end_capture(self, stream: int) -> Any:
        """What was written down, ready to be launched."""
        graph = self._done(self._cudart.cudaStreamEndCapture(stream))
        try:
            return self._done(self._cudart.cudaGraphInstantiate(graph, 0))
        finally:
            self._done(self._cudart.cudaGraphDestroy(graph))

    def launch(self, graph: Any, stream: int) -> None:
        """Do what was written down."""
        self._done(self._cudart.cudaGraphLaunch(graph, stream))

    def drop_graph(self, graph: Any) -> None:
        """Give it back."""
        self._done(self._cudart.cudaGraphExecDestroy(graph))

    def _is_awake(self, index: int) -> bool:
        """Whether this process uses a GPU: to make another current takes memory there."""
        status, _, is_active = self._driver.cuDevicePrimaryCtxGetState(index)
        return int(status) == 0 and bool(is_active)

    def _copy(self, target: int, source: int, size: int, kind: Any, stream: int) -> None:
        self._done(self._cudart.cudaMemcpyAsync(target, source, size, kind, stream))

    def _done(self, answer: tuple[Any, ...]) -> Any:
        """What a call gave beside its status.

        Raises:
            CudaError: The status is not success.
        """
        status, *values = answer
        if int(status) != 0:
            _, words = self._cudart.cudaGetErrorString(status)
            raise CudaError(
                f"CUDA failed on GPU {self.index}: {getattr(status, 'name', status)}, "
                f"{words.decode() if isinstance(words, bytes) else words}."
            )
        return values[0] if values else None


def no_gpu(nodes: Sequence[str] = _NODES) -> str | None:
    """Why there is plainly no NVIDIA GPU for this process; ``None`` if there may be one.

    Cheap: nothing of CUDA is loaded.

    Args:
        nodes: Files of which an NVIDIA driver makes one.
    """
    hidden = os.environ.get(_HIDE)
    if hidden is not None and hidden.strip() in ("", "-1"):
        return f"{_HIDE}={hidden} hides every GPU"
    if sys.platform == "win32":
        nodes = (str(Path(os.environ.get("SYSTEMROOT", "C:/Windows")) / _WINDOWS),)
    if not any(os.path.exists(node) for node in nodes):
        return "no NVIDIA driver is to be seen"
    return None
