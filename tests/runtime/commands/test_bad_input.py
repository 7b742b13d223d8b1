import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from framegauge.export.contract.manifest import KEY
from framegauge.export.contract.model_bytes import BLANK, DIGEST_KEY, metadata, sealed

# What a run that fails must not leave behind.
OUTPUTS = ("r.json", "r.csv", "r.html")

Make = Callable[[Path, "Bench"], Path]


class Bench:
    """What bad files are made from."""

    def __init__(
        self,
        clip: Callable[..., Path],
        picture: Callable[..., Path],
        shipped: Callable[..., Path],
        reference: str,
    ) -> None:
        self.clip, self.picture, self.shipped = clip, picture, shipped
        self.reference = Path(reference)


@pytest.fixture
def bench(
    clip: Callable[..., Path],
    picture: Callable[..., Path],
    shipped: Callable[..., Path],
    reference: str,
) -> Bench:
    return Bench(clip, picture, shipped, reference)


@pytest.fixture
def refused(
    command: Callable[..., Any], tmp_path: Path, reference: str, distorted: str
) -> Callable[..., str]:
    """Scores into every kind of report, finds none of them, and gives what was said."""
    folder = tmp_path / "reports"
    folder.mkdir()
    written = [f"--{path.partition('.')[2]}={folder / path}" for path in OUTPUTS]

    def run(code: int, *arguments: object) -> str:
        done = command("score", *arguments, *written)
        assert (done.code, done.out) == (code, ""), done
        assert os.listdir(folder) == []
        assert "Traceback" not in done.err
        (line,) = (line for line in done.err.splitlines() if line.startswith("error: "))
        return line

    return run


def missing(folder: Path, bench: Bench) -> Path:
    return folder / "bad.mp4"


def empty(folder: Path, bench: Bench) -> Path:
    (folder / "bad.mp4").touch()
    return folder / "bad.mp4"


def words(folder: Path, bench: Bench) -> Path:
    (folder / "bad.mp4").write_text("This is no video.\n" * 100)
    return folder / "bad.mp4"


def truncated(folder: Path, bench: Bench) -> Path:
    content = bench.reference.read_bytes()
    (folder / "bad.mp4").write_bytes(content[: len(content) * 2 // 3])
    return folder / "bad.mp4"


def corrupt(folder: Path, bench: Bench) -> Path:
    content = bytearray(bench.reference.read_bytes())
    middle = content.index(b"mdat") + 40_000
    content[middle : middle + 60_000] = b"\xff" * 60_000
    (folder / "bad.mp4").write_bytes(content)
    return folder / "bad.mp4"


def truncated_stream(folder: Path, bench: Bench) -> Path:
    content = bench.picture("-pix_fmt", "yuv420p", frames=9).read_bytes()
    (folder / "bad.mkv").write_bytes(content[: len(content) * 2 // 3])
    return folder / "bad.mkv"


def sound(folder: Path, bench: Bench) -> Path:
    made = bench.clip(".m4a", "-f", "lavfi", "-i", "sine=duration=0.5", "-c:a", "aac")
    return Path(shutil.copy(made, folder / "bad.m4a"))


def no_frames(folder: Path, bench: Bench) -> Path:
    (folder / "bad.y4m").write_bytes(b"YUV4MPEG2 W64 H64 F25:1 Ip A1:1 C420jpeg\n")
    return folder / "bad.y4m"


def half_a_frame(folder: Path, bench: Bench) -> Path:
    (folder / "bad.yuv").write_bytes(bytes(320 * 176 * 3 // 2 + 100))
    return folder / "bad.yuv"


def without_images(folder: Path, bench: Bench) -> Path:
    (folder / "bad").mkdir()
    return folder / "bad"


@pytest.mark.parametrize("role", ["reference", "distorted"])
@pytest.mark.parametrize(
    ("make", "said"),
    [
        (missing, "cannot be read: No such file or directory. Check the path"),
        (empty, "is empty: a video was wanted, no bytes came. Check what writes it"),
        (words, "is not a video that FFmpeg can read"),
        (truncated, "is truncated"),
        (corrupt, "is damaged or cut off"),
        (truncated_stream, "is damaged or cut off|is truncated"),
        (sound, "has no video: a video stream was wanted, there is audio. Give a file with"),
        (no_frames, "no frames|is empty|truncated"),
        (half_a_frame, "after 1 whole frames there are 100 bytes|cut off at or soon after frame 1"),
        (without_images, "has no images"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_a_bad_video_is_named_and_leaves_no_report(
    refused: Callable[..., str],
    bench: Bench,
    tmp_path: Path,
    role: str,
    make: Make,
    said: str,
) -> None:
    bad = make(tmp_path, bench)
    pair = [bad, bench.reference] if role == "reference" else [bench.reference, bad]
    options = ["--size", "320x176", "--pixel-format", "yuv420p", "--frame-rate", "25"]
    shortest = ["--on-length-mismatch", "shortest"] if make is half_a_frame else []

    line = refused(1, *pair, *options, *shortest, "--metrics", "psnr_y")

    assert str(bad) in line
    assert any(part in line for part in said.split("|")), line


def test_a_video_that_breaks_off_in_the_middle_writes_none_of_its_scores(
    refused: Callable[..., str], bench: Bench, tmp_path: Path
) -> None:
    bad = corrupt(tmp_path, bench)

    line = refused(1, bench.reference, bad, "--metrics", "psnr_y", "--quiet")

    assert "get an intact copy" in line


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--metrics", "psnry"], 2, "no metric called 'psnry'; did you mean 'psnr_y'"),
        (["--metrics", "ssmi"], 2, "did you mean 'ssim'"),
        (["--metrics", "census[pach=5]"], 2, "no option 'pach'; did you mean 'patch'"),
        (["--metrics", "census[patch=big]"], 2, "takes a value of type int, got 'big'"),
        (["--metrics", "psnr_y psnr_cb"], 2, "no metric called 'psnr_y psnr_cb'"),
        (["--gate", "vmaf.mean>90"], 2, "names no output: there is no 'vmaf'"),
        (["--gate", "float_sim>0.9"], 2, "did you mean 'float_ssim'"),
        (["--gate", "float_ssim.q5>0.9"], 2, "asks for the pool 'q5'"),
        (["--gate", "float_ssim=0.9"], 2, "is not a gate"),
        (["--gate", "float_ssim>nan"], 2, "must be a finite number"),
        (["--metrics", "float_ms_ssim", "--scale", "175x175"], 2, "float_ms_ssim 176x176"),
        (["--crop-border", "-1"], 2, "crop_border takes at least 0"),
        (["--scale", "big"], 2, "--scale takes reference or WxH"),
        (["--scale", "99999999x99999999"], 2, "at most 32768x32768"),
        (["--scale", "\u0661x\u0661"], 2, "--scale takes reference or WxH"),
        (["--size", "\u00b2x\u00b2"], 2, "--size takes WxH"),
        (["--size", "0x64"], 2, "--size takes WxH"),
        (["--start", "1_0"], 2, "'1_0' is not a valid integer"),
        (["--count", "\u0663"], 2, "is not a valid integer"),
        (["--frame-rate", "1_0"], 2, "A frame rate is a number or fraction above 0"),
        (["--frame-rate", "1e999999999"], 2, "A frame rate is a number or fraction above 0"),
        (["--gate", "float_ssim>1_0"], 2, "must be a finite number"),
        (["--gate", "float_ssim>\u0663"], 2, "must be a finite number"),
        (["--gate", "float_ssim.p\u0663>1"], 2, "asks for the pool"),
        (["--model", "http://example.com/m.onnx"], 2, "A model is a file, and http://example.com"),
        (["--model", "/dev/zero"], 1, "it is a device or a pipe, and no file"),
        (["--convert", "yuv"], 2, "--convert takes reference or one of"),
        (["--matrix", "rec709"], 2, "--matrix takes one of"),
        (["--range", "tv"], 2, "--range takes one of"),
        (["--threads", "0"], 2, "--threads takes at least 1"),
        (["--stills", "-1"], 2, "--stills takes at least 0"),
        (["--frame-rate", "fast"], 2, "A frame rate is a number or fraction above 0"),
        (["--size", "big"], 2, "--size takes WxH, such as 1920x1080, up to 32768x32768; got 'big'"),
        (["--start", "16"], 1, "no pair of frames to score"),
        (["--offset", "1"], 1, "--on-length-mismatch shortest"),
    ],
    ids=str,
)
def test_a_bad_request_says_what_was_wanted_and_leaves_no_report(
    refused: Callable[..., str],
    reference: str,
    distorted: str,
    arguments: list[str],
    code: int,
    said: str,
) -> None:
    assert said in refused(code, reference, distorted, *arguments)


def no_model(folder: Path, bench: Bench) -> Path:
    (folder / "bad.onnx").write_bytes(b"This is no model.")
    return folder / "bad.onnx"


def half_a_model(folder: Path, bench: Bench) -> Path:
    content = bench.shipped("psnr_y").read_bytes()
    (folder / "bad.onnx").write_bytes(content[:1000])
    return folder / "bad.onnx"


def model_of_others(folder: Path, bench: Bench) -> Path:
    model = onnx.load(bench.shipped("psnr_y"))
    del model.metadata_props[:]
    onnx.save(model, folder / "bad.onnx")
    return folder / "bad.onnx"


def with_manifest(folder: Path, bench: Bench, change: Callable[[str], str]) -> Path:
    """A model with its manifest changed, whose digest says that it was meant so."""
    model = onnx.load(bench.shipped("psnr_y"))
    held = {entry.key: entry for entry in model.metadata_props}
    held[KEY].value = change(held[KEY].value)
    held[DIGEST_KEY].value = BLANK.decode()
    (folder / "bad.onnx").write_bytes(sealed(model.SerializeToString()))
    return folder / "bad.onnx"


def newer_model(folder: Path, bench: Bench) -> Path:
    return with_manifest(folder, bench, lambda text: text.replace('"schema":2', '"schema":7'))


def damaged_manifest(folder: Path, bench: Bench) -> Path:
    return with_manifest(folder, bench, lambda text: text[:-10])


def manifest_of_another(folder: Path, bench: Bench) -> Path:
    other = metadata(bench.shipped("psnr_cb").read_bytes(), file="psnr_cb")
    return with_manifest(folder, bench, lambda _: other[KEY])


def damaged_model(folder: Path, bench: Bench) -> Path:
    content = bench.shipped("psnr_y").read_bytes()
    (folder / "bad.onnx").write_bytes(content.replace(b'"better":"higher"', b'"better":"highes"'))
    return folder / "bad.onnx"


@pytest.mark.parametrize(
    ("make", "code", "said"),
    [
        (missing, 1, "cannot be read: No such file or directory"),
        (no_model, 1, "is not an ONNX file, or is cut short"),
        (half_a_model, 1, "is not an ONNX file, or is cut short"),
        (model_of_others, 2, "is not a framegauge model"),
        (newer_model, 2, "schema 7, and this release reads 2. Update framegauge"),
        (damaged_model, 1, "is damaged or was changed"),
        (damaged_manifest, 2, "cannot be read"),
        (manifest_of_another, 1, "belongs to another model"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_a_bad_model_is_named_and_leaves_no_report(
    refused: Callable[..., str],
    bench: Bench,
    tmp_path: Path,
    reference: str,
    distorted: str,
    make: Make,
    code: int,
    said: str,
) -> None:
    bad = make(tmp_path, bench)

    line = refused(code, reference, distorted, "--model", bad)

    assert str(bad) in line
    assert said in line


def test_a_model_with_one_constant_changed_leaves_no_report(
    refused: Callable[..., str],
    bent: Callable[[Path], Path],
    shipped: Callable[..., Path],
    reference: str,
    distorted: str,
) -> None:
    line = refused(1, reference, distorted, "--model", bent(shipped("float_ssim")))

    assert "bent-float_ssim.onnx failed its self-test on cpu: float_ssim at" in line
    assert "no score of it can be trusted" in line


@pytest.mark.parametrize("value", [np.nan, np.inf, 2.0], ids=str)
def test_a_video_of_floats_that_mean_nothing_leaves_no_report(
    refused: Callable[..., str], float_model: Any, tmp_path: Path, value: float
) -> None:
    frames = np.full((3, 3, 16, 16), 0.5, np.float32)
    frames.tofile(tmp_path / "good.yuv")
    frames[2, 1, 3, 4] = value
    frames.tofile(tmp_path / "bad.yuv")
    raw = ("--size", "16x16", "--pixel-format", "gbrpf32le", "--frame-rate", 25)
    model = ("--model", float_model.path)

    line = refused(1, tmp_path / "good.yuv", tmp_path / "bad.yuv", *raw, *model)

    assert "distorted" in line
    assert "frame 2" in line


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("missing/r.json", "There is no folder"),
        (".", "is a folder. Name a file in it"),
        ("file/r.json", "Not a directory"),
    ],
)
def test_an_output_that_cannot_be_written_is_refused_before_the_run(
    command: Callable[..., Any], tmp_path: Path, path: str, said: str
) -> None:
    (tmp_path / "file").touch()

    done = command("score", "missing.mp4", "missing.mp4", "--json", tmp_path / path)

    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_folder_without_permission_is_refused_before_the_run(
    command: Callable[..., Any], tmp_path: Path
) -> None:
    tmp_path.chmod(0o500)

    done = command("score", "missing.mp4", "missing.mp4", "--json", tmp_path / "r.json")

    assert done.code == 2
    assert "cannot be written to" in done.err


@pytest.mark.parametrize(
    "outputs",
    [
        ["--json", "{folder}/r", "--csv", "{folder}/r"],
        ["--json", "{folder}/r", "--html", "{folder}/./r"],
        ["--json", "-", "--csv", "-"],
    ],
    ids=["same", "same by another name", "standard output"],
)
def test_two_reports_in_one_file_are_refused(
    command: Callable[..., Any],
    reference: str,
    distorted: str,
    tmp_path: Path,
    outputs: list[str],
) -> None:
    written = [each.format(folder=tmp_path) for each in outputs]

    done = command("score", reference, distorted, *written)

    assert (done.code, done.out) == (2, "")
    assert "Two outputs cannot both go to" in done.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a.mp4", "./a.mp4", "link.mp4"])
def test_an_input_is_never_overwritten(
    command: Callable[..., Any],
    reference: str,
    distorted: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(reference, "a.mp4")
    os.symlink("a.mp4", "link.mp4")

    done = command("score", "a.mp4", distorted, "--json", name)

    assert done.code == 2
    assert "is an input" in done.err
    assert Path("a.mp4").read_bytes() == Path(reference).read_bytes()


def test_a_report_that_was_there_survives_a_run_that_fails(
    command: Callable[..., Any], bench: Bench, tmp_path: Path
) -> None:
    (tmp_path / "r.json").write_text("the report of yesterday")
    bad = corrupt(tmp_path, bench)

    done = command("score", bench.reference, bad, "--json", tmp_path / "r.json")

    assert done.code == 1
    assert (tmp_path / "r.json").read_text() == "the report of yesterday"
    assert sorted(os.listdir(tmp_path)) == ["bad.mp4", "r.json"]


@pytest.mark.parametrize(
    "name",
    ["[bold]clip[red].mkv", "a b;c'd\"e.mkv", "ünïcode-\u4e2d.mkv", "-dash.mkv", "%5B.mkv"],
)
def test_names_that_mean_something_elsewhere_are_only_names(
    command: Callable[..., Any],
    picture: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(picture("-pix_fmt", "yuv420p"), name)

    scored = command("score", "--json", f"{name}.json", "--metrics", "psnr_y", "--", name, name)
    shown = command("report", "--", f"{name}.json", f"{name}.json")
    absent = command("score", "--", name, f"no {name}")

    assert (scored.code, shown.code, absent.code) == (0, 0, 1)
    assert name in shown.out
    assert f"no {name} cannot be read" in absent.err


@pytest.mark.skipif(os.name != "posix", reason="file names are bytes on POSIX only")
def test_names_that_are_no_text_are_only_names(
    framegauge: Callable[..., Any], picture: Callable[..., Path], tmp_path: Path
) -> None:
    name = os.fsdecode(b"clip-\xff.mkv")
    shutil.copy(picture("-pix_fmt", "yuv420p"), tmp_path / name)

    scored = framegauge(
        *("score", name, name, "--metrics", "psnr_y", "--gate", "psnr_y>1"),
        *("--json", f"{name}.json", "--html", "r.html"),
        cwd=tmp_path,
    )
    shown = framegauge("report", f"{name}.json", f"{name}.json", cwd=tmp_path)
    absent = framegauge("score", name, f"no {name}", cwd=tmp_path)

    assert (scored.returncode, shown.returncode, absent.returncode) == (0, 0, 1), scored.stderr
    assert b"Traceback" not in shown.stderr + absent.stderr
