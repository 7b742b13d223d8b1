"""ONNX Runtime as what runs a model, on the CPU or on an NVIDIA GPU."""

from __future__ import annotations

import platform
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from framegauge.export.contract.model_file import ModelFile
from framegauge.export.contract.onnx_runtime import import_onnxruntime
from framegauge.runtime.backends.gpu.gpu_array import GpuArray
from framegauge.runtime.backends.session import Device, Feed, check_device, gpu_words
from framegauge.runtime.errors import BackendError, ScoreError, UsageError, first_line

if TYPE_CHECKING:
    from framegauge.engines import Profile

CUDA = "CUDAExecutionProvider"

_CPU = "CPUExecutionProvider"
# TF32 moves SSIM by up to 0.02, and algorithms of convolutions picked by a race may be others in
# the next run; CUDA has both unless told.
_CUDA_OPTIONS = {"use_tf32": 0, "cudnn_conv_algo_search": "HEURISTIC"}
# ONNX Runtime's log levels: 3 is errors. Its warnings are about its own choices.
_ERRORS_ONLY = 3
# CUDA's number for the stream that all others wait for.
_DEFAULT_STREAM = 1


class OnnxSession:
    """A model in ONNX Runtime.

    Attributes:
        device: What it runs on.
        manifest: What the model says about itself.
        inputs: Names of the graph's inputs.
        outputs: Names of its outputs.
        profiles: None: it takes all sizes.
        proving_runs: One: every run is like the first.
        refused: What CUDA failed with where it was wanted, ``""`` if it gave no reason.
    """

    device: Device
    profiles: Sequence[Profile] = ()
    proving_runs = 1
    refused = ""

    def __init__(self, model: ModelFile, *, threads: int, cuda: int | None = None) -> None:
        """Load a model.

        Args:
            model: The file.
            threads: Threads on the CPU.
            cuda: Which GPU to run on, ``None`` for the CPU. Where ONNX Runtime cannot use it, it
                takes the CPU; :attr:`device` says so.

        Raises:
            BackendError: ONNX Runtime is not installed.
            ScoreError: The file is damaged.
        """
        providers()
        onnxruntime = import_onnxruntime()
        options = onnxruntime.SessionOptions()
        options.log_severity_level = _ERRORS_ONLY
        # ONNX Runtime would count the host's cores, blind to a container's quota.
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # A pool that waits by spinning takes the cores that other sessions and decoders want.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = self._loaded(model.content, options, cuda)
            self.inputs: Sequence[str] = [each.name for each in self._session.get_inputs()]
            self.outputs: Sequence[str] = [each.name for each in self._session.get_outputs()]
        except Exception as error:
            raise ScoreError(
                f"{model.path} is not a model that ONNX Runtime can load ({first_line(error)}). "
                "It may be damaged: export it again."
            ) from error
        self.manifest = model.manifest
        self.device = "cuda" if self._session.get_providers()[0] == CUDA else "cpu"
        self._gpu, self._threads = cuda, threads
        self._options: Any = None

    def holds(self, batch: int, height: int, width: int) -> bool:
        """True: it takes any size."""
        return True

    def run(self, feed: Feed, outputs: Sequence[str] | None = None) -> dict[str, NDArray[Any]]:
        """Outputs by name; see :class:`~framegauge.runtime.backends.session.Session`."""
        wanted = list(self.outputs if outputs is None else outputs)
        if any(isinstance(values, GpuArray) for values in feed.values()):
            return self._run_on_gpu(feed, wanted)
        given = {name: feed[name] for name in self.inputs}
        with self._running():
            values = self._session.run(wanted, given, self._options)
        return dict(zip(wanted, values, strict=True))

    def run_on_gpu(self, feed: Feed, outputs: Sequence[str]) -> dict[str, GpuArray]:
        """Refused: ONNX Runtime gives its outputs on the host here.

        Raises:
            BackendError: Always.
        """
        raise BackendError(
            "Scores are left on the GPU by engines alone, and the model runs in ONNX Runtime on "
            f"{self.device}. Ask for backend='tensorrt-rtx' or 'tensorrt'."
        )

    @contextmanager
    def bounded(self, seconds: float) -> Iterator[None]:
        """In which runs on the host end, as failed, after so many seconds all together."""
        options = self._options = import_onnxruntime().RunOptions()
        timer = threading.Timer(seconds, setattr, (options, "terminate", True))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            self._options = None

    def describe(self) -> dict[str, Any]:
        """What ran the model, for the report."""
        where = platform.processor() or platform.machine()
        if self.device == "cuda":
            where = gpu_words(self._gpu or 0)
        return {
            "device": where,
            "threads": self._threads,
            "versions": {"onnxruntime": import_onnxruntime().__version__, "numpy": np.__version__},
        }

    def close(self) -> None:
        """Nothing: ONNX Runtime lets go with the session."""

    def _run_on_gpu(self, feed: Feed, outputs: Sequence[str]) -> dict[str, NDArray[Any]]:
        """Run on inputs of which some lie on the GPU already."""
        from framegauge.runtime.backends.gpu.cuda import Cuda

        check_device(feed, None if self.device == "cpu" else self._gpu)
        bound = self._session.io_binding()
        cuda = Cuda(self._gpu or 0)
        with cuda.current(), self._running():
            for name in self.inputs:
                values = feed[name]
                if isinstance(values, GpuArray):
                    values.awaited(_DEFAULT_STREAM, name)
                    bound.bind_input(
                        name, "cuda", values.device, values.dtype.type, values.shape, values.pointer
                    )
                else:
                    bound.bind_cpu_input(name, values)
            for name in outputs:
                bound.bind_output(name)
            # Its own streams wait for nobody.
            cuda.wait(_DEFAULT_STREAM)
            self._session.run_with_iobinding(bound)
            return dict(zip(outputs, bound.copy_outputs_to_cpu(), strict=True))

    def _loaded(self, content: bytes, options: Any, cuda: int | None) -> Any:
        """ONNX Runtime's session; on the CPU where CUDA fails and the model is not at fault.

        Its own fallback is off: it prints, and changes to the CPU in the middle of a run as well.
        """
        onnxruntime = import_onnxruntime()

        def on(*wanted: Any) -> Any:
            return onnxruntime.InferenceSession(
                content, options, providers=[*wanted, _CPU], enable_fallback=0
            )

        if cuda is None:
            return on()
        try:
            return on((CUDA, {"device_id": cuda, **_CUDA_OPTIONS}))
        except Exception as error:
            session, self.refused = on(), first_line(error)
            return session

    @contextmanager
    def _running(self) -> Iterator[None]:
        """Turn what ONNX Runtime raises in a run, which has many types, into an error of ours."""
        try:
            yield
        except (ScoreError, UsageError, BackendError):
            raise
        except Exception as error:
            raise ScoreError(
                f"ONNX Runtime failed on {self.device}: {first_line(error)}."
            ) from error


def providers() -> list[str]:
    """ONNX Runtime's execution providers on this machine.

    Raises:
        BackendError: ONNX Runtime is not installed.
    """
    try:
        onnxruntime = import_onnxruntime()
    except ImportError as error:
        raise BackendError(
            "Scoring needs ONNX Runtime, and none is installed. Install one of: "
            "pip install '.[cpu]' or pip install '.[gpu]', not both."
        ) from error
    listed: list[str] = onnxruntime.get_available_providers()
    return listed
