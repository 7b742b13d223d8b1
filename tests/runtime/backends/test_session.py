"""Engines run on a GPU that is none: memory in NumPy, engines played by ONNX Runtime."""

import gc
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from numpy.testing import assert_array_equal

from framegauge.export.contract import selftest
from framegauge.export.contract.manifest import Manifest
from framegauge.runtime.backends.gpu.cuda import CudaError
from framegauge.runtime.backends.gpu.gpu_array import GpuMemory, gpu_array
from framegauge.runtime.backends.selftest import checks
from framegauge.runtime.backends.tensorrt.execution_context import EngineError
from framegauge.runtime.backends.tensorrt.kernel_cache import KernelCache
from framegauge.runtime.errors import UsageError

ANY = "8x8/64x64/256x256x4"


def feed_of(manifest: Manifest, size: tuple[int, int], batch: int) -> dict[str, Any]:
    return selftest.feed(manifest.form, manifest.inputs, size, batch, manifest.self_test.facts)


def by_onnxruntime(model: Path, feed: dict[str, Any]) -> dict[str, Any]:
    session = onnxruntime.InferenceSession(model.read_bytes(), providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_outputs()]
    return dict(zip(names, session.run(names, feed), strict=True))


def read(memory: Any, array: Any) -> Any:
    return memory.at(array.pointer, array.nbytes).view(array.dtype).reshape(array.shape)


def held_of(memory: Any) -> GpuMemory:
    with memory.current():
        return GpuMemory(16, memory)


@pytest.mark.parametrize("flavour", ["tensorrt", "tensorrt_rtx"])
@pytest.mark.parametrize(("entry", "format"), [("psnr", "rgb24"), ("ssim", "yuv420p10le")])
@pytest.mark.parametrize(("size", "batch"), [((64, 48), 1), ((33, 47), 3), ((33, 47), 9)])
def test_an_engine_gives_what_its_model_gives_at_any_batch(
    session: Callable[..., Any],
    shipped: Callable[..., Path],
    flavour: str,
    entry: str,
    format: str,
    size: tuple[int, int],
    batch: int,
) -> None:
    model = shipped(entry, format)
    engine = session(model, ANY, flavour=flavour)
    feed = feed_of(engine.manifest, size, batch)

    scores = engine.run(feed)

    # Pieces of a batch are the same computation on fewer frames.
    assert_array_equal(scores[entry], by_onnxruntime(model, feed)[entry])


@pytest.mark.parametrize(
    ("batch", "pieces"), [(2, [2]), (4, [4]), (5, [4, 2]), (6, [4, 2]), (9, [4, 4, 2])]
)
def test_the_last_piece_overlaps_where_a_profile_takes_no_fewer(
    session: Callable[..., Any], shipped: Callable[..., Path], batch: int, pieces: list[int]
) -> None:
    model = shipped("mse", "rgb24")
    engine = session(model, "8x8x2/64x64x2/256x256x4")
    feed = feed_of(engine.manifest, (32, 32), batch)

    scores = engine.run(feed)

    assert_array_equal(scores["mse"], by_onnxruntime(model, feed)["mse"])
    assert engine.module.contexts[0].shapes["reference"][0] == pieces[-1]


def test_the_tightest_profile_is_taken(
    session: Callable[..., Any], shipped: Callable[..., Path]
) -> None:
    engine = session(shipped("mse", "rgb24"), "8x8/99x99/256x256", "8x8/32x32/64x64", ANY)

    taken = []
    for size in ((32, 32), (100, 100), (64, 64)):
        engine.run(feed_of(engine.manifest, size, 1))
        taken.append(engine.module.contexts[0].profile)

    assert taken == [1, 0, 1]


def test_only_the_profile_asked_for_is_taken(
    session: Callable[..., Any], shipped: Callable[..., Path]
) -> None:
    engine = session(shipped("mse", "rgb24"), "8x8/32x32/64x64", ANY, only=1)

    engine.run(feed_of(engine.manifest, (32, 32), 1))

    assert engine.module.contexts[0].profile == 1
    assert not session(shipped("mse", "rgb24"), "8x8/9x9/64x64", ANY, only=0).holds(1, 99, 99)


def test_frames_outside_every_profile_are_refused_by_name(
    session: Callable[..., Any], shipped: Callable[..., Path]
) -> None:
    engine = session(shipped("mse", "rgb24"), "8x8/32x32/64x64x2")

    with pytest.raises(UsageError, match=r"8x8/32x32/64x64x2, .* 3 of 80x32\..*--profile"):
        engine.run(feed_of(engine.manifest, (32, 80), 3))
    assert not engine.holds(1, 32, 80)
    assert engine.holds(99, 64, 64)


def test_threads_share_an_engine_and_no_context(
    session: Callable[..., Any], shipped: Callable[..., Path]
) -> None:
    model = shipped("mse", "rgb24")
    engine = session(model, ANY, lanes=3)
    feeds = [feed_of(engine.manifest, (24 + index % 5, 32), 1 + index % 6) for index in range(40)]

    with ThreadPoolExecutor(8) as pool:
        scores = list(pool.map(engine.run, feeds))

    assert 1 <= len(engine.module.contexts) <= 3
    for feed, score in zip(feeds, scores, strict=True):
        assert_array_equal(score["mse"], by_onnxruntime(model, feed)["mse"])


def test_frames_on_the_gpu_are_not_copied(
    session: Callable[..., Any],
    shipped: Callable[..., Path],
    cuda: Any,
    on_gpu: Callable[..., Any],
) -> None:
    model = shipped("mse", "rgb24")
    engine = session(model, ANY)
    feed = feed_of(engine.manifest, (32, 48), 6)
    there = {name: on_gpu(values) for name, values in feed.items()}

    scores = engine.run({name: gpu_array(name, each) for name, each in there.items()})

    assert_array_equal(scores["mse"], by_onnxruntime(model, feed)["mse"])
    assert cuda.calls["upload"] == 0
    (stream,) = cuda.streams
    # A look at the shape waits for nothing; then the engine's stream waits for each piece.
    assert there["reference"].streams == [-1, stream, stream]


@pytest.mark.parametrize("run", ["run", "run_on_gpu"])
def test_frames_that_do_not_lie_where_tensorrt_takes_them_are_copied_there(
    session: Callable[..., Any],
    shipped: Callable[..., Path],
    cuda: Any,
    on_gpu: Callable[..., Any],
    run: str,
) -> None:
    model = shipped("mse", "rgb24")
    engine = session(model, ANY)
    # Frames of 18915 bytes: the second piece begins at no multiple of 256.
    feed = feed_of(engine.manifest, (65, 97), 6)
    there = {name: gpu_array(name, on_gpu(values)) for name, values in feed.items()}

    scores = getattr(engine, run)(there, ["mse"])["mse"]

    wanted = by_onnxruntime(model, feed)["mse"]
    assert cuda.calls["upload"] == 0
    assert_array_equal(scores if run == "run" else read(cuda, scores), wanted)


def test_one_frame_of_a_batch_on_the_gpu_is_scored(
    session: Callable[..., Any], shipped: Callable[..., Path], on_gpu: Callable[..., Any]
) -> None:
    model = shipped("mse", "rgb24")
    engine = session(model, ANY)
    feed = feed_of(engine.manifest, (65, 97), 2)
    there = {name: gpu_array(name, on_gpu(values)) for name, values in feed.items()}

    scores = engine.run({name: values.part(1, 2) for name, values in there.items()})

    second = {name: values[1:] for name, values in feed.items()}
    assert_array_equal(scores["mse"], by_onnxruntime(model, second)["mse"])


def test_frames_of_another_type_than_the_models_are_refused(
    session: Callable[..., Any], shipped: Callable[..., Path]
) -> None:
    engine = session(shipped("mse", "rgb24"), ANY)
    feed = feed_of(engine.manifest, (32, 48), 1)
    feed["distorted"] = feed["distorted"].astype(np.float64)

    with pytest.raises(UsageError, match="distorted is uint8, got float64"):
        engine.run(feed)


def test_frames_on_another_gpu_are_refused(
    session: Callable[..., Any], shipped: Callable[..., Path], on_gpu: Callable[..., Any]
) -> None:
    engine = session(shipped("mse", "rgb24"), ANY)
    feed = feed_of(engine.manifest, (32, 48), 1)
    feed["distorted"] = gpu_array("distorted", on_gpu(feed["distorted"], device=1))

    with pytest.raises(UsageError, match=r"distorted lies on GPU 1, and GPU 0 runs.*--device 1"):
        engine.run(feed)


def test_scores_left_on_the_gpu_are_freed_with_the_last_that_uses_them(
    session: Callable[..., Any], shipped: Callable[..., Path], cuda: Any
) -> None:
    model = shipped("mse", "rgb24")
    engine = session(model, ANY)
    feed = feed_of(engine.manifest, (32, 48), 7)
    engine.run(feed)
    before = set(cuda.held)

    scores = engine.run_on_gpu(feed, ["mse"])

    array = scores["mse"]
    found = cuda.at(array.pointer, array.nbytes).view(array.dtype)
    assert_array_equal(found, by_onnxruntime(model, feed)["mse"])
    assert array.__dlpack_device__() == (2, 0)
    assert array.__cuda_array_interface__["shape"] == (7,)
    assert array.__cuda_array_interface__["typestr"] == "<f4"
    assert cuda.calls["download"] == 2  # of the run before
    half = array.part(3, 7)
    del scores, array, found
    gc.collect()
    assert set(cuda.held) - before == {half.owner.pointer}
    del half
    gc.collect()
    assert set(cuda.held) == before


def test_runs_that_repeat_are_replayed_as_a_graph(
    session: Callable[..., Any], shipped: Callable[..., Path], cuda: Any
) -> None:
    model = shipped("mse", "rgb24")
    engine = session(model, ANY, flavour="tensorrt")
    small, large = (feed_of(engine.manifest, size, 1) for size in ((32, 32), (64, 64)))
    other = {name: 255 - values for name, values in small.items()}
    other["distorted"] = other["distorted"] // 2

    fed = [small, small, other, large, small, other]
    scores = [engine.run(feed)["mse"] for feed in fed]

    # The second run of a shape is captured, and the graph goes when the shape does.
    assert (cuda.calls["end_capture"], cuda.calls["launch"]) == (2, 3)
    assert cuda.calls["drop_graph"] == 1
    for feed, score in zip(fed, scores, strict=True):
        assert_array_equal(score, by_onnxruntime(model, feed)["mse"])


def test_runs_that_leave_scores_on_the_gpu_are_replayed_as_a_graph_too(
    session: Callable[..., Any], shipped: Callable[..., Path], cuda: Any
) -> None:
    model = shipped("mse", "rgb24")
    engine = session(model, ANY, flavour="tensorrt")
    feed = feed_of(engine.manifest, (32, 32), 2)

    left = [engine.run_on_gpu(feed, ["mse"])["mse"] for _ in range(6)]

    assert cuda.calls["launch"] == 5
    assert_array_equal(
        [read(cuda, each) for each in left], [by_onnxruntime(model, feed)["mse"]] * 6
    )


def test_what_python_frees_does_not_spoil_a_capture(
    session: Callable[..., Any], shipped: Callable[..., Path], cuda: Any
) -> None:
    engine = session(shipped("mse", "rgb24"), ANY, flavour="tensorrt")
    feed = feed_of(engine.manifest, (32, 32), 2)
    engine.run(feed)
    before = set(cuda.held)
    circle: list[Any] = [held_of(cuda)]
    circle.append(circle)
    del circle

    engine.run(feed)

    assert cuda.calls["launch"] == 1
    gc.collect()
    assert set(cuda.held) == before


def test_an_engine_whose_graph_computes_otherwise_fails_its_self_test(
    session: Callable[..., Any], shipped: Callable[..., Path]
) -> None:
    model = shipped("mse", "rgb24")
    engine = session(model, ANY, flavour="tensorrt", replay_bias=1.0)

    found = checks(engine, model)

    assert not any(check.passed for check in found)


def test_rtx_captures_by_itself_and_specialises_at_once(
    session: Callable[..., Any], shipped: Callable[..., Path], cuda: Any
) -> None:
    engine = session(shipped("mse", "rgb24"), ANY)
    feed = feed_of(engine.manifest, (32, 32), 1)

    for _ in range(3):
        engine.run(feed)

    (config,) = engine.module.configs
    assert engine.module.contexts[0].how is config
    assert config.cuda_graph_strategy == "whole"
    assert config.dynamic_shapes_kernel_specialization_strategy == "eager"
    assert config.strategy == "on change"
    assert cuda.calls["end_capture"] == 0


def test_what_cannot_be_captured_is_run_as_it_is(
    session: Callable[..., Any], shipped: Callable[..., Path], cuda: Any
) -> None:
    model = shipped("mse", "rgb24")
    engine = session(model, ANY, flavour="tensorrt")
    feed = feed_of(engine.manifest, (32, 32), 1)
    cuda.fails = "end_capture"

    scores = [engine.run(feed)["mse"] for _ in range(4)]

    assert_array_equal(scores, [by_onnxruntime(model, feed)["mse"]] * 4)
    assert cuda.calls["end_capture"] == 1
    assert cuda.calls["launch"] == 0


def test_memory_is_taken_once_grows_and_is_given_back(
    session: Callable[..., Any], shipped: Callable[..., Path], cuda: Any
) -> None:
    engine = session(shipped("mse", "rgb24"), ANY)

    taken = []
    for side in (32, 32, 16, 64, 64):
        engine.run(feed_of(engine.manifest, (side, side), 1))
        taken.append(cuda.calls["allocate"])
    engine.close()

    # Two inputs and an output; the inputs grow once.
    assert taken == [3, 3, 3, 5, 5]
    assert (cuda.held, cuda.locked, cuda.streams) == ({}, {}, set())


def test_the_host_gets_page_locked_memory_for_what_it_asks_for_alone(
    session: Callable[..., Any],
    shipped: Callable[..., Path],
    cuda: Any,
    on_gpu: Callable[..., Any],
) -> None:
    engine = session(shipped("default", "rgb24"), ANY)
    feed = feed_of(engine.manifest, (32, 32), 1)
    there = {name: gpu_array(name, on_gpu(values)) for name, values in feed.items()}

    engine.run(there, ["psnr"])

    assert len(engine.outputs) > 1
    # A float32 for one frame.
    assert [memory.nbytes for memory in cuda.locked.values()] == [4]


def test_threads_wait_for_a_context_where_the_gpu_has_no_memory_for_another(
    session: Callable[..., Any], shipped: Callable[..., Path], cuda: Any
) -> None:
    model = shipped("mse", "rgb24")
    engine = session(model, ANY, room=1)
    feed = feed_of(engine.manifest, (32, 32), 2)
    download = cuda.download
    others: list[Future[Any]] = []

    def while_another_runs(*arguments: Any) -> None:
        cuda.download = download
        others.append(pool.submit(engine.run, feed))
        assert engine.module.refused.wait(300)
        download(*arguments)

    cuda.download = while_another_runs

    with ThreadPoolExecutor(1) as pool:
        scores = [engine.run(feed), others[0].result()]

    wanted = by_onnxruntime(model, feed)["mse"]
    assert_array_equal([each["mse"] for each in scores], [wanted, wanted])


def test_a_first_context_that_the_gpu_has_no_memory_for_is_an_error(
    session: Callable[..., Any], shipped: Callable[..., Path], cuda: Any
) -> None:
    engine = session(shipped("mse", "rgb24"), ANY, room=0)
    feed = feed_of(engine.manifest, (32, 32), 2)

    with pytest.raises(EngineError, match="does not take profile 0"):
        engine.run(feed)
    assert cuda.streams == set()


def test_what_runs_while_an_engine_is_closed_is_given_back_when_it_is_done(
    session: Callable[..., Any], shipped: Callable[..., Path], cuda: Any
) -> None:
    model = shipped("mse", "rgb24")
    engine = session(model, ANY)
    feed = feed_of(engine.manifest, (32, 32), 1)
    download = cuda.download

    def closing(*arguments: Any) -> None:
        engine.close()
        download(*arguments)

    cuda.download = closing

    scores = engine.run(feed)

    assert_array_equal(scores["mse"], by_onnxruntime(model, feed)["mse"])
    assert (cuda.held, cuda.locked, cuda.streams) == ({}, {}, set())


@pytest.mark.parametrize(("call", "left"), [("unlock", 0), ("free", 3), ("drop_stream", 0)])
def test_what_cannot_be_given_back_keeps_nothing_else(
    session: Callable[..., Any], shipped: Callable[..., Path], cuda: Any, call: str, left: int
) -> None:
    engine = session(shipped("mse", "rgb24"), ANY)
    engine.run(feed_of(engine.manifest, (32, 32), 1))
    cuda.fails = call

    with pytest.raises(CudaError, match=call):
        engine.close()

    # Two inputs and an output were held.
    assert (len(cuda.held), cuda.calls["unlock"], cuda.calls["drop_stream"]) == (left, 3, 1)


def test_a_closed_engine_says_so(session: Callable[..., Any], shipped: Callable[..., Path]) -> None:
    engine = session(shipped("mse", "rgb24"), ANY)
    feed = feed_of(engine.manifest, (32, 32), 1)
    engine.close()

    with pytest.raises(UsageError, match="closed"):
        engine.run(feed)


@pytest.mark.parametrize("call", ["allocate", "upload", "download"])
def test_after_a_failed_run_the_next_has_a_context_of_its_own(
    session: Callable[..., Any], shipped: Callable[..., Path], cuda: Any, call: str
) -> None:
    model = shipped("mse", "rgb24")
    engine = session(model, ANY, lanes=1)
    feed = feed_of(engine.manifest, (32, 32), 1)
    cuda.fails = call

    with pytest.raises(CudaError, match=call):
        engine.run(feed)
    cuda.fails = ""

    assert_array_equal(engine.run(feed)["mse"], by_onnxruntime(model, feed)["mse"])
    assert len(engine.module.contexts) == 2
    engine.close()
    assert (cuda.held, cuda.locked, cuda.streams) == ({}, {}, set())


def test_a_batch_of_another_shape_than_its_profile_is_the_engines_fault(
    session: Callable[..., Any], shipped: Callable[..., Path]
) -> None:
    model = shipped("mse", "rgb24")
    manifest_profile = session(model, "8x8/16x16/16x16").profiles
    engine = session(model, ANY, profiles=manifest_profile)

    with pytest.raises(EngineError, match=r"does not take .* of the shape \(1, 32, 32, 3\)"):
        engine.run(feed_of(engine.manifest, (32, 32), 1))


def test_shapes_that_do_not_go_together_are_refused_in_tensorrts_words(
    session: Callable[..., Any], shipped: Callable[..., Path]
) -> None:
    engine = session(shipped("mse", "rgb24"), ANY)
    feed = feed_of(engine.manifest, (32, 32), 1)
    feed["reference"] = feed["reference"][:, :16]

    with pytest.raises(EngineError, match=r"does not take these shapes: .* heights differ"):
        engine.run(feed)


def test_an_engine_that_does_not_load_is_refused_in_tensorrts_words(
    session: Callable[..., Any], shipped: Callable[..., Path]
) -> None:
    with pytest.raises(EngineError, match=r"cannot load the engine: Error Code 1: .* not liked"):
        session(shipped("mse", "rgb24"), ANY, loads=False)


def test_an_engine_that_rtx_calls_invalid_is_refused(
    session: Callable[..., Any], shipped: Callable[..., Path]
) -> None:
    with pytest.raises(EngineError, match=r"TensorRT calls it invalid \(unsupported cc\)"):
        session(shipped("mse", "rgb24"), ANY, validity="INVALID")


@pytest.mark.parametrize("validity", ["VALID", "SUBOPTIMAL"])
def test_what_rtx_says_of_an_engine_is_reported(
    session: Callable[..., Any], shipped: Callable[..., Path], validity: str
) -> None:
    engine = session(shipped("mse", "rgb24"), ANY, validity=validity)

    assert engine.describe()["validity"] == validity.lower()


def test_a_cuda_that_does_not_start_is_an_error_of_ours(
    session: Callable[..., Any], shipped: Callable[..., Path]
) -> None:
    with pytest.raises(EngineError, match=r"TensorRT cannot start here: pybind11.*nullptr"):
        session(shipped("mse", "rgb24"), ANY, starts=False)


@pytest.mark.parametrize(
    ("fact", "words"),
    [
        ({"dtype": np.float16}, "has mse as float16 .* the model as float32"),
        ({"form": "CHW4"}, r"has reference as uint8 \(CHW4\), and the model as uint8, linear"),
        ({"place": "host"}, "has reference on the host"),
    ],
)
def test_an_engine_whose_tensors_are_of_other_types_or_layouts_is_refused(
    session: Callable[..., Any], shipped: Callable[..., Path], fact: dict[str, Any], words: str
) -> None:
    with pytest.raises(EngineError, match=words):
        session(shipped("mse", "rgb24"), ANY, **fact)


def test_the_engine_of_another_model_is_refused(
    session: Callable[..., Any], shipped: Callable[..., Path]
) -> None:
    with pytest.raises(EngineError, match=r"of another model: it has .*psnr.* model .*mse"):
        session(shipped("mse", "rgb24"), ANY, plays=shipped("psnr", "rgb24"))


def test_an_engine_with_other_profiles_than_its_sidecar_is_refused(
    session: Callable[..., Any], shipped: Callable[..., Path]
) -> None:
    with pytest.raises(EngineError, match="has 0 profiles, and its sidecar 1"):
        session(shipped("mse", "rgb24"), ANY, profiles=())


def test_kernels_are_kept_beside_the_engine_and_used_again(
    session: Callable[..., Any], shipped: Callable[..., Path], tmp_path: Path
) -> None:
    path = tmp_path / "store" / "key.cache"
    first = session(shipped("mse", "rgb24"), ANY, cache=KernelCache(path))
    first.close()

    assert path.read_bytes() == b"kernels"
    assert first.describe()["kernel_cache"] == f"kept in {path}"
    path.write_bytes(b"kernels of an earlier run")
    again = session(shipped("mse", "rgb24"), ANY, cache=KernelCache(path))
    written = path.stat().st_mtime_ns
    again.close()

    assert again.module.configs[0].cache.taken == b"kernels of an earlier run"
    assert again.describe()["kernel_cache"] == f"taken from {path}"
    assert path.stat().st_mtime_ns == written


def test_kernels_of_another_gpu_are_compiled_anew(
    session: Callable[..., Any], shipped: Callable[..., Path], tmp_path: Path
) -> None:
    path = tmp_path / "key.cache"
    path.write_bytes(b"of another")

    engine = session(shipped("mse", "rgb24"), ANY, cache=KernelCache(path), kept=b"ours")

    assert "of another GPU, driver or release" in engine.describe()["kernel_cache"]
    engine.close()
    assert path.read_bytes() == b"kernels"


def test_a_store_that_takes_no_kernels_does_not_fail_the_run(
    session: Callable[..., Any], shipped: Callable[..., Path], tmp_path: Path
) -> None:
    (tmp_path / "store").write_text("a file where a folder should be")
    cache = KernelCache(tmp_path / "store" / "key.cache")
    engine = session(shipped("mse", "rgb24"), ANY, cache=cache)

    engine.run(feed_of(engine.manifest, (32, 32), 1))
    engine.close()

    assert engine.describe()["kernel_cache"].startswith("not kept (")


def test_kernels_that_cannot_be_read_out_do_not_keep_the_engine(
    session: Callable[..., Any], shipped: Callable[..., Path], cuda: Any, tmp_path: Path
) -> None:
    cache = KernelCache(tmp_path / "key.cache")
    engine = session(shipped("mse", "rgb24"), ANY, cache=cache, compiled=None)
    engine.run(feed_of(engine.manifest, (32, 32), 1))

    engine.close()

    assert engine.describe()["kernel_cache"] == "not kept (TensorRT gave none)"
    assert (cuda.held, cuda.locked, cuda.streams) == ({}, {}, set())


def test_kernels_that_others_may_write_are_not_used(
    session: Callable[..., Any], shipped: Callable[..., Path], tmp_path: Path
) -> None:
    path = tmp_path / "key.cache"
    path.write_bytes(b"planted")
    path.chmod(0o666)

    engine = session(shipped("mse", "rgb24"), ANY, cache=KernelCache(path))

    assert engine.module.configs[0].cache.taken == b""
    assert "may be written by others" in engine.describe()["kernel_cache"]
