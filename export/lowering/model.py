"""A suite of catalogue entries as one ONNX file, proven before it is handed out."""

from __future__ import annotations

import math
import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import onnx_ir
import torch

from framegauge.export.contract import selftest
from framegauge.export.contract.clip_scores import clip_score, finished
from framegauge.export.contract.entry import parse_entries
from framegauge.export.contract.formats import find_format
from framegauge.export.contract.interface import MOST_TEST_SIDE, SelfTest, WeightsFile
from framegauge.export.contract.manifest import PRECISIONS, Manifest, Precision
from framegauge.export.frames import BoundColour
from framegauge.export.graph import Graph
from framegauge.export.lowering.onnx import serialise, translate
from framegauge.export.lowering.precision import in_half
from framegauge.export.lowering.proof import (
    TEST_BATCH,
    ExportError,
    evaluate,
    feeds,
    prove,
    self_test_facts,
    self_test_sizes,
    size_above,
)
from framegauge.export.lowering.trace import trace
from framegauge.export.networks.backbones import Weights
from framegauge.export.networks.weights import Source

# What the bytes of a file depend on, beside what is asked for.
_MAKERS = ("framegauge", "torch", "onnx", "onnx_ir", "onnxscript")

# The part of its tolerance that a self-test allows, where the file in ONNX Runtime needed no more
# than that part divided by the margin: another device adds in another order.
_TIGHT, _MARGIN = 1 / 20, 4


def export(
    entries: str | Sequence[str],
    path: str | os.PathLike[str],
    *,
    format: str = "rgb24",
    maps: Sequence[str] = (),
    quantise: int | None = None,
    crop_border: int = 0,
    without: Sequence[str] = (),
    matrix: str | None = None,
    range: str | None = None,
    chroma_siting: str | None = None,
    precision: Precision = "fp32",
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
        matrix: ``bt601``, ``bt709`` or ``bt2020``, with the range: what code values of planes mean
            is then a part of the model, which refuses frames of another.
        range: ``limited`` or ``full``.
        chroma_siting: ``left``, ``centre``, ``topleft``, ...: the same for where chroma lies.
        precision: ``fp32``, or ``fp16`` for convolutions of networks in half where the scores then
            keep to their tolerance; the manifest says which do, and by how much.
        weights: Weights files (or tensors) by name, for entries that need them; others are looked
            for in ``FRAMEGAUGE_WEIGHTS``, torch's hub cache, installed packages, and online.
        offline: Download nothing.
        progress: Called with a line of text at each step; exports take seconds to minutes.

    Returns:
        The path.

    Raises:
        ValueError: An entry, option or precision is unknown, or does not fit the format, or the
            file could not be written there.
        ExportError: The model could not be made or written, or does not give the scores of the
            graph.
        WeightsError: Weights are not available, or not those wanted.
    """
    path = Path(path)
    tell = progress or (lambda _: None)
    if precision not in PRECISIONS:
        raise ValueError(f"precision takes one of {', '.join(PRECISIONS)}; got {precision!r}.")
    parsed, form = parse_entries(entries), find_format(format)
    _check_place(path)
    found = Weights(weights, offline=offline)
    try:
        suite, exact = (
            Graph(
                parsed,
                form,
                maps=maps,
                quantise=quantise,
                crop_border=crop_border,
                without=without,
                colour=BoundColour(matrix=matrix, range=range, chroma_siting=chroma_siting),
                dtype=dtype,
                weights=found,
            )
            for dtype in (torch.float32, torch.float64)
        )
    except ArithmeticError as error:
        raise ValueError(
            f"An option of {', '.join(map(str, parsed))} is too large or too small to compute "
            f"with: {error}."
        ) from error
    if max(size_above(suite, 18, 16)) > MOST_TEST_SIDE:
        raise ValueError(
            f"{', '.join(map(str, parsed))} would need frames of at least {suite.least}x"
            f"{suite.least} pixels, and a model is proven on frames of up to "
            f"{MOST_TEST_SIDE}x{MOST_TEST_SIDE}. Ask for fewer levels, a smaller window or border."
        )
    try:
        content = _made(suite, exact, precision, tell)
    except ExportError:
        raise
    except (ArithmeticError, MemoryError, RuntimeError, ValueError) as error:
        raise ExportError(
            f"No model could be made of {', '.join(map(str, parsed))}: "
            f"{str(error) or type(error).__name__}"
        ) from error
    _write(path, content)
    return path


def _made(suite: Graph, exact: Graph, precision: Precision, tell: Callable[[str], None]) -> bytes:
    """The model file's bytes, proven.

    Raises:
        ExportError: The model does not give the scores of the graph.
    """
    tell("tracing")
    program = trace(suite)
    tell("translating to ONNX")
    model = translate(program, suite)
    tell("computing the self-test in float64")
    facts = describe(suite, exact)
    if precision == "fp16":
        tell("measuring what half precision does")
        model, rounding = in_half(model, suite, exact, facts.self_test)
        facts = replace(facts, precision=precision, rounding=rounding)
        kept = [each.name for each in rounding if not each.half]
        tell(f"kept in float32: {', '.join(kept) or 'nothing'}")
    tell("proving the file in ONNX Runtime")
    return proven(model, facts, suite, exact)


def proven(model: onnx_ir.Model, facts: Manifest, suite: Graph, exact: Graph) -> bytes:
    """The file's bytes, its self-test as strict as the file allows.

    Args:
        model: The model.
        facts: Its manifest.
        suite: What it was made from.
        exact: The same in float64.

    Raises:
        ExportError: The model does not give the scores of the graph.
    """
    content = serialise(model, facts)
    needed = prove(content, suite, exact)
    # What half precision needs on another device is not known here.
    if facts.precision != "fp32" or needed > _TIGHT / _MARGIN:
        return content
    return serialise(model, replace(facts, self_test=replace(facts.self_test, share=_TIGHT)))


def describe(suite: Graph, exact: Graph) -> Manifest:
    """The manifest, with the scores of the float64 graph on the self-test's frames.

    Raises:
        ExportError: A score is not finite on them.
    """
    sizes, known = self_test_sizes(suite), self_test_facts(suite.form)
    parts = {each.part for each in suite.inputs}
    scores = []
    for size in sizes:
        values = evaluate(exact, feeds(suite, size, batch=TEST_BATCH))
        numbers = [output.name for output in suite.outputs if output.kind != "map"]
        scores.append({name: tuple(map(float, values[name])) for name in numbers})
        for name in numbers:
            if not all(map(math.isfinite, scores[-1][name])):
                raise ExportError(
                    f"{name} is not finite on the frames of the self-test: with these options and "
                    "weights nothing can be scored."
                )
    still = {each.name: finished(each, [0.0] * len(each.of)) for each in suite.aggregates}
    return Manifest(
        format=suite.form.name,
        inputs=tuple(suite.inputs),
        outputs=tuple(suite.outputs),
        aggregates=tuple(suite.aggregates),
        quantise=suite.quantise,
        crop_border=suite.crop_border,
        matrix=suite.colour.matrix,
        range=suite.colour.range,
        chroma_siting=suite.colour.chroma_siting,
        weights=tuple(
            WeightsFile(
                name=each.name, sha256=each.sha256, licence=each.licence, origin=each.origin
            )
            for each in suite.weights.used
        ),
        missing=tuple(suite.missing),
        versions={name: version(name) for name in _MAKERS},
        self_test=SelfTest(
            pattern=selftest.VERSION,
            formula=selftest.FORMULA,
            batch=TEST_BATCH,
            sizes=sizes,
            colour=known["colour"] if "colour" in parts else None,
            siting=known["siting"] if "siting" in parts else None,
            scores=tuple(scores),
            clips=tuple(
                {each.name: clip_score(each, run) for each in suite.aggregates} for run in scores
            ),
            still={name: value for name, value in still.items() if math.isfinite(value)},
        ),
    )


def _check_place(path: Path) -> None:
    """Refuse a path that could not be written at the end of a long export.

    Raises:
        ValueError: It is a folder or a device, or its folder is missing or cannot be written to.
    """
    folder = Path(os.path.realpath(path)).parent
    if path.exists() and not path.is_file():
        raise ValueError(f"{path} is no file that a model could replace. Name another.")
    if not folder.is_dir():
        raise ValueError(f"There is no folder {folder} to write {path.name} in. Make it.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ValueError(
            f"The folder {folder} cannot be written to, so {path.name} cannot be made there. "
            "Choose another, or change its permissions."
        )


def _write(path: Path, content: bytes) -> None:
    """Write the file under another name, then give it its own, so that no half of it is seen.

    Raises:
        ExportError: The disk is full or failed; nothing is left behind.
    """
    # A link stays a link: what it points to is replaced.
    target = Path(os.path.realpath(path))
    scratch = target.with_name(f".framegauge-{secrets.token_hex(8)}.part")
    try:
        with scratch.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(target)
    except OSError as error:
        raise ExportError(
            f"The model {path} could not be written: {error.strerror}. Make room, or name another "
            "place."
        ) from error
    finally:
        scratch.unlink(missing_ok=True)
