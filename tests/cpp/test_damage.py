"""Damaged videos given to framegauge-score: an error, never a report."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from framegauge.runtime.models.model_files import SHIPPED

MODEL = SHIPPED / "yuv420p" / "default.onnx"

# What is wrong with a stream of 16 frames of 320x176, and words of the refusal.
DAMAGES = {
    "empty": (lambda good: b"", "is empty"),
    "no y4m": (lambda good: b"RIFF" + good[4:], "is not YUV4MPEG2"),
    "blank before": (lambda good: b" " + good, "is not YUV4MPEG2"),
    "no coding": (lambda good: re.sub(rb"C420\w*", b"C", good, count=1), "is coded as C,"),
    "cut in a frame": (lambda good: good[:-1], "is truncated: after 15 whole frames"),
    "cut in a marker": (lambda good: good[: -(320 * 176 * 3 // 2) - 3], "ends inside the line"),
    "cut in the header": (lambda good: good[:20], "ends inside its header"),
    "first frame short": (lambda good: good[:5000], "is truncated: a frame calls for 84480"),
    "no marker": (lambda good: good.replace(b"FRAME\n", b"PHASE\n", 2), "frame 0 should begin"),
    "endless header": (lambda good: good[:10] + b"X" * 9000 + good[10:], "has no end within 4096"),
    "endless marker": (
        lambda good: good.replace(b"FRAME\n", b"FRAME " + b"I" * 9000 + b"\n", 1),
        "has no end within 4096",
    ),
    "huge frames": (lambda good: good.replace(b"W320", b"W4000000000"), "4000000000x176"),
    "larger than it is": (lambda good: good.replace(b"W320", b"W9999"), "video 9999x176"),
    "width is no number": (lambda good: good.replace(b"W320", b"W-32"), "its width is '-32'"),
    "no width": (lambda good: good.replace(b"W320 ", b""), "0x176"),
    "rate is no number": (lambda good: good.replace(b"F25:1", b"F25:x"), "its frame rate is 'x'"),
    "mixed fields": (lambda good: good.replace(b"Ip", b"Im"), "mixes interlaced"),
    "4:1:1": (lambda good: re.sub(rb"C420\w*", b"C411", good, count=1), "is coded as C411"),
    "one frame less": (lambda good: good[: -(320 * 176 * 3 // 2 + 6)], "distorted video 15"),
    "another rate": (lambda good: good.replace(b"F25:1", b"F24:1"), "--on-rate-mismatch index"),
    "another range": (
        lambda good: good.replace(b"\n", b" XCOLORRANGE=FULL\n", 1),
        "--matrix and --range",
    ),
}


@pytest.mark.parametrize("build", ["plain", "address"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_video_is_an_error_and_no_report(
    builds: Any, clip: Callable[..., Path], tmp_path: Path, damage: str, build: str
) -> None:
    reference, distorted = (clip(role, ".y4m") for role in ("reference", "distorted"))
    content = reference.read_bytes().replace(b"\n", b" XCOLORRANGE=LIMITED\n", 1)
    told = tmp_path / "told.y4m"
    told.write_bytes(content)
    change, words = DAMAGES[damage]
    damaged = tmp_path / "damaged.y4m"
    damaged.write_bytes(change(distorted.read_bytes()))

    ran = builds(build).score(told, damaged, "--model", MODEL, "--json")

    assert ran.returncode == 1
    assert ran.stdout == b""
    assert words in ran.stderr.decode()


def test_a_stream_cut_in_a_pipe_is_an_error(plain: Any, clip: Callable[..., Path]) -> None:
    reference, distorted = (clip(role, ".y4m") for role in ("reference", "distorted"))
    content = distorted.read_bytes()[:-5]

    ran = plain.score(reference, "-", "--model", MODEL, "--json", input=content)

    assert (ran.returncode, ran.stdout) == (1, b"")
    assert "Standard input is truncated: after 15 whole frames" in ran.stderr.decode()
