"""What runs one model: ONNX Runtime or a TensorRT engine, seen alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args

from numpy.typing import NDArray

from framegauge.export.contract.manifest import Manifest
from framegauge.runtime.backends.gpu.gpu_array import GpuArray
from framegauge.runtime.errors import UsageError

if TYPE_CHECKING:
    from framegauge.engines import Profile

Backend = Literal["auto", "cpu", "cuda", "tensorrt", "tensorrt-rtx"]
Device = Literal["cpu", "cuda", "tensorrt", "tensorrt-rtx"]
Feed = Mapping[str, NDArray[Any] | GpuArray]

BACKENDS: tuple[Backend, ...] = get_args(Backend)


class Session(Protocol):
    """A model made ready to run; several threads may run it.

    Attributes:
        device: What it runs on.
        manifest: What the model says about itself.
        inputs: Names of the graph's inputs.
        outputs: Names of its outputs.
        profiles: Sizes it takes; empty if it takes all.
        proving_runs: Runs on the same frames after which it does nothing new.
    """

    device: Device
    manifest: Manifest
    inputs: Sequence[str]
    outputs: Sequence[str]
    profiles: Sequence[Profile]
    proving_runs: int

    def holds(self, batch: int, height: int, width: int) -> bool:
        """Whether it takes frames of that size."""

    def run(self, feed: Feed, outputs: Sequence[str] | None = None) -> dict[str, NDArray[Any]]:
        """Outputs by name, on the host.

        Args:
            feed: Every input by name, as the manifest has it, on the host or on the session's GPU.
            outputs: Which are wanted, ``None`` for all.

        Raises:
            UsageError: An input lies on a device that the session cannot read.
            ScoreError: The run failed.
        """

    def run_on_gpu(self, feed: Feed, outputs: Sequence[str]) -> dict[str, GpuArray]:
        """Outputs of one number a sample, ``(N,)``, left on the GPU and written whole.

        Raises:
            BackendError: It leaves none there.
        """

    def bounded(self, seconds: float) -> AbstractContextManager[None]:
        """In which a run that takes longer fails, where what runs it can be stopped."""

    def describe(self) -> dict[str, Any]:
        """What ran the model, for the report: ``device``, ``versions``, and what else matters."""

    def close(self) -> None:
        """Let go of what it holds."""


def size_of(manifest: Manifest, feed: Feed) -> tuple[int, int, int]:
    """Batch, height and width of what a model is given.

    The height and width of a model that takes none are the least of its manifest.
    """
    size = {"N": 1, "H": manifest.least, "W": manifest.least}
    for each in manifest.inputs:
        known = zip(each.dims, feed[each.name].shape, strict=True)
        size |= {dim: length for dim, length in known if isinstance(dim, str) and dim in size}
    return size["N"], size["H"], size["W"]


def check_device(feed: Feed, index: int | None) -> None:
    """Refuse inputs on another GPU than the one that runs the model.

    Args:
        feed: Inputs by name.
        index: CUDA's number of that GPU, ``None`` where the CPU runs it.

    Raises:
        UsageError: One lies elsewhere; it is named.
    """
    for name, values in feed.items():
        if not isinstance(values, GpuArray) or values.device == index:
            continue
        if index is None:
            raise UsageError(
                f"{name} lies on GPU {values.device}, and the CPU runs the model. Copy it to the "
                "host, or ask for a GPU: backend='cuda' or 'tensorrt-rtx'."
            )
        raise UsageError(
            f"{name} lies on GPU {values.device}, and GPU {index} runs the model. Copy it there, "
            f"or use --device {values.device}."
        )


def gpu_words(index: int) -> str:
    """A GPU by its number, and by its name where CUDA tells it."""
    from framegauge.engines import TargetError, gpu

    try:
        return f"GPU {index} ({gpu(index).name})"
    except TargetError:
        return f"GPU {index}"
