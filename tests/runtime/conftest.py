"""What the runtime's tests share: clips made by FFmpeg, the command line, and changed models."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
import onnx
import pytest

from framegauge.runtime import cli
from framegauge.runtime.models import model_files as shelf

CLIPS = Path(__file__).parents[1] / "clips"
SCRIPT = Path(sysconfig.get_path("scripts")) / "framegauge"

# Without a window, a network or a sandbox, which containers do not allow.
BROWSING = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-logging=stderr",
    "--v=0",
    "--virtual-time-budget=10000",
    "--dump-dom",
)


@dataclass(frozen=True)
class Done:
    """What a command left behind."""

    code: int
    out: str
    err: str


@pytest.fixture(scope="session")
def ffmpeg() -> Callable[..., str]:
    """Runs FFmpeg and gives what it says."""

    def run(*arguments: object) -> str:
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-nostdin", "-y"]
        done = subprocess.run(
            [*command, *map(str, arguments)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stderr

    return run


@pytest.fixture(scope="session")
def clip(
    ffmpeg: Callable[..., str], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Path]:
    """Makes a clip by FFmpeg's arguments, each once a session."""
    folder = tmp_path_factory.mktemp("clips")
    made: dict[tuple[str, ...], Path] = {}

    def make(ending: str, *arguments: object) -> Path:
        key = (ending, *map(str, arguments))
        if key not in made:
            path = folder / f"{len(made)}{ending}"
            ffmpeg(*arguments, path)
            made[key] = path
        return made[key]

    return make


@pytest.fixture(scope="session")
def picture(clip: Callable[..., Path]) -> Callable[..., Path]:
    """Makes a lossless clip of FFmpeg's test picture, 96x64 at 25 Hz, five frames if not said."""

    def make(*options: object, size: str = "96x64", rate: str = "25", frames: int = 5) -> Path:
        source = f"testsrc2=size={size}:rate={rate}"
        return clip(
            ".mkv", "-f", "lavfi", "-i", source, "-frames:v", frames, "-c:v", "ffv1", *options
        )

    return make


@pytest.fixture(scope="session")
def reference() -> str:
    """Path of the 8-bit clip."""
    return str(CLIPS / "reference.mp4")


@pytest.fixture(scope="session")
def distorted() -> str:
    """Path of its distorted version."""
    return str(CLIPS / "distorted.mp4")


@pytest.fixture(scope="session")
def shipped() -> Callable[..., Path]:
    """Path of a model that travels inside the package."""

    def path(entry: str, format: str = "yuv420p") -> Path:
        return shelf.SHIPPED / format / f"{entry}.onnx"

    return path


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """Runs the command line in this process."""

    def run(*arguments: object) -> Done:
        with pytest.raises(SystemExit) as left:
            cli.main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        code = left.value.code
        assert isinstance(code, int)
        return Done(code, out, err)

    return run


@pytest.fixture(scope="session")
def framegauge() -> Callable[..., subprocess.CompletedProcess[bytes]]:
    """Runs the installed command in a process of its own."""

    def run(*arguments: object, **options: Any) -> subprocess.CompletedProcess[bytes]:
        command = [str(SCRIPT), *map(str, arguments)]
        return subprocess.run(
            command, **{"capture_output": True, "check": False, "timeout": 600} | options
        )

    return run


@pytest.fixture(scope="session")
def python() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a Python program in a process of its own, its words following it."""

    def run(program: str, *arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", program, *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
            env=os.environ | variables,
        )

    return run


@pytest.fixture(scope="session")
def browser() -> Callable[..., tuple[str, str]]:
    """Opens a page: what is left of it once its programs ran, and what its console says."""
    names = ("chromium", "chromium-browser", "google-chrome")
    program = next(filter(None, map(shutil.which, names)), None)
    if program is None:
        pytest.skip("no Chromium on PATH to open pages with")

    def show(page: Path, *flags: str) -> tuple[str, str]:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
            done = subprocess.run(
                [program, f"--user-data-dir={profile}", *BROWSING, *flags, page.as_uri()],
                capture_output=True,
                text=True,
                timeout=600,
                check=True,
            )
        console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
        return done.stdout, "\n".join(console)

    return show


@pytest.fixture
def bent(tmp_path: Path, resealed: Callable[[onnx.ModelProto], bytes]) -> Callable[[Path], Path]:
    """Writes a model anew with its largest constant one percent larger."""

    def write(path: Path) -> Path:
        model = onnx.load(path)
        floats = [
            tensor
            for tensor in model.graph.initializer
            if tensor.data_type == onnx.TensorProto.FLOAT
        ]
        largest = max(floats, key=lambda tensor: onnx.numpy_helper.to_array(tensor).size)
        values = onnx.numpy_helper.to_array(largest) * np.float32(1.01)
        largest.CopyFrom(onnx.numpy_helper.from_array(values, largest.name))
        target = tmp_path / f"bent-{path.name}"
        target.write_bytes(resealed(model))
        return target

    return write
