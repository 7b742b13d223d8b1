import math
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from framegauge.runtime import Report, ScoreError, UsageError, score
from framegauge.runtime.scoring.batches_in_flight import BATCH_FRAMES, batches, stacked
from framegauge.runtime.sources.source import open_source

CLIPS = Path(__file__).parents[2] / "clips"
EIGHT = (CLIPS / "reference.mp4", CLIPS / "distorted.mp4")
TEN = (CLIPS / "reference10.mkv", CLIPS / "distorted10.mkv")
PLANES = ("psnr_y", "psnr_cb", "psnr_cr")
LIBVMAF = (*PLANES, "float_ssim", "float_ms_ssim")

# libvmaf writes six decimals; decibels and similarities are wanted to four.
AGREEMENT = 1e-4


@pytest.fixture(scope="module")
def even(clip: Callable[..., Path]) -> tuple[Path, Path]:
    """A noisy 10-bit pair whose distorted video was coded at a low rate."""
    source = ("-f", "lavfi", "-i", "testsrc2=size=416x242:rate=25", "-frames:v", 6)
    deep = ("-vf", "noise=alls=12:all_seed=3", "-pix_fmt", "yuv420p10le")
    first = clip(".mkv", *source, *deep, "-c:v", "ffv1")
    return first, clip(".mkv", "-i", first, "-c:v", "libvpx-vp9", "-b:v", "120k", "-cpu-used", 8)


@pytest.fixture(params=["8 bits", "10 bits", "10 bits, odd height"])
def pair(request: pytest.FixtureRequest, even: tuple[Path, Path]) -> tuple[Path, Path]:
    return {"8 bits": EIGHT, "10 bits": even, "10 bits, odd height": TEN}[request.param]


@pytest.fixture
def libvmaf(ffmpeg: Callable[..., str], tmp_path: Path) -> Callable[[tuple[Path, Path]], Report]:
    """What FFmpeg with libvmaf makes of a pair."""

    def run(pair: tuple[Path, Path]) -> Report:
        log = tmp_path / "libvmaf.json"
        features = "|".join(f"name={name}" for name in ("psnr", "float_ssim", "float_ms_ssim"))
        ffmpeg(
            *("-i", pair[1], "-i", pair[0]),
            *("-lavfi", f"[0:v][1:v]libvmaf=feature={features}:log_fmt=json:log_path={log}"),
            *("-f", "null", "-"),
        )
        return Report.read(log)

    return run


def decoded(path: Path) -> list[Any]:
    with open_source(path) as source:
        return list(source.frames(format="yuv420p10le"))


def without_last_row(plane: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], ...]:
    """The plane as luma, one row shorter, beside empty chroma."""
    luma = plane[:-1]
    chroma = np.zeros(((luma.shape[0] + 1) // 2, (luma.shape[1] + 1) // 2, 2), np.uint8)
    return luma, chroma, chroma


def flat(value: int, *, size: int = 16) -> tuple[NDArray[np.uint8], ...]:
    half = size // 2
    return tuple(np.full(shape, value, np.uint8) for shape in ((size, size), *[(half, half)] * 2))


@pytest.mark.parametrize("name", LIBVMAF)
@pytest.mark.parametrize("depth", [8, 10])
def test_every_frame_scores_as_libvmaf_scores_it(
    libvmaf: Callable[..., Report], even: tuple[Path, Path], depth: int, name: str
) -> None:
    pair = EIGHT if depth == 8 else even

    ours, theirs = score(*pair, metrics=name), libvmaf(pair)

    wanted = theirs.frames.scores[name]
    assert ours.frames.numbers.tolist() == theirs.frames.numbers.tolist()
    assert np.ptp(wanted) > 10 * AGREEMENT
    assert_allclose(ours.frames.scores[name], wanted, atol=AGREEMENT, rtol=0)


def test_frames_of_odd_height_score_as_libvmaf_scores_them_but_for_its_chroma(
    libvmaf: Callable[..., Report],
) -> None:
    ours, theirs = score(*TEN, metrics=LIBVMAF), libvmaf(TEN)

    for name in ("psnr_y", "float_ssim", "float_ms_ssim"):
        wanted = theirs.frames.scores[name]
        assert_allclose(ours.frames.scores[name], wanted, atol=AGREEMENT, rtol=0)
    # libvmaf leaves out the last of ceil(181 / 2) rows of chroma; FFmpeg's psnr counts it.
    shorter = [[without_last_row(planes[1]) for planes in decoded(path)] for path in TEN]
    wanted = theirs.frames.scores["psnr_cb"]
    got = score(*shorter, metrics="psnr_y", pixel_format="yuv420p10le").frames.scores["psnr_y"]
    assert_allclose(got, wanted, atol=AGREEMENT, rtol=0)


def test_planes_score_as_ffmpeg_scores_them(
    ffmpeg: Callable[..., str], pair: tuple[Path, Path]
) -> None:
    ours = score(*pair)

    said = ffmpeg(
        *("-i", pair[1], "-i", pair[0]),
        *("-lavfi", "[0:v][1:v]psnr,metadata=print", "-f", "null", "-"),
    )

    summary = re.search(r"PSNR y:(\S+) u:(\S+) v:(\S+) average", said)
    assert summary is not None
    wanted = [float(value) for value in summary.groups()]
    got = [ours.aggregate[f"a{name}"] for name in PLANES]
    assert_allclose(got, wanted, atol=AGREEMENT, rtol=0)
    for name, plane in zip(PLANES, "yuv", strict=True):
        frames = [float(text) for text in re.findall(rf"lavfi\.psnr\.psnr\.{plane}=(\S+)", said)]
        assert_allclose(ours.frames.scores[name], frames, atol=AGREEMENT, rtol=0)


def test_planes_have_the_default_suite_of_planes(reference: str, distorted: str) -> None:
    report = score(reference, distorted)

    assert report.labels == ("psnr_y", "psnr_cb", "psnr_cr", "float_ssim")
    assert list(report.aggregate) == ["apsnr_y", "apsnr_cb", "apsnr_cr"]
    assert report.model["files"] == ["default.onnx"]
    assert report.model["origin"] == "shipped"


def test_rgb_has_the_default_suite_of_rgb() -> None:
    grey = np.full((2, 16, 16, 3), 100, np.uint8)

    report = score(list(grey), list(grey + 10))

    assert report.labels == ("psnr", "ssim")
    assert_allclose(report.frames.scores["psnr"], 20 * math.log10(25.5), atol=1e-5)


def test_only_what_is_asked_for_is_computed_in_the_order_asked(
    reference: str, distorted: str
) -> None:
    report = score(reference, distorted, metrics="float_ssim,loud=psnr_cr,psnr_y", count=2)

    assert report.labels == ("float_ssim", "loud", "psnr_y")
    assert list(report.aggregate) == ["aloud", "apsnr_y"]
    assert report.model["files"] == ["float_ssim.onnx", "psnr_cr.onnx", "psnr_y.onnx"]
    assert report.model["entries"] == ["float_ssim", "psnr_cr", "psnr_y"]


def test_fewer_frames_than_were_asked_for_are_told_where_they_are_allowed() -> None:
    told: list[str] = []

    report = score(
        [flat(10)] * 3,
        [flat(12)] * 3,
        metrics="psnr_y",
        start=1,
        count=100,
        on_length_mismatch="shortest",
        tell=told.append,
    )

    assert report.frames.numbers.tolist() == [1, 2]
    assert "2 frames were scored, fewer than the 100 asked for" in told


def test_a_report_says_what_was_scored_with_what(reference: str, distorted: str) -> None:
    report = score(reference, distorted, gates=["psnr_y.min>=99", "float_ssim>0"], threads=1)

    assert report.inputs["reference"]["name"] == reference
    assert report.inputs["distorted"]["codec"] == "h264"
    assert report.inputs["distorted"]["frame_rate"] == "25"
    assert report.inputs["distorted"]["frames"] == 16
    assert report.backend["asked"] == "auto"
    assert report.backend["threads"] == 1
    assert [len(each) for each in report.model["sha256"]] == [64]
    assert report.fps is not None
    assert report.fps > 0
    assert [outcome.passed for outcome in report.gates] == [False, True]
    assert not report.passed


def test_the_pooled_error_of_a_clip_is_not_the_mean_of_its_frames() -> None:
    report = score([flat(100)] * 2, [flat(101), flat(103)], metrics="psnr_y")

    # Mean squared errors 1 and 9.
    assert report.aggregate["apsnr_y"] == pytest.approx(20 * math.log10(255) - 10 * math.log10(5))
    mean = (20 * math.log10(255) + 20 * math.log10(255 / 3)) / 2
    assert report.pooled["psnr_y"]["mean"] == pytest.approx(mean, abs=1e-5)


def test_batches_hold_every_pair_in_order() -> None:
    pairs = iter([(number, (), ()) for number in range(5)])

    assert [[number for number, *_ in batch] for batch in batches(pairs, 2)] == [
        [0, 1],
        [2, 3],
        [4],
    ]


def test_one_frame_is_a_batch_without_a_copy() -> None:
    planes = flat(3)

    assert np.shares_memory(stacked([planes])[0], planes[0])
    assert [plane.shape for plane in stacked([planes, flat(4)])] == [
        (2, 16, 16),
        (2, 8, 8),
        (2, 8, 8),
    ]


@pytest.mark.parametrize("frames", [1, BATCH_FRAMES - 1, BATCH_FRAMES, BATCH_FRAMES + 1])
def test_no_frame_is_lost_between_batches(frames: int) -> None:
    report = score(
        [flat(0)] * frames, [flat(1 + number) for number in range(frames)], metrics="psnr_y"
    )

    wanted = [20 * math.log10(255 / (1 + number)) for number in range(frames)]
    assert_allclose(report.frames.scores["psnr_y"], wanted, atol=1e-5)


def test_progress_is_told_from_nothing_to_all() -> None:
    told: list[tuple[int, int | None]] = []

    score(
        [flat(1)] * 40,
        [flat(2)] * 40,
        metrics="psnr_y",
        progress=lambda done, total: told.append((done, total)),
    )

    assert told[0] == (0, 40)
    assert told[-1] == (40, 40)
    assert told == sorted(told)


def test_of_clips_without_a_length_progress_has_no_total() -> None:
    told: list[int | None] = []

    score(
        iter([flat(1)] * 3),
        iter([flat(2)] * 3),
        metrics="psnr_y",
        progress=lambda done, total: told.append(total),
    )

    assert set(told) == {None}


def test_the_worst_frames_are_kept_as_pictures() -> None:
    errors = [3, 9, 1, 7, 5]

    report = score(
        [flat(100)] * 5, [flat(100 + error) for error in errors], metrics="psnr_y", stills=2
    )

    assert [still.frame for still in report.stills] == [1, 3]
    assert [still.label for still in report.stills] == ["psnr_y", "psnr_y"]


@pytest.mark.slow
def test_rounding_and_cropping_make_a_model_of_their_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.setenv("FRAMEGAUGE_CACHE", str(tmp_path_factory.mktemp("cache")))
    reference, distorted = flat(100), flat(100)
    distorted[0][0, :] = 200

    report = score([reference], [distorted], metrics="psnr_y", crop_border=1, quantise=8)

    assert report.pooled["psnr_y"]["mean"] == 60
    assert report.model["origin"] == "exported"
    assert (report.model["crop_border"], report.model["quantise"]) == (1, 8)


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        ({"metrics": "psnr", "model": "m.onnx"}, "Give metrics or a model, not both"),
        ({"model": "m.onnx", "crop_border": 1}, "Rounding and cropping are part of a model"),
        ({"model": "m.onnx", "quantise": 8}, "`framegauge export --quantise 8"),
        ({"stills": -1}, "--stills takes at least 0, got -1"),
        ({"metrics": "ssmi"}, "no metric called 'ssmi'; did you mean 'ssim'"),
        ({"metrics": ""}, "'' is not an entry"),
        ({"metrics": "psnr,psnr"}, "Two entries would be called 'psnr'"),
        ({"gates": ["vmaf>90"]}, "names no output: there is no 'vmaf'"),
        ({"gates": ["psnr_y"]}, "is not a gate"),
        ({"model": []}, "at least one model file"),
        ({"backend": "tpu"}, "--backend takes one of"),
        ({"threads": 0}, "--threads takes at least 1"),
        ({"matrix": "bt2100"}, "--matrix takes one of bt601, bt709, bt2020"),
        ({"range": "pc"}, "--range takes one of limited, full"),
        ({"frame_rate": "fast"}, "A frame rate is a number or fraction above 0"),
        ({"subsample": 0}, "--subsample takes at least 1"),
        ({"crop_border": -1}, "crop_border takes at least 0 pixels, got -1"),
    ],
    ids=str,
)
def test_requests_that_make_no_sense_are_refused(keywords: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        score([flat(1)], [flat(2)], **keywords)


@pytest.mark.parametrize("metrics", ["psnr_y", "float_ssim"])
def test_plane_metrics_are_never_computed_from_rgb(metrics: str) -> None:
    frames = [np.zeros((16, 16, 3), np.uint8)]

    with pytest.raises(UsageError, match=rf"{metrics} reads a plane.*psnr_luma or ssim_luma"):
        score(frames, frames, metrics=metrics)


@pytest.mark.parametrize("value", [np.nan, np.inf, -0.1, 1.1])
def test_float_frames_that_mean_nothing_are_refused_by_their_number(
    float_model: Any, value: float
) -> None:
    good = np.full((3, 16, 16), 0.5, np.float32)
    bad = good.copy()
    bad[1, 2, 3] = value

    with pytest.raises(ScoreError, match=r"[Ff]rame 1"):
        score([good, good], [good, bad], model=float_model.path)


@pytest.mark.parametrize("threads", [2, 7])
def test_scores_are_the_same_bits_on_any_number_of_threads(threads: int) -> None:
    one, others = (
        score(*EIGHT, metrics=",".join(LIBVMAF), threads=count, backend="cpu")
        for count in (1, threads)
    )

    assert others.backend["threads"] == threads
    assert others.frames.numbers.tolist() == one.frames.numbers.tolist()
    for label in LIBVMAF:
        assert_array_equal(others.frames.scores[label], one.frames.scores[label])


def test_an_error_of_a_frame_ends_the_run_and_its_threads() -> None:
    def frames() -> Iterator[Any]:
        yield from [flat(1)] * 3
        raise RuntimeError("the camera is gone")

    before = threading.active_count()
    with pytest.raises(RuntimeError, match="the camera is gone"):
        score(frames(), [flat(1)] * 9, metrics="psnr_y", on_length_mismatch="shortest")

    assert threading.active_count() == before


def test_an_interrupt_ends_the_run_and_its_threads() -> None:
    def interrupt(done: int, total: int | None) -> None:
        if done:
            raise KeyboardInterrupt

    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        score([flat(1)] * 99, [flat(1)] * 99, metrics="psnr_y", progress=interrupt)

    assert threading.active_count() == before


def test_models_that_differ_are_told_apart(
    shipped: Callable[..., Path], rewritten: Callable[..., Path]
) -> None:
    def to_bytes(manifest: dict[str, Any]) -> None:
        manifest["quantise"] = 8

    rounding = rewritten(shipped("l1", "rgb24"), to_bytes)

    report = score(
        *EIGHT, model=[shipped("mse", "rgb24"), rounding], convert="rgb24", backend="cpu"
    )

    assert report.model["files"] == ["mse.onnx", "rewritten-l1.onnx"]
    assert (report.model["quantise"], report.model["precision"]) == ([None, 8], "fp32")
    assert "others" not in report.backend
