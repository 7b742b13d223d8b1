"""A suite of catalogue entries as one ONNX file, proven before it is handed out."""

from __future__ import annotations

import logging
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir
import onnx_ir.passes.common as passes
import onnxscript.optimizer
import torch
from numpy.typing import NDArray

from framegauge.export import manifest, pattern
from framegauge.export.backbones import Weights
from framegauge.export.formats import find_format
from framegauge.export.frames import CHROMA
from framegauge.export.manifest import KEY, Manifest, Output, SelfTest
from framegauge.export.spec import parse_entries
from framegauge.export.suite import Suite
from framegauge.export.weights import Source

# GridSample means something else to TensorRT's parser from opset 20 on.
OPSET = 18

# Larger than any size an entry treats in a way of its own (libvmaf's SSIM reduces from 384 on).
LARGE = (645, 782)

# BT.601 in the limited range, for the self-test: rows R, G, B over 8-bit Y, Cb, Cr, and an offset.
SELF_TEST_COLOUR = (
    (1.164, 0.0, 1.596, -222.9),
    (1.164, -0.392, -0.813, 135.6),
    (1.164, 2.017, 0.0, -276.8),
)

Feed = dict[str, NDArray[Any]]


class ExportError(RuntimeError):
    """The graph could not be written as a model that gives the graph's scores."""


def export(
    entries: str | Sequence[str],
    path: str | os.PathLike[str],
    *,
    format: str = "rgb24",
    maps: Sequence[str] = (),
    quantise: int | None = None,
    crop_border: int = 0,
    without: Sequence[str] = (),
    weights: Mapping[str, Source] | None = None,
    offline: bool = False,
    progress: Callable[[str], None] | None = None,
) -> Path:
    """Write entries as one model file, and prove it in ONNX Runtime against float64 PyTorch.

    Args:
        entries: ``"psnr,census[patch=5]"``, or a list of entries.
        path: The file to write. It appears whole or not at all.
        format: Pixel format of the frames that the model takes.
        maps: Labels of entries whose map is an output too, as ``label.map``.
        quantise: 8 to round the distorted frame to 8 bits first.
        crop_border: Pixels cut from every side of both frames first.
        without: Inputs, by role, that the model shall not take. A system's terms that look at them
            are left out, and its total too; the manifest says which, and what they need.
        weights: Weights files (or tensors) by name, for entries that need them; others are looked
            for in ``FRAMEGAUGE_WEIGHTS``, torch's hub cache, installed packages, and online.
        offline: Download nothing.
        progress: Called with a line of text at each step; exports take seconds to minutes.

    Returns:
        The path.

    Raises:
        ValueError: An entry or option is unknown, or does not fit the format.
        ExportError: The model could not be made, or does not give the scores of the graph.
        WeightsError: Weights are not to be had, or not those wanted.
    """
    path = Path(path)
    tell = progress or (lambda _: None)
    parsed, form = parse_entries(entries), find_format(format)
    found = Weights(weights, offline=offline)
    suite, exact = (
        Suite(
            parsed,
            form,
            maps=maps,
            quantise=quantise,
            crop_border=crop_border,
            without=without,
            dtype=dtype,
            weights=found,
        )
        for dtype in (torch.float32, torch.float64)
    )
    if not path.parent.is_dir():
        raise ValueError(f"There is no folder {path.parent} to write {path.name} in. Make it.")
    tell("tracing")
    program = trace(suite)
    tell("translating to ONNX")
    model = translate(program, suite)
    tell("computing the self-test in float64")
    model.metadata_props[KEY] = describe(suite, exact).to_json()
    model_bytes = serialise(model)
    tell("proving the file in ONNX Runtime")
    prove(model_bytes, suite, exact)
    _write(path, model_bytes)
    return path


def trace(suite: Suite) -> torch.export.ExportedProgram:
    """The suite's graph with every batch, height and width open."""
    # Distinct tensors: one object given twice would become one input.
    feed = feeds(suite, _size(suite, 21, 34), batch=2)
    example = tuple(torch.from_numpy(feed[each.name]) for each in suite.inputs)
    dims: dict[str | int, Any] = {
        "N": torch.export.Dim("N"),
        "H": torch.export.Dim("H", min=suite.least),
        "W": torch.export.Dim("W", min=suite.least),
        "ceil(H/2)": torch.export.Dim("Hc", min=(suite.least + 1) // 2),
        "ceil(W/2)": torch.export.Dim("Wc", min=(suite.least + 1) // 2),
    }
    axes = tuple(
        {axis: dims[dim] for axis, dim in enumerate(each.dims) if dim in dims}
        for each in suite.inputs
    )
    try:
        return torch.export.export(
            suite,
            example,
            dynamic_shapes=(axes,),
            prefer_deferred_runtime_asserts_over_guards=True,
        )
    except Exception as error:
        raise ExportError(
            f"PyTorch could not trace {_names(suite)} with open sizes: {error}"
        ) from error


def translate(program: torch.export.ExportedProgram, suite: Suite) -> onnx_ir.Model:
    """The program as an ONNX model with our names and nothing but the graph in it.

    Raises:
        ExportError: A size that must stay open became a constant.
    """
    # It says at every start that torchvision's operators are not there; no graph of ours has one.
    logging.getLogger("torch.onnx._internal.exporter._registration").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        # Axes get names of their own below, and the exporter's use of LeafSpec is its own affair.
        warnings.filterwarnings("ignore", message=".*isinstance.treespec, LeafSpec.*")
        warnings.filterwarnings("ignore", message=".*axis name.*")
        exported = torch.onnx.export(
            program,
            opset_version=OPSET,
            external_data=False,
            dynamo=True,
            verbose=False,
            optimize=False,
        )
    if exported is None:
        raise ExportError(f"torch.onnx.export gave no model of {_names(suite)}.")
    model = exported.model
    _fold(model)
    passes.CommonSubexpressionEliminationPass()(model)
    passes.RemoveUnusedNodesPass()(model)
    _cast_first(model)
    _strip(model)
    graph = model.graph
    for value, each in zip(graph.inputs, suite.inputs, strict=True):
        _check_open(value, each.name, each.dims)
        value.name = each.name
        value.shape = onnx_ir.Shape(each.dims)
    for value, output in zip(graph.outputs, suite.outputs, strict=True):
        value.name = output.name
        value.shape = onnx_ir.Shape(
            ("N", 1, f"h {output.name}", f"w {output.name}") if output.kind == "map" else ("N",)
        )
    graph.name = "framegauge"
    return model


def serialise(model: onnx_ir.Model) -> bytes:
    """The bytes of a model file, the same for the same graph whatever it was cut from."""
    graph = model.graph
    outside = {id(value) for value in (*graph.inputs, *graph.outputs)}
    used = dict.fromkeys(value for node in graph for value in node.inputs if value is not None)
    constants = [value for value in used if value.is_initializer()]
    graph.initializers.clear()
    for number, value in enumerate(constants):
        value.name = f"constant_{number}"
        graph.initializers.add(value)
    for number, node in enumerate(graph):
        node.name = f"{node.op_type}_{number}"
        for position, value in enumerate(node.outputs):
            if id(value) not in outside:
                value.name = f"{node.op_type}_{number}_{position}"
    content: bytes = onnx_ir.to_proto(model).SerializeToString(deterministic=True)
    return content


def describe(suite: Suite, exact: Suite) -> Manifest:
    """The manifest, with the scores of the float64 graph on the self-test's frames."""
    sizes = (_size(suite, 5, 16), _size(suite, 18, 3))
    colour = any(each.part == "colour" for each in suite.inputs)
    scores = []
    for size in sizes:
        values = evaluate(exact, feeds(suite, size, batch=2))
        scores.append(
            {
                output.name: tuple(float(value) for value in values[output.name])
                for output in suite.outputs
                if output.kind != "map"
            }
        )
    needs_chroma = colour and suite.form.kind == "yuv" and "444" not in suite.form.name
    return Manifest(
        format=suite.form.name,
        inputs=tuple(suite.inputs),
        outputs=tuple(suite.outputs),
        aggregates=tuple(suite.aggregates),
        quantise=suite.quantise,
        crop_border=suite.crop_border,
        chroma=CHROMA if needs_chroma else None,
        weights=tuple(
            manifest.Weights(
                name=each.name, sha256=each.sha256, licence=each.licence, origin=each.origin
            )
            for each in suite.weights.used
        ),
        missing=tuple(suite.missing),
        versions={name: version(name) for name in ("framegauge", "torch", "onnx", "onnxscript")},
        self_test=SelfTest(
            pattern=pattern.VERSION,
            formula=pattern.FORMULA,
            batch=2,
            sizes=sizes,
            colour=self_test_colour(suite.form.depth) if colour else None,
            scores=tuple(scores),
        ),
    )


def prove(model: bytes, suite: Suite, exact: Suite) -> None:
    """Run the file at sizes and batches other than the example's and compare with float64.

    Raises:
        ExportError: ONNX Runtime refuses the file, or an output is off by more than its tolerance.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise ExportError(
            "A model is proven in ONNX Runtime before it is handed out, and there is none. "
            "Install one: pip install 'framegauge[cpu]'."
        ) from error
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    for size, batch in _proofs(suite):
        feed = feeds(suite, size, batch=batch)
        for output, got, want in _runs(session, suite, exact, feed):
            allowed = output.tolerance + output.relative * np.abs(want)
            if got.shape != want.shape or not np.all(np.abs(got - want) <= allowed):
                raise ExportError(
                    f"{output.name} of the file differs from the graph's on a batch of {batch} at "
                    f"{size[1]}x{size[0]}: wanted {_sample(want)}, got {_sample(got)}, tolerance "
                    f"{output.tolerance:g} + {output.relative:g} relative. Versions of torch and "
                    "onnxscript other than those tested may translate a graph wrongly."
                )
    _prove_floor(session, suite, exact)


def _prove_floor(session: Any, suite: Suite, exact: Suite) -> None:
    """Compare the scores of a frame against itself, where a lost epsilon would show.

    Raises:
        ExportError: A score is not what the graph gives, to a thousandth of a small one.
    """
    feed = feeds(suite, _size(suite, 6, 9), batch=1)
    for each in suite.inputs:
        if each.role == "distorted":
            feed[each.name] = feed[each.name.replace("distorted", "reference", 1)]
    for output, got, want in _runs(session, suite, exact, feed):
        size = np.abs(want)
        allowed = np.where((size > 0) & (size < 1e-3), 1e-3 * size, 2e-6 * np.maximum(size, 1))
        if output.kind == "score" and not np.all(np.abs(got - want) <= allowed):
            raise ExportError(
                f"{output.name} of the file is {_sample(got)} for a frame against itself, and the "
                f"graph's is {_sample(want)}: the translation lost a constant."
            )


def _runs(
    session: Any, suite: Suite, exact: Suite, feed: Feed
) -> Iterator[tuple[Output, NDArray[Any], NDArray[Any]]]:
    """Each output with the file's values and the float64 graph's."""
    wanted = evaluate(exact, feed)
    for output, got in zip(suite.outputs, session.run(None, feed), strict=True):
        yield output, got, wanted[output.name]


def feeds(suite: Suite, size: tuple[int, int], *, batch: int) -> Feed:
    """Test frames and tensors for the suite's inputs, by name."""
    colour = self_test_colour(suite.form.depth)
    return pattern.feed(suite.form, suite.inputs, size, batch, colour)


def evaluate(suite: Suite, feed: Feed) -> Feed:
    """The suite's outputs by name, in PyTorch."""
    with torch.no_grad():
        results = suite(*(torch.from_numpy(feed[each.name]) for each in suite.inputs))
    return {
        output.name: result.numpy() for output, result in zip(suite.outputs, results, strict=True)
    }


def self_test_colour(depth: int) -> tuple[tuple[float, ...], ...]:
    """What the colour inputs hold in the self-test, for code values of ``depth`` bits."""
    step = 255 * 2.0 ** (max(depth, 8) - 8)
    return tuple((*(x / step for x in row[:3]), row[3] / 255) for row in SELF_TEST_COLOUR)


def _proofs(suite: Suite) -> Iterator[tuple[tuple[int, int], int]]:
    """Sizes and batches: every parity of height and width, and a large frame."""
    for down in (0, 1):
        for across in (0, 1):
            yield _size(suite, 6 + down, 9 + across), 3 if down == across else 1
    height, width = LARGE
    yield (max(height, suite.least), max(width, suite.least)), 1


def _size(suite: Suite, down: int, across: int) -> tuple[int, int]:
    least = max(suite.least, 40)
    return least + down, least + across


def _check_open(value: onnx_ir.Value, name: str, dims: Sequence[str | int]) -> None:
    shape = value.shape
    if shape is None or len(shape) != len(dims):
        raise ExportError(f"The input {name} lost its shape in the export.")
    for dim, wanted in zip(shape, dims, strict=True):
        if isinstance(wanted, str) and isinstance(dim, int):
            raise ExportError(f"The axis {wanted} of {name} became the constant {dim}.")


def _fold(model: onnx_ir.Model) -> None:
    """Compute what is constant.

    The exporter's own optimisation does that too, but its rules also take a constant below 1e-8
    for zero, and one within 1e-5 of one for one: an epsilon under a root would be lost.
    """
    passes.InlinePass()(model)
    for _ in range(2):
        onnxscript.optimizer.fold_constants(model)
        passes.RemoveUnusedNodesPass()(model)
    passes.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0)(model)
    passes.DeduplicateInitializersPass()(model)
    passes.RemoveUnusedFunctionsPass()(model)  # type: ignore[no-untyped-call] # as it ships
    passes.RemoveUnusedOpsetsPass()(model)
    passes.IdentityEliminationPass()(model)
    passes.OutputFixPass()(model)


def _cast_first(model: onnx_ir.Model) -> None:
    """Ask the size of an 8-bit input after its cast: TensorRT lets nothing else precede that."""
    for value in model.graph.inputs:
        takers = [use.node for use in value.uses()]
        casts = [node for node in takers if node.op_type == "Cast"]
        for node in takers:
            if node.op_type == "Shape" and casts:
                node.replace_input_with(0, casts[0].outputs[0])
    model.graph.sort()


def _strip(model: onnx_ir.Model) -> None:
    """Remove all that says where and by what code the graph was made."""
    passes.ClearMetadataAndDocStringPass()(model)
    model.metadata_props.clear()
    model.graph.metadata_props.clear()
    for value in [v for node in model.graph.all_nodes() for v in node.outputs]:
        value.metadata_props.clear()
        if value not in model.graph.outputs:
            value.shape = value.type = None
    for value in (*model.graph.inputs, *model.graph.outputs, *model.graph.initializers.values()):
        value.metadata_props.clear()


def _write(path: Path, content: bytes) -> None:
    """Write the file under another name, then give it its own, so that no half of it is seen."""
    with tempfile.NamedTemporaryFile(
        dir=path.parent, prefix=f".{path.name}.", delete=False
    ) as file:
        try:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            os.chmod(file.name, 0o644)
            os.replace(file.name, path)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise


def _names(suite: Suite) -> str:
    return ", ".join(member.label for member in suite.members)


def _sample(values: NDArray[Any]) -> str:
    return np.array2string(values.ravel()[:4], precision=9)
