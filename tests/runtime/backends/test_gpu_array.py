"""Arrays that say they lie on a GPU, and what CUDA's layer does where there is none."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cuda.bindings import driver
from cuda.bindings import runtime as cudart

from framegauge.engines.identity.profile import Profile
from framegauge.export.contract.formats import find_format
from framegauge.export.contract.model_file import ModelFile
from framegauge.runtime.backends.gpu.cuda import Cuda, CudaError
from framegauge.runtime.backends.gpu.gpu_array import GpuArray, gpu_array, is_on_gpu
from framegauge.runtime.backends.tensorrt.execution_context import EngineError
from framegauge.runtime.backends.tensorrt.tensorrt_session import TensorrtSession
from framegauge.runtime.errors import UsageError
from framegauge.runtime.scoring.batch import batch_of

no_gpu_here = pytest.mark.skipif(
    int(cudart.cudaGetDeviceCount()[0]) == 0, reason="this machine has a GPU"
)


class Elsewhere:
    """An array on a device of some kind."""

    def __init__(self, kind: int) -> None:
        self.kind = kind

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.kind, 0


@pytest.mark.parametrize(("kind", "is_there"), [(1, False), (3, False), (2, True), (13, True)])
def test_the_kind_of_device_decides_who_reads_an_array(kind: int, is_there: bool) -> None:
    assert is_on_gpu(Elsewhere(kind)) is is_there


@pytest.mark.parametrize("kind", [8, 10, 14])
def test_arrays_of_other_makers_are_refused(kind: int) -> None:
    with pytest.raises(UsageError, match=rf"device type {kind}\. Copy it to the host"):
        is_on_gpu(Elsewhere(kind))


def test_what_numpy_holds_is_not_on_a_gpu() -> None:
    assert not is_on_gpu(np.zeros(3))
    assert not is_on_gpu([np.zeros(3)])


def test_an_array_is_taken_where_it_lies(cuda: Any, on_gpu: Callable[..., Any]) -> None:
    there = on_gpu(np.arange(24, dtype=np.uint16).reshape(2, 3, 4))

    taken = gpu_array("reference", there)

    assert taken.pointer == there.values.ctypes.data
    assert (taken.shape, taken.dtype, taken.device) == ((2, 3, 4), np.uint16, 0)
    second = taken.part(1, 2).as_bytes()
    assert second.shape == (1, 3, 4, 2)
    held = cuda.at(second.pointer, second.nbytes)
    assert held.tobytes() == np.arange(12, 24, dtype="<u2").tobytes()


def test_an_array_with_gaps_is_refused(on_gpu: Callable[..., Any]) -> None:
    there = on_gpu(np.zeros((2, 8, 8, 3), np.uint8))
    there.values = there.values[:, :, ::2]

    with pytest.raises(UsageError, match=r"reference: .* contiguous.*\(192, 24, 6, 1\)"):
        gpu_array("reference", there)


def test_an_axis_of_one_has_any_stride(on_gpu: Callable[..., Any]) -> None:
    there = on_gpu(np.zeros((2, 8, 8, 3), np.uint8))
    there.values = there.values[::2]

    assert gpu_array("reference", there).shape == (1, 8, 8, 3)


class Refusing(Elsewhere):
    """An array whose owner does not give it."""

    def __dlpack__(self, **_: Any) -> Any:
        raise BufferError("Can't export tensors that require gradient, use tensor.detach()")


def test_an_array_that_its_owner_does_not_give_is_refused_in_the_owners_words() -> None:
    with pytest.raises(UsageError, match=r"reference: .*require gradient.*Detach them"):
        gpu_array("reference", Refusing(2))


@pytest.mark.parametrize(
    "change",
    [lambda tensor: tensor.requires_grad_(), lambda tensor: tensor.bfloat16()],
    ids=["gradient", "bfloat16"],
)
def test_tensors_that_numpy_cannot_read_are_refused_by_role(change: Any) -> None:
    torch = pytest.importorskip("torch")
    frames = change(torch.zeros(1, 3, 8, 8))

    with pytest.raises(UsageError, match=r"distorted: these samples cannot be taken"):
        batch_of(find_format("rgbf32"), "distorted", frames)


def test_a_type_that_numpy_has_not_is_refused(
    cuda: Any, on_gpu: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    torch = pytest.importorskip("torch")
    there = on_gpu(np.zeros((1, 3, 8, 8), np.uint8))
    there.values = torch.zeros(1, 3, 8, 8).to(torch.float8_e4m3fn)

    with pytest.raises(UsageError, match=r"reference: these samples cannot be taken"):
        gpu_array("reference", there)


def test_frames_on_the_gpu_are_checked_by_shape_and_type(on_gpu: Callable[..., Any]) -> None:
    rgb, deep = find_format("rgb24"), find_format("yuv420p10le")
    planes = [on_gpu(np.zeros(shape, np.uint16)) for shape in ((9, 7), (5, 4), (5, 4))]

    (frame,) = batch_of(rgb, "reference", on_gpu(np.zeros((9, 7, 3), np.uint8)))
    batch = batch_of(deep, "reference", planes)

    assert isinstance(frame, GpuArray)
    assert frame.shape == (1, 9, 7, 3)
    assert [plane.shape for plane in batch] == [(1, 9, 7, 2), (1, 5, 4, 2), (1, 5, 4, 2)]
    with pytest.raises(UsageError, match="rgb24 on the GPU is uint8, got float32"):
        batch_of(rgb, "reference", on_gpu(np.zeros((9, 7, 3), np.float32)))
    with pytest.raises(UsageError, match=r"has the shape \(1, 5, 4, 2\), got \(1, 5, 5, 2\)"):
        batch_of(deep, "reference", [*planes[:2], on_gpu(np.zeros((5, 5), np.uint16))])
    with pytest.raises(UsageError, match="a batch on the GPU is one array"):
        batch_of(rgb, "reference", [on_gpu(np.zeros((9, 7, 3), np.uint8))] * 2)


@pytest.mark.parametrize(
    ("before", "is_awake", "wanted"),
    [(0, True, [1, 0]), (0, False, [1]), (1, True, [1])],
    ids=["in use", "untouched", "the same"],
)
def test_the_callers_gpu_is_the_current_one_again_if_the_process_uses_it(
    monkeypatch: pytest.MonkeyPatch, before: int, is_awake: bool, wanted: list[int]
) -> None:
    made_current: list[int] = []
    monkeypatch.setattr(cudart, "cudaGetDevice", lambda: (0, before))
    monkeypatch.setattr(cudart, "cudaSetDevice", lambda index: (made_current.append(index) or 0,))
    monkeypatch.setattr(driver, "cuDevicePrimaryCtxGetState", lambda index: (0, 0, int(is_awake)))

    with Cuda(1).current():
        assert made_current == [1]

    assert made_current == wanted


@no_gpu_here
def test_every_failed_call_of_cuda_is_an_error_that_names_it() -> None:
    cuda = Cuda(0)

    for call in (
        cuda.current().__enter__,
        cuda.stream,
        lambda: cuda.allocate(8),
        lambda: cuda.page_locked(8),
    ):
        with pytest.raises(CudaError, match=r"CUDA failed on GPU 0: cudaError\w+, .*\."):
            call()


@no_gpu_here
def test_rtx_itself_refuses_an_engine_where_there_is_no_gpu(
    shipped: Callable[..., Path], cuda: Any
) -> None:
    import tensorrt_rtx

    model = ModelFile.read(shipped("mse", "rgb24"))
    profile = Profile.parse("8x8/64x64/256x256").fitted(model.manifest)

    with pytest.raises(EngineError, match="TensorRT calls it invalid"):
        TensorrtSession(bytes(64), model.manifest, [profile], module=tensorrt_rtx, memory=cuda)
