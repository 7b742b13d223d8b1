import csv
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from framegauge.runtime import __version__, score
from framegauge.runtime.commands import doctor

LIBVMAF = Path(__file__).parents[2] / "golden" / "libvmaf.json"
SCHEMA = json.loads(
    files("framegauge.runtime.reports").joinpath("report.schema.json").read_text("utf-8")
)

# Run without a terminal, a shell may have told its children to heed no interrupt.
LISTENING = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from framegauge.runtime.cli import main
main(sys.argv[1:])
"""
LOADED = """
import sys
from framegauge.runtime.cli import main
try:
    main(sys.argv[1:])
finally:
    heavy = {"torch", "onnx", "onnx_ir", "onnxscript", "tensorrt", "tensorrt_rtx"}
    print("loaded:", sorted(heavy & {name.partition(".")[0] for name in sys.modules}))
"""


@pytest.fixture(scope="module")
def long_clip(clip: Callable[..., Path]) -> Path:
    """A clip that takes half a minute to score."""
    source = ("-f", "lavfi", "-i", "testsrc2=size=640x360:rate=25", "-frames:v", 500)
    return clip(".mp4", *source, "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")


@contextmanager
def on_a_terminal(
    *arguments: object, columns: int = 120
) -> Iterator[tuple[subprocess.Popen[bytes], Callable[[bytes], bytes]]]:
    """A command whose standard error is a terminal, and what waits for words on it."""
    here, there = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", LISTENING, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=there,
        env=os.environ | {"TERM": "xterm", "COLUMNS": str(columns)},
    )
    os.close(there)
    said = bytearray()

    def plain() -> bytes:
        return re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", said)

    def heard(pattern: bytes) -> bytes:
        while not re.search(pattern, plain()):
            try:
                part = os.read(here, 4096)
            except OSError:  # the other side is closed
                break
            if not part:
                break
            said.extend(part)
        return plain()

    with process:
        try:
            yield process, heard
        finally:
            process.kill()
            os.close(here)


def test_two_clips_are_scored_into_every_kind_of_report(
    framegauge: Callable[..., Any],
    browser: Callable[..., Any],
    reference: str,
    distorted: str,
    tmp_path: Path,
) -> None:
    done = framegauge(
        *("score", reference, distorted, "--metrics", "psnr,ssim,ms_ssim,census"),
        *("--json", "r.json", "--csv", "r.csv", "--html", "r.html", "--gate", "ssim.p5>=0.5"),
        cwd=tmp_path,
    )

    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "r.json").read_text())
    jsonschema.validate(report, SCHEMA)
    labels = ["psnr", "ssim", "ms_ssim", "census"]
    assert [frame["frameNum"] for frame in report["frames"]] == list(range(16))
    assert list(report["pooled_metrics"]) == labels
    (gate,) = report["gates"]
    assert gate["passed"] is True
    assert gate["value"] == report["pooled_metrics"]["ssim"]["p5"]
    with (tmp_path / "r.csv").open(newline="") as table:
        rows = list(csv.reader(table))
    assert rows[0] == ["Frame", *labels]
    assert [[float(cell) for cell in row[1:]] for row in rows[1:]] == [
        list(frame["metrics"].values()) for frame in report["frames"]
    ]
    document, console = browser(tmp_path / "r.html")
    assert console == ""
    assert 'data-drawn="4"' in document
    assert document.count("data:image/jpeg") >= 9
    assert sorted(os.listdir(tmp_path)) == ["r.csv", "r.html", "r.json"]
    assert b"Passed" in done.stdout
    assert b"note: " in done.stderr


def test_scores_of_the_command_are_those_of_python(
    command: Callable[..., Any], reference: str, distorted: str, tmp_path: Path
) -> None:
    path = tmp_path / "r.json"

    command("score", reference, distorted, "--json", path, "--quiet")

    report = score(reference, distorted)
    scores = {
        label: [frame["metrics"][label] for frame in json.loads(path.read_text())["frames"]]
        for label in report.labels
    }
    assert scores == {label: list(values) for label, values in report.frames.scores.items()}


@pytest.mark.parametrize("metrics", [[], ["--metrics", "psnr,ssim,ms_ssim,census"]])
def test_scoring_loads_neither_torch_nor_onnx_nor_tensorrt(
    python: Callable[..., Any],
    reference: str,
    distorted: str,
    tmp_path: Path,
    metrics: list[str],
) -> None:
    written = [f"--{kind}={tmp_path / kind}" for kind in ("json", "csv", "html")]

    done = python(LOADED, "score", reference, distorted, *metrics, *written, "--quiet")

    assert done.returncode == 0, done.stderr
    assert done.stdout == "loaded: []\n"


def test_json_on_standard_output_is_alone_there(
    framegauge: Callable[..., Any], reference: str, distorted: str
) -> None:
    done = framegauge("score", reference, distorted, "--json", "-", "--gate", "psnr_y<1")

    assert done.returncode == 3
    report = json.loads(done.stdout)
    jsonschema.validate(report, SCHEMA)
    assert report["gates"][0]["passed"] is False
    assert b"Failed: 1 of 1 gates, 16 frames scored." in done.stderr


def test_quiet_says_nothing_at_all(
    framegauge: Callable[..., Any], reference: str, distorted: str
) -> None:
    done = framegauge("score", reference, distorted, "--quiet")

    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_in_a_pipe_there_is_no_progress(
    framegauge: Callable[..., Any], reference: str, distorted: str
) -> None:
    done = framegauge("score", reference, distorted)

    assert done.returncode == 0
    # Nothing was assumed that its planes would have been scored otherwise by.
    assert done.stderr == b""
    assert b"\x1b" not in done.stdout
    assert b"psnr_y" in done.stdout
    assert b"16 frames scored." in done.stdout


def test_on_a_terminal_a_line_shows_rate_and_time_left(long_clip: Path) -> None:
    arguments = ("score", long_clip, long_clip, "--metrics", "psnr_y", "--count", 400)

    with on_a_terminal(*arguments) as (process, heard):
        said = heard(rb"frames/s \d:\d\d:\d\d")
        output, _ = process.communicate(timeout=300)

    assert re.search(rb"scoring .*\d+/400 \d+\.\d frames/s \d:\d\d:\d\d", said)
    assert process.returncode == 0
    assert b"400 frames scored." in output


def test_an_interrupt_leaves_nothing_behind(long_clip: Path, tmp_path: Path) -> None:
    outputs = [f"--{kind}={tmp_path / f'r.{kind}'}" for kind in ("json", "csv", "html")]
    arguments = ("score", long_clip, long_clip, "--metrics", "ssim,census", *outputs)

    with on_a_terminal(*arguments) as (process, heard):
        running = heard(rb"[1-9]\d*/500 ")
        assert process.poll() is None, running
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=300)
        said = heard(rb"no report was written")

    assert process.returncode == 130
    assert b"error: " in said
    assert b"interrupted; no report was written" in said
    assert b"Traceback" not in said
    assert output == b""
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_export_leaves_nothing_behind(tmp_path: Path) -> None:
    arguments = ("export", "--metrics", "laplacian[levels=4]", "-o", tmp_path / "m.onnx")

    with on_a_terminal(*arguments) as (process, heard):
        heard(rb"tracing")
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=300)
        said = heard(rb"interrupted")

    assert process.returncode == 130
    assert b"Traceback" not in said
    assert output == b""
    assert list(tmp_path.iterdir()) == []


def test_a_reader_that_goes_away_ends_the_run_without_a_traceback(
    reference: str, distorted: str
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", LISTENING, "score", reference, distorted, "--json", "-", "--quiet"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.close()

    _, said = process.communicate(timeout=300)

    assert process.returncode == 1
    assert b"Traceback" not in said


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--gate", "psnr_y.p5>=20"], 0),
        (["--start", "99"], 1),
        (["--metrics", "nope"], 2),
        (["--no-such-flag"], 2),
        (["--gate", "psnr_y.p5>=99"], 3),
        (["--gate", "psnr_y>=20", "--gate", "psnr_cb>=99"], 3),
        (["--backend", "cuda"], 4),
    ],
    ids=str,
)
def test_the_exit_code_tells_who_must_act(
    framegauge: Callable[..., Any],
    reference: str,
    distorted: str,
    arguments: list[str],
    code: int,
) -> None:
    if arguments == ["--backend", "cuda"] and shutil.which("nvidia-smi"):
        pytest.skip("this machine may have CUDA")

    done = framegauge("score", reference, distorted, *arguments)

    assert done.returncode == code, done.stderr
    assert (b"frames scored" in done.stdout) == (code in (0, 3))
    assert (b"rror" in done.stderr) == (code not in (0, 3))
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize(
    "pair",
    [
        lambda a, b: [a, b],
        lambda a, b: ["-r", a, "-d", b],
        lambda a, b: ["--distorted", b, "--reference", a],
        lambda a, b: ["-r", a, b],
        lambda a, b: ["-d", b, a],
    ],
)
def test_the_two_videos_are_named_by_place_or_by_flag(
    command: Callable[..., Any], picture: Callable[..., Path], pair: Any
) -> None:
    first, second = picture("-pix_fmt", "yuv420p"), picture("-pix_fmt", "yuv420p", "-qscale", 1)

    done = command("score", *pair(first, second), "--json", "-", "--metrics", "psnr_y")

    inputs = json.loads(done.out)["inputs"]
    assert [inputs[role]["name"] for role in inputs] == [str(first), str(second)]


@pytest.mark.parametrize(
    "arguments", [[], ["a"], ["a", "b", "c"], ["-r", "a"], ["-r", "a", "b", "c"], ["-", "-"]]
)
def test_other_than_two_videos_are_refused(command: Callable[..., Any], arguments: Any) -> None:
    done = command("score", *arguments)

    assert done.code == 2
    assert "two videos, REFERENCE and DISTORTED" in done.err or "Only one" in done.err


@pytest.mark.parametrize("stdin_is", ["reference", "distorted"])
def test_y4m_is_read_from_standard_input(
    framegauge: Callable[..., Any],
    ffmpeg: Callable[..., str],
    reference: str,
    distorted: str,
    tmp_path: Path,
    stdin_is: str,
) -> None:
    pair = {"reference": reference, "distorted": distorted}
    ffmpeg("-i", pair[stdin_is], "-f", "yuv4mpegpipe", tmp_path / "piped.y4m")
    pair[stdin_is] = "-"

    done = framegauge(
        *("score", pair["reference"], pair["distorted"], "--json", "-", "--metrics", "psnr_y"),
        input=(tmp_path / "piped.y4m").read_bytes(),
    )

    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["inputs"][stdin_is]["name"] == "-"
    wanted = score(reference, distorted, metrics="psnr_y").pooled["psnr_y"]
    assert report["pooled_metrics"]["psnr_y"] == wanted


def test_raw_samples_are_read_by_size_and_format(
    command: Callable[..., Any],
    ffmpeg: Callable[..., str],
    reference: str,
    distorted: str,
    tmp_path: Path,
) -> None:
    ffmpeg("-i", distorted, "-f", "rawvideo", tmp_path / "d.yuv")
    raw = ("--size", "320x176", "--pixel-format", "yuv420p", "--frame-rate", "25")

    done = command("score", reference, tmp_path / "d.yuv", *raw, "--json", "-")

    assert done.code == 0
    assert json.loads(done.out)["pooled_metrics"] == score(reference, distorted).pooled


@pytest.mark.parametrize("where", ["{}", "{}/%03d.png"])
def test_images_are_read_as_a_folder_or_by_pattern(
    command: Callable[..., Any],
    ffmpeg: Callable[..., str],
    reference: str,
    distorted: str,
    tmp_path: Path,
    where: str,
) -> None:
    for name, video in (("a", reference), ("b", distorted)):
        (tmp_path / name).mkdir()
        ffmpeg("-i", video, "-frames:v", 3, "-pix_fmt", "rgb24", tmp_path / name / "%03d.png")
    pair = [where.format(tmp_path / name) for name in "ab"]

    done = command("score", *pair, "--json", "-", "--frame-rate", "24000/1001")

    report = json.loads(done.out)
    assert done.code == 0
    assert list(report["pooled_metrics"]) == ["psnr", "ssim"]
    assert len(report["frames"]) == 3
    assert report["inputs"]["reference"]["frame_rate"] == "24000/1001"


def test_a_model_file_is_scored_with(
    command: Callable[..., Any],
    shipped: Callable[..., Path],
    reference: str,
    distorted: str,
) -> None:
    done = command(
        *("score", reference, distorted, "--json", "-", "--threads", 1),
        *("--model", shipped("psnr_y"), "--model", shipped("ssim")),
    )

    report = json.loads(done.out)
    assert done.code == 0
    assert list(report["pooled_metrics"]) == ["psnr_y", "ssim"]
    assert report["model"]["origin"] == "given"


def test_a_report_is_judged_and_shown_again(
    command: Callable[..., Any], reference: str, distorted: str, tmp_path: Path
) -> None:
    path, page, table = (tmp_path / name for name in ("r.json", "r.html", "r.csv"))
    command("score", reference, distorted, "--json", path, "--csv", table, "--quiet")
    first = table.read_text()

    passed = command("gate", path, "--gate", "float_ssim.min>0.5")
    failed = command("gate", path, "--gate", "float_ssim.min>0.5", "--gate", "psnr_y.max<1")
    shown = command("report", path, "--html", page)
    again = command("report", path, "--csv", table)

    assert (passed.code, failed.code, shown.code, again.code) == (0, 3, 0, 0)
    assert "FAILED" in failed.out
    assert "psnr_y" in shown.out
    assert "<html" in page.read_text()
    assert table.read_text() == first


def test_libvmafs_report_is_judged_and_shown(command: Callable[..., Any], tmp_path: Path) -> None:
    mean = json.loads(LIBVMAF.read_text())["pooled_metrics"]["psnr_y"]["mean"]

    passed = command("gate", LIBVMAF, "--gate", f"psnr_y>={mean - 0.001}")
    failed = command("gate", LIBVMAF, "--gate", f"psnr_y>={mean + 0.001}")
    both = command("report", LIBVMAF, LIBVMAF, "--html", tmp_path / "r.html")
    table = command("report", LIBVMAF, "--csv", "-")

    assert (passed.code, failed.code, both.code, table.code) == (0, 3, 0, 0)
    assert (tmp_path / "r.html").stat().st_size > 100_000
    assert table.out.startswith("Frame,integer_adm2,")
    assert "frames scored" in table.err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["gate", "nope.json", "--gate", "a>1"], 1, "nope.json cannot be read"),
        (["gate", str(LIBVMAF)], 2, "Name at least one gate"),
        (["gate", str(LIBVMAF), "--gate", "nope>1"], 2, "names no output: there is no 'nope'"),
        (["gate", str(LIBVMAF), "--gate", "psnr_y.p101>1"], 2, "any pN from p0 to p100"),
        (["gate", __file__, "--gate", "a>1"], 1, "is no report"),
        (["report", "nope.json"], 1, "nope.json cannot be read"),
        (["report", str(LIBVMAF), str(LIBVMAF), "--csv", "-"], 2, "--csv takes one report"),
        (["report", str(LIBVMAF), "--html", str(LIBVMAF)], 2, "is an input"),
    ],
)
def test_reports_that_cannot_be_read_or_written_are_refused(
    command: Callable[..., Any], arguments: list[str], code: int, words: str
) -> None:
    before = LIBVMAF.read_bytes()

    done = command(*arguments)

    assert (done.code, done.out) == (code, "")
    assert words in done.err
    assert LIBVMAF.read_bytes() == before


def test_list_shows_every_metric_and_explains_few(command: Callable[..., Any]) -> None:
    everything = command("list")
    few = command("list", "SSIM_LUMA")
    named = command("list", "ssim")
    alias = command("list", "lap")
    pattern = command("list", "psnr_c?", "--json")
    none = command("list", "fvd")

    assert all(name in everything.out for name in ("psnr_y", "float_ms_ssim", "census", "gmsd"))
    assert "ssim_luma[matrix=...]" in few.out
    assert "laplacian[levels=...]" in alias.out
    assert "ssim[size=...]  int; default 11" in named.out
    assert "`framegauge list NAME` explains one entry" in everything.out
    assert "float_ms_ssim" in named.out
    assert "float_ms_ssim\n  reads" not in named.out
    assert [each["spec"]["name"] for each in json.loads(pattern.out)] == ["psnr_cb", "psnr_cr"]
    assert (none.code, none.out) == (2, "")
    assert "No metric matches 'fvd'" in none.err


def test_list_shows_what_the_readme_says(command: Callable[..., Any]) -> None:
    rows = command("list").out.splitlines()

    columns = ["entry", "what", "it", "is", "better", "ideal", "unit", "least", "size"]
    assert rows[0].split() == [*columns, "cost", "shipped"]
    (psnr_y,) = [row.split() for row in rows if row.startswith("psnr_y ")]
    assert (psnr_y[-5:-2], psnr_y[-1]) == (["60", "dB", "1x1"], "planes")
    (mse,) = [row.split() for row in rows if row.startswith("mse ")]
    assert (mse[-4:-2], mse[-1]) == (["0", "1x1"], "yes")


def test_list_shows_what_entries_cost_beside_psnr(command: Callable[..., Any]) -> None:
    rows = json.loads(command("list", "--json").out)

    costs = {row["spec"]["name"]: row["cost"] for row in rows}
    assert costs["psnr"] == 1
    assert costs["psnr_y"] < costs["ssim"] < costs["lpips_alex"]
    assert costs["epe"] is None


def test_show_tells_what_a_model_says_of_itself(
    command: Callable[..., Any], shipped: Callable[..., Path]
) -> None:
    shown = command("show", shipped("ssim", "yuv420p10le"))
    manifest = command("show", shipped("ssim", "yuv420p10le"), "--json")

    assert shown.code == 0
    assert "format yuv420p10le, precision fp32, frames from 11x11" in shown.out
    assert "reference_colour" in shown.out
    assert json.loads(manifest.out)["format"] == "yuv420p10le"
    assert json.loads(manifest.out)["outputs"][0]["name"] == "ssim"


def test_verify_runs_the_self_test_and_shows_it(
    command: Callable[..., Any],
    shipped: Callable[..., Path],
    bent: Callable[[Path], Path],
) -> None:
    right = command("verify", shipped("default"))
    wrong = command("verify", bent(shipped("ssim")))

    assert right.code == 0
    assert re.search(r"all \d\d values are right on cpu", right.out)
    assert wrong.code == 1
    assert "FAILED" in wrong.out
    assert re.search(r"4 of 4 values are wrong on cpu", wrong.err)


@pytest.mark.parametrize("name", ["show", "verify"])
def test_what_is_no_model_is_refused(
    command: Callable[..., Any], tmp_path: Path, name: str
) -> None:
    (tmp_path / "m.onnx").write_bytes(b"no model")

    missing = command(name, tmp_path / "missing.onnx")
    wrong = command(name, tmp_path / "m.onnx")

    assert (missing.code, wrong.code) == (1, 1)
    assert "missing.onnx cannot be read" in missing.err
    assert "m.onnx is not an ONNX file" in wrong.err


def test_doctor_tells_what_there_is(command: Callable[..., Any]) -> None:
    done = command("doctor")

    assert done.code == 0
    assert "CPUExecutionProvider" in done.out
    # As many as the README's first table has.
    assert re.search(r"20 of \d\d entries, for yuv420p, yuv420p10le, yuv422p10le", done.out)
    assert "FRAMEGAUGE_CACHE" in done.out


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        ("onnxscript", "needs onnxscript: pip install '.[export]'"),
        ("onnxruntime", "needs onnxruntime: pip install '.[cpu]'"),
    ],
)
def test_doctor_names_what_an_export_lacks(
    command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, missing: str, words: str
) -> None:
    monkeypatch.setattr(doctor, "is_installed", lambda package: package != missing)

    done = command("doctor")

    assert words in done.out


def test_export_writes_a_model_that_verifies(
    framegauge: Callable[..., Any], tmp_path: Path
) -> None:
    path = tmp_path / "model.onnx"

    made = framegauge("export", "--metrics", "half=psnr[cap=50]", "--format", "rgb24", "-o", path)
    verified = framegauge("verify", path)

    assert made.returncode == 0, made.stderr
    assert made.stdout.decode().strip() == str(path)
    assert verified.returncode == 0
    assert b"half" in verified.stdout
    assert os.listdir(tmp_path) == ["model.onnx"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--metrics", "nope"], "no metric called 'nope'"),
        (["--metrics", "psnr_y"], "psnr_y"),
        (["--metrics", "psnr[cap=high]"], "takes a value of type float, got 'high'"),
        (["--metrics", "psnr", "--maps", "ssim"], "ssim"),
        (["--metrics", "psnr", "--format", "yuv9"], "'yuv9' is not one of"),
        (["--metrics", "psnr", "--crop-border", "-1"], "crop_border takes at least 0"),
    ],
    ids=str,
)
def test_exports_that_make_no_sense_are_refused(
    command: Callable[..., Any], tmp_path: Path, arguments: list[str], words: str
) -> None:
    done = command("export", *arguments, "-o", tmp_path / "m.onnx", "--quiet")

    assert (done.code, done.out) == (2, "")
    assert words in done.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name", [None, "score", "gate", "report", "list", "show", "verify", "doctor", "export"]
)
def test_help_is_to_be_had_everywhere(command: Callable[..., Any], name: str | None) -> None:
    done = command(*([name] if name else []), "--help")

    assert done.code == 0
    assert done.out.startswith("Usage: framegauge")
    assert "--help" in done.out


def test_a_gate_that_is_not_met_is_named_however_quiet_a_run_is(
    command: Callable[..., Any], reference: str, distorted: str
) -> None:
    gates = ("--gate", "psnr_y>=45", "--gate", "psnr_y>=10")

    done = command("score", reference, distorted, "--metrics", "psnr_y", "--quiet", *gates)

    assert done.code == 3
    assert done.out == ""
    assert done.err == "gate not met: psnr_y.mean>=45, it is 31.499\n"


@pytest.mark.parametrize(("asked", "meant"), [("SSIM", "ssim"), ("MS-SSIM", "ms_ssim")])
def test_a_name_as_papers_write_it_is_understood(
    command: Callable[..., Any], reference: str, distorted: str, asked: str, meant: str
) -> None:
    done = command("score", reference, distorted, "--metrics", asked)

    assert done.code == 2
    assert f"did you mean '{meant}'?" in done.err


def test_the_module_is_the_command(python: Callable[..., Any]) -> None:
    program = """
import runpy, sys
sys.argv[1:] = ["--version"]
runpy.run_module("framegauge.runtime", run_name="__main__")
"""

    done = python(program)

    assert __version__ in done.stdout
