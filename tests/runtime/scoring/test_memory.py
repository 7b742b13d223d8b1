import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

# The process says its own peak, in KiB, after everything else.
PEAK = """
import resource, sys
from framegauge.runtime.cli import main
try:
    main(sys.argv[1:])
finally:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
MIB = 1024


def peak_mib(done: Any) -> float:
    assert done.returncode == 0, done.stderr
    return int(done.stdout.splitlines()[-1]) / MIB


@pytest.mark.parametrize("metrics", ["psnr_y,psnr_cb,psnr_cr,float_ssim", "psnr,ssim"])
def test_memory_does_not_grow_with_the_length_of_the_clip(
    picture: Callable[..., Path], python: Callable[..., Any], tmp_path: Path, metrics: str
) -> None:
    clips = {
        frames: picture("-pix_fmt", "yuv420p", size="64x64", frames=frames)
        for frames in (100, 5000)
    }
    report = tmp_path / "r.json"

    peaks = {
        frames: peak_mib(
            python(PEAK, "score", path, path, "--metrics", metrics, "--json", report, "--quiet")
        )
        for frames, path in clips.items()
    }

    assert len(json.loads(report.read_text())["frames"]) == 5000
    assert peaks[5000] - peaks[100] < 50, peaks


def test_memory_of_large_frames_does_not_grow_with_their_number(
    clip: Callable[..., Path], python: Callable[..., Any]
) -> None:
    source = ("-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=25", "-frames:v", 120)
    coded = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
    video = clip(".mp4", *source, *coded)

    peaks = {
        count: peak_mib(
            python(PEAK, "score", video, video, "--metrics", "psnr_y", "--quiet", "--count", count)
        )
        for count in (20, 120)
    }

    # A hundred more frames that were kept would be 263 MiB.
    assert peaks[120] - peaks[20] < 50, peaks
