"""The process that builds engines, seen from outside: it may die, and the build goes on."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from threading import Lock
from types import TracebackType
from typing import IO, Any, Self

from framegauge.engines.building.tensorrt.compiler import BuildError, BuildOrder, Progress

_LAST_WORDS = 2000


class BuildProcess:
    """One worker process, started when it is first needed and again after a crash."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        """Prepare; nothing is started.

        Args:
            environment: Variables for the process; ``None`` for ours.
        """
        self._environment = dict(environment) if environment is not None else None
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None
        # StoredEngine while a process is started, so that none is once the crew was stopped.
        self._starting = Lock()
        self._is_stopped = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        self.dismiss()

    def build(self, order: BuildOrder, progress: Progress | None = None) -> bytes:
        """Build one engine in the process.

        Raises:
            BuildError: The builder refuses the model, an option or a profile, it crashed, or the
                crew was stopped.
        """
        try:
            engine = self._ask(order, progress)
        except BrokenPipeError:
            engine = None
        if self._is_stopped:
            raise BuildError(f"The build of {order.model} was stopped.")
        if engine is None:
            raise BuildError(self._obituary(order))
        return engine

    def stop(self) -> None:
        """End the process at once, from any thread; what it builds is lost, and no other begins."""
        with self._starting:
            self._is_stopped = True
            if self._process is not None:
                self._process.kill()

    def dismiss(self) -> None:
        """End the process and close what leads to it; only where no build is under way."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                with suppress(OSError):
                    if pipe is not None:
                        pipe.close()
        if self._log is not None:
            self._log.close()
            self._log = None

    def _ask(self, order: BuildOrder, progress: Progress | None) -> bytes | None:
        """The engine that the process builds, ``None`` if it died over it."""
        process = self._process or self._start()
        if process.stdin is None or process.stdout is None:
            return None
        process.stdin.write(json.dumps(dataclasses.asdict(order)).encode() + b"\n")
        process.stdin.flush()
        while line := process.stdout.readline():
            answer: dict[str, Any] = json.loads(line)
            if answer["kind"] == "failed":
                raise BuildError(str(answer["words"]))
            if answer["kind"] == "done":
                engine = process.stdout.read(answer["size"])
                return engine if len(engine) == answer["size"] else None
            if progress is not None:
                progress(answer["phase"], answer["share"])
        return None

    def _start(self) -> subprocess.Popen[bytes]:
        with self._starting:
            if self._is_stopped:
                raise BuildError("The build was stopped.")
            self._log = tempfile.TemporaryFile()  # noqa: SIM115
            self._process = subprocess.Popen(
                # No file of the working directory is a module here, and no last words are lost.
                [sys.executable, "-P", "-u", "-m", "framegauge.engines.building.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
                env=self._environment or os.environ.copy(),
            )
            return self._process

    def _obituary(self, order: BuildOrder) -> str:
        """What is known of a process that died, and the end of what it printed."""
        code = self._process.wait() if self._process else 0
        words = ""
        if self._log is not None:
            self._log.seek(0)
            words = self._log.read().decode(errors="replace")[-_LAST_WORDS:].strip()
        self.dismiss()
        cause = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        return (
            f"{order.flavour}'s builder crashed ({cause}) on {order.model} for "
            f"{', '.join(order.architectures)}. Nothing of it was kept. Export fewer metrics into "
            "one model to find the one it cannot take, or use another version of TensorRT."
            + (f" Its last words: {words}" if words else "")
        )
