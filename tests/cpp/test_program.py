"""framegauge-score beside `framegauge score`: the same report, the same refusals."""

import json
import math
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import jsonschema
import numpy as np
import pytest

from framegauge.export.contract.clip_scores import clip_score
from framegauge.export.contract.interface import Aggregate
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
    assert ours.get("aggregates") == wanted.get("aggregates")
    # Made of our moments by Python's rule, to the last digit.
    for kind in wanted.get("aggregates", ()):
        moments = {name: [row["moments"][name] for row in ours["frames"]] for name in kind["of"]}
        assert ours["aggregate_metrics"][kind["name"]] == clip_score(Aggregate(**kind), moments)
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
        (("a", "b", "--model", __file__), 1, "test_program.py is not an ONNX file"),
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


# Doubles, of which neither a sum in pairs nor one that compensates has the same last digit.
SHARES = """
    shares (uint8[N,H,W] reference_y, uint8[N,H,W] distorted_y)
        => (float[N] score, double[N] one, double[N] other)
    {
        reference = Cast<to=11>(reference_y)
        distorted = Cast<to=11>(distorted_y)
        flat = Flatten(reference)
        flat_other = Flatten(distorted)
        axes = Constant<value_ints=[1]>()
        seventeen = Constant<value=double {17.0}>()
        sum = ReduceMean<keepdims=0>(flat, axes)
        sum_other = ReduceMean<keepdims=0>(flat_other, axes)
        one = Div(sum, seventeen)
        other = Div(seventeen, sum_other)
        score = Cast<to=1>(one)
    }
    """


def test_clips_are_scored_to_pythons_last_digit(
    plain: Any, clip: Callable[..., Path], handmade: Callable[..., Path]
) -> None:
    kinds = [
        Aggregate(name="average", of=("one",), finish="mean"),
        Aggregate(name="root", of=("other",), finish="root"),
        Aggregate(name="ratio", of=("one", "other"), finish="ratio"),
        Aggregate(name="psnr", of=("other",), finish="psnr", peak=255, cap=100),
    ]
    parts = [("reference", "y"), ("distorted", "y")]
    model = handmade("yuv420p", parts, SHARES, aggregates=kinds)
    videos = pair(clip, ".y4m")
    wanted = json.loads(score(*map(str, videos), model=model).to_json())

    ran = plain.score(*videos, "--model", model, "--json")

    assert ran.returncode == 0, ran.stderr.decode()
    report = json.loads(ran.stdout)
    moments = {
        name: [row["moments"][name] for row in report["frames"]] for name in ("one", "other")
    }
    assert moments["one"] == [row["moments"]["one"] for row in wanted["frames"]]
    assert report["aggregate_metrics"] == wanted["aggregate_metrics"]
    assert report["aggregate_metrics"] == {kind.name: clip_score(kind, moments) for kind in kinds}
    assert math.fsum(moments["one"]) / 16 != report["aggregate_metrics"]["average"]
    assert np.mean(moments["one"]) != report["aggregate_metrics"]["average"]


# Rows down, columns across.
SITED = """
    sited (
        uint8[N,H,W] reference_y, float[N,2] reference_siting,
        uint8[N,H,W] distorted_y, float[N,2] distorted_siting
    ) => (float[N] down, float[N] across, float[N] other)
    {
        first = Constant<value_int=0>()
        second = Constant<value_int=1>()
        down = Gather<axis=1>(reference_siting, first)
        across = Gather<axis=1>(reference_siting, second)
        other = Gather<axis=1>(distorted_siting, second)
    }
    """


@pytest.mark.parametrize(
    ("coding", "further", "wanted"),
    [
        (b"C420jpeg", (), [0.5, 0.5]),
        (b"C420mpeg2", (), [0.5, 0]),
        (b"C420paldv", (), [0, 0]),
        (b"XYSCSS=420JPEG", (), [0.5, 0.5]),
        (b"C420", (), [0.5, 0.5]),
        (b"", (), [0.5, 0]),
        (b"XYSCSS=420", (), [0.5, 0]),
        (b"C420jpeg", ("--chroma-siting", "bottomleft"), [1, 0]),
        (b"C420", ("--chroma-siting", "top"), [0, 0.5]),
    ],
)
def test_chroma_lies_where_the_stream_says(
    plain: Any,
    clip: Callable[..., Path],
    handmade: Callable[..., Path],
    tmp_path: Path,
    coding: bytes,
    further: tuple[str, ...],
    wanted: list[float],
) -> None:
    roles = ("reference", "distorted")
    model = handmade("yuv420p", [(role, part) for role in roles for part in ("y", "siting")], SITED)
    content = clip("reference", ".y4m").read_bytes()
    video = tmp_path / "video.y4m"
    video.write_bytes(re.sub(rb"C420mpeg2 XYSCSS=420MPEG2", coding, content, count=1))

    ran = plain.score(video, video, "--model", model, "--json", *further)

    assert ran.returncode == 0, ran.stderr.decode()
    scores = json.loads(ran.stdout)["frames"][0]["metrics"]
    assert scores == {"down": wanted[0], "across": wanted[1], "other": wanted[1]}


def test_a_stream_that_says_no_siting_takes_the_others(
    plain: Any, clip: Callable[..., Path], handmade: Callable[..., Path], tmp_path: Path
) -> None:
    roles = ("reference", "distorted")
    model = handmade("yuv420p", [(role, part) for role in roles for part in ("y", "siting")], SITED)
    content = clip("reference", ".y4m").read_bytes()
    told, untold = tmp_path / "told.y4m", tmp_path / "untold.y4m"
    told.write_bytes(content.replace(b"C420mpeg2 XYSCSS=420MPEG2", b"C420jpeg", 1))
    untold.write_bytes(content.replace(b"C420mpeg2 XYSCSS=420MPEG2", b"C420", 1))

    ran = plain.score(told, untold, "--model", model, "--json")

    assert json.loads(ran.stdout)["frames"][0]["metrics"]["other"] == 0.5


@pytest.mark.parametrize(
    ("flags", "code", "says"),
    [
        ((), 1, "is assumed to have the matrix bt601, and the model is for bt709 alone"),
        (("--matrix", "bt2020"), 1, "has the matrix bt2020, and the model is for bt709 alone"),
        (("--matrix", "bt709", "--range", "full"), 1, "has the range full, and the model"),
        (
            ("--matrix", "bt709", "--range", "limited"),
            1,
            "has the chroma siting left, and the model is for centre alone. Use a model made for "
            "what the video is, or correct what it says with --chroma-siting.",
        ),
        (("--matrix", "bt709", "--range", "limited", "--chroma-siting", "centre"), 0, ""),
        (("--matrix", "bt709", "--chroma-siting", "centre"), 0, ""),
    ],
)
def test_videos_of_other_colours_than_the_models_are_refused(
    plain: Any,
    clip: Callable[..., Path],
    handmade: Callable[..., Path],
    flags: tuple[str, ...],
    code: int,
    says: str,
) -> None:
    bound = {"matrix": "bt709", "range": "limited", "chroma_siting": "centre"}
    parts = [("reference", "y"), ("distorted", "y")]
    model = handmade("yuv420p", parts, SHARES, **bound)

    ran = plain.score(*pair(clip, ".y4m"), "--model", model, *flags)

    assert ran.returncode == code
    assert says in ran.stderr.decode()


def test_a_model_of_more_than_two_videos_is_refused(
    plain: Any, clip: Callable[..., Path], handmade: Callable[..., Path]
) -> None:
    model = handmade(
        "yuv420p",
        [("reference", "y"), ("reference_previous", "y")],
        SHARES.replace("distorted_y", "reference_previous_y"),
    )

    ran = plain.score(*pair(clip, ".y4m"), "--model", model)

    assert ran.returncode == 2
    assert "needs reference_previous, which this program does not give" in ran.stderr.decode()
