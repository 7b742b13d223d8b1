"""Which backend is taken and what is said of it, on a machine whose GPU is recorded."""

import os
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from framegauge.engines.identity.profile import Profile
from framegauge.engines.identity.target import Target
from framegauge.engines.store.store import Store
from framegauge.runtime import BackendError, ScoreError, Scorer, UsageError
from framegauge.runtime.backends import model as backend
from framegauge.runtime.backends.gpu.cuda import no_gpu
from framegauge.runtime.backends.model import Model, describe
from framegauge.runtime.scoring.provenance import backend_facts

# The self-test's own frames lie within it.
ANY = "8x8/64x64/256x256x4"
# They do not lie within this.
LARGE = "200x200/256x256/300x300x2"

LOADED = """
import sys
from framegauge.runtime import Scorer
with Scorer(sys.argv[1]) as scorer:
    import numpy
    frames = numpy.zeros((32, 32, 3), "uint8")
    scorer(reference=frames, distorted=frames)
names = {name.partition(".")[0] for name in sys.modules}
print(*sorted(names & {"tensorrt", "tensorrt_rtx", "cuda", "torch", "onnx", "polygraphy"}))
print(*sorted(name for name in sys.modules if name.startswith("framegauge.engines")))
"""


@pytest.fixture
def mse(shipped: Callable[..., Path]) -> Path:
    return shipped("mse", "rgb24")


@pytest.fixture
def played(machine: Any, mse: Path) -> Callable[..., Any]:
    """A machine whose engines are of the small model."""

    def make(**changes: Any) -> Any:
        return machine(mse, **changes)

    return make


def test_auto_takes_an_engine_of_the_store_and_says_so(
    mse: Path, stored: Callable[..., Any], played: Callable[..., Any]
) -> None:
    held = stored(mse, ANY)

    model = Model(mse, machine=played())

    facts = describe(model)
    assert model.device == facts["name"] == "tensorrt-rtx"
    assert facts["engine"] == held.key
    assert facts["why"].startswith("exact fit for sm89, profile 8x8/64x64/256x256x4")
    assert facts["self_test"] == "passed"
    assert facts["validity"] == "valid"
    assert facts["precision"] == "fp32"
    assert facts["versions"]["tensorrt_rtx"] == "1.7.1.116"
    model.close()


def test_auto_without_an_engine_takes_the_cpu_and_says_why(
    mse: Path, store: Store, played: Callable[..., Any]
) -> None:
    model = Model(mse, machine=played())

    assert model.device == "cpu"
    assert describe(model)["why"] == (
        f"no engine for this model in {store.folder}; ONNX Runtime here has no CUDA"
    )


def test_auto_says_why_an_engine_was_passed_over(
    mse: Path, stored: Callable[..., Any], played: Callable[..., Any]
) -> None:
    stored(mse, ANY)

    model = Model(mse, machine=played(architecture="sm86"))

    assert model.device == "cpu"
    assert "for sm89, and the GPU is sm86" in describe(model)["why"]


@pytest.mark.parametrize("name", ["tensorrt", "tensorrt-rtx"])
def test_a_named_backend_is_had_or_every_candidate_and_the_way_out_are_named(
    mse: Path, stored: Callable[..., Any], played: Callable[..., Any], name: str
) -> None:
    stored(mse, ANY)
    stored(
        mse,
        ANY,
        version="1.6.0.1",
        target=Target(flavour="tensorrt_rtx", architectures=("sm75",)),
    )
    flavour = name.replace("-", "_")

    with pytest.raises(BackendError) as refused:
        Model(mse, backend=name, machine=played(architecture="sm86", flavour=flavour))

    words = str(refused.value)
    assert f"The backend {name} is not available here" in words
    assert "for sm89, and the GPU is sm86" in words
    assert "for sm75, and the GPU is sm86" in words
    command = f"framegauge engines build {mse} --target local --flavour {flavour}"
    assert command in words
    assert "--build-missing" in words


def test_the_flavour_asked_for_is_not_swapped_for_the_other(
    mse: Path, stored: Callable[..., Any], played: Callable[..., Any]
) -> None:
    stored(mse, ANY)

    with pytest.raises(BackendError, match=r"tensorrt not installed.*\.\[tensorrt\]"):
        Model(mse, backend="tensorrt", machine=played())


def test_a_gpu_that_is_not_there_is_named(
    mse: Path, store: Store, played: Callable[..., Any]
) -> None:
    with pytest.raises(BackendError, match="no GPU 3"):
        Model(mse, backend="tensorrt-rtx", device=3, machine=played())


def test_an_engine_that_computes_otherwise_is_passed_over(
    mse: Path, stored: Callable[..., Any], played: Callable[..., Any]
) -> None:
    stored(mse, ANY)
    wrong = played(bias=0.01)

    model = Model(mse, machine=wrong)

    assert model.device == "cpu"
    assert "failed its self-test on tensorrt-rtx: mse" in describe(model)["why"]
    assert wrong.cuda.held == {}
    with pytest.raises(BackendError, match="failed its self-test on tensorrt-rtx: mse"):
        Model(mse, backend="tensorrt-rtx", machine=wrong)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"validity": "INVALID"}, "TensorRT calls it invalid"),
        ({"loads": False}, "the engine was not liked"),
        ({"starts": False}, "factory function returned nullptr"),
        ({"profiles": ()}, "has 0 profiles, and its sidecar 1"),
    ],
)
def test_an_engine_that_does_not_load_is_passed_over(
    mse: Path,
    stored: Callable[..., Any],
    played: Callable[..., Any],
    fault: dict[str, Any],
    words: str,
) -> None:
    stored(mse, ANY)

    model = Model(mse, machine=played(**fault))

    assert model.device == "cpu"
    assert words in describe(model)["why"]


def test_an_engine_that_carries_the_runtime_of_its_version_is_trusted_as_its_store_is(
    mse: Path, stored: Callable[..., Any], played: Callable[..., Any]
) -> None:
    stored(mse, ANY, options={"tf32": "false", "version_compatible": "true"})

    model = Model(mse, machine=played())

    assert model.device == "tensorrt-rtx"


def test_a_damaged_engine_is_passed_over(
    mse: Path, stored: Callable[..., Any], played: Callable[..., Any]
) -> None:
    held = stored(mse, ANY)
    content = held.path.read_bytes()
    held.path.write_bytes(content[:-1] + b"!")

    model = Model(mse, machine=played())

    assert model.device == "cpu"
    assert "its SHA-256 differs" in describe(model)["why"]


def test_an_engine_whose_sidecar_describes_other_scores_is_passed_over(
    mse: Path, stored: Callable[..., Any], played: Callable[..., Any]
) -> None:
    manifest = Model(mse, backend="cpu", self_test=False).manifest
    (output,) = manifest.outputs
    stored(mse, ANY, manifest=replace(manifest, outputs=(replace(output, tolerance=0.09),)))

    model = Model(mse, machine=played())

    assert model.device == "cpu"
    assert "its sidecar's manifest is not the model's" in describe(model)["why"]


def test_an_engine_that_is_taken_is_used_now_and_its_kernels_are_kept(
    mse: Path, stored: Callable[..., Any], played: Callable[..., Any], store: Store
) -> None:
    held = stored(mse, ANY)
    stamp = store.folder / f"{held.key}.used"
    os.utime(stamp, (1, 1))

    Model(mse, machine=played())

    assert stamp.stat().st_mtime > time.time() - 60
    assert held.cache.read_bytes() == b"kernels"


def test_a_suboptimal_engine_is_taken_and_reported(
    mse: Path, stored: Callable[..., Any], played: Callable[..., Any]
) -> None:
    stored(mse, ANY)

    facts = describe(Model(mse, machine=played(validity="SUBOPTIMAL")))

    assert facts["name"] == "tensorrt-rtx"
    assert facts["validity"] == "suboptimal"
    assert "TensorRT calls it suboptimal" in facts["why"]


@pytest.mark.parametrize(("bias", "device"), [(0.0, "tensorrt-rtx"), (0.01, "cpu")])
def test_an_engine_too_large_for_the_self_test_is_held_to_onnxruntime(
    mse: Path, stored: Callable[..., Any], played: Callable[..., Any], bias: float, device: str
) -> None:
    stored(mse, LARGE)

    model = Model(mse, machine=played(bias=bias))

    assert model.device == device
    wanted = {"tensorrt-rtx": "passed beside ONNX Runtime at 200x200", "cpu": "passed"}
    assert describe(model)["self_test"] == wanted[device]


def test_frames_that_one_engine_does_not_hold_go_to_another(
    mse: Path, stored: Callable[..., Any], played: Callable[..., Any]
) -> None:
    small = stored(mse, "8x8/32x32/64x64x2")
    model = Model(mse, backend="tensorrt-rtx", machine=played())
    large = stored(mse, ANY)
    # More than an engine takes at a time.
    frames = {"reference": np.full((6, 100, 120, 3), 51, np.uint8)}
    frames["distorted"] = np.zeros_like(frames["reference"])

    scores = [model.run(frames)["mse"] for _ in range(2)]

    # 51 of 255 everywhere: a fifth, squared.
    assert_allclose(scores, [[0.04] * 6] * 2, rtol=1e-6)
    assert [each.engine for each in model.taken] == [small.key, large.key]
    assert describe(model)["also"][0].startswith("tensorrt-rtx: exact fit for sm89")


def test_frames_that_no_engine_holds_go_to_the_cpu_by_auto_and_are_refused_by_name(
    mse: Path, stored: Callable[..., Any], played: Callable[..., Any]
) -> None:
    stored(mse, "8x8/32x32/64x64x2")
    frames = {name: np.full((1, 100, 120, 3), 7, np.uint8) for name in ("reference", "distorted")}
    frames["distorted"] += 51

    auto = Model(mse, machine=played())
    named = Model(mse, backend="tensorrt-rtx", machine=played())

    # 51 of 255 everywhere: a fifth, squared.
    assert_allclose(auto.run(frames)["mse"], [0.04], rtol=1e-6)
    facts = describe(auto)
    assert facts["name"] == "tensorrt-rtx"
    assert facts["also"][0].startswith("cpu: no engine for this model and frames of 120x100")
    with pytest.raises(BackendError, match=r"no profile holds 120x100(?s:.*)--profile 360p"):
        named.run(frames)


def test_a_larger_batch_than_the_engine_takes_is_cut(
    mse: Path, stored: Callable[..., Any], played: Callable[..., Any]
) -> None:
    stored(mse, ANY)
    machine = played()
    rng = np.random.default_rng(5)
    frames = {
        name: rng.integers(0, 256, (11, 20, 24, 3), np.uint8) for name in ("reference", "distorted")
    }

    scores = Model(mse, backend="tensorrt-rtx", machine=machine).run(frames)

    assert_array_equal(scores["mse"], Model(mse, backend="cpu").run(frames)["mse"])


def test_a_missing_engine_is_built_where_that_is_allowed(
    mse: Path, store: Store, machine: Any
) -> None:
    manifest = Model(mse, backend="cpu", self_test=False).manifest
    profile = Profile.parse("1080p").fitted(manifest)
    here = machine(mse, profiles=(profile,))

    model = Model(mse, build_missing=True, machine=here)

    assert model.device == "tensorrt-rtx"
    (held,) = store.entries()
    assert describe(model)["engine"] == held.key
    assert held.facts.recipe.target.architectures == ("sm89",)
    assert held.facts.recipe.profiles == (profile,)


def test_a_build_that_fails_is_said(mse: Path, store: Store, played: Callable[..., Any]) -> None:
    machine = played(architecture="sm90")

    with pytest.raises(BackendError, match="building one failed: tensorrt_rtx builds for sm75"):
        Model(mse, backend="tensorrt-rtx", build_missing=True, machine=machine)
    assert store.entries() == []


def test_a_store_that_others_may_write_is_not_looked_into(
    mse: Path, stored: Callable[..., Any], played: Callable[..., Any], store: Store
) -> None:
    stored(mse, ANY)
    store.folder.chmod(0o777)

    model = Model(mse, machine=played())

    assert model.device == "cpu"
    assert "may be written by others" in describe(model)["why"]


def test_kernels_of_a_systems_engine_are_kept_in_the_users_store(
    mse: Path,
    stored: Callable[..., Any],
    played: Callable[..., Any],
    store: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    system = Store(tmp_path / "system", system=[])
    held = stored(mse, ANY, into=system)
    monkeypatch.setenv("FRAMEGAUGE_SYSTEM_STORE", str(system.folder))

    with closing(Model(mse, machine=played())) as model:
        assert model.device == "tensorrt-rtx"

    assert (store.folder / f"{held.key}.cache").read_bytes() == b"kernels"
    assert not held.cache.exists()


def test_a_scorer_takes_frames_on_the_gpu_and_leaves_scores_there(
    mse: Path,
    stored: Callable[..., Any],
    played: Callable[..., Any],
    gpu_array_of: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stored(mse, ANY)
    machine = played()
    monkeypatch.setattr(backend, "HERE", machine)
    reference, distorted = np.full((2, 5, 20, 24, 3), 51, np.uint8)
    distorted[2:] = 0
    with Scorer(mse) as scorer:
        machine.cuda.calls.clear()

        left = scorer.on_gpu(
            reference=gpu_array_of(machine.cuda, reference),
            distorted=gpu_array_of(machine.cuda, distorted),
        )

        memory = machine.cuda.at(left["mse"].pointer, left["mse"].nbytes)
        assert_allclose(memory.view(np.float32), [0, 0, 0.04, 0.04, 0.04], rtol=1e-6)
        assert machine.cuda.calls["upload"] == machine.cuda.calls["download"] == 0
        mixed = scorer(reference=gpu_array_of(machine.cuda, reference), distorted=distorted)
        assert_allclose(mixed["mse"], [0, 0, 0.04, 0.04, 0.04], rtol=1e-6)


def test_the_report_names_what_ran_each_model(
    mse: Path,
    shipped: Callable[..., Path],
    stored: Callable[..., Any],
    played: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stored(mse, ANY)
    monkeypatch.setattr(backend, "HERE", played())

    with Scorer([mse, shipped("l1", "rgb24")]) as scorer:
        facts = backend_facts(scorer)

    (other,) = facts["others"]
    assert (facts["name"], other["file"], other["name"]) == ("tensorrt-rtx", "l1.onnx", "cpu")


@pytest.mark.parametrize(
    ("others", "error"), [(["/nowhere.onnx"], ScoreError), ([None], UsageError)]
)
def test_a_scorer_that_cannot_be_made_gives_back_what_it_has_loaded(
    mse: Path,
    stored: Callable[..., Any],
    played: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    others: list[str | None],
    error: type[Exception],
) -> None:
    stored(mse, ANY)
    machine = played()
    monkeypatch.setattr(backend, "HERE", machine)

    with pytest.raises(error):
        Scorer([mse, *(other or mse for other in others)])

    assert machine.cuda.calls["allocate"] > 0
    assert (machine.cuda.held, machine.cuda.streams) == ({}, set())


def test_frames_on_the_gpu_do_not_go_to_the_cpu_in_silence(
    mse: Path, gpu_array_of: Callable[..., Any], cuda: Any
) -> None:
    frames = gpu_array_of(cuda, np.zeros((20, 24, 3), np.uint8))

    with Scorer(mse, backend="cpu") as scorer:
        with pytest.raises(UsageError, match=r"reference lies on GPU 0, and the CPU runs"):
            scorer(reference=frames, distorted=frames)
        host = np.zeros((20, 24, 3), np.uint8)
        with pytest.raises(BackendError, match=r"left on the GPU by engines alone.*tensorrt-rtx"):
            scorer.on_gpu(reference=host, distorted=host)


@pytest.mark.parametrize(
    ("hidden", "nodes", "words"),
    [
        (None, ["/nowhere/nvidiactl"], "no NVIDIA driver is to be seen"),
        ("", ["/"], "CUDA_VISIBLE_DEVICES= hides every GPU"),
        ("-1", ["/"], "CUDA_VISIBLE_DEVICES=-1 hides every GPU"),
        ("0", ["/nowhere/nvidiactl", "/"], None),
        (None, ["/"], None),
    ],
)
def test_whether_there_may_be_a_gpu_is_seen_without_cuda(
    monkeypatch: pytest.MonkeyPatch, hidden: str | None, nodes: list[str], words: str | None
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if hidden is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)

    assert no_gpu(nodes) == words


def test_where_there_is_no_gpu_scoring_loads_nothing_of_engines(
    mse: Path, python: Callable[..., Any]
) -> None:
    done = python(LOADED, mse, CUDA_VISIBLE_DEVICES="-1")

    assert done.returncode == 0, done.stderr
    assert done.stdout == "\n\n"


@pytest.mark.parametrize("name", ["tensorrt", "tensorrt-rtx"])
def test_a_named_engine_without_a_gpu_is_exit_code_4(
    mse: Path, command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")

    done = command("verify", mse, "--backend", name)

    assert done.code == 4
    assert f"The backend {name} is not available here: no GPU" in " ".join(done.err.split())
    assert "--backend cpu" in " ".join(done.err.split())


def test_doctor_says_that_engines_cannot_run(
    command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")

    words = " ".join(command("doctor").out.split())

    assert "engines cannot run: no GPU (CUDA_VISIBLE_DEVICES=-1 hides every GPU)" in words
