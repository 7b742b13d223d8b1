"""Proof that a model file gives the scores of its graph, on frames from a formula."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from framegauge.export.contract import selftest
from framegauge.export.contract.colour_map import colour_map
from framegauge.export.contract.formats import Format, subsampling
from framegauge.export.contract.interface import Output
from framegauge.export.contract.onnx_runtime import import_onnxruntime
from framegauge.export.contract.roles import FRAME_ROLES, siting_of
from framegauge.export.graph import Graph

# Larger than any size an entry treats in a way of its own (libvmaf's SSIM reduces from 384 on).
LARGE = (645, 782)

TEST_BATCH = 2
# Pixels of a run of the self-test, which every load waits for.
TEST_PIXELS = 300_000

# What code values of the self-test's frames mean, one for each of the batch, and where their chroma
# lies: no two alike, so that a host which takes one for all is found out.
_COLOURS = (("bt601", "limited"), ("bt709", "full"))
_SITINGS = ("left", "centre")

Feed = dict[str, NDArray[Any]]


class ExportError(RuntimeError):
    """The graph could not be written as a model that gives the graph's scores."""


def prove(model: bytes, suite: Graph, exact: Graph) -> float:
    """Run the file at sizes and batches other than the example's and compare with float64.

    Returns:
        The greatest error, as a part of the output's tolerance.

    Raises:
        ExportError: ONNX Runtime refuses the file, or an output is off by more than its tolerance.
    """
    session = start(model)
    greatest = 0.0
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
            greatest = max(greatest, float(np.max(np.abs(got - want) / allowed)))
    _prove_floor(session, suite, exact)
    return greatest


def start(model: bytes) -> Any:
    """A model file's bytes in ONNX Runtime, on the CPU.

    Raises:
        ExportError: There is no ONNX Runtime.
    """
    try:
        onnxruntime = import_onnxruntime()
    except ImportError as error:
        raise ExportError(
            "A model is proven in ONNX Runtime before it is handed out, and there is none. "
            "Install one: pip install '.[cpu]'."
        ) from error
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _prove_floor(session: Any, suite: Graph, exact: Graph) -> None:
    """Compare the scores of a frame against itself, where a lost epsilon would show.

    Raises:
        ExportError: A score is not what the graph gives, to a thousandth of a small one.
    """
    feed = feeds(suite, size_above(suite, 6, 9), batch=1)
    for each in suite.inputs:
        twin = each.name.replace("distorted", "reference", 1)
        if each.role in FRAME_ROLES and twin in feed:
            feed[each.name] = feed[twin]
    for output, got, want in _runs(session, suite, exact, feed):
        size = np.abs(want)
        allowed = np.where((size > 0) & (size < 1e-3), 1e-3 * size, 2e-6 * np.maximum(size, 1))
        if output.kind == "score" and not np.all(np.abs(got - want) <= allowed):
            raise ExportError(
                f"{output.name} of the file is {_sample(got)} for a frame against itself, and the "
                f"graph's is {_sample(want)}: the translation lost a constant."
            )


def _runs(
    session: Any, suite: Graph, exact: Graph, feed: Feed
) -> Iterator[tuple[Output, NDArray[Any], NDArray[Any]]]:
    """Each output with the file's values and the float64 graph's."""
    wanted = evaluate(exact, feed)
    for output, got in zip(suite.outputs, session.run(None, feed), strict=True):
        yield output, got, wanted[output.name]


def feeds(
    suite: Graph, size: tuple[int, int], *, batch: int, picture: selftest.Picture = selftest.samples
) -> Feed:
    """Test frames and tensors for the suite's inputs, by name."""
    facts = self_test_facts(suite.form)
    return selftest.feed(suite.form, suite.inputs, size, batch, facts, picture)


def evaluate(suite: Graph, feed: Feed) -> Feed:
    """The suite's outputs by name, in PyTorch."""
    with torch.no_grad():
        results = suite(*(torch.from_numpy(feed[each.name]) for each in suite.inputs))
    return {
        output.name: result.numpy() for output, result in zip(suite.outputs, results, strict=True)
    }


def self_test_facts(form: Format) -> dict[str, tuple[Any, ...]]:
    """What the inputs hold in the self-test that say what samples mean, by their part."""
    down, across = subsampling(form, "u")
    return {
        "colour": tuple(colour_map(*each, min(form.depth, 16)) for each in _COLOURS),
        "siting": tuple(siting_of(each, down=down, across=across) for each in _SITINGS),
    }


def _proofs(suite: Graph) -> Iterator[tuple[tuple[int, int], int]]:
    """Sizes and batches: every parity of height and width, and a large frame."""
    for down in (0, 1):
        for across in (0, 1):
            yield size_above(suite, 6 + down, 9 + across), 3 if down == across else 1
    height, width = LARGE
    yield (max(height, suite.least), max(width, suite.least)), 1


def size_above(suite: Graph, down: int, across: int) -> tuple[int, int]:
    """A height and width a little above the least that the suite takes."""
    least = max(suite.least, 40)
    return least + down, least + across


def self_test_sizes(suite: Graph) -> tuple[tuple[int, int], ...]:
    """Heights and widths of the self-test: two near the least, and one beyond each branch on size.

    A branch that would take more than :data:`TEST_PIXELS` is left to the proof at export.
    """
    sizes = [size_above(suite, 5, 16), size_above(suite, 18, 3)]
    for side in suite.branches:
        size = side, side + 5
        if side > min(sizes[0]) and TEST_BATCH * size[0] * size[1] <= TEST_PIXELS:
            sizes.append(size)
    return tuple(sizes)


def _sample(values: NDArray[Any]) -> str:
    return np.array2string(values.ravel()[:4], precision=9)
