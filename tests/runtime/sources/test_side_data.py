"""Files whose frames carry more than samples: every kind of side data that FFmpeg makes here."""

import struct
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from subprocess import run
from typing import Any

import pytest

Ffmpeg = Callable[..., bytes]

PICTURE = ("-f", "lavfi", "-i", "testsrc2=size=64x64", "-frames:v", 1)
VIDEO = ("-f", "lavfi", "-i", "testsrc2=size=64x64:rate=25", "-frames:v", 4)
PROFILE = b"profile" + bytes(range(256)) * 4
HDR = "master-display=G(8500,39850)B(6550,2300)R(35400,14600)WP(15635,16450)L(40000000,50)"
UUID = "086f3693-b7b3-4f2c-9653-21492feee5b8"

# What each writes beside the samples, and the kinds of side data that come of it.
VIDEOS = {
    "SEI_UNREGISTERED": (".mp4", "-c:v", "libx264"),
    "SEI_UNREGISTERED, given": (
        *(".mp4", "-c:v", "libx264"),
        *("-bsf:v", f"h264_metadata=sei_user_data={UUID}+words"),
    ),
    "STEREO3D": (".mkv", "-c:v", "libx264", "-x264-params", "frame-packing=3"),
    "MASTERING_DISPLAY_METADATA, CONTENT_LIGHT_LEVEL": (
        *(".mkv", "-pix_fmt", "yuv420p10le", "-c:v", "libx265"),
        *("-x265-params", f"log-level=none:{HDR}:max-cll=1000,400"),
    ),
    "PANSCAN": (".mpg", "-c:v", "mpeg2video"),
    "GOP_TIMECODE": (".mkv", "-c:v", "mpeg2video", "-timecode", "01:00:00:00"),
    "FILM_GRAIN_PARAMS": (".mkv", "-c:v", "libsvtav1", "-svtav1-params", "film-grain=10"),
    "DISPLAYMATRIX": (".mkv", "-c:v", "libx264"),
}

SCORED = """
import gc, sys
from framegauge.runtime import score
for _ in range(3):
    report = score(*sys.argv[1:3], metrics=sys.argv[3])
    gc.collect()
print(report.pooled[sys.argv[3]]["mean"])
"""


def scored(reference: Path, distorted: Path, metric: str) -> float:
    """The mean score, computed in a process that may die."""
    command = [sys.executable, "-c", SCORED, reference, distorted, metric]
    done = run([str(word) for word in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.returncode, done.stderr)
    return float(done.stdout)


def with_profile(path: Path) -> Path:
    """The same PNG with an ICC profile, which FFmpeg gives a name in its side data's metadata."""
    content, body = path.read_bytes(), b"iCCPname\0\0" + zlib.compress(PROFILE)
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    marked = path.with_name(f"icc-{path.name}")
    marked.write_bytes(content[:33] + chunk + content[33:])
    return marked


@pytest.mark.parametrize("format", ["rgb24", "gray", "pal8", "rgb48be"])
def test_a_png_with_a_profile_is_scored_as_one_without(
    run_ffmpeg: Ffmpeg, tmp_path: Path, format: str
) -> None:
    path = tmp_path / "a.png"
    run_ffmpeg(*PICTURE, "-pix_fmt", format, path)

    assert scored(path, with_profile(path), "psnr_luma") == 100


@pytest.mark.parametrize("ending", [".mov", ".mkv"])
def test_pngs_with_a_profile_are_scored_within_a_video(
    run_ffmpeg: Ffmpeg, tmp_path: Path, ending: str
) -> None:
    path = tmp_path / "a.png"
    run_ffmpeg(*PICTURE, "-pix_fmt", "rgb24", path)
    video = tmp_path / f"v{ending}"
    run_ffmpeg("-i", with_profile(path), "-c", "copy", video)

    assert scored(video, video, "psnr") == 100


def test_a_jpeg_with_a_profile_is_scored_as_one_without(run_ffmpeg: Ffmpeg, tmp_path: Path) -> None:
    path, marked = tmp_path / "a.jpg", tmp_path / "icc.jpg"
    run_ffmpeg(*PICTURE, path)
    body = b"ICC_PROFILE\0\1\1" + PROFILE
    segment = b"\xff\xe2" + struct.pack(">H", 2 + len(body)) + body
    marked.write_bytes(path.read_bytes()[:2] + segment + path.read_bytes()[2:])

    assert scored(path, marked, "psnr") == 100


def test_folders_of_pngs_with_profiles_are_scored(run_ffmpeg: Ffmpeg, tmp_path: Path) -> None:
    for folder in ("plain", "profiled"):
        (tmp_path / folder).mkdir()
    for number in range(12):
        path = tmp_path / "plain" / f"{number}.png"
        run_ffmpeg(*PICTURE, "-pix_fmt", "rgb24", path)
        with_profile(path).rename(tmp_path / "profiled" / path.name)

    assert scored(tmp_path / "plain", tmp_path / "profiled", "psnr") == 100


def test_a_set_of_pngs_with_profiles_is_scored(
    run_ffmpeg: Ffmpeg, framegauge: Callable[..., Any], tmp_path: Path
) -> None:
    for folder in ("plain", "profiled"):
        (tmp_path / folder).mkdir()
    for number in range(12):
        path = tmp_path / "plain" / f"{number}.png"
        run_ffmpeg(*PICTURE, "-pix_fmt", "rgb24", path)
        with_profile(path).rename(tmp_path / "profiled" / path.name)

    done = framegauge(
        *("score-set", "--reference", tmp_path / "plain"),
        *("--distorted", f"mine={tmp_path / 'profiled'}", "--metrics", "psnr"),
    )

    assert done.returncode == 0, done.stderr
    assert b"100.00" in done.stdout


@pytest.mark.parametrize("kinds", VIDEOS)
def test_videos_with_side_data_are_scored(run_ffmpeg: Ffmpeg, tmp_path: Path, kinds: str) -> None:
    ending, *coding = VIDEOS[kinds]
    video = tmp_path / f"v{ending}"
    run_ffmpeg(*VIDEO, *coding, video)
    if kinds == "DISPLAYMATRIX":
        turned = tmp_path / f"turned{ending}"
        run_ffmpeg("-display_rotation", 90, "-i", video, "-c", "copy", turned)
        video = turned

    # The cap of psnr_y, 6b + 12 dB: a video against itself.
    depth = 10 if "10le" in " ".join(coding) else 8
    assert scored(video, video, "psnr_y") == 6 * depth + 12


def test_an_orientation_is_told_beside_a_profile(run_ffmpeg: Ffmpeg, tmp_path: Path) -> None:
    from framegauge.runtime.sources.source import open_source

    path = tmp_path / "a.png"
    run_ffmpeg(*PICTURE, "-pix_fmt", "rgb24", path)
    body = b"eXIfMM\0*" + struct.pack(">IHHHIHHI", 8, 1, 274, 3, 1, 5, 0, 0)
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    content = with_profile(path).read_bytes()
    path.write_bytes(content[:33] + chunk + content[33:])

    with open_source(path) as source:
        facts = source.facts.to_json()

    assert facts["orientation"] == "mirrored left to right, then turned by 270 degrees clockwise"
