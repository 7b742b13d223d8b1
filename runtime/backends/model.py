"""A model file, loaded and proven, on whatever runs it."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framegauge.export.contract.interface import Aggregate
from framegauge.export.contract.manifest import Manifest, ManifestError
from framegauge.export.contract.model_bytes import DamagedError
from framegauge.export.contract.model_file import ModelFile
from framegauge.runtime.backends.choose import choose
from framegauge.runtime.backends.gpu.gpu_array import GpuArray
from framegauge.runtime.backends.onnx.onnx_session import OnnxSession
from framegauge.runtime.backends.request import HERE, BackendRequest, Choice, Machine
from framegauge.runtime.backends.selftest import Check, checks, checks_beside, refuse_failed
from framegauge.runtime.backends.session import BACKENDS, Device, Feed, Session, size_of
from framegauge.runtime.cpu_count import MOST_THREADS, usable_cpus
from framegauge.runtime.errors import BackendError, ScoreError, UsageError

__all__ = ["BACKENDS", "Check", "Model", "describe"]


class Model:
    """A model file, loaded and proven, ready to run.

    Attributes:
        path: The file.
        sha256: Of the file's bytes, in hex.
        manifest: What the file says about itself.
        outputs: Its scores and moments, under the names asked for.
        aggregates: Scores of a whole clip that the moments make, likewise.
        device: Where it runs.
        threads: Threads it computes with on the CPU, all runs at a time together.
        taken: What runs it and why, the first that was taken first.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        backend: str = "auto",
        device: int = 0,
        threads: int | None = None,
        session_threads: int | None = None,
        labels: Mapping[str, str] | None = None,
        self_test: bool = True,
        build_missing: bool = False,
        machine: Machine | None = None,
    ) -> None:
        """Load a model.

        Args:
            path: The file.
            backend: ``cpu``, ``cuda``, ``tensorrt`` or ``tensorrt-rtx``; or ``auto`` for an
                engine of the store, else CUDA where it is available, else the CPU.
            device: Which GPU.
            threads: Threads on the CPU, ``None`` for as many as this process may use.
            session_threads: Of these, those that one run may use, where several runs at a time
                share them; ``None`` for all.
            labels: Names for scores in place of the file's.
            self_test: Run the model's own test frames first.
            build_missing: Build an engine for the GPU at hand where the store has none.
            machine: What there is to run engines with, ``None`` for this machine.

        Raises:
            UsageError: The backend has no such name, or the file is not a model of ours.
            BackendError: The backend is not available here.
            ScoreError: The file is missing or damaged, or fails its self-test.
        """
        self.path = Path(path)
        self._content = _read(self.path)
        if threads is not None and threads < 1:
            raise UsageError(f"--threads takes at least 1, got {threads}.")
        if threads is not None and threads > MOST_THREADS:
            raise UsageError(f"--threads takes at most {MOST_THREADS}, got {threads}.")
        if backend not in BACKENDS:
            raise UsageError(f"--backend takes one of {', '.join(BACKENDS)}; got {backend!r}.")
        self.threads = threads or usable_cpus()
        self.sha256 = self._content.sha256
        self._machine = machine or HERE
        self._wish = BackendRequest(
            backend=backend,
            device=device,
            threads=session_threads or self.threads,
            build_missing=build_missing,
        )
        self._is_tested = self_test
        self.taken: list[Choice] = []
        self._loading = threading.Lock()
        renamed = dict(labels or {})
        self._take(None)
        self.manifest = self._content.manifest
        self._names = {
            renamed.get(output.name, output.name): output.name
            for output in self.manifest.outputs
            if output.kind != "map"
        }
        self.outputs = tuple(
            replace(output, name=renamed.get(output.name, output.name))
            for output in self.manifest.outputs
            if output.kind != "map"
        )
        self.aggregates = tuple(
            replace(
                each,
                name=_renamed(each, self.manifest, renamed),
                of=tuple(renamed.get(name, name) for name in each.of),
            )
            for each in self.manifest.aggregates
        )

    @property
    def device(self) -> Device:
        """Where it runs."""
        return self._session.device

    def run(self, feed: Feed) -> dict[str, NDArray[np.float64]]:
        """Scores and moments by name, ``(N,)`` each, for a batch of inputs by name.

        Raises:
            UsageError: An input lies where the model does not run.
            BackendError: No engine takes frames of that size, and an engine was asked for.
            ScoreError: The run failed.
        """
        values = self._holding(feed).run(feed, list(self._names.values()))
        return {name: np.asarray(values[inner], np.float64) for name, inner in self._names.items()}

    def run_on_gpu(self, feed: Feed) -> dict[str, GpuArray]:
        """The same, ``float32`` and left on the GPU.

        Raises:
            BackendError: No engine runs the model.
        """
        values = self._holding(feed).run_on_gpu(feed, list(self._names.values()))
        return {name: values[inner] for name, inner in self._names.items()}

    def self_test(self) -> list[Check]:
        """Run the model's own test frames and compare what comes out.

        An engine whose profiles hold none of them is compared with ONNX Runtime on the CPU at the
        least frames that it takes.

        Raises:
            UsageError: The frames are of a version that this release does not know.
            ScoreError: The test cannot be run, or what comes out has another shape.
            BackendError: ONNX Runtime is needed, and not installed.
        """
        return self._checks(self._session)[0]

    def close(self) -> None:
        """Let go of what runs it."""
        with ExitStack() as sessions:
            for each in self.taken:
                sessions.callback(each.session.close)

    @property
    def _session(self) -> Session:
        return self.taken[0].session

    def _take(self, size: tuple[int, int, int] | None) -> Session:
        choice = choose(self._content, self._wish, self._prove, size=size, machine=self._machine)
        self.taken.append(choice)
        return choice.session

    def _holding(self, feed: Feed) -> Session:
        """What takes frames of the size given; loaded now if nothing does yet."""
        size = size_of(self.manifest, feed)
        with self._loading:
            for each in self.taken:
                if each.session.holds(*size):
                    return each.session
            return self._take(size)

    def _prove(self, session: Session) -> str:
        """Refuse a session that has other names than the manifest or computes other scores."""
        self._check_names(session)
        if not self._is_tested:
            return "not asked for"
        try:
            found, words = self._checks(session)
        except BackendError:
            return "not run: its frames lie outside the profiles, and there is no ONNX Runtime"
        refuse_failed(found, self.path, session.device)
        return words

    def _checks(self, session: Session) -> tuple[list[Check], str]:
        found = checks(session, self.path)
        if found:
            return found, "passed"
        least = session.profiles[0].least
        other = OnnxSession(self._content, threads=self.threads)
        size = (least.height, least.width)
        beside = checks_beside(session, other, size, least.batch)
        return beside, f"passed beside ONNX Runtime at {least}"

    def _check_names(self, session: Session) -> None:
        """Refuse a manifest that was written for another graph."""
        manifest = session.manifest
        for kind, found, said in (
            ("inputs", session.inputs, manifest.inputs),
            ("outputs", session.outputs, manifest.outputs),
        ):
            wanted = [each.name for each in said]
            if list(found) != wanted:
                raise ScoreError(
                    f"The manifest of {self.path} belongs to another model: it names the {kind} "
                    f"{', '.join(map(str, wanted)) or 'none'}, and the graph has "
                    f"{', '.join(found)}. Export the model again."
                )


def _read(path: Path) -> ModelFile:
    """A model file, whole and of this release.

    Raises:
        UsageError: It is not a model of ours, or of another release.
        ScoreError: It cannot be read, or is damaged.
    """
    try:
        return ModelFile.read(path)
    except OSError as error:
        raise ScoreError(f"The model {path} cannot be read: {error.strerror}.") from error
    except DamagedError as error:
        raise ScoreError(str(error)) from error
    except ManifestError as error:
        raise UsageError(str(error)) from error


def describe(model: Model) -> dict[str, Any]:
    """What ran the model, for the report."""
    first, *others = model.taken
    facts = {
        "name": first.session.device,
        "why": first.why,
        **first.session.describe(),
        "precision": model.manifest.precision,
        "threads": model.threads,
        "self_test": first.tested,
    }
    if first.engine is not None:
        facts["engine"] = first.engine
    if others:
        # Frames of another size than the first could hold.
        facts["also"] = [f"{each.session.device}: {each.why}" for each in others]
    return facts


def _renamed(aggregate: Aggregate, manifest: Manifest, labels: Mapping[str, str]) -> str:
    """A clip's score under the name asked for: the label of its entry's score within it is that."""
    entries = {each.entry for each in manifest.outputs if each.name in aggregate.of}
    for each in manifest.scores:
        if each.entry in entries and each.name in labels:
            return aggregate.name.replace(each.name, labels[each.name], 1)
    return aggregate.name
