"""Whether an engine computes what its model does: the self-test at the ends of every profile.

The frames are those of :mod:`framegauge.export.contract.selftest` at each profile's least, usual
and most size. What they should score is said by ONNX Runtime on the CPU, a frame at a time, and at
the manifest's own sizes by the manifest, whose scores are the float64 graph's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from framegauge.engines.identity.machine import Gpu
from framegauge.engines.identity.profile import Size
from framegauge.engines.identity.sidecar import Sidecar
from framegauge.engines.store.store import Store
from framegauge.engines.store.stored_engine import StoredEngine
from framegauge.export.contract import selftest
from framegauge.export.contract.comparison import Comparison, worst
from framegauge.export.contract.interface import Output
from framegauge.export.contract.manifest import Manifest

MODEL, MANIFEST = "ONNX Runtime", "float64"
# An engine's first run is plain, the second is recorded as a CUDA graph, and all others replay it.
RUNS = 3

Feed = Mapping[str, NDArray[Any]]


class Runner(Protocol):
    """A model or an engine that is loaded."""

    def run(self, feed: Feed) -> Mapping[str, NDArray[Any]]:
        """Outputs by name for inputs by name."""


@dataclass(frozen=True, kw_only=True)
class ProofRun:
    """One run of an engine on test frames.

    Attributes:
        profile: Index of the profile.
        size: Batch, height and width.
        against: What said how it should score.
        comparisons: For each output the value that is furthest off.
        problem: Why the engine gave none, ``None`` if it did.
        unrun: Why there is nothing to compare with, ``None`` if there is.
    """

    profile: int
    size: Size
    against: str
    comparisons: tuple[Comparison, ...] = ()
    problem: str | None = None
    unrun: str | None = None

    @property
    def passed(self) -> bool:
        """Whether nothing speaks against the engine."""
        return self.problem is None and all(each.passed for each in self.comparisons)


def verify(
    sidecar: Sidecar, engine: Callable[[int], Runner], reference: Runner | None
) -> Iterator[ProofRun]:
    """Run an engine on test frames and compare, each size as it is done.

    Args:
        sidecar: The engine's.
        engine: Gives the engine, held to the profile of that index.
        reference: The model in ONNX Runtime on the CPU; without it only the manifest's own sizes
            are run, where a profile holds them.
    """
    manifest = sidecar.manifest
    test = manifest.self_test
    told = {
        Size(test.batch, *side): {name: np.array(values) for name, values in scores.items()}
        for side, scores in zip(test.sizes, test.scores, strict=True)
    }
    for index, profile in enumerate(sidecar.recipe.profiles):
        for size in dict.fromkeys((profile.least, profile.usual, profile.most)):
            trial = ProofRun(profile=index, size=size, against=MODEL)
            if reference is None:
                yield replace(trial, unrun="the model is not at hand: name it with --model")
                continue
            feed = feed_of(manifest, size)
            # What native code raises has many types.
            try:
                wanted = _singly(manifest, reference, feed, size.batch)
            except Exception as error:
                yield replace(trial, unrun=f"the model could not be run: {_first_line(error)}")
            else:
                yield _judged(trial, manifest, engine, feed, wanted)
        for size, scores in told.items():
            if profile.holds(*size):
                trial = ProofRun(profile=index, size=size, against=MANIFEST)
                yield _judged(trial, manifest, engine, feed_of(manifest, size), scores)


def record(
    store: Store,
    held: StoredEngine,
    trials: Sequence[ProofRun],
    gpu: Gpu,
    version: str,
    *,
    doubts: Sequence[str] = (),
) -> StoredEngine:
    """Write what a self-test found into an engine's sidecar.

    Args:
        store: The store it lies in; the system's are left as they are.
        held: The engine.
        trials: What was run; if nothing was compared, nothing is written.
        gpu: Where it ran.
        version: Full version of TensorRT that ran it.
        doubts: What else speaks against the engine.
    """
    ran = [trial for trial in trials if trial.unrun is None]
    if held.is_system or not ran:
        return held
    largest: dict[str, Comparison] = {}
    for each in (each for trial in ran for each in trial.comparisons):
        before = largest.get(each.output.name)
        if before is None or not each.error <= before.error:
            largest[each.output.name] = each
    found = {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "gpu": gpu.name,
        "architecture": gpu.architecture,
        "driver": gpu.driver,
        "version": version,
        "passed": not doubts and all(trial.passed for trial in ran),
        "errors": {
            name: {
                "error": each.error if math.isfinite(each.error) else None,
                "allowed": each.allowed,
                "unit": each.output.unit,
            }
            for name, each in largest.items()
        },
        "sizes": [str(trial.size) for trial in ran],
        "problems": [*(trial.problem for trial in ran if trial.problem), *doubts],
    }
    sidecar = replace(held.facts, verifications=(*held.facts.verifications, found))
    store.amend(sidecar)
    return replace(held, sidecar=sidecar)


def feed_of(manifest: Manifest, size: Size) -> Feed:
    """The self-test's inputs at one size, by name."""
    return selftest.feed(
        manifest.form,
        manifest.inputs,
        (size.height, size.width),
        size.batch,
        manifest.self_test.facts,
    )


def _judged(
    trial: ProofRun,
    manifest: Manifest,
    engine: Callable[[int], Runner],
    feed: Feed,
    wanted: Mapping[str, NDArray[Any]],
) -> ProofRun:
    """A trial with what the engine gave, or with why it gave nothing."""
    try:
        runner = engine(trial.profile)
        runs = [runner.run(feed) for _ in range(RUNS)]
    except Exception as error:
        return replace(trial, problem=f"the engine failed: {_first_line(error)}")
    outputs = [output for output in manifest.outputs if output.kind != "map"]
    for name, got in ((output.name, run) for run in runs for output in outputs):
        shape = got[name].shape if name in got else None
        if shape != (trial.size.batch,):
            words = f"{name} has the shape {shape}, and should have ({trial.size.batch},)"
            return replace(trial, problem=words)
    compared = (worst(_pairs(each, wanted[each.name], runs)) for each in outputs)
    return replace(trial, comparisons=tuple(compared))


def _singly(
    manifest: Manifest, model: Runner, feed: Feed, batch: int
) -> Mapping[str, NDArray[Any]]:
    """Scores of a batch, one sample at a time: it needs less memory, and no batch to be right."""
    runs = [
        model.run({each.name: _sample(each.name, feed, n) for each in manifest.inputs})
        for n in range(batch)
    ]
    return {name: np.concatenate([run[name] for run in runs]) for name in runs[0]}


def _sample(name: str, feed: Feed, n: int) -> NDArray[Any]:
    return feed[name][n : n + 1]


def _pairs(
    output: Output, wanted: NDArray[Any], runs: Sequence[Mapping[str, NDArray[Any]]]
) -> Iterator[Comparison]:
    for run in runs:
        got = np.asarray(run[output.name], np.float64)
        for want, value in zip(wanted.tolist(), got.tolist(), strict=True):
            yield Comparison(output=output, wanted=want, got=value)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
