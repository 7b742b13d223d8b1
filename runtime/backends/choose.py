"""Which of ONNX Runtime and TensorRT runs a model, and why."""

from __future__ import annotations

from framegauge.export.contract.model_file import ModelFile
from framegauge.runtime.backends.onnx.onnx_session import CUDA, OnnxSession, providers
from framegauge.runtime.backends.request import (
    HERE,
    BackendRequest,
    Choice,
    Machine,
    NoEngineError,
    Prove,
)
from framegauge.runtime.errors import BackendError, ScoreError


def choose(
    file: ModelFile,
    wish: BackendRequest,
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
        BackendError: What was asked for is not available here, and why.
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
    file: ModelFile,
    wish: BackendRequest,
    prove: Prove,
    size: tuple[int, int, int] | None,
    machine: Machine,
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
    file: ModelFile,
    wish: BackendRequest,
    prove: Prove,
    size: tuple[int, int, int] | None,
    machine: Machine,
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


def _on_cpu(file: ModelFile, wish: BackendRequest, prove: Prove, *, why: str) -> Choice:
    session = OnnxSession(file, threads=wish.threads)
    return Choice(session=session, why=why, tested=prove(session))


def _on_cuda(file: ModelFile, wish: BackendRequest, prove: Prove, *, why: str) -> Choice:
    lacking = "The backend cuda is not available here: ONNX Runtime "
    if CUDA not in providers():
        raise BackendError(
            f"{lacking}offers {', '.join(providers())}. pip install '.[gpu]' on a machine with "
            "an NVIDIA driver, or use --backend cpu."
        )
    session = OnnxSession(file, threads=wish.threads, cuda=wish.device)
    if session.device != "cuda":
        reason = session.refused or "its error is above"
        raise BackendError(
            f"{lacking}has CUDA and could not start it on GPU {wish.device} ({reason}). Often "
            "libraries of CUDA or cuDNN are missing, or there is no such GPU. Install "
            "'.[gpu]', or use --backend cpu."
        )
    return Choice(session=session, why=why, tested=prove(session))
