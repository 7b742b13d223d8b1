"""What becomes of damaged files of every format and encoder at hand: the table behind the limits.

A damaged file is refused, or gives exactly the frames of the intact one. Where a format cannot
tell, that is named here; nothing else may be scored.
"""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from framegauge.runtime.errors import ScoreError
from framegauge.runtime.sources.source import open_source

Ffmpeg = Callable[..., bytes]

pytestmark = pytest.mark.slow

_X265 = ["-c:v", "libx265", "-x265-params"]
_YUVJ = ["-c:v", "mjpeg", "-q:v", 3, "-pix_fmt", "yuvj420p"]
_CIF = ["-s", "176x144"]
_PRORES = ["-pix_fmt", "yuv422p10le"]
_AV1 = {
    "libaom-av1": ["-cpu-used", 8],
    "libsvtav1": ["-preset", 12],
    "librav1e": ["-speed", 10],
}

# Encoder and options -> the files that are made with them.
VIDEOS: dict[str, tuple[list[object], str]] = {
    "h264": (["-c:v", "libx264", "-bf", 2], "mp4 mkv ts h264 avi flv mov mpg nut mxf asf m2ts"),
    "h264 in pieces": (
        ["-c:v", "libx264", "-g", 4, "-movflags", "+frag_keyframe+empty_moov"],
        "mp4",
    ),
    "h264 in slices": (["-c:v", "libx264", "-slices", 4], "h264 ts mp4"),
    "h264 baseline": (["-c:v", "libx264", "-profile:v", "baseline"], "h264 ts"),
    "h264 of fields": (["-c:v", "libx264", "-flags", "+ildct+ilme"], "h264 ts"),
    "h264 of openh264": (["-c:v", "libopenh264"], "h264"),
    "h265": ([*_X265, "log-level=none"], "mp4 mkv ts hevc mov"),
    "h265 in slices": ([*_X265, "log-level=none:slices=3"], "hevc ts mp4"),
    "h265 with checksums": ([*_X265, "log-level=none:hash=1"], "hevc mp4"),
    "h265 of kvazaar": (["-c:v", "libkvazaar"], "hevc"),
    "h266": (["-c:v", "libvvenc", "-preset", "faster", "-pix_fmt", "yuv420p10le"], "266 mp4 ts"),
    "mpeg2": (["-c:v", "mpeg2video", "-bf", 2], "m2v ts mpg mxf vob"),
    "mpeg1": (["-c:v", "mpeg1video"], "m1v mpg"),
    "mpeg4": (["-c:v", "mpeg4", "-bf", 2], "avi m4v mp4 mkv"),
    "xvid": (["-c:v", "libxvid"], "avi"),
    "msmpeg4": (["-c:v", "msmpeg4"], "avi"),
    "wmv2": (["-c:v", "wmv2"], "asf"),
    "h261": (["-c:v", "h261", *_CIF], "h261"),
    "h263": (["-c:v", "h263", *_CIF], "h263 3gp"),
    "sorenson": (["-c:v", "flv"], "flv"),
    "vp8": (["-c:v", "libvpx"], "webm ivf"),
    "vp9": (["-c:v", "libvpx-vp9", "-cpu-used", 8], "webm ivf mp4"),
    **{
        f"av1 of {name}": (["-c:v", name, *options], "mkv ivf obu mp4")
        for name, options in _AV1.items()
    },
    "prores": (["-c:v", "prores_ks", *_PRORES], "mov mkv"),
    "cineform": (["-c:v", "cfhd", *_PRORES], "mov"),
    "vc2": (["-c:v", "vc2", "-pix_fmt", "yuv422p"], "drc mkv"),
    "ffv1": (["-c:v", "ffv1", "-level", 3], "mkv avi nut"),
    "huffyuv": (["-c:v", "ffvhuff"], "avi mkv"),
    "utvideo": (["-c:v", "utvideo"], "avi"),
    "theora": (["-c:v", "libtheora"], "ogv"),
    "raw": (["-c:v", "rawvideo"], "avi mov mkv nut yuv y4m"),
    "mjpeg": (_YUVJ, "avi mov mjpeg mkv"),
    "jpeg2000": (["-c:v", "jpeg2000"], "mov mxf mkv"),
    "apng": ([], "apng"),
    "gif": ([], "gif"),
    "png": (["-c:v", "png"], "mov mkv"),
    "v210": (["-c:v", "v210", "-pix_fmt", "yuv422p10le"], "mov avi"),
    "dv": (["-c:v", "dvvideo", "-s", "720x576", "-pix_fmt", "yuv420p"], "dv avi mov"),
    "real": (["-c:v", "rv20", *_CIF], "rm"),
    "qtrle": (["-c:v", "qtrle"], "mov"),
}
STILLS: dict[str, tuple[list[object], str]] = {
    "image": ([], "bmp dpx gif jls pam pbm pcx pfm pgm phm png ppm qoi sgi sun tga webp xwd hdr"),
    "image raw": (["-rle", 0], "sgi tga"),
    "image in yuv": (["-pix_fmt", "yuvj420p"], "jpg"),
    "image of openjpeg": (["-c:v", "libopenjpeg"], "jp2 j2k"),
    "image without loss": (["-c:v", "libwebp", "-lossless", 1], "webp"),
    "image of av1": (["-c:v", "libaom-av1", "-cpu-used", 8, "-still-picture", 1], "avif"),
    **{
        f"image {name}": (["-compression", name], "exr")
        for name in ("none", "rle", "zip1", "zip16")
    },
    **{
        f"image {name}": (["-compression_algo", name], "tif")
        for name in ("packbits", "raw", "lzw", "deflate")
    },
}
FILES = {
    f"{name}.{ending}": (options, ending, count)
    for table, count in ((VIDEOS, 8), (STILLS, 1))
    for name, (options, endings) in table.items()
    for ending in endings.split()
}

# Every byte is checked.
CHECKED = {
    "apng.apng",
    "ffv1.avi",
    "ffv1.mkv",
    "h265 with checksums.mp4",
    "image zip1.exr",
    "image zip16.exr",
    "image.jls",
    "image.png",
    "png.mkv",
    "png.mov",
}

# Streams in which nothing counts the frames: cut between two of them, one is a whole shorter clip.
UNCOUNTED = {"h264", "hevc", "266", "ts", "m2ts", "mpg", "vob", "m2v", "m1v", "mjpeg", "ivf", "obu"}
UNCOUNTED |= {"dv", "yuv", "drc", "h261", "h263"}

# Formats that hold together after bytes were lost from the middle: no sizes, or none that differ.
LOSSY = {"h264", "hevc", "266", "ts", "m2ts", "mpg", "vob", "m2v", "m1v", "mjpeg", "h261", "h263"}
LOSSY |= {"drc", "gif", "jpg", "nut", "pcx", "qoi", "rm", "asf", "tga", "sun"}


def digests(path: Path) -> list[bytes]:
    """One for each frame."""
    raw = {"size": (160, 88), "pixel_format": "yuv420p"} if path.suffix == ".yuv" else {}
    with open_source(path, **raw) as source:  # type: ignore[arg-type]
        return [
            hashlib.sha256(
                b"".join(
                    np.frombuffer(plane, np.uint8)
                    .reshape(plane.height, -1)[:, : plane.width * 4]
                    .tobytes()
                    for plane in picture.planes
                )
            ).digest()
            for picture in source._pictures
        ]


def cuts(content: bytes) -> Iterator[bytes]:
    sizes = [1, 3, 17, 100, 188, 700, 1500, 3000]
    sizes += [int(len(content) * part) for part in (0.05, 0.1, 0.25, 0.5, 0.75)]
    return (content[:-size] for size in sizes if size < 0.9 * len(content))


def places(content: bytes) -> list[int]:
    return [int(len(content) * part) for part in (0.2, 0.4, 0.6, 0.8, 0.95)]


def losses(content: bytes) -> Iterator[bytes]:
    for place in places(content):
        for size in (1, 188, 301):
            if size < len(content) / 8:
                yield content[:place] + content[place + size :]


def holes(content: bytes) -> Iterator[bytes]:
    for place in places(content):
        for size in (min(512, len(content) // 10), 4096):
            if size < (len(content) - place) and len(content) > 8192:
                yield content[:place] + bytes(size) + content[place + size :]


def flips(content: bytes) -> Iterator[bytes]:
    for place in places(content):
        yield content[:place] + bytes([content[place] ^ 0x5A]) + content[place + 1 :]


def is_part(some: list[bytes], whole: list[bytes]) -> bool:
    """Whether every frame is one of the intact clip's, in their order."""
    rest = iter(whole)
    return all(frame in rest for frame in some)


@pytest.fixture(scope="module")
def intact(run_ffmpeg: Ffmpeg, clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small clip that compresses to more than a few bytes."""
    path = tmp_path_factory.mktemp("intact") / "clip.mkv"
    options = ["-vf", "scale=160:88", "-frames:v", 8, "-c:v", "ffv1"]
    run_ffmpeg("-i", clips / "reference.mp4", *options, path)
    return path


@pytest.mark.parametrize("name", FILES)
def test_damage_is_refused_or_harmless_or_a_known_limit(
    run_ffmpeg: Ffmpeg, intact: Path, tmp_path: Path, name: str
) -> None:
    options, ending, count = FILES[name]
    path = tmp_path / f"clip.{ending}"
    run_ffmpeg("-i", intact, "-crf", 20, *options, "-frames:v", count, "-strict", -2, path)
    content = path.read_bytes()
    wanted = digests(path)
    assert len(wanted) == count

    scored = []
    for kind, damages in (("cut", cuts), ("lost", losses), ("holed", holes), ("flipped", flips)):
        for number, damaged in enumerate(damages(content)):
            path.write_bytes(damaged)
            try:
                found = digests(path)
            except ScoreError:
                continue
            is_limit = {
                "cut": ending in UNCOUNTED and is_part(found, wanted),
                "lost": ending in LOSSY,
                "holed": name not in CHECKED,
                "flipped": name not in CHECKED,
            }[kind]
            if damaged != content and found != wanted and not is_limit:
                wrong = sum(one not in wanted for one in found)
                scored.append(f"{kind} {number}: {len(found)} frames, {wrong} of them wrong")

    assert not scored
