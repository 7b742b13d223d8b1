import gc
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from framegauge.runtime import BackendError, ScoreError, Scorer, UsageError
from framegauge.runtime.backends.model import Model, describe
from framegauge.runtime.cpu_count import usable_cpus

NO_ONNXRUNTIME = """
import sys
sys.modules["onnxruntime"] = None
from framegauge.runtime import BackendError, Scorer
try:
    Scorer(sys.argv[1])
except BackendError as error:
    print(error)
"""


def running_threads() -> int:
    gc.collect()  # sessions that nobody holds any more end their threads when they are collected
    return len(os.listdir("/proc/self/task"))


needs_proc = pytest.mark.skipif(
    not Path("/proc/self/task").is_dir(), reason="threads are counted in /proc, which is Linux's"
)


@needs_proc
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_a_session_computes_with_the_threads_it_is_given(
    shipped: Callable[..., Path], threads: int
) -> None:
    before = running_threads()

    with Scorer(shipped("ssim"), threads=threads) as scorer:
        during = running_threads()

    # The thread that asks for scores is one of those that compute them.
    assert during - before == threads - 1
    assert scorer.models == []


@needs_proc
def test_without_a_count_a_session_takes_the_cpus_it_may_use(
    shipped: Callable[..., Path],
) -> None:
    before = running_threads()

    model = Model(shipped("ssim"))

    assert running_threads() - before == usable_cpus() - 1
    assert model.threads == usable_cpus()


@pytest.mark.parametrize("threads", [0, -1])
def test_fewer_than_one_thread_is_refused(shipped: Callable[..., Path], threads: int) -> None:
    with pytest.raises(UsageError, match=f"--threads takes at least 1, got {threads}"):
        Model(shipped("psnr_y"), threads=threads)


def test_more_threads_than_any_machine_has_are_refused(shipped: Callable[..., Path]) -> None:
    with pytest.raises(UsageError, match="--threads takes at most 1024, got 1025"):
        Model(shipped("psnr_y"), threads=1025)


def test_an_unknown_backend_is_refused_with_those_there_are(shipped: Callable[..., Path]) -> None:
    with pytest.raises(
        UsageError, match="takes one of auto, cpu, cuda, tensorrt, tensorrt-rtx; got 'gpu'"
    ):
        Model(shipped("psnr_y"), backend="gpu")


@pytest.mark.skipif(
    "CUDAExecutionProvider" in onnxruntime.get_available_providers(),
    reason="this ONNX Runtime has CUDA",
)
def test_cuda_asked_for_and_not_there_is_an_error_and_never_the_cpu(
    shipped: Callable[..., Path],
) -> None:
    with pytest.raises(BackendError, match=r"cuda is not available.*\.\[gpu\].*cpu"):
        Model(shipped("psnr_y"), backend="cuda")


@pytest.mark.gpu
@pytest.mark.skipif(
    "CUDAExecutionProvider" not in onnxruntime.get_available_providers(),
    reason="this ONNX Runtime has no CUDA",
)
def test_cuda_gives_the_scores_of_the_self_test(shipped: Callable[..., Path]) -> None:
    model = Model(shipped("ssim"), backend="cuda")

    assert model.device == "cuda"
    assert all(check.passed for check in model.self_test())


def test_what_ran_a_model_is_described(shipped: Callable[..., Path]) -> None:
    facts = describe(Model(shipped("psnr_y"), backend="cpu", threads=2))

    assert facts["name"] == "cpu"
    assert facts["why"] == "asked for"
    assert facts["precision"] == "fp32"
    assert facts["threads"] == 2
    assert facts["versions"] == {
        "onnxruntime": onnxruntime.__version__,
        "numpy": np.__version__,
    }


def test_without_onnxruntime_the_error_names_the_extras(
    shipped: Callable[..., Path], python: Callable[..., Any]
) -> None:
    done = python(NO_ONNXRUNTIME, shipped("psnr_y"))

    assert done.returncode == 0, done.stderr
    assert "pip install '.[cpu]'" in done.stdout
    assert "pip install '.[gpu]'" in done.stdout


@pytest.mark.parametrize("content", [b"", b"no model", bytes(range(256)) * 40])
def test_a_file_that_is_no_model_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)

    wanted = r"model\.onnx is not (an ONNX file|a framegauge model)"
    with pytest.raises((ScoreError, UsageError), match=wanted):
        Model(path)


@pytest.mark.parametrize(
    ("name", "reason"), [("missing.onnx", "No such file"), ("", "Is a directory")]
)
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, name: str, reason: str) -> None:
    with pytest.raises(ScoreError, match=rf"The model {re.escape(str(tmp_path))}.*{reason}"):
        Model(tmp_path / name)


def test_a_model_cut_off_is_refused(shipped: Callable[..., Path], tmp_path: Path) -> None:
    content = shipped("ssim").read_bytes()
    path = tmp_path / "half.onnx"
    path.write_bytes(content[: len(content) // 2])

    with pytest.raises((ScoreError, UsageError), match=r"half\.onnx"):
        Model(path)


def test_a_model_of_others_is_refused(
    shipped: Callable[..., Path], rewritten: Callable[..., Path]
) -> None:
    path = rewritten(shipped("psnr_y"), None)

    with pytest.raises(UsageError, match=r"not a framegauge model.*`framegauge export`"):
        Model(path)


def test_a_model_of_a_newer_release_is_refused(
    shipped: Callable[..., Path], rewritten: Callable[..., Path]
) -> None:
    path = rewritten(shipped("psnr_y"), lambda manifest: manifest.update(schema=3, new="words"))

    with pytest.raises(UsageError, match=r"schema 3, and this release reads 2\. Update"):
        Model(path)


def test_test_frames_of_a_newer_release_are_refused(
    shipped: Callable[..., Path], rewritten: Callable[..., Path]
) -> None:
    path = rewritten(shipped("psnr_y"), lambda manifest: manifest["self_test"].update(pattern=3))

    with pytest.raises(UsageError, match=r"test frames of version 3.*Update framegauge"):
        Model(path)


@pytest.mark.parametrize(
    "change",
    [
        "",
        '{"schema": 1}',
        "{",
        "[]",
        "null",
        "{}",
        lambda manifest: manifest.pop("format"),
        lambda manifest: manifest.update(format="yuv411p"),
        lambda manifest: manifest.update(schema="1"),
        lambda manifest: manifest.update(matrix="blue"),
        lambda manifest: manifest.update(required=["outputs.mood"]),
        lambda manifest: manifest.update(outputs=[]),
        lambda manifest: manifest["inputs"][0].pop("dims"),
        lambda manifest: manifest["inputs"].pop(),
        lambda manifest: manifest["inputs"][0].update(name="other"),
        lambda manifest: manifest["inputs"].reverse(),
        lambda manifest: manifest["outputs"][0].update(name="other"),
        lambda manifest: manifest["outputs"].append(dict(manifest["outputs"][0], name="other")),
        lambda manifest: manifest["outputs"][0].update(tolerance="none"),
        lambda manifest: manifest["self_test"].update(batch=3),
        lambda manifest: manifest["self_test"].update(batch="two"),
        lambda manifest: manifest["self_test"].update(sizes=[[41, 42]]),
        lambda manifest: manifest["self_test"]["sizes"][0].__setitem__(0, -4),
        lambda manifest: manifest["self_test"].update(sizes=[[2**30, 2**30]] * 2),
        lambda manifest: manifest["self_test"].update(batch=10**9),
        lambda manifest: manifest["self_test"]["scores"][0].pop("psnr"),
        lambda manifest: manifest["self_test"]["scores"][0].update(psnr=[]),
        lambda manifest: manifest["self_test"]["scores"][0].update(psnr=["a", "b"]),
        lambda manifest: manifest["self_test"].update(colour=[[1, 2], [3]]),
        lambda manifest: manifest["self_test"].update(colour=None),
    ],
)
def test_a_damaged_manifest_is_refused(
    shipped: Callable[..., Path], rewritten: Callable[..., Path], change: Any
) -> None:
    path = rewritten(shipped("psnr"), change)

    with pytest.raises((ScoreError, UsageError), match=r"rewritten-psnr\.onnx|Export"):
        Model(path)


@pytest.mark.parametrize("entry", ["psnr_y", "ssim", "float_ssim", "census"])
def test_a_model_with_one_constant_changed_fails_its_self_test(
    shipped: Callable[..., Path], bent: Callable[[Path], Path], entry: str
) -> None:
    path = bent(shipped(entry))

    with pytest.raises(ScoreError, match=rf"failed its self-test on cpu: {entry}.* should be"):
        Model(path)
    assert not all(check.passed for check in Model(path, self_test=False).self_test())


def test_a_model_that_is_wrong_for_large_frames_alone_fails_its_self_test(
    shipped: Callable[..., Path], resealed: Callable[[onnx.ModelProto], bytes], tmp_path: Path
) -> None:
    model = onnx.load(shipped("float_ssim"))
    (divisor,) = (
        each
        for each in model.graph.initializer
        if each.data_type == onnx.TensorProto.INT64
        and onnx.numpy_helper.to_array(each).tolist() in (256, [256])
    )
    far = np.full_like(onnx.numpy_helper.to_array(divisor), 4096)
    divisor.CopyFrom(onnx.numpy_helper.from_array(far, divisor.name))
    path = tmp_path / "far.onnx"
    path.write_bytes(resealed(model))

    # Reduced by no factor where it should be by two; below a side of 384 nothing differs.
    with pytest.raises(ScoreError, match="float_ssim at 389x384 should be"):
        Model(path)


@pytest.mark.parametrize(
    ("entry", "other"),
    [
        ("psnr_y", "psnr_cb"),
        ("psnr_y", "ssim"),
        ("psnr", "charbonnier"),
        ("float_ssim", "float_ms_ssim"),
    ],
)
@pytest.mark.parametrize("self_test", [True, False])
def test_the_manifest_of_another_model_is_refused(
    shipped: Callable[..., Path],
    rewritten: Callable[..., Path],
    entry: str,
    other: str,
    self_test: bool,
) -> None:
    held = {each.key: each.value for each in onnx.load(shipped(other)).metadata_props}
    path = rewritten(shipped(entry), held["framegauge"])

    with pytest.raises(ScoreError, match=rf"manifest of .*{entry}\.onnx belongs to another model"):
        Model(path, self_test=self_test)


def test_a_model_under_the_names_of_another_fails_its_self_test(
    shipped: Callable[..., Path],
    resealed: Callable[[onnx.ModelProto], bytes],
    tmp_path: Path,
) -> None:
    model, other = onnx.load(shipped("l1")), onnx.load(shipped("mse"))
    held = {each.key: each.value for each in other.metadata_props}
    for each in model.metadata_props:
        each.value = held[each.key]
    (last,) = (node for node in model.graph.node if "l1" in node.output)
    last.output[0] = model.graph.output[0].name = "mse"
    (tmp_path / "mse.onnx").write_bytes(resealed(model))

    with pytest.raises(ScoreError, match="failed its self-test on cpu: mse"):
        Model(tmp_path / "mse.onnx")


def test_a_self_test_allows_its_share_of_the_tolerance(
    shipped: Callable[..., Path], rewritten: Callable[..., Path]
) -> None:
    def sharing(share: float) -> Path:
        return rewritten(shipped("ssim"), lambda facts: facts["self_test"].update(share=share))

    Model(sharing(1.0)).close()
    with pytest.raises(ScoreError, match="failed its self-test on cpu: ssim"):
        Model(sharing(1e-12))


def test_a_model_is_named_by_the_hash_of_its_bytes(
    shipped: Callable[..., Path], tmp_path: Path
) -> None:
    copy = tmp_path / "copy.onnx"
    copy.write_bytes(shipped("psnr_y").read_bytes())

    model, same, other = (Model(path) for path in (shipped("psnr_y"), copy, shipped("psnr_cb")))

    assert re.fullmatch("[0-9a-f]{64}", model.sha256)
    assert model.sha256 == same.sha256 != other.sha256
