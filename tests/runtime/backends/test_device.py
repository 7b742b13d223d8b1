"""Engines on a GPU that is one: every test here is skipped where there is none."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from cuda.bindings import runtime as cudart
from numpy.testing import assert_allclose, assert_array_equal

from framegauge.engines.building.build import build, jobs
from framegauge.engines.identity.machine import FLAVOURS, TargetError, flavours
from framegauge.engines.identity.profile import Profile
from framegauge.engines.identity.target import parse_targets
from framegauge.engines.store.store import Store
from framegauge.export.contract import selftest
from framegauge.export.contract.model_file import ModelFile
from framegauge.runtime import Scorer
from framegauge.runtime.backends.gpu.cuda import Cuda
from framegauge.runtime.backends.gpu.gpu_array import gpu_array
from framegauge.runtime.backends.model import Model, describe
from framegauge.runtime.backends.tensorrt.kernel_cache import KernelCache
from framegauge.runtime.backends.tensorrt.tensorrt_session import TensorrtSession

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(
        int(cudart.cudaGetDeviceCount()[0]) != 0, reason="no NVIDIA GPU to run engines on"
    ),
]

PROFILE = "32x32/320x180/640x640x4"


@pytest.fixture(scope="module", params=FLAVOURS)
def engine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., TensorrtSession]]:
    """Builds an engine for the GPU here, once a model, and loads it."""
    flavour = request.param
    if flavour not in flavours():
        pytest.skip(f"{flavour} is not installed")
    try:
        targets = parse_targets("local", flavour=flavour)
    except (ValueError, TargetError) as error:
        pytest.skip(str(error))
    store = Store(tmp_path_factory.mktemp(flavour) / "store", system=[])
    with ExitStack() as opened:

        def load(path: Path, *, lanes: int = 4) -> TensorrtSession:
            model = ModelFile.read(path)
            (result,) = build(jobs(model, targets, [Profile.parse(PROFILE)]), store)
            assert result.held is not None, result.why
            session = TensorrtSession(
                store.read(result.held),
                model.manifest,
                result.held.facts.recipe.profiles,
                module=import_module(flavour),
                memory=Cuda(0),
                cache=KernelCache(result.held.cache),
                lanes=lanes,
            )
            return opened.enter_context(closing(session))

        yield load


def feed_of(session: Any, size: tuple[int, int], batch: int) -> dict[str, Any]:
    manifest = session.manifest
    return selftest.feed(manifest.form, manifest.inputs, size, batch, manifest.self_test.facts)


@pytest.mark.parametrize(
    ("entry", "format"),
    [
        ("psnr", "rgb24"),
        ("ssim", "rgb24"),
        ("gmsd", "rgb24"),
        ("census", "yuv420p10le"),
        ("default", "yuv420p"),
    ],
)
@pytest.mark.parametrize(("size", "batch"), [((64, 96), 1), ((65, 97), 3), ((180, 320), 6)])
def test_scores_are_those_of_onnxruntime(
    engine: Callable[..., TensorrtSession],
    shipped: Callable[..., Path],
    entry: str,
    format: str,
    size: tuple[int, int],
    batch: int,
) -> None:
    path = shipped(entry, format)
    session = engine(path)
    feed = feed_of(session, size, batch)

    scores = session.run(feed)

    other = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    wanted = dict(zip(session.outputs, other.run(list(session.outputs), feed), strict=True))
    for output in session.manifest.outputs:
        # What the manifest says does not matter.
        assert_allclose(
            scores[output.name],
            wanted[output.name],
            atol=output.tolerance,
            rtol=output.relative,
            err_msg=output.name,
        )


def test_frames_of_torch_are_taken_and_scores_given_without_a_copy(
    engine: Callable[..., TensorrtSession], shipped: Callable[..., Path]
) -> None:
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("this PyTorch has no CUDA")
    session = engine(shipped("mse", "rgb24"))
    reference = torch.full((6, 64, 96, 3), 51, dtype=torch.uint8, device="cuda")
    distorted = torch.zeros_like(reference)
    feed = {
        name: gpu_array(name, values)
        for name, values in (("reference", reference), ("distorted", distorted))
    }

    left = session.run_on_gpu(feed, ["mse"])["mse"]

    scores = torch.from_dlpack(left)
    assert feed["reference"].pointer == reference.data_ptr()
    assert scores.data_ptr() == left.pointer
    # 51 of 255 everywhere: a fifth, squared.
    torch.testing.assert_close(scores, torch.full((6,), 0.04, device="cuda"))
    assert_array_equal(session.run(feed)["mse"], scores.cpu().numpy())


def test_one_frame_of_a_batch_of_torch_is_scored_wherever_it_begins(
    engine: Callable[..., TensorrtSession], shipped: Callable[..., Path]
) -> None:
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("this PyTorch has no CUDA")
    session = engine(shipped("mse", "rgb24"))
    # 18915 bytes a frame: the second begins at no multiple of 256, as TensorRT wants it.
    reference = torch.full((2, 65, 97, 3), 51, dtype=torch.uint8, device="cuda")
    distorted = torch.zeros_like(reference)

    scores = session.run(
        {
            "reference": gpu_array("reference", reference[1:]),
            "distorted": gpu_array("distorted", distorted[1:]),
        }
    )

    assert_allclose(scores["mse"], [0.04], rtol=1e-6)


def test_a_frame_that_is_still_being_written_is_waited_for(
    engine: Callable[..., TensorrtSession], shipped: Callable[..., Path]
) -> None:
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("this PyTorch has no CUDA")
    session = engine(shipped("mse", "rgb24"))
    distorted = torch.zeros((1, 640, 640, 3), dtype=torch.uint8, device="cuda")
    session.run({name: gpu_array(name, distorted) for name in ("reference", "distorted")})
    reference = torch.zeros_like(distorted)
    with torch.cuda.stream(torch.cuda.Stream()):
        torch.cuda._sleep(200_000_000)
        reference.fill_(51)

        scores = session.run(
            {
                "reference": gpu_array("reference", reference),
                "distorted": gpu_array("distorted", distorted),
            }
        )

    assert_allclose(scores["mse"], [0.04], rtol=1e-6)


def test_threads_get_the_scores_that_one_gets(
    engine: Callable[..., TensorrtSession], shipped: Callable[..., Path]
) -> None:
    session = engine(shipped("psnr", "rgb24"), lanes=3)
    feeds = [feed_of(session, (64 + index % 4, 96), 1 + index % 5) for index in range(32)]
    alone = [session.run(feed)["psnr"] for feed in feeds]

    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(session.run, feeds))

    for one, other in zip(alone, together, strict=True):
        assert_array_equal(other["psnr"], one)


def test_runs_that_repeat_as_a_graph_give_what_the_first_gave(
    engine: Callable[..., TensorrtSession], shipped: Callable[..., Path]
) -> None:
    session = engine(shipped("ssim", "rgb24"), lanes=1)
    first, second = feed_of(session, (64, 96), 2), feed_of(session, (64, 96), 2)
    second["distorted"] = second["distorted"][::-1].copy()
    fresh = [engine(shipped("ssim", "rgb24"), lanes=1).run(feed) for feed in (first, second)]

    repeated = [session.run(feed)["ssim"] for feed in [first, second] * 4]

    assert_array_equal(repeated, [fresh[0]["ssim"], fresh[1]["ssim"]] * 4)


def test_kernels_compiled_once_are_taken_up_by_the_next(
    engine: Callable[..., TensorrtSession], shipped: Callable[..., Path]
) -> None:
    session = engine(shipped("sobel", "rgb24"))
    if not session.is_rtx:
        pytest.skip("TensorRT has all of its kernels in the engine")
    session.run(feed_of(session, (64, 96), 1))
    session.close()

    again = engine(shipped("sobel", "rgb24"))

    assert again.describe()["kernel_cache"].startswith("taken from ")


def test_a_scorer_builds_what_is_missing_and_proves_it(
    engine: Callable[..., TensorrtSession],
    shipped: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FRAMEGAUGE_STORE", str(tmp_path / "store"))
    backend = engine(shipped("mse", "rgb24")).device
    frames = np.full((64, 96, 3), 51, np.uint8)

    with Scorer(shipped("mse", "rgb24"), backend=backend, build_missing=True) as scorer:
        scores = scorer(reference=frames, distorted=np.zeros_like(frames))
        facts = describe(scorer.models[0])

    assert_allclose(scores["mse"], [0.04], rtol=1e-6)
    assert facts["name"] == backend
    assert facts["self_test"] == "passed"


@pytest.mark.skipif(
    "CUDAExecutionProvider" not in onnxruntime.get_available_providers(),
    reason="this ONNX Runtime has no CUDA",
)
def test_onnxruntime_takes_frames_of_torch_without_a_copy(shipped: Callable[..., Path]) -> None:
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("this PyTorch has no CUDA")
    frames = torch.full((3, 64, 96, 3), 51, dtype=torch.uint8, device="cuda")
    model = Model(shipped("mse", "rgb24"), backend="cuda")

    scores = model.run(
        {
            "reference": gpu_array("reference", frames),
            "distorted": np.zeros(frames.shape, np.uint8),
        }
    )

    assert_allclose(scores["mse"], [0.04] * 3, rtol=1e-6)
