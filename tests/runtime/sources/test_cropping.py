import re
from collections.abc import Callable
from pathlib import Path

import av
import pytest

from framegauge.runtime import ScoreError, score
from framegauge.runtime.sources.cropping import Cropper, Cropping
from framegauge.runtime.sources.matroska_header import stream_header
from framegauge.runtime.sources.source import Source, open_source
from framegauge.runtime.sources.video import open_video

Clip = Callable[..., Path]
Ffmpeg = Callable[..., bytes]

X264 = ("-c:v", "libx264", "-crf", 18)


@pytest.fixture
def whole(clip: Clip) -> Callable[..., Path]:
    """A clip of 128x96 that nothing is cut off of, and whose colours are all said."""

    def made(ending: str, pixel_format: str = "yuv420p") -> Path:
        said = "setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709"
        return clip(
            *(ending, "-f", "lavfi", "-i", "testsrc2=s=128x96:r=25:d=0.2"),
            *("-vf", f"format={pixel_format},{said}", *X264, "-write_crc32", 0),
        )

    return made


@pytest.fixture
def cropped(whole: Callable[..., Path], tmp_path: Path) -> Callable[..., Path]:
    """The clip whose container says that sides are not to be shown."""

    def made(
        ending: str, left: int, right: int, top: int, bottom: int, pixel_format: str = "yuv420p"
    ) -> Path:
        content = whole(ending, pixel_format).read_bytes()
        change = in_matroska if ending == ".mkv" else in_mp4
        path = tmp_path / f"cropped{ending}"
        path.write_bytes(change(content, left, right, top, bottom))
        return path

    return made


def in_matroska(content: bytes, *sides: int) -> bytes:
    """In place of the element of colours, which the stream states too, those of cropping."""
    start = content.index(b"\x55\xb0")
    length = 3 + (content[start + 2] & 0x7F)
    names = (b"\x54\xcc", b"\x54\xdd", b"\x54\xbb", b"\x54\xaa")
    crops = b"".join(name + bytes([0x81, side]) for name, side in zip(names, sides, strict=True))
    void = bytes([0xEC, 0x80 | (length - len(crops) - 2)])
    filled = (crops + void).ljust(length, b"\0")
    return content[:start] + filled + content[start + length :]


def in_mp4(content: bytes, left: int, right: int, top: int, bottom: int) -> bytes:
    """With a clean aperture at the end of the entry that describes the samples."""
    places, at = [], 0
    for name in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"avc1"):
        at = content.index(name, at) - 4
        places.append(at)
    end = at + int.from_bytes(content[at : at + 4], "big")
    # Sizes and the way of the middle as fractions.
    numbers = (128 - left - right, 1, 96 - top - bottom, 1, left - right, 2, top - bottom, 2)
    box = (40).to_bytes(4, "big") + b"clap"
    box += b"".join(number.to_bytes(4, "big", signed=True) for number in numbers)
    changed = bytearray(content[:end] + box + content[end:])
    for place in places:
        size = int.from_bytes(changed[place : place + 4], "big") + len(box)
        changed[place : place + 4] = size.to_bytes(4, "big")
    return bytes(changed)


def samples(source: Source) -> bytes:
    with source:
        frames = source.frames(format=str(source.facts.format))
        return b"".join(plane.tobytes() for frame in frames for plane in frame)


@pytest.mark.parametrize("ending", [".mkv", ".mp4"])
@pytest.mark.parametrize(
    "sides", [(16, 16, 8, 8), (2, 0, 0, 0), (0, 6, 0, 0), (0, 0, 10, 0), (0, 0, 0, 4), (0, 3, 4, 1)]
)
def test_what_the_container_cuts_off_is_not_read(
    run_ffmpeg: Ffmpeg,
    whole: Callable[..., Path],
    cropped: Callable[..., Path],
    ending: str,
    sides: tuple[int, int, int, int],
) -> None:
    left, right, top, bottom = sides
    width, height = 128 - left - right, 96 - top - bottom
    cut = f"crop={width}:{height}:{left}:{top}:exact=1"
    shown = run_ffmpeg("-i", whole(ending), "-vf", cut, "-f", "rawvideo", "-")

    source = open_source(cropped(ending, *sides))

    assert source.facts.size == (width, height)
    assert source.facts.to_json()["cropped"] == {
        **{"left": left, "right": right},
        **{"top": top, "bottom": bottom},
    }
    assert samples(source) == shown


@pytest.mark.parametrize("ending", [".mkv", ".mp4"])
@pytest.mark.parametrize("sides", [(3, 0, 0, 0), (0, 0, 1, 1)])
def test_an_edge_between_chroma_samples_is_refused(
    cropped: Callable[..., Path], ending: str, sides: tuple[int, int, int, int]
) -> None:
    with pytest.raises(ScoreError, match=r"chroma samples span 2x2 pixels.*Decode it to 4:4:4"):
        open_source(cropped(ending, *sides))


def test_odd_edges_of_whole_chroma_are_exact(
    run_ffmpeg: Ffmpeg, whole: Callable[..., Path], cropped: Callable[..., Path]
) -> None:
    cut = ("-vf", "crop=124:90:3:5:exact=1", "-f", "rawvideo", "-")
    shown = run_ffmpeg("-i", whole(".mkv", "yuv444p"), *cut)

    assert samples(open_source(cropped(".mkv", 3, 1, 5, 1, "yuv444p"))) == shown


def test_a_clip_that_is_all_cut_off_is_refused() -> None:
    crop = Cropper("a.mkv", Cropping(left=4, right=4))

    with pytest.raises(ScoreError, match=r"crops 4\+4 columns and 0\+0 rows: nothing is left"):
        crop(av.VideoFrame(8, 8, "yuv420p"))


def test_what_is_shown_is_scored_and_the_report_says_so(
    ffmpeg: Callable[..., str],
    clip: Clip,
    whole: Callable[..., Path],
    cropped: Callable[..., Path],
    tmp_path: Path,
) -> None:
    cut = "crop=96:80:16:8"
    shown = clip(".mp4", "-i", whole(".mkv"), "-vf", cut, "-c:v", "libx264", "-crf", 30)
    compared = f"[0:v]{cut}[a];[a][1:v]psnr=stats_file={tmp_path / 'psnr'}"
    ffmpeg("-i", whole(".mkv"), "-i", shown, "-lavfi", compared, "-f", "null", "-")
    wanted = [float(each) for each in re.findall(r"psnr_y:(\S+)", (tmp_path / "psnr").read_text())]
    lines: list[str] = []

    report = score(cropped(".mkv", 16, 16, 8, 8), shown, metrics="psnr_y", tell=lines.append)

    # FFmpeg prints two decimals.
    assert report.frames.scores["psnr_y"] == pytest.approx(wanted, abs=0.0051)
    assert report.inputs["reference"]["cropped"] == {
        **{"left": 16, "right": 16},
        **{"top": 8, "bottom": 8},
    }
    assert report.inputs["distorted"]["cropped"] is None
    assert any("is cropped as its container says: 16 left, 16 right" in line for line in lines)


def test_a_pipe_is_cropped_too(cropped: Callable[..., Path]) -> None:
    path = cropped(".mkv", 2, 4, 6, 8)

    with path.open("rb") as stream:
        facts, frames = open_video("pipe", stream)
        frames.close()

    assert facts.size == (122, 82)


@pytest.mark.parametrize(
    ("codec", "words", "size"),
    [
        ("libx264", "h264_metadata=crop_left=8:crop_top=4", (120, 92)),
        ("libx264", "h264_metadata=crop_left=2:crop_right=6:crop_bottom=2", (120, 94)),
        ("libx265", "hevc_metadata=crop_left=6:crop_top=2", (122, 94)),
    ],
)
def test_what_the_stream_cuts_off_is_not_read(
    run_ffmpeg: Ffmpeg, clip: Clip, codec: str, words: str, size: tuple[int, int]
) -> None:
    source = ("-f", "lavfi", "-i", "testsrc2=s=128x96:r=25:d=0.2", "-pix_fmt", "yuv420p")
    plain = clip(".mp4", *source, "-c:v", codec)
    path = clip(".mp4", "-i", plain, "-c", "copy", "-bsf:v", words)
    shown = run_ffmpeg("-i", path, "-f", "rawvideo", "-")

    opened = open_source(path)

    assert opened.facts.size == size
    assert samples(opened) == shown


def test_a_codec_that_matroska_cannot_hold_says_nothing(clip: Clip) -> None:
    path = clip(".mov", "-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d=0.1", "-c:v", "svq1")

    with av.open(path) as container:
        header = stream_header(container.streams.video[0])

    assert header.siting is None
    assert not header.cropping
