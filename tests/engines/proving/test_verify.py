from __future__ import annotations

import math
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from framegauge.engines.finding.resolve import resolve
from framegauge.engines.identity.machine import Gpu
from framegauge.engines.identity.profile import Profile, Size
from framegauge.engines.identity.sidecar import Sidecar
from framegauge.engines.proving.polygraphy_comparison import compare, runner_of_model
from framegauge.engines.proving.verify import ProofRun, feed_of, record, verify
from framegauge.engines.store.store import Store
from framegauge.export.contract.model_file import ModelFile

ADA = Gpu(index=0, name="NVIDIA GeForce RTX 4090", architecture="sm89", driver="13.0")
PROFILE = Profile.parse("16x16/64x48/128x96x2")


class Session:
    """ONNX Runtime in the place of the model, or of an engine that is off by a little."""

    def __init__(self, model: ModelFile, *, off: dict[str, float] | None = None) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(
            model.content, options, providers=["CPUExecutionProvider"]
        )
        self.off = off or {}
        self.batches: list[int] = []

    def run(self, feed: Any) -> Any:
        self.batches.append(len(feed["reference"]))
        names = [each.name for each in self.session.get_outputs()]
        values = dict(zip(names, self.session.run(None, dict(feed)), strict=True))
        return {name: value + self.off.get(name, 0) for name, value in values.items()}


class Broken:
    """An engine that does what it is told to."""

    def __init__(self, act: Callable[[], dict[str, np.ndarray]]) -> None:
        self.act = act

    def run(self, feed: Any) -> Any:
        return self.act()


def out_of_memory() -> None:
    raise RuntimeError("out of memory\nof the GPU")


@pytest.fixture(scope="module")
def psnr(shipped: Path) -> ModelFile:
    return ModelFile.read(shipped / "rgb24" / "psnr.onnx")


@pytest.fixture
def sidecar(psnr: ModelFile, made: Callable[..., tuple[bytes, Sidecar]]) -> Sidecar:
    _, sidecar = made(model=psnr.sha256, profiles=(PROFILE,))
    return replace(sidecar, manifest=psnr.manifest, file="psnr.onnx")


def trials(sidecar: Any, model: Any, engine: Any) -> list[ProofRun]:
    return list(verify(sidecar, lambda index: engine, Session(model)))


def test_an_engine_that_computes_rightly_passes_at_the_ends_of_its_profile(
    psnr: ModelFile, sidecar: Sidecar
) -> None:
    found = trials(sidecar, psnr, Session(psnr))

    sizes = [trial.size for trial in found if trial.against == "ONNX Runtime"]
    assert sizes == [Size(1, 16, 16), Size(1, 48, 64), Size(2, 96, 128)]
    assert all(trial.passed and trial.comparisons for trial in found)
    assert all(each.error == 0 for trial in found[:2] for each in trial.comparisons)


def test_the_float64_scores_of_the_manifest_are_met_where_a_profile_holds_their_size(
    psnr: ModelFile, sidecar: Sidecar
) -> None:
    inside = [
        (height, width)
        for height, width in psnr.manifest.self_test.sizes
        if PROFILE.holds(2, height, width)
    ]

    found = [trial for trial in trials(sidecar, psnr, Session(psnr)) if trial.against == "float64"]

    assert inside
    assert [trial.size for trial in found] == [Size(2, *size) for size in inside]
    assert all(trial.passed for trial in found)


def test_the_model_is_asked_for_one_sample_at_a_time(psnr: ModelFile, sidecar: Sidecar) -> None:
    reference = Session(psnr)

    list(verify(sidecar, lambda index: Session(psnr), reference))

    assert reference.batches == [1, 1, 1, 1]


@pytest.mark.parametrize(("share", "is_right"), [(0.5, True), (2.0, False)])
def test_an_engine_is_refused_beyond_the_tolerance_of_its_output(
    psnr: ModelFile, sidecar: Sidecar, share: float, is_right: bool
) -> None:
    (output,) = psnr.manifest.scores
    off = share * output.tolerance

    found = trials(sidecar, psnr, Session(psnr, off={output.name: off}))

    worst = found[0].comparisons[0]
    assert [trial.passed for trial in found] == [is_right] * len(found)
    assert worst.output.unit == "dB"
    assert worst.error == pytest.approx(off, rel=1e-3)
    assert worst.allowed == pytest.approx(output.tolerance + output.relative * worst.wanted)


def test_one_bad_sample_of_a_batch_is_enough(psnr: ModelFile, sidecar: Sidecar) -> None:
    class Late(Session):
        def run(self, feed: Any) -> Any:
            values = super().run(feed)
            values["psnr"][1:] += 1
            return values

    found = trials(sidecar, psnr, Late(psnr))

    assert [trial.passed for trial in found] == [trial.size.batch == 1 for trial in found]


def test_an_engine_that_is_off_only_once_its_graph_is_replayed_is_refused(
    psnr: ModelFile, sidecar: Sidecar
) -> None:
    class Replayed(Session):
        def run(self, feed: Any) -> Any:
            self.off = {"psnr": 1.0 if len(self.batches) >= 2 else 0.0}
            return super().run(feed)

    found = list(verify(sidecar, lambda index: Replayed(psnr), Session(psnr)))

    assert not any(trial.passed for trial in found)


def test_a_value_that_is_no_number_is_refused(psnr: ModelFile, sidecar: Sidecar) -> None:
    found = trials(sidecar, psnr, Session(psnr, off={"psnr": math.nan}))

    assert not any(trial.passed for trial in found)
    assert math.isnan(found[0].comparisons[0].error)


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (out_of_memory, "the engine failed: out of memory"),
        (dict, "psnr has the shape None, and should have (1,)"),
        (lambda: {"psnr": np.zeros(7)}, "psnr has the shape (7,), and should have (1,)"),
    ],
)
def test_an_engine_that_gives_no_scores_is_refused_and_why(
    psnr: ModelFile, sidecar: Sidecar, act: Any, words: str
) -> None:
    found = trials(sidecar, psnr, Broken(act))

    assert found[0].problem == words
    assert not any(trial.passed for trial in found)


def test_without_the_model_only_the_manifest_speaks_and_the_rest_is_said(
    psnr: ModelFile, sidecar: Sidecar
) -> None:
    found = list(verify(sidecar, lambda index: Session(psnr), None))

    compared = [trial for trial in found if trial.unrun is None]
    assert compared
    assert {trial.against for trial in compared} == {"float64"}
    assert [trial.unrun for trial in found if trial.unrun] == [
        "the model is not at hand: name it with --model"
    ] * 3


def test_a_model_that_cannot_be_run_proves_nothing_either_way(
    psnr: ModelFile, sidecar: Sidecar
) -> None:
    found = list(verify(sidecar, lambda index: Session(psnr), Broken(out_of_memory)))

    assert found[0].unrun == "the model could not be run: out of memory"
    assert found[0].problem is None


def test_every_profile_is_run_by_itself(psnr: ModelFile, sidecar: Sidecar) -> None:
    both = replace(
        sidecar,
        recipe=replace(sidecar.recipe, profiles=(PROFILE, Profile.parse("32x32"))),
    )
    asked = []

    def engine(index: Any) -> Any:
        asked.append(index)
        return Session(psnr)

    found = list(verify(both, engine, Session(psnr)))

    assert asked == [trial.profile for trial in found]
    assert sorted(set(asked)) == [0, 1]


@pytest.fixture
def kept(store: Store, made: Callable[..., tuple[bytes, Sidecar]], psnr: ModelFile) -> Any:
    content, sidecar = made(model=psnr.sha256, profiles=(PROFILE,))
    return store.put(content, replace(sidecar, manifest=psnr.manifest))


@pytest.mark.parametrize(("off", "passed"), [(0.0, True), (1.0, False)])
def test_what_was_found_is_written_beside_the_engine_and_heeded(
    store: Store, kept: Any, psnr: ModelFile, off: float, passed: bool
) -> None:
    found = trials(kept.sidecar, psnr, Session(psnr, off={"psnr": off}))

    record(store, kept, found, ADA, "1.7.1.116")

    (verification,) = store.get(kept.key).sidecar.verifications
    assert verification["passed"] is passed
    assert verification["gpu"] == "NVIDIA GeForce RTX 4090"
    assert (verification["driver"], verification["version"]) == ("13.0", "1.7.1.116")
    assert verification["errors"]["psnr"]["error"] == pytest.approx(off, abs=1e-5)
    assert verification["errors"]["psnr"]["unit"] == "dB"
    resolution = resolve(
        psnr.sha256,
        store.entries(),
        gpu=ADA,
        flavours={"tensorrt_rtx": "1.7.1.116"},
        platform=kept.sidecar.recipe.platform,
    )
    assert (resolution.chosen is not None) == passed


def test_verifications_are_added_and_none_is_lost(store: Store, kept: Any, psnr: ModelFile) -> None:
    for _ in range(2):
        kept = record(store, kept, trials(kept.sidecar, psnr, Session(psnr)), ADA, "1.7.1.116")

    assert len(store.get(kept.key).sidecar.verifications) == 2
    assert store.read(store.get(kept.key))


def test_an_error_that_is_no_number_can_be_written(
    store: Store, kept: Any, psnr: ModelFile
) -> None:
    found = trials(kept.sidecar, psnr, Session(psnr, off={"psnr": math.nan}))

    record(store, kept, found, ADA, "1.7.1.116")

    (verification,) = store.get(kept.key).sidecar.verifications
    assert verification["errors"]["psnr"]["error"] is None
    assert verification["passed"] is False


def test_nothing_compared_is_nothing_written(store: Store, kept: Any) -> None:
    skipped = ProofRun(profile=0, size=Size(1, 16, 16), against="ONNX Runtime", unrun="no model")

    record(store, kept, [skipped], ADA, "1.7.1.116")

    assert store.get(kept.key).sidecar.verifications == ()


def test_a_system_store_is_left_as_it_is(
    store: Store, kept: Any, psnr: ModelFile, tmp_path: Path
) -> None:
    over = Store(tmp_path / "user", system=[store.folder])
    found = trials(kept.sidecar, psnr, Session(psnr))

    record(over, over.get(kept.key), found, ADA, "1.7.1.116")

    assert over.get(kept.key).sidecar.verifications == ()
    assert not over.folder.exists()


def shifted(model: ModelFile, amount: float) -> bytes:
    """The model with an amount added to its score."""
    proto = onnx.load_from_string(model.content)
    (output,) = [each.name for each in proto.graph.output if each.name == "psnr"]
    for node in proto.graph.node:
        node.output[:] = ["before" if name == output else name for name in node.output]
        node.input[:] = ["before" if name == output else name for name in node.input]
    proto.graph.initializer.append(
        onnx.numpy_helper.from_array(np.float32(amount), "shift_by_this")
    )
    proto.graph.node.append(onnx.helper.make_node("Add", ["before", "shift_by_this"], [output]))
    return proto.SerializeToString()


@pytest.mark.parametrize(("amount", "is_right"), [(0.0, True), (0.005, True), (0.5, False)])
def test_polygraphy_judges_by_the_same_tolerance(
    psnr: ModelFile, amount: float, is_right: bool
) -> None:
    feeds = [feed_of(psnr.manifest, Size(2, 48, 64))]

    (opinion,) = compare(
        runner_of_model(shifted(psnr, amount)),
        runner_of_model(psnr.content),
        feeds,
        {"psnr": (psnr.manifest.scores[0].tolerance, 0.0)},
    )

    assert opinion.passed is is_right
    assert opinion.error == pytest.approx(amount, abs=1e-4)


def test_polygraphy_is_told_which_tensorrt_to_use_and_is_not_asked_for_both(
    python: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    pytest.importorskip("tensorrt_rtx")
    script = """
from framegauge.engines.identity.machine import TargetError
from framegauge.engines.proving.polygraphy_comparison import runner_of_engine, runner_of_model

runner_of_model(b"")
runner = runner_of_engine(b"engine", "tensorrt_rtx", 1)
from polygraphy.backend.trt import runner as loaded
print(loaded.trt.__name__, runner.optimization_profile)
try:
    runner_of_engine(b"engine", "tensorrt", 0)
except TargetError as error:
    print(error)
"""

    done = python(script)

    assert done.stdout.splitlines() == [
        "tensorrt_rtx 1",
        "Polygraphy runs the other flavour of TensorRT in this process. For tensorrt, name engines "
        "of that alone.",
    ], done.stderr
