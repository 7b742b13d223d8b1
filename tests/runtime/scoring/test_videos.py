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
from framegauge.runtime.sources.planes import Planes
from framegauge.runtime.sources.source import open_source

CLIPS = Path(__file__).parents[2] / "clips"
EIGHT = (CLIPS / "reference.mp4", CLIPS / "distorted.mp4")
TEN = (CLIPS / "reference10.mkv", CLIPS / "distorted10.mkv")
PLANES = ("psnr_y", "psnr_cb", "psnr_cr")
# Entries whose last bit depends on the place of a frame in its batch.
FINE = "float_ssim,float_ms_ssim,ssim,psnr_y"
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


@pytest.fixture(scope="module")
def sixteen(clip: Callable[..., Path]) -> Callable[[str], tuple[Path, Path]]:
    """A pair of 16 bits, all of them in use, whose distorted video is blurred."""

    def pair(pixel_format: str) -> tuple[Path, Path]:
        source = ("-f", "lavfi", "-i", "testsrc2=size=120x90:rate=25", "-frames:v", 3)
        sharp = f"format={pixel_format},scale=240:180:flags=bicubic"
        first = clip(".mkv", *source, "-vf", sharp, "-c:v", "ffv1")
        return first, clip(".mkv", *source, "-vf", f"{sharp},gblur=1.5", "-c:v", "ffv1")

    return pair


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


@pytest.fixture(scope="module")
def noisy() -> tuple[list[Planes], list[Planes]]:
    """Two clips of frames of which six make a batch, 14 of them."""
    random = np.random.default_rng(11)
    shapes = ((200, 300), (100, 150), (100, 150))
    first = [tuple(random.integers(20, 200, s, np.uint8) for s in shapes) for _ in range(14)]
    other = [tuple(p + random.integers(0, 30, p.shape, np.uint8) for p in f) for f in first]
    return first, other


@pytest.fixture(scope="module")
def whole(noisy: tuple[list[Planes], list[Planes]]) -> Report:
    return score(*noisy, metrics=FINE)


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


@pytest.mark.parametrize(("first", "second"), [(16, 25), (40, 200), (235, 240)])
@pytest.mark.parametrize("size", [(480, 270), (1920, 1080)])
def test_flat_frames_score_as_libvmaf_scores_them(
    libvmaf: Callable[..., Report],
    clip: Callable[..., Path],
    first: int,
    second: int,
    size: tuple[int, int],
) -> None:
    width, height = size
    source = ("-f", "lavfi", "-i", f"color=black:size={width}x{height}", "-frames:v", 1)
    pair = tuple(
        clip(".mkv", *source, "-vf", f"format=yuv420p,geq={code}:128:128", "-c:v", "ffv1")
        for code in (first, second)
    )

    ours, theirs = score(*pair, metrics="float_ssim,float_ms_ssim"), libvmaf(pair)

    for name in ("float_ssim", "float_ms_ssim"):
        # libvmaf writes six decimals.
        wanted = theirs.frames.scores[name]
        assert_allclose(ours.frames.scores[name], wanted, atol=1.5e-6, rtol=0)


def test_sixteen_bits_score_as_libvmaf_scores_them(
    libvmaf: Callable[..., Report], sixteen: Any, models: Any
) -> None:
    pair = sixteen("yuv420p16le")
    model = models(["psnr_y", "psnr_cb", "float_ssim"], "yuv420p16le").path

    ours, theirs = score(*pair, model=model), libvmaf(pair)

    for name in ("psnr_y", "psnr_cb", "float_ssim"):
        wanted = theirs.frames.scores[name]
        assert_allclose(ours.frames.scores[name], wanted, atol=AGREEMENT, rtol=0)
    still = score(pair[0], pair[0], model=model)
    # libvmaf's cap, 6 dB a bit and 12 more.
    assert still.frames.scores["psnr_y"].tolist() == [108.0] * 3


def test_grey_of_sixteen_bits_scores_as_ffmpeg_scores_it(
    ffmpeg: Callable[..., str], sixteen: Any, models: Any
) -> None:
    pair = sixteen("gray16le")

    ours = score(*pair, model=models(["psnr_y"], "gray16le").path)

    said = ffmpeg(
        *("-i", pair[1], "-i", pair[0]),
        *("-lavfi", "[0:v][1:v]psnr,metadata=print", "-f", "null", "-"),
    )
    wanted = [float(each) for each in re.findall(r"lavfi\.psnr\.psnr\.y=(\S+)", said)]
    assert_allclose(ours.frames.scores["psnr_y"], wanted, atol=AGREEMENT, rtol=0)


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


def test_batches_hold_every_item_at_its_place() -> None:
    assert list(batches(iter([3, 4, 5, 8, 9, 11]), 4, lambda item: item)) == [
        {3: 3},
        {0: 4, 1: 5},
        {0: 8, 1: 9, 3: 11},
    ]


@pytest.mark.parametrize("count", [1, 3])
def test_a_full_batch_goes_out_before_another_item_is_taken(count: int) -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(9):
            taken.append(number)
            yield number

    for batch in batches(items(), count, lambda item: item):
        assert max(taken) == max(batch.values())


@pytest.mark.parametrize("start", range(9))
@pytest.mark.parametrize("count", [1, 4, None])
def test_a_part_of_a_clip_has_the_scores_of_the_whole(
    noisy: tuple[list[Planes], list[Planes]], whole: Report, start: int, count: int | None
) -> None:
    part = score(*noisy, metrics=FINE, start=start, count=count)

    for label, values in part.frames.scores.items():
        wanted = whole.frames.scores[label][part.frames.numbers]
        assert_array_equal(values, wanted)
    for name, values in part.moments.items():
        assert_array_equal(values, whole.moments[name][part.frames.numbers])


@pytest.mark.parametrize("subsample", [2, 3])
def test_every_so_many_frames_of_a_part_have_the_scores_of_those_of_the_whole(
    noisy: tuple[list[Planes], list[Planes]], subsample: int
) -> None:
    whole = score(*noisy, metrics=FINE, subsample=subsample).frames
    part = score(*noisy, metrics=FINE, subsample=subsample, start=3 * subsample).frames

    assert_array_equal(part.scores["float_ssim"], whole.scores["float_ssim"][3:])


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
