import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from framegauge.runtime import ScoreError, score
from framegauge.runtime.sources.source import open_source

Ffmpeg = Callable[..., bytes]

# What the eight values of EXIF's tag 274 ask for, by CIPA DC-008.
ASKED = [
    (1, None),
    (2, "mirrored left to right"),
    (3, "turned by 180 degrees"),
    (4, "mirrored top to bottom"),
    (5, "mirrored left to right, then turned by 270 degrees clockwise"),
    (6, "turned by 90 degrees clockwise"),
    (7, "mirrored left to right, then turned by 90 degrees clockwise"),
    (8, "turned by 270 degrees clockwise"),
]


def exif(value: int) -> bytes:
    """One directory of one tag, the orientation, big-endian."""
    return b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 274, 3, 1, value, 0, 0)


@pytest.fixture
def picture(run_ffmpeg: Ffmpeg, tmp_path: Path) -> Callable[[str], Path]:
    """Makes a square picture without a mark."""

    def make(name: str) -> Path:
        path = tmp_path / name
        run_ffmpeg("-f", "lavfi", "-i", "testsrc2=size=48x48", "-frames:v", 1, path)
        return path

    return make


def marked_jpeg(path: Path, value: int) -> Path:
    content, body = path.read_bytes(), b"Exif\0\0" + exif(value)
    segment = b"\xff\xe1" + struct.pack(">H", 2 + len(body)) + body
    marked = path.with_name(f"marked-{value}.jpg")
    marked.write_bytes(content[:2] + segment + content[2:])
    return marked


def marked_png(path: Path, value: int) -> Path:
    content, body = path.read_bytes(), b"eXIf" + exif(value)
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    marked = path.with_name(f"marked-{value}.png")
    marked.write_bytes(content[:33] + chunk + content[33:])
    return marked


def orientation(path: Path) -> object:
    with open_source(path) as source:
        return source.facts.to_json()["orientation"]


@pytest.mark.parametrize(("value", "asked"), ASKED)
def test_a_photograph_says_how_it_is_to_be_shown(
    picture: Callable[[str], Path], value: int, asked: str | None
) -> None:
    assert orientation(marked_jpeg(picture("a.jpg"), value)) == asked


@pytest.mark.parametrize(("value", "asked"), ASKED)
def test_a_png_says_how_it_is_to_be_shown(
    picture: Callable[[str], Path], value: int, asked: str | None
) -> None:
    assert orientation(marked_png(picture("a.png"), value)) == asked


@pytest.mark.parametrize("ending", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize(
    ("flags", "asked"),
    [
        ([], None),
        (["-display_rotation", 180], "turned by 180 degrees"),
        (["-display_rotation", 90], "turned by 270 degrees clockwise"),
        (["-display_rotation", -90], "turned by 90 degrees clockwise"),
    ],
    ids=str,
)
def test_a_video_says_how_it_is_to_be_shown(
    run_ffmpeg: Ffmpeg,
    clips: Path,
    tmp_path: Path,
    flags: list[object],
    asked: str | None,
    ending: str,
) -> None:
    path = tmp_path / f"clip{ending}"

    run_ffmpeg(*flags, "-i", clips / "reference.mp4", "-c", "copy", path)

    assert orientation(path) == asked


@pytest.mark.parametrize(
    ("flag", "asked"),
    [
        ("-display_hflip", "mirrored left to right"),
        ("-display_vflip", "mirrored top to bottom"),
    ],
)
def test_a_video_that_is_to_be_mirrored_says_so(
    run_ffmpeg: Ffmpeg, clips: Path, tmp_path: Path, flag: str, asked: str
) -> None:
    path = tmp_path / "clip.mp4"

    run_ffmpeg(flag, "-i", clips / "reference.mp4", "-c", "copy", path)

    assert orientation(path) == asked


@pytest.mark.parametrize("value", [2, 3, 4, 5, 6, 7, 8])
def test_pictures_that_are_to_be_shown_differently_are_not_compared(
    picture: Callable[[str], Path], value: int
) -> None:
    plain = picture("a.jpg")
    marked = marked_jpeg(plain, value)

    with pytest.raises(ScoreError, match="The reference is to be shown as it is stored, and the"):
        score(plain, marked, metrics="psnr")
    with pytest.raises(ScoreError, match=r"distorted video as it is stored\. Frames are compared"):
        score(marked, plain, metrics="psnr")


def test_pictures_that_are_to_be_shown_alike_are_compared_as_they_are_stored(
    picture: Callable[[str], Path],
) -> None:
    marked = marked_png(picture("a.png"), 6)

    report = score(marked, marked, metrics="psnr")

    assert report.pooled["psnr"]["mean"] == 100
    assert report.inputs["reference"]["orientation"] == "turned by 90 degrees clockwise"


def test_pictures_of_one_clip_are_to_be_shown_alike(
    picture: Callable[[str], Path], tmp_path: Path
) -> None:
    plain = picture("frame-2.png")
    marked_png(plain, 3).rename(tmp_path / "frame-3.png")

    with (
        pytest.raises(
            ScoreError, match=r"frame-3\.png is 48x48 rgb24, to be shown turned by 180 degrees, the"
        ),
        open_source(tmp_path / "frame-%d.png") as source,
    ):
        list(source.frames(format="rgb24"))


def test_frames_in_memory_are_shown_as_they_are_stored() -> None:
    with open_source([np.zeros((8, 8, 3), np.uint8)]) as source:
        assert source.facts.orientation is None
