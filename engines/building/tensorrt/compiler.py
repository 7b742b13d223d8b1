"""One engine, built in this process by TensorRT's own builder.

Polygraphy wraps the same calls; it is not used here because its configuration has neither compute
capabilities nor options by name, and its parser's refusals are log lines, not facts.
"""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from framegauge.engines.identity.machine import Flavour
from framegauge.engines.identity.options import apply
from framegauge.export.contract.manifest import ManifestError
from framegauge.export.contract.model_bytes import check_sound

# Called with the phase of the build, and how far it has come, in [0, 1].
Progress = Callable[[str, float], None]

_ERROR_LINES = 3


class BuildError(RuntimeError):
    """TensorRT refused a model, or failed on it."""


@dataclass(frozen=True, kw_only=True)
class BuildOrder:
    """What the builder is told: plain words, so that it can be told in another process.

    Attributes:
        model: Path of the model file.
        sha256: Of the bytes it must still hold, in hex.
        inputs: Names of the model's inputs.
        outputs: Names of its outputs.
        flavour: Which TensorRT.
        architectures: What the engine is for; RTX's builder is told, TensorRT's looks at the GPU.
        compatibility: Hardware compatibility level, in lower case.
        options: Builder options by name.
        profiles: For each profile, least, usual and most shape by input.
    """

    model: str
    sha256: str
    inputs: Sequence[str]
    outputs: Sequence[str]
    flavour: Flavour
    architectures: Sequence[str]
    compatibility: str
    options: Mapping[str, str]
    profiles: Sequence[Mapping[str, Sequence[Sequence[int]]]]


def compile_engine(order: BuildOrder, progress: Progress | None = None) -> bytes:
    """Build one engine.

    Raises:
        BuildError: TensorRT's parser or builder refuses the model, and why.
        OSError: The model file cannot be read.
        ValueError: A builder option is unknown or did not take.
    """
    module = importlib.import_module(order.flavour)
    log = _log(module)
    builder = module.Builder(log)
    network = parse(order, module, builder, log)
    config = configure(order, module, builder, network)
    if progress is not None:
        config.progress_monitor = _monitor(module, progress)
    engine = builder.build_serialized_network(network, config)
    if engine is None:
        raise BuildError(
            f"{order.flavour} {module.__version__} built no engine of {order.model} for "
            f"{', '.join(order.architectures)}: {log.worst() or 'it gave no reason'}. Leave out "
            "builder options, try a smaller --profile, or export fewer metrics into one model to "
            "find the one it refuses."
        )
    return bytes(engine)


def parse(order: BuildOrder, module: Any, builder: Any, log: Any) -> Any:
    """The network of a model, its types those of the file.

    Raises:
        BuildError: The file is another than was ordered, the parser refuses a node, or the graph
            is not that of the manifest.
        OSError: The model file cannot be read.
    """
    # TensorRT 11 knows no other kind, and may drop the flag.
    strong = getattr(module.NetworkDefinitionCreationFlag, "STRONGLY_TYPED", None)
    network = builder.create_network(0 if strong is None else 1 << int(strong))
    parser = module.OnnxParser(network, log)
    with open(order.model, "rb") as file:
        content = file.read()
    if hashlib.sha256(content).hexdigest() != order.sha256:
        raise BuildError(
            f"{order.model} changed while its engines were waiting to be built. Run this again."
        )
    try:
        # The parser would follow weights to files that no key covers.
        check_sound(content, file=order.model)
    except ManifestError as error:
        raise BuildError(str(error)) from error
    if not parser.parse(content, order.model):
        refusals = [parser.get_error(index) for index in range(parser.num_errors)]
        words = "; ".join(dict.fromkeys(map(_refusal, refusals))) or log.worst()
        raise BuildError(
            f"{order.flavour} {module.__version__} refused {order.model} at {words}. Leave that "
            "metric out, or update TensorRT."
        )
    found = [network.get_input(index).name for index in range(network.num_inputs)]
    made = [network.get_output(index).name for index in range(network.num_outputs)]
    if set(found) != set(order.inputs) or set(made) != set(order.outputs):
        raise BuildError(
            f"The manifest of {order.model} belongs to another model: it names "
            f"{', '.join((*order.inputs, *order.outputs))}, and the graph has "
            f"{', '.join((*found, *made))}. Export the model again."
        )
    return network


def configure(order: BuildOrder, module: Any, builder: Any, network: Any) -> Any:
    """The builder configuration: TF32 off, targets, options and profiles.

    Raises:
        BuildError: TF32 stayed on.
        ValueError: A builder option is unknown or did not take, or a profile does not fit.
    """
    config = builder.create_builder_config()
    apply(order.options, module, config)
    if config.get_flag(module.BuilderFlag.TF32):
        raise BuildError(f"{order.flavour} does not let TF32 be switched off. Update it.")
    if order.flavour == "tensorrt_rtx":
        config.num_compute_capabilities = len(order.architectures)
        for index, name in enumerate(order.architectures):
            capability = getattr(module.ComputeCapability, name.upper(), None)
            if capability is None:
                raise BuildError(
                    f"{order.flavour} {module.__version__} cannot build for {name}. It knows "
                    f"{', '.join(each.lower() for each in module.ComputeCapability.__members__)}."
                )
            config.set_compute_capability(capability, index)
    elif order.compatibility != "none":
        config.hardware_compatibility_level = getattr(
            module.HardwareCompatibilityLevel, order.compatibility.upper()
        )
    dynamic = {
        each.name
        for each in (network.get_input(index) for index in range(network.num_inputs))
        if any(side < 0 for side in each.shape)
    }
    for shapes in order.profiles:
        profile = builder.create_optimization_profile()
        for name in sorted(dynamic):
            profile.set_shape(name, *map(tuple, shapes[name]))
        if config.add_optimization_profile(profile) < 0:
            raise ValueError(f"{order.flavour} refuses the profile {shapes}. Name another.")
    return config


def _refusal(error: Any) -> str:
    name = error.node_name() or f"number {error.node()}"
    return f"node {name} ({error.node_operator()}): {error.desc().strip().rstrip('.')}"


def _log(module: Any) -> Any:
    class Log(module.ILogger):  # type: ignore[misc]
        """Keeps what the builder complains of."""

        def __init__(self) -> None:
            module.ILogger.__init__(self)
            self.complaints: list[str] = []

        def log(self, severity: Any, message: str) -> None:
            if severity in (module.ILogger.ERROR, module.ILogger.INTERNAL_ERROR):
                self.complaints.append(message.strip())

        def worst(self) -> str:
            return "; ".join(list(dict.fromkeys(self.complaints))[-_ERROR_LINES:]).rstrip(".")

    return Log()


def _monitor(module: Any, progress: Progress) -> Any:
    class Monitor(module.IProgressMonitor):  # type: ignore[misc]
        """Tells of the outermost phase and the one within it that runs now."""

        def __init__(self) -> None:
            module.IProgressMonitor.__init__(self)
            self.phases: dict[str, tuple[int, int]] = {}
            self.most = 0.0

        def phase_start(self, name: str, parent: str | None, steps: int) -> None:
            self.phases[name] = 0, max(steps, 1)
            self.tell()

        def step_complete(self, name: str, step: int) -> bool:
            if name in self.phases:
                self.phases[name] = step + 1, self.phases[name][1]
                self.tell()
            return True

        def phase_finish(self, name: str) -> None:
            self.phases.pop(name, None)

        def tell(self) -> None:
            done, share = 0.0, 1.0
            for step, steps in self.phases.values():
                done += share * min(step, steps) / steps
                share /= steps
            # Phases of one level can overlap; what was done stays done.
            self.most = max(self.most, min(done, 1.0))
            progress(list(self.phases)[-1], self.most)

    return Monitor()
