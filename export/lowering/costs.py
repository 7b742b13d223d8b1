"""What entries cost: the time of a frame, measured, beside that of the plainest.

``python -m framegauge.export costs`` measures them again, on the models that ship and on those of
networks whose weights are at hand.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from framegauge.export.catalog import ENTRIES
from framegauge.export.contract import selftest
from framegauge.export.contract.model_file import ModelFile
from framegauge.export.contract.onnx_runtime import import_onnxruntime
from framegauge.export.contract.roles import PAIR
from framegauge.export.lowering.model import export
from framegauge.export.networks.checkpoint import WeightsError

FILE = "costs.json"
SIZE = (720, 1280)
UNIT = "psnr"
_RUNS = 3


def costs(folder: Path, tell: Callable[[str], None]) -> str:
    """Costs by entry as JSON, with what they were measured by.

    Args:
        folder: Where the shipped models are.
        tell: Called with a line of text for each entry.
    """
    with tempfile.TemporaryDirectory() as scratch:
        measured = {}
        for name, model in _models(folder, Path(scratch)):
            measured[name] = seconds(model)
            tell(f"{name}: {measured[name] * 1000:.1f} ms")
    facts = {
        "relative_to": UNIT,
        "size": [SIZE[1], SIZE[0]],
        "by": f"ONNX Runtime {import_onnxruntime().__version__}, one thread",
        "costs": {name: _rounded(each / measured[UNIT]) for name, each in measured.items()},
    }
    return json.dumps(facts, indent=1) + "\n"


def seconds(path: Path) -> float:
    """Seconds of one processor that a model takes for a frame, the least of several runs."""
    manifest = ModelFile.read(path).manifest
    runtime = import_onnxruntime()
    options = runtime.SessionOptions()
    # A single thread computes in the caller's, whose own time other work on the machine leaves be.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = runtime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    feed = selftest.feed(manifest.form, manifest.inputs, SIZE, 1, manifest.self_test.facts)
    session.run(None, feed)
    times = []
    for _ in range(_RUNS):
        begun = time.thread_time()
        session.run(None, feed)
        times.append(time.thread_time() - begun)
    return min(times)


def _models(folder: Path, scratch: Path) -> Iterator[tuple[str, Path]]:
    """A model of each entry that two frames are enough for, where there is one or can be."""
    for spec in (entry.SPEC for entry in ENTRIES):
        form = "yuv420p" if spec.reads == "plane" else "rgb24"
        shipped = folder / form / f"{spec.name}.onnx"
        if shipped.is_file():
            yield spec.name, shipped
        elif spec.weights and spec.inputs == PAIR and spec.kind != "system":
            try:
                yield spec.name, export(spec.name, scratch / f"{spec.name}.onnx", offline=True)
            except WeightsError:
                continue


def _rounded(number: float) -> float:
    """Two digits: more differ from one processor to the next."""
    return float(f"{number:.2g}")
