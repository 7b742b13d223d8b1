"""ONNX Runtime where it fails: damaged files, and CUDA that is played by the CPU."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnxruntime.capi.onnxruntime_pybind11_state import EPFail, Fail

from framegauge.export.contract.model_file import ModelFile
from framegauge.runtime import BackendError, ScoreError
from framegauge.runtime.backends.model import Model, describe
from framegauge.runtime.backends.onnx.onnx_session import OnnxSession

CUDA, CPU = "CUDAExecutionProvider", "CPUExecutionProvider"
FRAMES = {name: np.zeros((1, 32, 32, 3), np.uint8) for name in ("reference", "distorted")}


class Failing:
    """What ONNX Runtime's session runs inside, once CUDA fails."""

    def __init__(self, inner: Any, error: Exception) -> None:
        self.inner, self.error = inner, error

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def run(self, *_: Any) -> Any:
        raise self.error


@pytest.fixture
def with_cuda(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Any]]:
    """Makes an ONNX Runtime with CUDA of the one here; gives what CUDA was asked for."""

    def play(
        *, starts: bool = True, loading: Exception | None = None, running: Exception | None = None
    ) -> list[Any]:
        asked: list[Any] = []

        class Played(onnxruntime.InferenceSession):  # type: ignore[misc]
            def _create_inference_session(self, providers: list[Any], *rest: Any) -> None:
                super()._create_inference_session([CPU], *rest)
                self.on_cuda = providers != [CPU] and starts
                if self.on_cuda:
                    asked.append(providers[0])
                if self.on_cuda and loading:
                    raise loading
                if self.on_cuda and running:
                    self._sess = Failing(self._sess, running)

            def get_providers(self) -> list[str]:
                return [CUDA, CPU] if self.on_cuda else [CPU]

        monkeypatch.setattr(onnxruntime, "InferenceSession", Played)
        monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [CUDA, CPU])
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
        return asked

    return play


@pytest.fixture
def mse(shipped: Callable[..., Path]) -> Path:
    return shipped("mse", "rgb24")


def test_threads_of_a_session_do_not_spin_while_they_wait(
    mse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions: list[onnxruntime.InferenceSession] = []

    class Kept(onnxruntime.InferenceSession):  # type: ignore[misc]
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            sessions.append(self)

    monkeypatch.setattr(onnxruntime, "InferenceSession", Kept)
    Model(mse, backend="cpu", threads=6, session_threads=3, self_test=False)

    options = sessions[0].get_session_options()
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"
    assert options.intra_op_num_threads == 3


def test_cuda_that_fails_in_a_run_fails_it_and_does_not_become_the_cpu(
    mse: Path, with_cuda: Callable[..., list[Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    with_cuda(running=EPFail("[ONNXRuntimeError] : 11 : EP_FAIL : CUDNN_STATUS_EXECUTION_FAILED"))
    model = Model(mse, backend="cuda", self_test=False)

    with pytest.raises(ScoreError, match=r"failed on cuda: .*CUDNN_STATUS_EXECUTION_FAILED"):
        model.run(FRAMES)
    assert model.device == "cuda"
    assert capsys.readouterr().out == ""


def test_cuda_that_does_not_start_is_the_cpu_by_auto_and_why(
    mse: Path, with_cuda: Callable[..., list[Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    with_cuda(loading=RuntimeError("CUDA failure 101: invalid device ordinal"))

    model = Model(mse)

    assert model.device == "cpu"
    assert "CUDA failure 101: invalid device ordinal" in describe(model)["why"]
    assert capsys.readouterr().out == ""


def test_cuda_that_does_not_start_is_refused_by_name_with_its_own_words(
    mse: Path, with_cuda: Callable[..., list[Any]]
) -> None:
    with_cuda(loading=RuntimeError("CUDA failure 101: invalid device ordinal"))

    with pytest.raises(BackendError, match=r"start it on GPU 7 \(CUDA failure 101: invalid device"):
        Model(mse, backend="cuda", device=7)


def test_cuda_that_is_offered_and_not_taken_is_not_said_to_be_lacking(
    mse: Path, with_cuda: Callable[..., list[Any]]
) -> None:
    with_cuda(starts=False)

    with pytest.raises(BackendError, match=r"has CUDA and could not start it .*cuDNN are missing"):
        Model(mse, backend="cuda")


def test_cuda_that_fails_the_self_test_is_the_cpu_by_auto_and_an_error_by_name(
    mse: Path, with_cuda: Callable[..., list[Any]]
) -> None:
    with_cuda(running=Fail("CUDA out of memory"))

    model = Model(mse)

    assert model.device == "cpu"
    assert "CUDA out of memory" in describe(model)["why"]
    words = r"self-test on cuda \(.*out of memory.*may be damaged, or the device out of memory"
    with pytest.raises(ScoreError, match=words):
        Model(mse, backend="cuda")


def test_cuda_computes_without_tf32_and_without_racing_algorithms(
    mse: Path, with_cuda: Callable[..., list[Any]]
) -> None:
    asked = with_cuda()

    Model(mse, backend="cuda", device=3)

    wanted = {"device_id": 3, "use_tf32": 0, "cudnn_conv_algo_search": "HEURISTIC"}
    assert asked == [(CUDA, wanted)]


def test_the_gpu_that_cuda_ran_on_is_named(mse: Path, with_cuda: Callable[..., list[Any]]) -> None:
    with_cuda()

    facts = describe(Model(mse, backend="cuda", device=3))

    assert re.fullmatch(r"GPU 3( \(.+\))?", facts["device"])


@pytest.mark.parametrize(
    ("before", "after"),
    [(b'"\x03Add', b'"\x03Ad\xf5'), (b'"uint8","dims"', b'"uint8","di\xe6s"')],
    ids=["operator", "manifest"],
)
def test_a_file_with_a_damaged_word_is_refused_and_nothing_is_printed(
    shipped: Callable[..., Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    before: bytes,
    after: bytes,
) -> None:
    path = tmp_path / "damaged.onnx"
    path.write_bytes(shipped("psnr", "rgb24").read_bytes().replace(before, after))

    with pytest.raises(ScoreError, match=r"damaged\.onnx is damaged or was changed"):
        Model(path, backend="cpu")
    assert capsys.readouterr().out == ""


def test_a_graph_that_onnx_runtime_cannot_load_is_refused_and_nothing_is_printed(
    shipped: Callable[..., Path],
    resealed: Callable[[onnx.ModelProto], bytes],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    model = onnx.load(shipped("psnr", "rgb24"))
    model.graph.node[-1].op_type = "Conv"
    path = tmp_path / "odd.onnx"
    path.write_bytes(resealed(model))

    with pytest.raises(ScoreError, match=r"odd\.onnx is not a model that ONNX Runtime can load"):
        Model(path, backend="cpu")
    assert capsys.readouterr().out == ""


def test_a_run_that_fails_is_an_error_of_ours(mse: Path) -> None:
    session = OnnxSession(ModelFile.read(mse), threads=1)
    lower = np.zeros((1, 16, 32, 3), np.uint8)

    with pytest.raises(ScoreError, match=r"ONNX Runtime failed on cpu: "):
        session.run({**FRAMES, "distorted": lower})
