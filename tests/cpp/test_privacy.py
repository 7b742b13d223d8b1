"""Neither the program nor the library calls anybody, or keeps anything on the machine, unasked."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from framegauge.runtime.models.model_files import SHIPPED

PSNR = SHIPPED / "rgb24" / "psnr.onnx"


def test_the_program_keeps_to_itself(plain: Any, clip: Callable[..., Path], watched: Any) -> None:
    videos = clip("reference", ".y4m"), clip("distorted", ".y4m")
    model = SHIPPED / "yuv420p" / "default.onnx"

    seen = watched(plain.prefix / "bin" / "framegauge-score", *videos, "--model", model, "--json")

    assert seen.done.returncode == 0, seen.done.stderr
    assert (seen.network, seen.written, seen.left) == ([], [], [])


@pytest.mark.parametrize("given", [{}, {"ORT_DISABLE_TELEMETRY": "0"}], ids=["unset", "set"])
def test_a_user_may_allow_telemetry(plain: Any, watched: Any, given: dict[str, Any]) -> None:
    seen = watched(plain.exercise, "switches_telemetry_off_unless_told", PSNR, **given)

    assert seen.done.returncode == 0, seen.done.stderr


def test_a_host_with_an_environment_decides_for_itself(plain: Any, watched: Any) -> None:
    seen = watched(plain.exercise, "leaves_telemetry_to_a_host", PSNR, CI="true")

    assert seen.done.returncode == 0, seen.done.stderr
