"""A second opinion on an engine, by NVIDIA's own tool: Polygraphy's comparator.

It loads the engine and the model by its own code, so that a mistake of ours in running either, or
in comparing them, does not stay hidden.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from framegauge.engines.identity.machine import Flavour, TargetError
from framegauge.engines.proving.verify import Feed
from framegauge.export.contract.onnx_runtime import import_onnxruntime

if TYPE_CHECKING:
    from polygraphy.backend.base import BaseRunner


@dataclass(frozen=True, kw_only=True)
class Opinion:
    """What the comparator says of one output on one batch.

    Attributes:
        output: Its name.
        passed: Whether every sample is within tolerance.
        error: Largest absolute difference, in the output's unit.
    """

    output: str
    passed: bool
    error: float

    def __str__(self) -> str:
        """The opinion, for people."""
        words = "agrees" if self.passed else "disagrees"
        return f"Polygraphy {words} on {self.output}: {self.error:.2g} off"


def compare(
    engine: BaseRunner,
    model: BaseRunner,
    feeds: Iterable[Feed],
    allowed: Mapping[str, tuple[float, float]],
) -> list[Opinion]:
    """What Polygraphy's comparator says of an engine beside its model.

    Args:
        engine: The engine, as Polygraphy runs it.
        model: The model, likewise.
        feeds: Batches of inputs by name.
        allowed: For each output to be compared, how far apart values may be: absolute, and as a
            fraction of the model's.
    """
    from polygraphy.comparator import Comparator, SimpleCompareFunc
    from polygraphy.logger import G_LOGGER

    judge = SimpleCompareFunc(
        check_shapes=True,
        atol={name: absolute for name, (absolute, _) in allowed.items()},
        rtol={name: relative for name, (_, relative) in allowed.items()},
    )
    with G_LOGGER.verbosity(G_LOGGER.CRITICAL):
        ours, theirs = Comparator.run([engine, model], data_loader=[dict(each) for each in feeds])
        return [
            Opinion(output=name, passed=bool(result), error=float(result.max_absdiff))
            for first, second in zip(ours[1], theirs[1], strict=True)
            for name, result in judge(first, second).items()
            if name in allowed
        ]


def runner_of_model(model: bytes) -> BaseRunner:
    """A model in ONNX Runtime on the CPU, as Polygraphy runs it."""
    from polygraphy.backend.onnxrt import OnnxrtRunner, SessionFromOnnx

    # Polygraphy imports it when the session is made.
    import_onnxruntime()
    return OnnxrtRunner(SessionFromOnnx(model, providers=["CPUExecutionProvider"]), name="model")


def runner_of_engine(engine: bytes, flavour: Flavour, profile: int) -> BaseRunner:
    """An engine on the GPU at hand, as Polygraphy runs it.

    Args:
        engine: Its bytes.
        flavour: Which TensorRT runs it; one process can use Polygraphy with one flavour only.
        profile: Index of the optimisation profile.

    Raises:
        TargetError: Polygraphy has been loaded for the other flavour in this process.
    """
    from polygraphy import config

    is_rtx = flavour == "tensorrt_rtx"
    # It asks which TensorRT to use when this part of it is loaded, and never again.
    if "polygraphy.backend.trt" not in sys.modules:
        config.USE_TENSORRT_RTX = is_rtx
    elif is_rtx != config.USE_TENSORRT_RTX:
        raise TargetError(
            f"Polygraphy runs the other flavour of TensorRT in this process. For {flavour}, name "
            "engines of that alone."
        )
    from polygraphy.backend.trt import EngineFromBytes, TrtRunner

    return TrtRunner(EngineFromBytes(engine), name="engine", optimization_profile=profile)
