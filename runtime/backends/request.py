"""What is asked of a backend, what there is to answer with, and the answer."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from framegauge.runtime.backends.gpu.cuda import Cuda, Memory, no_gpu
from framegauge.runtime.backends.session import BACKENDS, Backend, Session
from framegauge.runtime.cpu_count import MOST_THREADS, usable_cpus
from framegauge.runtime.errors import BackendError, UsageError

if TYPE_CHECKING:
    from framegauge.engines import Flavour, Gpu

# Runs the self-test of a session that is about to be taken; says what it proved.
Prove = Callable[[Session], str]


@dataclass(frozen=True, kw_only=True)
class BackendRequest:
    """What was asked to run a model.

    Attributes:
        backend: By name, or ``auto``.
        device: Which GPU.
        threads: Threads on the CPU; as many as this process may use if nothing is said.
        build_missing: Build an engine where there is none.
    """

    backend: Backend = "auto"
    device: int = 0
    threads: int = field(default_factory=usable_cpus)
    build_missing: bool = False

    def __post_init__(self) -> None:
        """Check the name and the number.

        Raises:
            UsageError: There is no such backend, or threads are too few or too many.
        """
        if self.backend not in BACKENDS:
            raise UsageError(f"--backend takes one of {', '.join(BACKENDS)}; got {self.backend!r}.")
        if self.threads < 1:
            raise UsageError(f"--threads takes at least 1, got {self.threads}.")
        # What a machine has is no slip of the pen.
        if self.threads > max(MOST_THREADS, usable_cpus()):
            raise UsageError(f"--threads takes at most {MOST_THREADS}, got {self.threads}.")

    @classmethod
    def of(
        cls,
        backend: str,
        *,
        device: int = 0,
        threads: int | None = None,
        build_missing: bool = False,
    ) -> Self:
        """The request that keywords of a public function or a command line make.

        Args:
            backend: By name, whatever its type.
            device: As :attr:`device`.
            threads: As :attr:`threads`, ``None`` if nothing is said.
            build_missing: As :attr:`build_missing`.

        Raises:
            UsageError: As for the attributes.
        """
        return cls(
            backend=backend,  # type: ignore[arg-type]  # checked as soon as it is there
            device=device,
            threads=usable_cpus() if threads is None else threads,
            build_missing=build_missing,
        )


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What was taken.

    Attributes:
        session: It, ready to run.
        why: Why that, in words.
        tested: What its self-test proved, in words.
        engine: Key of the engine, ``None`` if it is none.
    """

    session: Session
    why: str
    tested: str
    engine: str | None = None


class Machine:
    """What the machine has to run engines with; tests put another in its place."""

    def no_gpu(self) -> str | None:
        """Why there is plainly no GPU, found without loading anything."""
        return no_gpu()

    def flavours(self) -> Mapping[Flavour, str]:
        """Full versions of the flavours of TensorRT that are installed."""
        from framegauge.engines import flavours

        return flavours()

    def gpu(self, index: int) -> Gpu:
        """A GPU.

        Raises:
            TargetError: It is not there.
        """
        from framegauge.engines import gpu

        return gpu(index)

    def module(self, flavour: Flavour) -> Any:
        """NVIDIA's module."""
        return importlib.import_module(flavour)

    def memory(self, index: int) -> Memory:
        """The memory of a GPU."""
        return Cuda(index)


HERE = Machine()


class NoEngineError(BackendError):
    """No engine of a model can be used here.

    Attributes:
        reason: Why, in few words.
    """

    def __init__(self, backend: str, words: str, reason: str) -> None:
        """Say why ``backend`` is not available, at length and in short."""
        super().__init__(f"The backend {backend} is not available here: {words}")
        self.reason = reason
        self._given = backend, words, reason

    def __reduce__(self) -> tuple[type[Self], tuple[str, str, str]]:
        # For a pipe between processes: an exception is made anew of what it was made of.
        return type(self), self._given
