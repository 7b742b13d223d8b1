"""Files whose frames carry more than samples: every kind of side data that FFmpeg makes here."""

import json
import re
import struct
import sys
import zlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from subprocess import run
from typing import Any, cast

import av
import av.filter
import pytest
from av.sidedata.sidedata import Type

Ffmpeg = Callable[..., bytes]

PICTURE = ("-f", "lavfi", "-i", "testsrc2=size=64x64", "-frames:v", 1)
VIDEO = ("-f", "lavfi", "-i", "testsrc2=size=64x64:rate=25", "-frames:v", 4)
PROFILE = b"profile" + bytes(range(256)) * 4
HDR = "master-display=G(8500,39850)B(6550,2300)R(35400,14600)WP(15635,16450)L(40000000,50)"
UUID = "086f3693-b7b3-4f2c-9653-21492feee5b8"

# What values of EXIF's tag 274 ask for, by CIPA DC-008.
ASKED = {
    1: None,
    2: "mirrored left to right",
    3: "turned by 180 degrees",
    4: "mirrored top to bottom",
    5: "mirrored left to right, then turned by 270 degrees clockwise",
    6: "turned by 90 degrees clockwise",
    7: "mirrored left to right, then turned by 90 degrees clockwise",
    8: "turned by 270 degrees clockwise",
}

# The kinds of side data that come of what each writes beside the samples.
VIDEOS = {
    "SEI_UNREGISTERED": (".mp4", "-c:v", "libx264"),
    "SEI_UNREGISTERED (given)": (
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
    "DISPLAYMATRIX": (".mkv", "-c:v", "libx264"),
}


def bits(*fields: tuple[int, int]) -> bytes:
    """Numbers of so many bits each, filled up to whole bytes."""
    written = "".join(f"{value:0{width}b}" for width, value in fields)
    written += "0" * (-len(written) % 8)
    return int(written, 2).to_bytes(len(written) // 8, "big")


# CEA-708 within ATSC A/53: two packets of captions.
CAPTIONS = b"GA94\x03\x42\xff" + b"\xfc\x80\x80\xfc\x81\x81" + b"\xff"

# Messages of HEVC by ITU-T H.265 annex D: type and payload. Type 4 holds what ITU-T T.35 registers.
MESSAGES = {
    "A53_CC": (4, b"\xb5\0\x31" + CAPTIONS),
    # SMPTE ST 2094-40: one window, no distribution, no tone mapping.
    "DYNAMIC_HDR_PLUS": (
        4,
        b"\xb5\0\x3c\0\1\4\1"
        + bits(
            *((2, 1), (27, 1000), (1, 0), (17, 100), (17, 100), (17, 100), (17, 50)),
            *((4, 0), (10, 0), (1, 0), (1, 0), (1, 0)),
        ),
    ),
    "DYNAMIC_HDR_VIVID": (4, b"\x26\0\4\0\5\1" + bytes(60)),
    "AMBIENT_VIEWING_ENVIRONMENT": (148, struct.pack(">IHH", 314000, 15635, 16450)),
    # One full clock time: flags, frame 5, 10 s, 20 min, 1 h.
    "S12M_TIMECODE": (
        136,
        bits(
            *((2, 1), (1, 1), (1, 0), (5, 0), (1, 1), (1, 0), (1, 0), (9, 5)),
            *((6, 10), (6, 20), (5, 1), (5, 0), (1, 1)),
        ),
    ),
}

# User data of MPEG-2 pictures: ATSC A/53 and SMPTE 2016-1.
USER_DATA = {"A53_CC": CAPTIONS, "AFD": b"DTG1\x41\xfa"}

SPHERE = b"".join(
    b"<GSpherical:%b>%b</GSpherical:%b>" % (name, value, name)
    for name, value in (
        (b"Spherical", b"true"),
        (b"Stitched", b"true"),
        (b"StitchingSoftware", b"none"),
        (b"ProjectionType", b"equirectangular"),
    )
)

SCORED = """
import gc, sys
from framegauge.runtime import score
for _ in range(3):
    report = score(*sys.argv[1:3], metrics=sys.argv[3])
    gc.collect()
print(report.pooled[sys.argv[3]]["mean"])
"""

TOLD = """
import gc, json, sys
from pathlib import Path
from framegauge.runtime.sources.source import open_source
told = []
for path in sys.argv[1:]:
    with open_source(Path(path)) as source:
        list(source.frames(format="rgb24"))
        told.append(source.facts.orientation)
    gc.collect()
print(json.dumps(told))
"""


def scored(reference: Path, distorted: Path, metric: str) -> float:
    """The mean score, computed in a process that may die."""
    command = [sys.executable, "-c", SCORED, reference, distorted, metric]
    done = run([str(word) for word in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.returncode, done.stderr)
    return float(done.stdout)


def told(*paths: Path) -> object:
    """The orientations, told in a process that may die."""
    command = [sys.executable, "-c", TOLD, *map(str, paths)]
    done = run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.returncode, done.stderr)
    return json.loads(done.stdout)


def carried(video: Path) -> set[str]:
    """The kinds of side data on frames of a video, as FFmpeg's own filter tells them apart."""
    kinds = set()
    with av.open(video) as container:
        for frame in container.decode(video=0):
            for kind in Type:
                graph = av.filter.Graph()
                graph.link_nodes(
                    graph.add_buffer(
                        width=frame.width,
                        height=frame.height,
                        format=frame.format,
                        time_base=Fraction(1, 25),
                    ),
                    graph.add("sidedata", f"mode=select:type={cast(int, kind.value)}"),
                    graph.add("buffersink"),
                )
                graph.configure(auto_buffer=False)
                graph.vpush(frame)
                try:
                    graph.vpull()
                except BlockingIOError:
                    continue
                kinds.add(kind.name)
    return kinds


def with_message(video: bytes, kind: int, payload: bytes) -> bytes:
    """The same HEVC with a message before each of its pictures."""
    body = bytes([kind, len(payload)]) + payload + b"\x80"
    escaped = re.sub(rb"\x00\x00(?=[\x00-\x03])", b"\0\0\3", body)
    message = b"\0\0\1\x4e\1" + escaped
    # A unit's type is six bits after the first; those below 32 are slices of pictures.
    return re.sub(rb"\x00\x00\x01(?=[\x00-\x3f])", lambda found: message + found[0], video)


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

    assert set(kinds.partition(" (")[0].split(", ")) <= carried(video)
    # The cap of psnr_y, 6b + 12 dB: a video against itself.
    depth = 10 if "10le" in " ".join(coding) else 8
    assert scored(video, video, "psnr_y") == 6 * depth + 12


def test_a_video_with_film_grain_is_scored(run_ffmpeg: Ffmpeg, tmp_path: Path) -> None:
    # The decoder lays the grain on and leaves no side data of it.
    video = tmp_path / "v.mkv"
    run_ffmpeg(*VIDEO, "-c:v", "libsvtav1", "-svtav1-params", "film-grain=10", video)

    assert scored(video, video, "psnr_y") == 60


@pytest.mark.parametrize("kind", MESSAGES)
def test_a_video_with_messages_is_scored_as_one_without(
    run_ffmpeg: Ffmpeg, tmp_path: Path, kind: str
) -> None:
    plain, marked = tmp_path / "plain.hevc", tmp_path / "marked.hevc"
    run_ffmpeg(
        *(*VIDEO, "-pix_fmt", "yuv420p", "-c:v", "libx265"),
        *("-x265-params", "log-level=none:keyint=1:info=0", plain),
    )
    marked.write_bytes(with_message(plain.read_bytes(), *MESSAGES[kind]))

    assert carried(marked) - carried(plain) == {kind}
    assert scored(plain, marked, "psnr_y") == 60


@pytest.mark.parametrize("kind", USER_DATA)
def test_a_video_with_user_data_is_scored_as_one_without(
    run_ffmpeg: Ffmpeg, tmp_path: Path, kind: str
) -> None:
    plain, marked = tmp_path / "plain.m2v", tmp_path / "marked.m2v"
    run_ffmpeg(*VIDEO, "-c:v", "mpeg2video", plain)
    # Before the first row of slices of each picture.
    data = b"\0\0\1\xb2" + USER_DATA[kind] + b"\0\0\1\1"
    marked.write_bytes(plain.read_bytes().replace(b"\0\0\1\1", data))

    assert carried(marked) - carried(plain) == {kind}
    assert scored(plain, marked, "psnr_y") == 60


def test_a_spherical_video_is_scored_as_one_without_the_mark(
    run_ffmpeg: Ffmpeg, tmp_path: Path
) -> None:
    plain, marked = tmp_path / "plain.mp4", tmp_path / "marked.mp4"
    run_ffmpeg(*VIDEO, "-c:v", "libx264", plain)
    # Spherical Video V1: a box at the track's end. The samples lie before the index, and stay.
    content = bytearray(plain.read_bytes())
    identity = bytes.fromhex("ffcc8263f8554a938814587a02521fdd")
    box = struct.pack(">I", 24 + len(SPHERE)) + b"uuid" + identity + SPHERE
    index, track = content.index(b"moov") - 4, content.index(b"trak") - 4
    sizes = [struct.unpack_from(">I", content, place)[0] for place in (index, track)]
    for place, size in zip((index, track), sizes, strict=True):
        struct.pack_into(">I", content, place, size + len(box))
    content[track + sizes[1] : track + sizes[1]] = box
    marked.write_bytes(content)

    assert carried(marked) - carried(plain) == {"SPHERICAL"}
    assert scored(plain, marked, "psnr_y") == 60


def test_a_webp_with_a_profile_is_scored_as_one_without(run_ffmpeg: Ffmpeg, tmp_path: Path) -> None:
    path, marked = tmp_path / "a.webp", tmp_path / "icc.webp"
    run_ffmpeg(*PICTURE, "-c:v", "libwebp", path)
    # The extended form: flags, width and height less one, the profile, then the picture.
    extended = struct.pack("<I", 0x20) + (63).to_bytes(3, "little") * 2
    body = b"WEBP" + b"".join(
        name + struct.pack("<I", len(part)) + part + bytes(len(part) % 2)
        for name, part in ((b"VP8X", extended), (b"ICCP", PROFILE))
    )
    body += path.read_bytes()[12:]
    marked.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)

    assert carried(marked) == {"ICC_PROFILE"}
    assert scored(path, marked, "psnr_luma") == 100


def test_a_tiff_with_a_profile_is_scored_as_one_without(run_ffmpeg: Ffmpeg, tmp_path: Path) -> None:
    path, marked = tmp_path / "a.tiff", tmp_path / "icc.tiff"
    run_ffmpeg(*PICTURE, "-pix_fmt", "rgb24", path)
    content = path.read_bytes()
    content += bytes(len(content) % 2)
    # A second directory in place of the first, with tag 34675 (0x8773) as its last.
    place = len(content)
    (first,) = struct.unpack_from("<I", content, 4)
    (count,) = struct.unpack_from("<H", content, first)
    entries = content[first + 2 : first + 2 + 12 * count]
    profile = struct.pack("<HHII", 34675, 7, len(PROFILE), place)
    directory = struct.pack("<H", count + 1) + entries + profile + bytes(4)
    data = PROFILE + bytes(len(PROFILE) % 2)
    head = content[:4] + struct.pack("<I", place + len(data))
    marked.write_bytes(head + content[8:] + data + directory)

    assert "ICC_PROFILE" in carried(marked)
    assert scored(path, marked, "psnr") == 100


def test_orientations_of_pictures_are_told_beside_a_profile(
    run_ffmpeg: Ffmpeg, tmp_path: Path
) -> None:
    path = tmp_path / "a.png"
    run_ffmpeg(*PICTURE, "-pix_fmt", "rgb24", path)
    content = with_profile(path).read_bytes()
    paths = []
    for value in ASKED:
        body = b"eXIfMM\0*" + struct.pack(">IHHHIHHI", 8, 1, 274, 3, 1, value, 0, 0)
        chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
        paths.append(tmp_path / f"{value}.png")
        paths[-1].write_bytes(content[:33] + chunk + content[33:])

    assert told(*paths) == list(ASKED.values())


@pytest.mark.parametrize("beside", ["ICC_PROFILE", "CONTENT_LIGHT_LEVEL"])
def test_orientations_of_videos_are_told_beside_others(
    run_ffmpeg: Ffmpeg, tmp_path: Path, beside: str
) -> None:
    plain = tmp_path / "plain.mov"
    if beside == "ICC_PROFILE":
        path = tmp_path / "a.png"
        run_ffmpeg(*PICTURE, "-pix_fmt", "rgb24", path)
        run_ffmpeg("-i", with_profile(path), "-c", "copy", plain)
    else:
        coding = ("-c:v", "libx265", "-x265-params", f"log-level=none:{HDR}:max-cll=1000,400")
        run_ffmpeg(*VIDEO, "-pix_fmt", "yuv420p10le", *coding, plain)
    asked = {
        ("-display_rotation", 180): "turned by 180 degrees",
        ("-display_rotation", -90): "turned by 90 degrees clockwise",
        ("-display_hflip",): "mirrored left to right",
        ("-display_vflip",): "mirrored top to bottom",
    }
    paths = [tmp_path / f"{number}.mov" for number in range(len(asked))]
    for flags, path in zip(asked, paths, strict=True):
        run_ffmpeg(*flags, "-i", plain, "-c", "copy", path)

    assert {"DISPLAYMATRIX", beside} <= carried(paths[0])
    assert told(*paths) == list(asked.values())
