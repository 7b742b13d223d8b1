"""framegauge-score beside `framegauge score`: the same report, the same refusals."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import jsonschema
import pytest

from framegauge.runtime import score
from framegauge.runtime.models.model_files import SHIPPED

SCHEMA = json.loads((SHIPPED.parent / "reports" / "report.schema.json").read_text())
MODEL = SHIPPED / "yuv420p" / "default.onnx"

# Name, whether bits are ten, options of FFmpeg, the model's format.
STREAMS = {
    "420": ("", (), "yuv420p"),
    "444": ("", ("-pix_fmt", "yuv444p"), "yuv444p"),
    "420p10, odd": ("10", (), "yuv420p10le"),
    "422p10, odd": ("10", ("-pix_fmt", "yuv422p10le"), "yuv422p10le"),
    "full range": ("", ("-vf", "scale=out_range=full", "-color_range", "pc"), "yuv420p"),
    "interlaced": ("", ("-vf", "setfield=tff", "-field_order", "tt"), "yuv420p"),
}


def pair(clip: Any, ending: Any, options: Any = (), bits: Any = "") -> Any:
    return [clip(f"{role}{bits}", ending, *options) for role in ("reference", "distorted")]


def assert_same_report(ours: Any, wanted: Any, *, model: Any) -> None:
    jsonschema.validate(ours, SCHEMA)
    assert len(ours["frames"]) == len(wanted["frames"]) > 0
    for got, want in zip(ours["frames"], wanted["frames"], strict=True):
        assert got["frameNum"] == want["frameNum"]
        assert got["metrics"] == pytest.approx(want["metrics"], rel=1e-6, abs=0)
    for label, pools in wanted["pooled_metrics"].items():
        assert ours["pooled_metrics"][label] == pytest.approx(pools, rel=1e-6, abs=1e-9)
    assert ours["aggregate_metrics"] == pytest.approx(wanted["aggregate_metrics"], rel=1e-6)
    for part in ("outputs", "inputs", "alignment", "model", "gates"):
        assert ours[part] == wanted[part]
    assert ours["model"]["files"] == [model.name]
    assert ours["backend"]["self_test"] == wanted["backend"]["self_test"] == "passed"


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("build", ["plain", "address"])
def test_y4m_is_scored_frame_by_frame_as_in_python(
    builds: Any, clip: Callable[..., Path], stream: str, build: str
) -> None:
    bits, options, format = STREAMS[stream]
    model = SHIPPED / format / "default.onnx"
    videos = pair(clip, ".y4m", options, bits)
    wanted = json.loads(score(*map(str, videos), model=model).to_json())

    ran = builds(build).score(*videos, "--model", model, "--json")

    assert ran.returncode == 0, ran.stderr.decode()
    assert_same_report(json.loads(ran.stdout), wanted, model=model)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pixel_format", "stream_format"), [("gray", "gray8"), ("yuv422p", "yuv422p")]
)
def test_y4m_that_no_shipped_model_takes_is_scored_by_an_exported_one(
    plain: Any, clip: Callable[..., Path], models: Any, pixel_format: str, stream_format: str
) -> None:
    model = models(["psnr"], stream_format).path
    videos = pair(clip, ".y4m", ("-pix_fmt", pixel_format))
    wanted = json.loads(score(*map(str, videos), model=model).to_json())

    ran = plain.score(*videos, "--model", model, "--json")

    assert_same_report(json.loads(ran.stdout), wanted, model=model)


# Luma tells channels apart that have changed places.
@pytest.mark.parametrize(
    ("format", "pixel_format", "metrics"),
    [
        ("rgb24", "rgb24", ["psnr_luma"]),
        pytest.param("nv12", "nv12", ["psnr"], marks=pytest.mark.slow),
        ("yuv420p", "yuv420p", ["psnr"]),
        ("rgbf32", "gbrpf32le", ["psnr", "psnr_luma"]),
    ],
)
def test_bare_samples_are_scored_as_in_python(
    plain: Any,
    clip: Callable[..., Path],
    models: Any,
    format: str,
    pixel_format: str,
    metrics: list[Any],
) -> None:
    model = models(metrics, format).path
    videos = pair(clip, ".yuv", ("-pix_fmt", pixel_format))
    wanted = score(*map(str, videos), model=model, size=(320, 176), pixel_format=pixel_format)

    ran = plain.score(
        *(*videos, "--model", model, "--json", "--size", "320x176", "--pixel-format", pixel_format)
    )

    assert ran.returncode == 0, ran.stderr.decode()
    report = json.loads(ran.stdout)
    assert report["inputs"]["reference"]["pixel_format"] == pixel_format
    for metric in metrics:
        got = [frame["metrics"][metric] for frame in report["frames"]]
        assert got == pytest.approx(wanted.frames.scores[metric].tolist(), rel=1e-6)


def test_bare_samples_in_a_pipe_are_scored_against_y4m(
    plain: Any, clip: Callable[..., Path]
) -> None:
    reference, distorted = clip("reference", ".y4m"), clip("distorted", ".y4m")
    samples = clip("distorted", ".yuv", "-pix_fmt", "yuv420p").read_bytes()
    options = ("--model", MODEL, "--json")
    wanted = plain.score(reference, distorted, *options)

    ran = plain.score(
        *(reference, "-", *options, "--size", "320x176", "--pixel-format", "yuv420p"),
        input=samples,
    )

    assert ran.returncode == 0, ran.stderr.decode()
    assert json.loads(ran.stdout)["frames"] == json.loads(wanted.stdout)["frames"]


# ThreadSanitizer takes ONNX Runtime's own threads, which it does not understand, at a crawl: with
# one, what remains is the thread that reads while frames are scored.
@pytest.mark.parametrize(("build", "threads"), [("plain", 2), ("thread", 1)])
def test_a_pipe_from_ffmpeg_is_scored_like_a_file(
    builds: Any, clip: Callable[..., Path], build: str, threads: int
) -> None:
    reference, distorted = pair(clip, ".y4m")
    host, model = builds(build), ("--model", MODEL, "--threads", threads, "--json")
    from_file = host.score(reference, distorted, *model)
    source = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(distorted)]

    with subprocess.Popen([*source, "-f", "yuv4mpegpipe", "-"], stdout=subprocess.PIPE) as sender:
        piped = host.score(reference, "-", *model, stdin=sender.stdout)

    assert piped.returncode == 0, piped.stderr.decode()
    assert json.loads(piped.stdout)["frames"] == json.loads(from_file.stdout)["frames"]


# Frames of 320x176 are scored seven at once, in as many threads as there are; those of 1280x720 in
# four, which share what is left. Threads of ONNX Runtime's own are too slow for ThreadSanitizer.
@pytest.mark.parametrize(
    ("build", "size", "frames"),
    [("plain", "320:176", 80), ("plain", "1280:720", 14), ("thread", "320:176", 80)],
)
def test_every_number_of_threads_gives_the_same_report(
    builds: Any, clip: Callable[..., Path], build: str, size: str, frames: int
) -> None:
    videos = pair(clip, ".y4m", ("-vf", f"loop=-1:16,scale={size}", "-frames:v", str(frames)))
    host = builds(build)

    ran = {
        threads: host.score(*videos, "--model", MODEL, "--threads", threads, "--json")
        for threads in (1, 2, 5)
    }

    assert [each.stderr for each in ran.values()] == [b"", b"", b""]
    reports = {threads: json.loads(each.stdout) for threads, each in ran.items()}
    for threads, report in reports.items():
        assert report["backend"].pop("threads") == threads
        assert report.pop("fps") > 0
    assert len(reports[1]["frames"]) == frames
    assert reports[2] == reports[5] == reports[1]


def test_the_table_has_every_score_with_its_unit(plain: Any, clip: Callable[..., Path]) -> None:
    videos = pair(clip, ".y4m")
    wanted = score(*map(str, videos), model=MODEL)

    ran = plain.score(*videos, "--model", MODEL)

    rows = {line.split()[0]: line.split() for line in ran.stdout.decode().splitlines()}
    assert rows["psnr_y"][-2:] == ["dB", "higher"]
    assert rows.keys() >= {"psnr_y", "psnr_cb", "psnr_cr", "float_ssim", "apsnr_y"}
    assert float(rows["psnr_y"][1]) == pytest.approx(wanted.pooled["psnr_y"]["mean"], rel=1e-5)
    assert float(rows["apsnr_y"][1]) == pytest.approx(wanted.aggregate["apsnr_y"], rel=1e-5)


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ((), 2, "REFERENCE and DISTORTED; got 0"),
        (("a.y4m", "b.y4m"), 2, "--model MODEL"),
        (("a", "b", "--model", "m", "--size", "8"), 2, "--size takes WxH"),
        (("a", "b", "--model", "m", "--size", "8x0"), 2, "at least 1, got '0'"),
        (("a", "b", "--model", "m", "--size", "8x8"), 2, "need both"),
        (("a", "b", "--model", "m", "--threads", "none"), 2, "--threads takes"),
        (("a", "b", "--model", "m", "--threads", "1025"), 2, "at most 1024, got '1025'"),
        (("a", "b", "--model", "m", "--pixel-format", "banana"), 2, "takes one of yuv420p, "),
        (("a", "b", "--model", "m", "--pixel-format", "rgbf32"), 2, "gbrpf32le; got 'rgbf32'"),
        (("a", "b", "--model", "m", "--range", "wide"), 2, "--range takes one of limited, full"),
        (("a", "b", "--model", "m", "--frobnicate"), 2, "--help"),
        (("-", "-", "--model", "m"), 2, "Standard input holds one video"),
        (("a", "b", "--model", "missing.onnx"), 1, "missing.onnx cannot be read"),
        (("a", "b", "--model", __file__), 1, "test_program.py is not a model"),
        (("a", "b", "--model", MODEL), 1, "a cannot be read"),
        (("/", "/", "--model", MODEL), 1, "/ cannot be read: Is a directory"),
        (("a", "b", "--model", MODEL, "--backend", "cuda"), 4, "CUDA provider"),
    ],
)
def test_a_wrong_request_is_refused_with_the_commands_exit_codes(
    plain: Any, words: tuple[Any, ...], code: int, says: str
) -> None:
    ran = plain.score(*words)

    assert ran.returncode == code
    assert says in ran.stderr.decode()
    assert ran.stdout == b""


def test_videos_that_differ_are_refused(plain: Any, clip: Callable[..., Path]) -> None:
    small = clip("reference", ".y4m", "-vf", "scale=160:88")
    deep = clip("reference", ".y4m", "-pix_fmt", "yuv420p10le")
    good = clip("reference", ".y4m")

    said = {
        name: plain.score(good, other, "--model", MODEL).stderr.decode()
        for name, other in (("size", small), ("format", deep))
    }

    assert "320x176 and the distorted video 160x88" in said["size"]
    assert "yuv420p and the distorted video yuv420p10le" in said["format"]


def test_a_model_for_another_format_is_refused(plain: Any, clip: Callable[..., Path]) -> None:
    ran = plain.score(*pair(clip, ".y4m"), "--model", SHIPPED / "yuv444p" / "psnr.onnx")

    assert ran.returncode == 1
    assert "and the model takes yuv444p" in ran.stderr.decode()


def test_frames_too_small_are_refused_by_the_metrics_name(
    plain: Any, clip: Callable[..., Path]
) -> None:
    options = ("-vf", "scale=100:100")

    ran = plain.score(*pair(clip, ".y4m", options), "--model", SHIPPED / "yuv420p" / "ms_ssim.onnx")

    assert ran.returncode == 2
    assert "ms_ssim 161x161" in ran.stderr.decode()


def test_the_shorter_video_decides_where_that_is_allowed(
    plain: Any, clip: Callable[..., Path], tmp_path: Path
) -> None:
    reference, distorted = pair(clip, ".y4m")
    short = tmp_path / "short.y4m"
    short.write_bytes(distorted.read_bytes()[: -(320 * 176 * 3 // 2 + 6)])

    ran = plain.score(
        *(reference, short, "--model", MODEL, "--json", "--on-length-mismatch", "shortest")
    )

    assert len(json.loads(ran.stdout)["frames"]) == 15
