"""Neither the program nor the library calls anybody, or keeps anything on the machine, unasked."""

import pytest

from framegauge.runtime.shelf import SHIPPED

PSNR = SHIPPED / "rgb24" / "psnr.onnx"


def test_the_program_keeps_to_itself(plain, clip, watched):
    videos = clip("reference", ".y4m"), clip("distorted", ".y4m")
    model = SHIPPED / "yuv420p" / "default.onnx"

    seen = watched(plain.prefix / "bin" / "framegauge-score", *videos, "--model", model, "--json")

    assert seen.done.returncode == 0, seen.done.stderr
    assert (seen.network, seen.written, seen.left) == ([], [], [])


@pytest.mark.parametrize("given", [{}, {"ORT_DISABLE_TELEMETRY": "0"}], ids=["unset", "set"])
def test_a_user_may_allow_telemetry(plain, watched, given):
    seen = watched(plain.exercise, "switches_telemetry_off_unless_told", PSNR, **given)

    assert seen.done.returncode == 0, seen.done.stderr


def test_a_host_with_an_environment_decides_for_itself(plain, watched):
    seen = watched(plain.exercise, "leaves_telemetry_to_a_host", PSNR, CI="true")

    assert seen.done.returncode == 0, seen.done.stderr
