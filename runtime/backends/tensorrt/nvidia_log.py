"""What NVIDIA's libraries say: the errors they log, and RTX's verdict on an engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from framegauge.engines import Validity

# Lines of the log that are kept.
_LAST = 10


def verdict(module: Any, runtime: Any, content: bytes) -> Validity:
    """RTX's own word on an engine, which it gives by a look at its header and at the GPU.

    Args:
        module: ``tensorrt_rtx``; TensorRT gives no such word.
        runtime: Its ``Runtime``.
        content: The engine.
    """
    from framegauge.engines import Validity

    word, bits = runtime.get_engine_validity(content)
    kinds, reasons = module.EngineValidity, module.EngineInvalidityDiagnostics
    named = {
        kinds.VALID: "valid",
        kinds.SUBOPTIMAL: "suboptimal",
    }
    return Validity(
        verdict=named.get(word, "invalid"),  # type: ignore[arg-type]
        diagnostics=tuple(
            name.lower().replace("_", " ")
            for name, value in reasons.__members__.items()
            if int(value) & bits
        ),
    )


def errors_kept(module: Any, said: list[str]) -> Any:
    """A logger that keeps the last errors.

    Args:
        module: ``tensorrt`` or ``tensorrt_rtx``.
        said: Where they are kept, the last one last.
    """

    class Kept(module.ILogger):  # type: ignore[misc]
        def __init__(self) -> None:
            module.ILogger.__init__(self)

        def log(self, severity: Any, words: str) -> None:
            if severity in (module.ILogger.ERROR, module.ILogger.INTERNAL_ERROR):
                said[:] = [*said[1 - _LAST :], words.strip()]

    return Kept()
