import errno
import json
import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import parser

from framegauge.engines.building import build as building
from framegauge.engines.building.build import build, jobs
from framegauge.engines.building.build_process import BuildProcess
from framegauge.engines.building.job import order
from framegauge.engines.building.tensorrt.compiler import (
    BuildError,
    compile_engine,
    configure,
    parse,
)
from framegauge.engines.identity.header import Header
from framegauge.engines.identity.machine import TargetError, flavours
from framegauge.engines.identity.options import normalised, offered, parse_options
from framegauge.engines.identity.profile import Profile
from framegauge.engines.identity.sidecar import Sidecar
from framegauge.engines.identity.target import RTX_ARCHITECTURES, Target, parse_targets
from framegauge.engines.store.prune import DAY, prune
from framegauge.engines.store.store import Store
from framegauge.export.contract.manifest import KEY
from framegauge.export.contract.model_bytes import BLANK, DIGEST_KEY, sealed
from framegauge.export.contract.model_file import ModelFile

rtx = pytest.importorskip("tensorrt_rtx")

SMALL = [Profile.parse("16x16/64x64/256x256x2")]
EVERY_TARGET = ["rtx", *RTX_ARCHITECTURES]

# Seconds after which a process is lost, and not only slow.
PATIENCE = 300

BUILD = """
import sys
from framegauge.engines.building.build import build, jobs
from framegauge.export.contract.model_bytes import BLANK, DIGEST_KEY, sealed
from framegauge.export.contract.model_file import ModelFile
from framegauge.engines.identity.profile import Profile
from framegauge.engines.store.prune import DAY, prune
from framegauge.engines.store.store import Store
from framegauge.engines.identity.target import parse_targets

wanted = jobs(
    ModelFile.read(sys.argv[1]), parse_targets("sm89"), [Profile.parse("16x16/64x64/256x256x2")]
)
(result,) = build(wanted, Store(sys.argv[2], system=[], lock=sys.argv[3] == "lock"))
heavy = {"torch", "onnx", "onnxruntime", "tensorrt_rtx"}.intersection(sys.modules)
print(result.outcome, *heavy)
"""

# A shell tells what it runs in the background to heed no interrupt, and children inherit that.
WAITING = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from framegauge.engines.building.build import build, jobs
from framegauge.export.contract.model_bytes import BLANK, DIGEST_KEY, sealed
from framegauge.export.contract.model_file import ModelFile
from framegauge.engines.identity.profile import Profile
from framegauge.engines.store.store import Store
from framegauge.engines.identity.target import parse_targets

wanted = jobs(
    ModelFile.read(sys.argv[1]), parse_targets("sm89"), [Profile.parse("16x16/64x64/256x256x2")]
)
def tell(job, phase, share):
    if phase.startswith("waiting"):
        print(flush=True)
try:
    build(wanted, Store(sys.argv[2], system=[]), progress=tell)
except KeyboardInterrupt:
    print("interrupted")
"""

# A module of TensorRT that dies as native code does.
CRASHING = """
import os, signal
__version__ = "10.9.0.34"
class ILogger:
    ERROR = INTERNAL_ERROR = None
class Builder:
    def __init__(self, log):
        print("about to fall over")
        os.kill(os.getpid(), signal.SIGSEGV)
"""


def wanted(model: Any, target: Any, *options: Any, profiles: Any = SMALL) -> Any:
    return jobs(model, parse_targets(target), profiles, parse_options(options))


@contextmanager
def started(command: Any, **options: Any) -> Any:
    """A Python program in a process of its own, which is ended with the test."""
    with subprocess.Popen([sys.executable, "-c", *command], **options) as process:
        try:
            yield process
        except BaseException:
            process.kill()
            raise


def await_lock(store: Any, process: Any) -> None:
    """Until a process has begun to build."""
    deadline = time.monotonic() + PATIENCE
    while not list(store.glob("*.lock")):
        assert process.poll() is None, "it ended before it built anything"
        assert time.monotonic() < deadline, "it began no build"
        time.sleep(0.01)


def configuration(job: Any) -> Any:
    """The builder's configuration for a job, and what it needs to live."""
    told = order(job)
    builder = rtx.Builder(rtx.Logger(rtx.Logger.ERROR))
    network = parse(told, rtx, builder, rtx.Logger(rtx.Logger.ERROR))
    return configure(told, rtx, builder, network), network, builder


def rewritten(model: Any, path: Any, change: Any) -> Any:
    """The model's file after a change of its graph or its manifest."""
    proto = onnx.load_from_string(model.content)
    held = {entry.key: entry for entry in proto.metadata_props}
    change(proto)
    held[DIGEST_KEY].value = BLANK.decode()
    path.write_bytes(sealed(proto.SerializeToString()))
    return ModelFile.read(path)


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize("options", [(), ("builder_optimization_level=5", "strict_nans=true")])
@pytest.mark.parametrize("target", EVERY_TARGET)
def test_tf32_is_off_in_every_configuration(
    model: ModelFile, target: Any, options: tuple[Any, ...], precision: str
) -> None:
    (job,) = wanted(model, target, *options)
    manifest = replace(model.manifest, precision=precision)
    job = replace(job, model=replace(model, manifest=manifest))

    config, *_ = configuration(job)

    fresh = rtx.Builder(rtx.Logger(rtx.Logger.ERROR)).create_builder_config()
    assert fresh.get_flag(rtx.BuilderFlag.TF32)
    assert not config.get_flag(rtx.BuilderFlag.TF32)


@pytest.mark.parametrize("target", EVERY_TARGET)
def test_a_configuration_names_the_architectures_of_its_target(
    model: ModelFile, target: Any
) -> None:
    (job,) = wanted(model, target)

    config, *_ = configuration(job)

    told = [config.get_compute_capability(i) for i in range(config.num_compute_capabilities)]
    assert tuple(each.name.lower() for each in told) == job.recipe.target.architectures
    assert config.num_optimization_profiles == 1


def test_networks_are_strongly_typed(model: ModelFile) -> None:
    _, network, _ = configuration(wanted(model, "sm89")[0])

    assert network.get_flag(rtx.NetworkDefinitionCreationFlag.STRONGLY_TYPED)


def test_several_profiles_go_into_one_engine(model: ModelFile) -> None:
    (job,) = wanted(model, "sm89", profiles=[*SMALL, Profile.parse("720p")])

    config, *_ = configuration(job)

    assert config.num_optimization_profiles == 2


def test_a_suite_is_built_for_all_architectures_and_one_portable_engine(
    shipped: Path, store: Store
) -> None:
    model = ModelFile.read(shipped / "rgb24" / "default.onnx")
    names = ["psnr", "ssim"]

    results = build(wanted(model, ",".join(EVERY_TARGET), profiles=[Profile.parse("1080p")]), store)

    assert [result.outcome for result in results] == ["built"] * 7, results
    for result in results:
        engine = store.read(result.held)
        header = Header.read(engine, file="x")
        target = result.job.recipe.target
        assert header.architectures == target.architectures
        assert (header.flavour, header.version) == ("tensorrt_rtx", rtx.__version__)
        assert header.length == len(engine)
        assert list(result.held.facts.entries) == names
        assert result.held.facts.about["seconds"] > 0
    assert len({result.held.facts.engine for result in results}) == 7


@pytest.mark.parametrize("format", ["rgb24", "yuv420p", "yuv420p10le", "yuv422p10le", "yuv444p"])
def test_models_of_every_shipped_format_are_built(shipped: Path, store: Store, format: str) -> None:
    model = ModelFile.read(shipped / format / "psnr.onnx")

    (result,) = build(wanted(model, "sm89"), store)

    assert result.outcome == "built", result.why


def test_a_second_run_does_nothing_and_loads_nothing_heavy(
    shipped: Path, tmp_path: Path, python: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    path = shipped / "rgb24" / "mse.onnx"

    first = python(BUILD, path, tmp_path / "store", "lock")
    second = python(BUILD, path, tmp_path / "store", "lock")

    assert (first.stdout.split(), second.stdout.split()) == (["built"], ["kept"]), first.stderr


def test_a_broken_engine_is_built_again_and_why_is_said(model: ModelFile, store: Store) -> None:
    (first,) = build(wanted(model, "sm89"), store)
    content = bytearray(first.held.path.read_bytes())
    content[-1] ^= 1
    first.held.path.write_bytes(content)

    (second,) = build(wanted(model, "sm89"), store)

    assert second.outcome == "built"
    assert "SHA-256 differs" in second.why
    assert store.read(second.held)


def test_what_is_there_is_built_again_if_asked(model: ModelFile, store: Store) -> None:
    build(wanted(model, "sm89"), store)

    (again,) = build(wanted(model, "sm89"), store, force=True)

    assert (again.outcome, again.why) == ("built", "asked for")


@pytest.mark.parametrize("lock", ["lock", "no lock"])
def test_two_builders_at_once_leave_one_sound_engine(
    model: ModelFile, shipped: Path, tmp_path: Path, lock: str
) -> None:
    path = shipped / "rgb24" / "mse.onnx"

    command = [BUILD, path, tmp_path / "store", lock]
    with (
        started(command, stdout=subprocess.PIPE, text=True) as first,
        started(command, stdout=subprocess.PIPE, text=True) as second,
    ):
        answers = [each.communicate(timeout=PATIENCE)[0] for each in (first, second)]
    said = sorted(answer.split()[0] for answer in answers)

    store = Store(tmp_path / "store", system=[])
    (held,) = store.entries()
    assert store.read(held)
    assert said in (["built", "built"], ["built", "kept"])
    # Without a lock the engine of whoever was overtaken may lie there, unnamed, till it is pruned.
    long_ago = time.time() - DAY
    for engine in store.folder.glob("*.engine"):
        os.utime(engine, (long_ago, long_ago))
    unnamed = prune(store)
    assert len(unnamed) <= (lock == "no lock")
    assert list(store.folder.glob("*.engine")) == [held.path]


def test_a_build_that_is_killed_leaves_nothing_that_is_served(
    model: ModelFile, shipped: Path, tmp_path: Path
) -> None:
    store = Store(tmp_path / "store", system=[])
    with started([BUILD, shipped / "rgb24" / "mse.onnx", store.folder, "lock"]) as process:
        await_lock(store.folder, process)
        process.send_signal(signal.SIGKILL)

    assert store.entries() == []
    (result,) = build(wanted(model, "sm89"), store)
    assert result.outcome == "built"


def test_a_full_disk_fails_the_job_and_says_so(model: ModelFile, tmp_path: Path) -> None:
    class Full(Store):
        def put(self, engine: Any, sidecar: Any) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    (result,) = build(wanted(model, "sm89"), Full(tmp_path / "store", system=[]))

    assert result.outcome == "failed"
    assert "No space left on device" in result.why
    assert result.held is None


def test_a_crash_of_the_builder_is_an_error_and_the_next_build_goes_on(
    model: ModelFile, tmp_path: Path
) -> None:
    (tmp_path / "tensorrt.py").write_text(CRASHING)
    told = order(wanted(model, "sm89")[0])

    with BuildProcess({**os.environ, "PYTHONPATH": str(tmp_path)}) as crew:
        with pytest.raises(BuildError, match=r"crashed \(signal SIGSEGV\) .*about to fall over"):
            crew.build(replace(told, flavour="tensorrt"))
        engine = crew.build(told)

    assert Header.read(engine, file="x").architectures == ("sm89",)


def test_a_crew_that_was_stopped_builds_no_more(model: ModelFile) -> None:
    crew = BuildProcess()

    crew.stop()

    with pytest.raises(BuildError, match="stopped"):
        crew.build(order(wanted(model, "sm89")[0]))


def test_a_build_that_is_stopped_midway_is_no_crash_and_says_so(shipped: Path) -> None:
    told = order(wanted(ModelFile.read(shipped / "rgb24" / "default.onnx"), "rtx")[0])
    crew = BuildProcess()

    with pytest.raises(BuildError, match="was stopped"):
        crew.build(told, lambda phase, share: crew.stop())

    crew.dismiss()


def test_an_interrupt_ends_a_build_that_waits_for_another_process(
    model: ModelFile, tmp_path: Path
) -> None:
    store = Store(tmp_path / "store", system=[])
    (job,) = wanted(model, "sm89")
    with (
        store.building(job.recipe.key),
        started([WAITING, model.path, store.folder], stdout=subprocess.PIPE) as process,
    ):
        process.stdout.readline()
        process.send_signal(signal.SIGINT)

        said, _ = process.communicate(timeout=PATIENCE)

    assert said.split() == [b"interrupted"]
    assert store.entries() == []


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_build_that_is_ended_leaves_no_file_outside_the_store(
    model: ModelFile, tmp_path: Path, how: Any
) -> None:
    (tmp_path / "tmp").mkdir()
    command = [BUILD, model.path, tmp_path / "store", "lock"]
    with started(command, env={**os.environ, "TMPDIR": str(tmp_path / "tmp")}) as process:
        await_lock(tmp_path / "store", process)
        time.sleep(0.3)
        process.send_signal(how)

    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_job_is_told_of_from_its_start_to_its_outcome(
    model: ModelFile, store: Store, tmp_path: Path
) -> None:
    bad = rewritten(
        model,
        tmp_path / "bad.onnx",
        lambda proto: setattr(proto.graph.node[0], "op_type", "Sin"),
    )
    told = []

    build(
        [*wanted(model, "sm89"), *wanted(bad, "sm89")],
        store,
        workers=1,
        progress=lambda job, phase, share: told.append((job.model.path.name, phase, share)),
    )

    ends = [each for each in told if each[2] in (0.0, 1.0) and each[1] != "Building engine"]
    assert ends == [
        ("mse.onnx", "building", 0.0),
        ("mse.onnx", "built", 1.0),
        ("bad.onnx", "building", 0.0),
        ("bad.onnx", "failed", 1.0),
    ]


def test_builds_side_by_side_are_no_more_than_the_cpus_that_may_be_used(
    model: ModelFile, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []
    monkeypatch.setattr(building, "BuildProcess", lambda: started.append(1) or BuildProcess())

    build(wanted(model, "sm86,sm89,sm120"), store, cpus=2)

    assert len(started) == 2


def test_one_job_that_fails_does_not_stop_the_others(
    model: ModelFile, shipped: Path, store: Store, tmp_path: Path
) -> None:
    bad = rewritten(
        model,
        tmp_path / "bad.onnx",
        lambda proto: setattr(proto.graph.node[0], "op_type", "Sin"),
    )
    good = ModelFile.read(shipped / "rgb24" / "l1.onnx")

    results = build([*wanted(bad, "sm89"), *wanted(good, "sm89")], store, workers=1)

    assert [result.outcome for result in results] == ["failed", "built"]


def test_a_node_that_the_parser_refuses_is_named_with_the_reason(
    model: ModelFile, tmp_path: Path
) -> None:
    bad = rewritten(
        model,
        tmp_path / "bad.onnx",
        lambda proto: setattr(proto.graph.node[0], "op_type", "Sin"),
    )
    name = onnx.load(bad.path).graph.node[0].name

    with pytest.raises(
        BuildError, match=rf"refused .*bad\.onnx at node {name} \(Sin\): .*operator SIN"
    ):
        compile_engine(order(wanted(bad, "sm89")[0]))


def test_a_node_that_the_builder_refuses_is_named_with_the_reason(
    model: ModelFile, tmp_path: Path
) -> None:
    graph = parser.parse_graph("""
        g (uint8[N,H,W,3] reference, uint8[N,H,W,3] distorted) => (float[N] mse)
        <int64[1] w = {3}, int64[1] h = {2}, int64[1] n = {1}> {
            x = Cast <to = 1> (reference)
            y = Cast <to = 1> (distorted)
            z = Transpose <perm = [0, 1, 3, 2]> (y)
            product = MatMul (x, z)
            a = ReduceMean <keepdims = 0> (product, w)
            b = ReduceMean <keepdims = 0> (a, h)
            mse = ReduceMean <keepdims = 0> (b, n)
        }
    """)
    graph.node[3].name = "TheProduct"
    bad = rewritten(model, tmp_path / "bad.onnx", lambda proto: proto.graph.CopyFrom(graph))

    # RTX has no product of float32 matrices for Turing, and has one for later GPUs.
    with pytest.raises(BuildError, match=r"built no engine .*sm75: .*TheProduct.*Turing"):
        compile_engine(order(wanted(bad, "sm75")[0]))
    assert compile_engine(order(wanted(bad, "sm89")[0]))


def test_a_manifest_of_another_model_is_refused(model: ModelFile, tmp_path: Path) -> None:
    def lie(proto: Any) -> None:
        facts = json.loads({each.key: each.value for each in proto.metadata_props}[KEY])
        facts["outputs"][0]["name"] = "psnr"
        facts["self_test"]["scores"] = [
            {"psnr": run["mse"]} for run in facts["self_test"]["scores"]
        ]
        for each in proto.metadata_props:
            each.value = json.dumps(facts) if each.key == KEY else each.value

    liar = rewritten(model, tmp_path / "liar.onnx", lie)

    with pytest.raises(BuildError, match=r"belongs to another model: it names .*psnr, and .*mse"):
        compile_engine(order(wanted(liar, "sm89")[0]))


def test_a_model_that_changed_since_it_was_read_fails_its_job(
    model: ModelFile, shipped: Path, store: Store, tmp_path: Path
) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(model.content)
    (job,) = wanted(ModelFile.read(path), "sm89")
    path.write_bytes((shipped / "rgb24" / "l1.onnx").read_bytes())

    (result,) = build([job], store)

    assert result.outcome == "failed"
    assert "model.onnx changed while its engines were waiting" in result.why
    assert store.entries() == []


def test_weights_beside_a_model_are_not_built_in(shipped: Path, tmp_path: Path) -> None:
    model = ModelFile.read(shipped / "rgb24" / "ssim.onnx")
    proto = onnx.load_from_string(model.content)
    path = tmp_path / "beside.onnx"
    onnx.save(proto, path, save_as_external_data=True, location="w.bin", size_threshold=0)
    beside = replace(model, path=path, content=path.read_bytes())

    with pytest.raises(BuildError, match=r"beside\.onnx keeps weights in a file beside it"):
        compile_engine(order(wanted(beside, "sm89")[0]))


def test_a_model_that_went_away_fails_its_job(
    model: ModelFile, store: Store, tmp_path: Path
) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(model.content)
    (job,) = wanted(ModelFile.read(path), "sm89")
    path.unlink()

    (result,) = build([job], store)

    assert result.outcome == "failed"
    assert "model.onnx" in result.why


def test_progress_comes_from_the_builder_and_ends_near_the_end(shipped: Path) -> None:
    told = order(wanted(ModelFile.read(shipped / "rgb24" / "default.onnx"), "sm89")[0])
    seen = []

    compile_engine(told, lambda phase, share: seen.append((phase, share)))

    shares = [share for _, share in seen]
    assert seen[0][0] == "Building engine"
    assert shares == sorted(shares)
    assert 0.7 < shares[-1] <= 1.0


def test_no_profile_is_refused(model: ModelFile) -> None:
    with pytest.raises(ValueError, match="at least one --profile"):
        wanted(model, "sm89", profiles=[])


def test_a_flavour_that_is_not_installed_names_the_extra(model: ModelFile) -> None:
    if "tensorrt" in flavours():
        pytest.skip("tensorrt is installed here")
    target = Target(flavour="tensorrt", architectures=("sm90",))

    with pytest.raises(TargetError, match=r"needs tensorrt, .* pip install '\.\[tensorrt"):
        jobs(model, [target], SMALL)


@pytest.mark.parametrize(
    ("pair", "read"),
    [
        ("builder_optimization_level=5", lambda config: config.builder_optimization_level == 5),
        ("strict_nans=true", lambda config: config.get_flag(rtx.BuilderFlag.STRICT_NANS)),
        (
            "workspace=1073741824",
            lambda config: config.get_memory_pool_limit(rtx.MemoryPoolType.WORKSPACE) == 2**30,
        ),
        (
            "profiling_verbosity=Detailed",
            lambda config: config.profiling_verbosity == rtx.ProfilingVerbosity.DETAILED,
        ),
        (
            "runtime_activation_resize_10_10=false",
            lambda config: (
                not config.get_preview_feature(rtx.PreviewFeature.RUNTIME_ACTIVATION_RESIZE_10_10)
            ),
        ),
    ],
)
def test_any_builder_option_is_set_by_name_and_changes_the_key(
    model: ModelFile, pair: str, read: Callable[..., Any]
) -> None:
    (job,), (plain,) = wanted(model, "sm89", pair), wanted(model, "sm89")

    config, *_ = configuration(job)

    assert read(config)
    assert job.recipe.key != plain.recipe.key


def test_an_option_at_its_default_changes_no_key(model: ModelFile) -> None:
    module = rtx.Builder(rtx.Logger(rtx.Logger.ERROR))
    options = {
        name: option.read()
        for name, option in offered(rtx, module.create_builder_config()).items()
        if option.is_fixed
    }

    assert len(options) > 20
    assert normalised(options, "tensorrt_rtx") == {"tf32": "false"}
    assert wanted(model, "sm89", "builder_optimization_level=03")[0].recipe.key == (
        wanted(model, "sm89")[0].recipe.key
    )


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        ("optimisation=5", r"no builder option 'optimisation'.*Its options: .*strict_nans"),
        ("strict_nan=true", "did you mean 'strict_nans'"),
        ("tf32=true", "TF32 is always off"),
        ("strict_nans=1", "strict_nans takes false or true; got '1'"),
        ("builder_optimization_level=high", "takes a whole number; got 'high'"),
        ("builder_optimization_level=²", "takes a whole number; got '²'"),
        ("workspace=999999999999999999999", "takes a whole number; got '9999"),
        ("strip_plan=true", "strip_plan makes engines that framegauge cannot run"),
        ("weight_streaming=true", "weight_streaming makes engines that framegauge cannot run"),
        ("profiling_verbosity=all", "takes layer_names_only or detailed or none"),
    ],
)
def test_options_that_make_no_sense_are_refused_with_those_there_are(
    model: ModelFile, pair: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        wanted(model, "sm89", pair)


@pytest.mark.parametrize("pool", ["workspace", "tactic_dram", "tactic_shared_memory"])
def test_memory_is_in_the_key_whatever_the_builder_here_would_take_unasked(pool: str) -> None:
    builder = rtx.Builder(rtx.Logger(rtx.Logger.ERROR))
    unasked = offered(rtx, builder.create_builder_config())[pool].read()

    kept = normalised({pool: unasked}, "tensorrt_rtx")

    assert kept == {pool: unasked, "tf32": "false"}


def test_an_option_that_the_builder_leaves_as_it_was_is_refused(model: ModelFile) -> None:
    # Windows engines need a GPU at build time; without one the setter fails without a word.
    (job,) = wanted(model, "sm89", "runtime_platform=windows_amd64")

    with pytest.raises(ValueError, match="did not take --builder-option runtime_platform"):
        configuration(job)


def test_a_number_that_the_builder_cannot_hold_is_refused_in_words(model: ModelFile) -> None:
    (job,) = wanted(model, "sm89", "workspace=-5")

    with pytest.raises(ValueError, match="--builder-option workspace cannot be -5"):
        configuration(job)


@pytest.mark.parametrize("pairs", [["level"], ["=5"], ["level="], ["a=1", "A=2"]])
def test_options_that_are_not_name_and_value_are_refused(pairs: list[Any]) -> None:
    with pytest.raises(ValueError, match="--builder-option"):
        parse_options(pairs)


def test_the_header_that_other_tests_make_up_is_that_of_a_real_engine(
    model: ModelFile, made: Callable[..., tuple[bytes, Sidecar]]
) -> None:
    real = compile_engine(order(wanted(model, "sm89")[0]))
    fake, _ = made(real[36:])

    assert struct.unpack("<4sIQ", fake[:16]) == struct.unpack("<4sIQ", real[:16])
    assert Header.read(fake, file="x") == Header.read(real, file="x")
