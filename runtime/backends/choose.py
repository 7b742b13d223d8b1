"""Which of ONNX Runtime and TensorRT runs a model, and why."""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from framegauge.runtime.backends.gpu.cuda import Cuda, Memory, no_gpu
from framegauge.runtime.backends.onnx.onnx_session import CUDA, OnnxSession, providers
from framegauge.runtime.backends.session import Backend, Session
from framegauge.runtime.errors import BackendError, ScoreError

if TYPE_CHECKING:
    from framegauge.engines.identity.machine import Flavour, Gpu

# Runs the self-test of a session that is about to be taken; says what it proved.
Prove = Callable[[Session], str]


@dataclass(frozen=True, kw_only=True)
class File:
    """A model file, read whole."""

    path: Path
    content: bytes

    @cached_property
    def sha256(self) -> str:
        """Of the bytes, in hex."""
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What was asked to run a model.

    Attributes:
        backend: By name, or ``auto``.
        device: Which GPU.
        threads: Threads on the CPU.
        build_missing: Build an engine where there is none.
    """

    backend: Backend
    device: int
    threads: int
    build_missing: bool = False


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
        from framegauge.engines.identity.machine import flavours

        return flavours()

    def gpu(self, index: int) -> Gpu:
        """A GPU.

        Raises:
            TargetError: It is not there.
        """
        from framegauge.engines.identity.machine import gpu

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
        """Say why ``backend`` is not to be had, at length and in short."""
        super().__init__(f"The backend {backend} is not to be had here: {words}")
        self.reason = reason


def choose(
    file: File,
    wish: Wish,
    prove: Prove,
    *,
    size: tuple[int, int, int] | None = None,
    machine: Machine = HERE,
) -> Choice:
    """Load a model into what was asked for; by ``auto``, an engine, else CUDA, else the CPU.

    Args:
        file: The model.
        wish: What was asked for.
        prove: Refuses a session that computes wrongly, by a ``ScoreError``.
        size: Batch, height and width of the frames, ``None`` if they are not known yet.
        machine: What there is to run engines with.

    Raises:
        UsageError: The file is not a model of ours.
        BackendError: What was asked for is not to be had here, and why.
        ScoreError: The file is damaged, or fails its self-test.
    """
    match wish.backend:
        case "cpu":
            return _on_cpu(file, wish, prove, why="asked for")
        case "cuda":
            return _on_cuda(file, wish, prove, why="asked for")
        case "auto":
            return _best(file, wish, prove, size, machine)
        case _:
            return _engine(file, wish, prove, size, machine)


def _best(
    file: File, wish: Wish, prove: Prove, size: tuple[int, int, int] | None, machine: Machine
) -> Choice:
    try:
        return _engine(file, wish, prove, size, machine)
    except NoEngineError as error:
        reason = error.reason
    if CUDA not in providers():
        return _on_cpu(file, wish, prove, why=f"{reason}; ONNX Runtime here has no CUDA")
    try:
        return _on_cuda(file, wish, prove, why=reason)
    except (BackendError, ScoreError) as error:
        return _on_cpu(file, wish, prove, why=f"{reason}; {error}")


def _engine(
    file: File, wish: Wish, prove: Prove, size: tuple[int, int, int] | None, machine: Machine
) -> Choice:
    absent = machine.no_gpu()
    if absent is not None:
        raise NoEngineError(
            wish.backend,
            f"no GPU ({absent}). Run this on a machine with an NVIDIA GPU, or use --backend cpu.",
            f"no GPU ({absent})",
        )
    # Engines concern only machines that may run them: nothing of them is loaded before.
    from framegauge.runtime.backends.tensorrt.engine_choice import EngineChoice

    return EngineChoice(file, wish, prove, machine).take(size)


def _on_cpu(file: File, wish: Wish, prove: Prove, *, why: str) -> Choice:
    session = OnnxSession(file.content, file.path, threads=wish.threads)
    return Choice(session=session, why=why, tested=prove(session))


def _on_cuda(file: File, wish: Wish, prove: Prove, *, why: str) -> Choice:
    lacking = "The backend cuda is not to be had here: ONNX Runtime "
    if CUDA not in providers():
        raise BackendError(
            f"{lacking}offers {', '.join(providers())}. Install framegauge[gpu] on a machine with "
            "an NVIDIA driver, or use --backend cpu."
        )
    session = OnnxSession(file.content, file.path, threads=wish.threads, cuda=wish.device)
    if session.device != "cuda":
        reason = session.refused or "its error is above"
        raise BackendError(
            f"{lacking}has CUDA and could not start it on GPU {wish.device} ({reason}). Often "
            "libraries of CUDA or cuDNN are missing, or there is no such GPU. Install "
            "framegauge[gpu], or use --backend cpu."
        )
    return Choice(session=session, why=why, tested=prove(session))
