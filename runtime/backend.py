"""What runs a model: an ONNX Runtime session on the CPU or on an NVIDIA GPU."""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from framegauge.export import pattern
from framegauge.export.manifest import KEY, Manifest, ManifestError
from framegauge.runtime.cpus import usable_cpus
from framegauge.runtime.errors import BackendError, ScoreError, UsageError

Device = Literal["cpu", "cuda"]
Feed = Mapping[str, NDArray[Any]]

BACKENDS = ("auto", "cpu", "cuda")

# ONNX Runtime's log levels: 3 is errors. Its warnings are about its own choices.
_ERRORS_ONLY = 3


class Model:
    """A model file, loaded and proven, ready to run.

    Attributes:
        path: The file.
        sha256: Of the file's bytes, in hex.
        manifest: What the file says about itself, its scores under the names asked for.
        device: Where it runs.
        threads: Threads it computes with on the CPU.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        backend: str = "auto",
        device: int = 0,
        threads: int | None = None,
        labels: Mapping[str, str] | None = None,
        self_test: bool = True,
    ) -> None:
        """Load a model.

        Args:
            path: The file.
            backend: ``cpu``, ``cuda``, or ``auto`` for CUDA where it is to be had.
            device: Which GPU.
            threads: Threads on the CPU, ``None`` for as many as this process may use.
            labels: Names for scores in place of the file's.
            self_test: Run the model's own test frames first.

        Raises:
            UsageError: The backend has no such name, or the file is not a model of ours.
            BackendError: The backend is not to be had here.
            ScoreError: The file is missing or damaged, or fails its self-test.
        """
        self.path = Path(path)
        try:
            content = self.path.read_bytes()
        except OSError as error:
            raise ScoreError(f"The model {path} cannot be read: {error.strerror}.") from error
        if threads is not None and threads < 1:
            raise UsageError(f"--threads takes at least 1, got {threads}.")
        self.sha256 = hashlib.sha256(content).hexdigest()
        self.threads = threads or usable_cpus()
        self.device: Device
        self._session, self.device = _session(content, self.path, backend, device, self.threads)
        metadata = self._session.get_modelmeta().custom_metadata_map
        try:
            manifest = Manifest.from_json(metadata.get(KEY), file=str(path))
        except ManifestError as error:
            raise UsageError(str(error)) from error
        self._file = manifest
        self._check_names()
        if self_test:
            self._prove()
        renamed = dict(labels or {})
        self._names = {
            renamed.get(output.name, output.name): output.name
            for output in manifest.outputs
            if output.kind != "map"
        }
        self.manifest = replace(
            manifest,
            outputs=tuple(
                replace(output, name=renamed.get(output.name, output.name))
                for output in manifest.outputs
            ),
            aggregates=tuple(
                replace(each, name=_renamed(each.name, renamed, "a"), moment=each.moment)
                for each in manifest.aggregates
            ),
        )

    def run(self, feed: Feed) -> dict[str, NDArray[np.float64]]:
        """Scores and moments by name, ``(N,)`` each, for a batch of inputs by name."""
        wanted = {each.name for each in self.manifest.inputs}
        values = self._session.run(
            list(self._names.values()), {name: feed[name] for name in wanted}
        )
        return {
            name: np.asarray(value, np.float64)
            for name, value in zip(self._names, values, strict=True)
        }

    def self_test(self) -> list[Check]:
        """Run the model's own test frames and compare what comes out.

        Raises:
            UsageError: The frames are of a version that this release does not know.
            ScoreError: The test cannot be run, or what comes out has another shape.
        """
        test = self._file.self_test
        if test.pattern != pattern.VERSION:
            raise UsageError(
                f"{self.path} has test frames of version {test.pattern}, and this release knows "
                f"{pattern.VERSION}. Update framegauge, or export the model again."
            )
        # What a damaged file makes ONNX Runtime and NumPy raise has many types.
        try:
            return list(self._checks())
        except ScoreError:
            raise
        except Exception as error:
            raise ScoreError(
                f"{self.path} cannot run its self-test ({_first_line(error)}). The file is "
                "damaged: export the model again."
            ) from error

    def _checks(self) -> Iterator[Check]:
        test = self._file.self_test
        outputs = [output for output in self._file.outputs if output.kind != "map"]
        names = [output.name for output in outputs]
        for size, wanted in zip(test.sizes, test.scores, strict=True):
            values = self._session.run(names, self._test_feed(size))
            for output, got in zip(outputs, values, strict=True):
                if got.shape != (test.batch,):
                    raise ScoreError(
                        f"{self.path}: {output.name} has the shape {got.shape} on a batch of "
                        f"{test.batch}. The file is damaged: export the model again."
                    )
                for want, value in zip(wanted[output.name], got.tolist(), strict=True):
                    yield Check(output.name, size, want, value, output.allowed(want))

    def _test_feed(self, size: tuple[int, int]) -> Feed:
        """The self-test's inputs at one height and width, by name."""
        test = self._file.self_test
        return pattern.feed(self._file.form, self._file.inputs, size, test.batch, test.colour)

    def _check_names(self) -> None:
        """Refuse a manifest that was written for another graph."""
        for kind, graph, said in (
            ("inputs", self._session.get_inputs(), self._file.inputs),
            ("outputs", self._session.get_outputs(), self._file.outputs),
        ):
            found, wanted = ([each.name for each in some] for some in (graph, said))
            if found != wanted:
                raise ScoreError(
                    f"The manifest of {self.path} belongs to another model: it names the {kind} "
                    f"{', '.join(map(str, wanted)) or 'none'}, and the graph has "
                    f"{', '.join(found)}. Export the model again."
                )

    def _prove(self) -> None:
        for check in self.self_test():
            if not check.passed:
                raise ScoreError(
                    f"{self.path} failed its self-test on {self.device}: {check.name} at "
                    f"{check.size[1]}x{check.size[0]} should be {check.wanted:.9g}, and came out "
                    f"as {check.got:.9g}. The file is damaged, or the backend computes wrongly; no "
                    "score of it can be trusted. Export the model again, or try another --backend."
                )


@dataclass(frozen=True)
class Check:
    """One value of a self-test.

    Attributes:
        name: The output.
        size: Height and width of the test frames.
        wanted: What the float64 graph gave.
        got: What the backend gave.
        allowed: How far apart they may be.
    """

    name: str
    size: tuple[int, int]
    wanted: float
    got: float
    allowed: float

    @property
    def error(self) -> float:
        """Absolute difference, NaN if there is no value."""
        return abs(self.got - self.wanted)

    @property
    def passed(self) -> bool:
        """Whether they are close enough."""
        return self.error <= self.allowed


def describe(model: Model) -> dict[str, Any]:
    """What ran the model, for the report."""
    import onnxruntime

    return {
        "name": model.device,
        "device": platform.processor() or platform.machine() if model.device == "cpu" else "GPU",
        "precision": model.manifest.precision,
        "threads": model.threads,
        "versions": {"onnxruntime": onnxruntime.__version__, "numpy": np.__version__},
    }


def providers() -> list[str]:
    """ONNX Runtime's execution providers on this machine.

    Raises:
        BackendError: ONNX Runtime is not installed.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise BackendError(
            "Scoring needs ONNX Runtime, and none is installed. Install one of: "
            "pip install 'framegauge[cpu]' or pip install 'framegauge[gpu]', not both."
        ) from error
    listed: list[str] = onnxruntime.get_available_providers()
    return listed


def _session(
    content: bytes, path: Path, backend: str, device: int, threads: int
) -> tuple[Any, Device]:
    if backend not in BACKENDS:
        raise UsageError(f"--backend takes one of {', '.join(BACKENDS)}; got {backend!r}.")
    has_cuda = "CUDAExecutionProvider" in providers()
    if backend == "cuda" and not has_cuda:
        raise _no_cuda()
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = _ERRORS_ONLY
    # ONNX Runtime would count the host's cores, blind to a container's quota.
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    cpu = "CPUExecutionProvider"
    # TF32 moves SSIM by up to 0.02; CUDA has it on unless told.
    cuda = ("CUDAExecutionProvider", {"device_id": device, "use_tf32": 0})
    wanted = [cuda, cpu] if backend == "cuda" or (backend == "auto" and has_cuda) else [cpu]
    try:
        session = onnxruntime.InferenceSession(content, options, providers=wanted)
    except Exception as error:
        raise ScoreError(
            f"{path} is not a model that ONNX Runtime can load ({_first_line(error)}). "
            "It may be damaged: export it again."
        ) from error
    took_cuda = session.get_providers()[0] == "CUDAExecutionProvider"
    if backend == "cuda" and not took_cuda:
        raise _no_cuda()
    return session, "cuda" if took_cuda else "cpu"


def _no_cuda() -> BackendError:
    return BackendError(
        "The backend cuda is not to be had here: ONNX Runtime offers "
        f"{', '.join(providers())}. Install framegauge[gpu] on a machine with an NVIDIA "
        "driver, or use --backend cpu."
    )


def _renamed(name: str, labels: Mapping[str, str], prefix: str) -> str:
    label = name.removeprefix(prefix)
    return prefix + labels.get(label, label)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
