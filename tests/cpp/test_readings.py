"""What happens to files and pipes while framegauge-score reads them."""

import hashlib
import json
import os
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from framegauge.runtime.models.model_files import SHIPPED

MODEL = SHIPPED / "yuv420p" / "default.onnx"
FRAME = 320 * 176 * 3 // 2
BARE = ("--size", "320x176", "--pixel-format", "yuv420p")


def pair(clip: Any, ending: Any = ".y4m") -> Any:
    options = () if ending == ".y4m" else ("-pix_fmt", "yuv420p")
    return [clip(role, ending, *options) for role in ("reference", "distorted")]


def started(host: Any, *words: Any, **options: Any) -> Any:
    program = host.prefix / "bin" / "framegauge-score"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([str(program), *map(str, words)], **pipes | options)


@pytest.fixture
def meanwhile(plain: Any, tmp_path: Path) -> Any:
    """Scores against a pipe: what is done when all is open, and no frame of the pipe has come."""

    def run(reference: Any, content: Any, do: Any, *words: Any) -> Any:
        pipe = tmp_path / "pipe.y4m"
        os.mkfifo(pipe)
        with started(plain, reference, pipe, *words) as program:
            # A program that refuses the other video reads no more of this one.
            with suppress(BrokenPipeError), pipe.open("wb", buffering=0) as sender:
                do()
                sender.write(content)
            out, said = program.communicate(timeout=300)
        return program.returncode, out, said.decode()

    return run


@pytest.fixture(scope="session")
def failing_read(here: Path, compiled: Callable[..., Path]) -> Any:
    return compiled("failing-read", here / "failing_read.cpp", "-shared", "-fPIC", "-ldl")


@pytest.mark.parametrize("further", [(), ("--on-length-mismatch", "shortest")])
@pytest.mark.parametrize("failing", ["both", "distorted"])
@pytest.mark.parametrize(
    ("ending", "after"), [(".y4m", 10 * (FRAME + 6) + 70), (".yuv", 10 * FRAME)]
)
def test_a_reading_that_fails_is_no_end_of_the_video(
    plain: Any,
    clip: Callable[..., Path],
    failing_read: Any,
    ending: str,
    after: Any,
    failing: str,
    further: tuple[Any, ...],
) -> None:
    reference, distorted = pair(clip, ending)
    faults = {
        "LD_PRELOAD": str(failing_read),
        "FAILING_NAME": ending if failing == "both" else distorted.name,
        "FAILING_AFTER": str(after),
    }

    ran = plain.score(
        *(reference, distorted, "--model", MODEL, "--json", *BARE, *further),
        env=os.environ | faults,
    )

    assert (ran.returncode, ran.stdout) == (1, b"")
    assert "cannot be read further: Input/output error" in ran.stderr.decode()


@pytest.mark.parametrize(
    ("keep", "further"),
    [
        (15 * FRAME, ("--on-length-mismatch", "shortest")),
        (15 * FRAME + 7, ("--on-length-mismatch", "shortest")),
        (17 * FRAME, ()),
    ],
)
def test_a_file_that_changes_while_it_is_read_is_an_error(
    meanwhile: Any, clip: Callable[..., Path], tmp_path: Path, keep: Any, further: tuple[Any, ...]
) -> None:
    distorted = clip("distorted", ".y4m")
    changing = tmp_path / "changing.yuv"
    changing.write_bytes(pair(clip, ".yuv")[0].read_bytes())
    flags = ("--model", MODEL, *BARE, *further)

    code, out, said = meanwhile(
        changing, distorted.read_bytes(), lambda: os.truncate(changing, keep), *flags
    )

    assert (code, out) == (1, b"")
    assert f"changing.yuv changed while it was read: it had {16 * FRAME} bytes" in said


def replaced(model: Any, other: Any) -> Any:
    return lambda: other.replace(model)


def removed(model: Any, other: Any) -> Any:
    return model.unlink


@pytest.mark.parametrize("change", [replaced, removed])
def test_the_report_names_the_model_that_scored(
    meanwhile: Any, clip: Callable[..., Path], tmp_path: Path, change: Any
) -> None:
    reference, distorted = pair(clip)
    model, other = tmp_path / "live.onnx", tmp_path / "other.onnx"
    model.write_bytes(MODEL.read_bytes())
    other.write_bytes((SHIPPED / "yuv420p" / "psnr_y.onnx").read_bytes())
    content = distorted.read_bytes()

    code, out, said = meanwhile(
        reference, content, change(model, other), "--model", model, "--json"
    )

    assert code == 0, said
    assert json.loads(out)["model"]["sha256"] == [hashlib.sha256(MODEL.read_bytes()).hexdigest()]


def sent(pieces: Any, program: Any) -> Any:
    for piece in pieces:
        program.stdin.write(piece)
        program.stdin.flush()
        time.sleep(0.3)
    return program.communicate(timeout=300)


@pytest.mark.parametrize(
    ("ending", "pieces"),
    [
        (".y4m", lambda content: (content[:4], content[4:60], content[60:])),
        (".yuv", lambda content: (b"Y", content[1:])),
        (".yuv", lambda content: (b"YUV4", b"MPE", content[7:])),
    ],
    ids=["y4m", "bare", "bare, like y4m at first"],
)
def test_a_pipe_may_bring_its_first_bytes_in_pieces(
    plain: Any, clip: Callable[..., Path], ending: str, pieces: Callable[..., Any]
) -> None:
    bare = pair(clip, ".yuv")[0]
    content = pair(clip, ending)[1].read_bytes()

    with started(plain, bare, "-", "--model", MODEL, "--json", *BARE) as program:
        out, said = sent(pieces(content), program)

    assert program.returncode == 0, said.decode()
    assert len(json.loads(out)["frames"]) == 16


def test_a_pipe_that_does_not_block_is_waited_for(plain: Any, clip: Callable[..., Path]) -> None:
    reference, distorted = pair(clip)
    end, sender = os.pipe()
    os.set_blocking(end, False)

    with started(plain, reference, "-", "--model", MODEL, "--json", stdin=end) as program:
        os.close(end)
        time.sleep(0.3)
        with os.fdopen(sender, "wb") as stream:
            stream.write(distorted.read_bytes())
        out, said = program.communicate(timeout=300)

    assert program.returncode == 0, said.decode()
    assert len(json.loads(out)["frames"]) == 16


@pytest.fixture
def deep(tmp_path: Path) -> Any:
    """Two videos of 200 frames of ten bits, 16 of which are scored at once; some are too large."""

    def make(*too_large: Any) -> Any:
        words = np.full((200, 24 * 16 * 3 // 2), 512, "<u2")
        videos = []
        for name in ("good", "bad"):
            video = tmp_path / f"{name}.y4m"
            frames = b"".join(b"FRAME\n" + frame.tobytes() for frame in words)
            video.write_bytes(b"YUV4MPEG2 W24 H16 F25:1 C420p10\n" + frames)
            videos.append(video)
            words[list(too_large), 5] = 0x4200
        return videos

    return make


DEEP = ("--model", SHIPPED / "yuv420p10le" / "psnr_y.onnx", "--json")


# In one batch, in neighbours that are scored at the same time, and in the last.
@pytest.mark.parametrize("too_large", [(2,), (98, 99, 103), (111, 112, 199), (199,)])
@pytest.mark.parametrize(("build", "threads"), [("plain", 1), ("plain", 5), ("thread", 5)])
def test_samples_that_no_format_allows_are_an_error_of_their_frame(
    builds: Any, deep: Any, too_large: tuple[Any, ...], build: str, threads: int
) -> None:
    ran = builds(build).score(*deep(*too_large), *DEEP, "--threads", threads)

    assert (ran.returncode, ran.stdout) == (1, b"")
    assert ran.stderr.decode().startswith(f"Error: Frame {too_large[0]} of ")
    assert "distorted: yuv420p10le has code values up to 1023, got 16896" in ran.stderr.decode()


# Frame 190 is scored while the batch that is cut off is read.
@pytest.mark.parametrize(
    ("too_large", "says"),
    [((), "bad.y4m is truncated: after 199 whole frames"), ((190,), "Error: Frame 190 of ")],
)
@pytest.mark.parametrize(("build", "threads"), [("plain", 1), ("plain", 5), ("thread", 5)])
def test_what_is_wrong_first_in_the_video_is_said(
    builds: Any, deep: Any, too_large: tuple[Any, ...], says: str, build: str, threads: int
) -> None:
    good, bad = deep(*too_large)
    bad.write_bytes(bad.read_bytes()[:-1])

    ran = builds(build).score(good, bad, *DEEP, "--threads", threads)

    assert (ran.returncode, ran.stdout) == (1, b"")
    assert says in ran.stderr.decode()


def test_frames_too_small_for_the_model_are_a_wrong_request(plain: Any, tmp_path: Path) -> None:
    small = tmp_path / "small.y4m"
    small.write_bytes(b"YUV4MPEG2 W8 H8 F25:1 C420jpeg\nFRAME\n" + bytes(96))

    ran = plain.score(small, small, "--model", MODEL)

    assert (ran.returncode, ran.stdout) == (2, b"")
    assert "8x8 pixels, and these metrics need at least: float_ssim 11x11." in ran.stderr.decode()


def test_bare_samples_without_a_size_are_a_wrong_request(
    plain: Any, clip: Callable[..., Path]
) -> None:
    ran = plain.score(*pair(clip, ".yuv"), "--model", MODEL)

    assert (ran.returncode, ran.stdout) == (2, b"")
    assert "Give both: --size WxH --pixel-format F" in ran.stderr.decode()
