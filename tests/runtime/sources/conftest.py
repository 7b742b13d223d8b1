"""FFmpeg's own program, to make inputs and to say what they hold."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import imageio_ffmpeg
import pytest


@pytest.fixture(scope="session")
def run_ffmpeg() -> Callable[..., bytes]:
    """Runs FFmpeg and gives what it writes to standard output."""
    program = imageio_ffmpeg.get_ffmpeg_exe()

    def run(*arguments: object) -> bytes:
        command = [program, "-nostdin", "-v", "error", "-y", *map(str, arguments)]
        return subprocess.run(command, check=True, capture_output=True).stdout

    return run


@pytest.fixture(scope="session")
def clips() -> Path:
    """The folder of small real videos."""
    return Path(__file__).parents[2] / "clips"
