"""Arrays on an NVIDIA GPU, taken and handed out by DLPack without a copy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from math import prod
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

from framegauge.runtime.backends.gpu.cuda import Memory
from framegauge.runtime.errors import BackendError, ScoreError, UsageError

# DLPack's numbers of the devices whose memory CUDA reads: its own, and managed.
_CUDA, _MANAGED = 2, 13
# Those whose memory NumPy reads: the host's, and page-locked.
_HOST = (1, 3)
# DLPack's word for a consumer that waits by itself.
_NO_STREAM = -1


class SupportsDlpack(Protocol):
    """An array of any library that speaks DLPack."""

    def __dlpack__(self) -> Any:
        """The array, in DLPack's capsule."""

    def __dlpack_device__(self) -> tuple[int, int]:
        """Kind and number of the device that it lies on."""


@dataclass(frozen=True, eq=False, kw_only=True)
class GpuArray:
    """Samples on a GPU, contiguous in memory.

    Speaks DLPack and ``__cuda_array_interface__``, so that PyTorch, CuPy and others take it
    without a copy.

    Attributes:
        pointer: Address of the first sample.
        shape: Lengths of the axes.
        dtype: Type of a sample.
        device: CUDA's number of the GPU.
        owner: What keeps the memory alive.
    """

    pointer: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    device: int
    owner: Any

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def nbytes(self) -> int:
        """Size in bytes."""
        return prod(self.shape) * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def batched(self) -> Self:
        """The same with a batch axis of one in front."""
        return replace(self, shape=(1, *self.shape))

    def part(self, begin: int, end: int) -> Self:
        """Samples ``begin`` to ``end`` of the batch; the memory is shared."""
        stride = prod(self.shape[1:]) * self.dtype.itemsize
        return replace(
            self, pointer=self.pointer + begin * stride, shape=(end - begin, *self.shape[1:])
        )

    def as_bytes(self) -> Self:
        """Samples of two bytes as pairs of bytes, on an axis of their own."""
        return replace(self, shape=(*self.shape, 2), dtype=np.dtype(np.uint8))

    def awaited(self, stream: int, role: str) -> None:
        """Make a CUDA stream wait for what its owner has still to write."""
        if not isinstance(self.owner, GpuMemory):
            _view(role, self.owner, stream)

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        """What CuPy, Numba and PyTorch read."""
        return {
            "shape": self.shape,
            "typestr": self.dtype.str,
            "data": (self.pointer, False),
            "strides": None,
            "stream": None,
            "version": 3,
        }

    def __dlpack_device__(self) -> tuple[int, int]:
        """CUDA, and which GPU."""
        return _CUDA, self.device

    def __dlpack__(self, **asked: Any) -> Any:
        """The array for another library; it is written whole before it is handed out."""
        views = _views()
        view = views.from_cuda_array_interface(self, stream_ptr=_NO_STREAM)
        return view.__dlpack__(**asked)


class GpuMemory:
    """Memory on a GPU that is freed when nothing refers to it any more."""

    def __init__(self, size: int, memory: Memory) -> None:
        """Take ``size`` bytes of a GPU that is the current one."""
        self.pointer = memory.allocate(size)
        self._memory = memory

    def __del__(self) -> None:
        """Give it back."""
        if hasattr(self, "pointer"):
            # When the process ends, CUDA may have gone before us.
            with suppress(ScoreError), self._memory.current():
                self._memory.free(self.pointer)


def is_on_gpu(samples: Any) -> bool:
    """Whether an array has to be taken by DLPack, because NumPy cannot read its memory.

    Raises:
        UsageError: It lies on a device that neither NumPy nor CUDA reads.
    """
    if isinstance(samples, np.ndarray) or not hasattr(samples, "__dlpack_device__"):
        return False
    kind = int(samples.__dlpack_device__()[0])
    if kind in (*_HOST, _CUDA, _MANAGED):
        return kind not in _HOST
    raise UsageError(
        f"Arrays lie on the host or on an NVIDIA GPU; this {type(samples).__name__} lies on "
        f"DLPack's device type {kind}. Copy it to the host."
    )


def gpu_array(role: str, samples: Any) -> GpuArray:
    """An array on a GPU as it is.

    Args:
        role: Whose samples they are, for errors.
        samples: Anything with ``__dlpack__`` whose memory lies on an NVIDIA GPU.

    Raises:
        UsageError: The samples are not contiguous, or their owner does not give them.
        BackendError: cuda-core is not installed.
    """
    if isinstance(samples, GpuArray):
        return samples
    view = _view(role, samples, _NO_STREAM)
    with taken(role):
        shape = tuple(int(length) for length in view.shape)
        dtype = np.dtype(view.dtype)
    if view.strides is not None and not _is_contiguous(shape, tuple(view.strides)):
        raise UsageError(
            f"{role}: samples on the GPU are contiguous, so that no copy is needed; got the shape "
            f"{shape} with strides {tuple(view.strides)}. Make them contiguous first."
        )
    return GpuArray(
        pointer=int(view.ptr),
        shape=shape,
        dtype=dtype,
        device=int(samples.__dlpack_device__()[1]),
        owner=samples,
    )


def host_array(role: str, samples: Any) -> NDArray[Any]:
    """An array that NumPy can read, as NumPy's; its memory is shared where that is possible.

    Args:
        role: Whose samples they are, for errors.
        samples: Anything that NumPy makes an array of, or that speaks DLPack on the host.

    Raises:
        UsageError: Their owner does not give them.
        ValueError: They are of several sizes, and make no array.
    """
    with taken(role):
        if hasattr(samples, "__dlpack__") and not hasattr(samples, "__array__"):
            return np.from_dlpack(samples)
        return np.asarray(samples)


def empty(shape: tuple[int, ...], dtype: DTypeLike, device: int, memory: GpuMemory) -> GpuArray:
    """An array over memory of ours."""
    return GpuArray(
        pointer=memory.pointer, shape=shape, dtype=np.dtype(dtype), device=device, owner=memory
    )


@contextmanager
def taken(role: str) -> Iterator[None]:
    """Turn what other libraries raise when they are asked for samples into an error of ours.

    Raises:
        UsageError: They want a gradient, say, or are of a type that NumPy has not.
    """
    try:
        yield
    except (BufferError, TypeError, RuntimeError) as error:
        raise UsageError(
            f"{role}: these samples cannot be taken ({error}). Detach them from their gradient, "
            "or convert them to a type that NumPy has."
        ) from error


def _view(role: str, samples: Any, stream: int) -> Any:
    views = _views()
    with taken(role):
        return views.from_dlpack(samples, stream_ptr=stream)


def _views() -> Any:
    try:
        from cuda.core.utils import StridedMemoryView
    except ImportError as error:
        raise BackendError(
            "Arrays on the GPU are taken and handed out by cuda-core, which is not installed. "
            "Install it, or pip install '.[rtx]' or '.[tensorrt]', or use arrays on the host."
        ) from error
    return StridedMemoryView


def _is_contiguous(shape: tuple[int, ...], strides: tuple[int, ...]) -> bool:
    """Whether strides, in samples as DLPack counts them, leave no gaps."""
    step = 1
    for length, stride in zip(reversed(shape), reversed(strides), strict=True):
        if length != 1 and stride != step:
            return False
        step *= length
    return True
