from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from framegauge.runtime.errors import ScoreError
from framegauge.runtime.sources.source import open_source

Ffmpeg = Callable[..., bytes]

_FRAGMENTS = ["-g", 4, "-movflags", "+frag_keyframe+empty_moov"]
CODED = {
    "mp4": ["-c", "copy", "-movflags", "+faststart", "{}.mp4"],
    "fragments.mp4": ["-c:v", "libx264", *_FRAGMENTS, "{}.mp4"],
    "mkv": ["-c", "copy", "{}.mkv"],
    "ffv1.nut": ["-c:v", "ffv1", "-level", 3, "{}.nut"],
    "avi": ["-c:v", "mpeg4", "{}.avi"],
    "flv": ["-c:v", "flv", "{}.flv"],
    "y4m": ["{}.y4m"],
    "h264": ["-c:v", "libx264", "{}.h264"],
    "mpeg2.ts": ["-c:v", "mpeg2video", "-q:v", 3, "{}.ts"],
    "h265.ts": ["-c:v", "libx265", "-x265-params", "log-level=none", "{}.ts"],
    "ogv": ["-c:v", "libtheora", "{}.ogv"],
    "mxf": ["-c:v", "mpeg2video", "{}.mxf"],
    "obu": ["-c:v", "libsvtav1", "-preset", 12, "{}.obu"],
    "gif": ["{}.gif"],
    "mjpeg": ["-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "{}.mjpeg"],
}  # fmt: skip


@pytest.fixture(scope="module", params=CODED.values(), ids=CODED)
def whole(
    request: pytest.FixtureRequest,
    run_ffmpeg: Ffmpeg,
    clips: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    arguments = [str(part).format(folder / "clip") for part in request.param]
    run_ffmpeg("-i", clips / "reference.mp4", "-map_metadata", -1, *arguments)
    return Path(arguments[-1])


def count(where: Path, **given: str) -> int:
    with open_source(where, **given) as source:
        return sum(1 for _ in source.frames(format=source.facts.format or "rgb24"))


def cut(whole: Path, tmp_path: Path, keep: float) -> Path:
    path = tmp_path / whole.name
    content = whole.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])
    return path


def test_whole_files_give_all_frames(whole: Path) -> None:
    assert count(whole) == 16


@pytest.mark.parametrize("keep", [0.55, 0.9, 0.999])
def test_cut_files_are_never_shorter_clips(whole: Path, tmp_path: Path, keep: float) -> None:
    with pytest.raises(ScoreError, match=r"truncated|cut off"):
        count(cut(whole, tmp_path, keep))


def test_a_live_stream_that_was_cut_is_refused(
    run_ffmpeg: Ffmpeg, clips: Path, tmp_path: Path
) -> None:
    path = tmp_path / "live.mkv"
    path.write_bytes(run_ffmpeg("-i", clips / "reference.mp4", "-c", "copy", "-f", "matroska", "-"))

    assert count(path) == 16
    path.write_bytes(path.read_bytes()[:-40_000])
    with pytest.raises(ScoreError, match="truncated: its headers call for"):
        count(path)


def test_missing_frames_before_the_end_of_a_table_are_counted(
    run_ffmpeg: Ffmpeg, clips: Path, tmp_path: Path
) -> None:
    path = tmp_path / "clip.mp4"
    run_ffmpeg("-i", clips / "reference.mp4", "-c", "copy", "-movflags", "+faststart", path)
    content = path.read_bytes()
    start = content.index(b"mdat") - 4
    kept = content[: start + 120_000]
    size = len(kept) - start
    path.write_bytes(kept[:start] + size.to_bytes(4, "big") + kept[start + 4 :])

    with pytest.raises(ScoreError, match=r"truncated|cut off"):
        count(path)


def test_edit_lists_are_heeded_and_not_taken_for_cuts(
    run_ffmpeg: Ffmpeg, clips: Path, tmp_path: Path
) -> None:
    path = tmp_path / "edited.mp4"
    run_ffmpeg("-ss", 0.2, "-i", clips / "reference.mp4", "-c", "copy", path)
    printed = run_ffmpeg("-i", path, "-f", "rawvideo", "-fps_mode", "passthrough", "-")

    assert count(path) == len(printed) // (320 * 176 * 3 // 2) == 11


def test_sound_that_is_longer_is_not_taken_for_a_cut(
    run_ffmpeg: Ffmpeg, clips: Path, tmp_path: Path
) -> None:
    inputs = ["-i", clips / "reference.mp4", "-f", "lavfi", "-i", "sine=d=2"]
    for path in (tmp_path / "long.mkv", tmp_path / "long.mp4"):
        run_ffmpeg(*inputs, "-c:v", "copy", path)
        assert count(path) == 16


@pytest.mark.parametrize(
    ("codec", "name"),
    [
        (["-c:v", "libx264", "-crf", 20], "clip.mp4"),
        (["-c:v", "mpeg2video", "-q:v", 3], "clip.mkv"),
        (["-c:v", "ffv1", "-level", 3, "-slicecrc", 1], "clip.mkv"),
        (["-c:v", "libx265", "-x265-params", "log-level=none:hash=1"], "clip.mp4"),
        (["-c:v", "mjpeg", "-q:v", 3], "clip.avi"),
        (["-c:v", "png"], "clip.mov"),
    ],
    ids=["h264", "mpeg2", "ffv1", "hevc with checksums", "mjpeg", "png"],
)
def test_frames_that_would_be_concealed_are_refused(
    run_ffmpeg: Ffmpeg, clips: Path, tmp_path: Path, codec: list[object], name: str
) -> None:
    path = tmp_path / name
    run_ffmpeg("-i", clips / "reference.mp4", *codec, path)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 64] = bytes(64)
    path.write_bytes(content)

    with pytest.raises(ScoreError, match=r"is damaged or cut off at or soon after frame \d+"):
        count(path)


def test_a_size_that_changes_in_the_middle_is_refused(
    run_ffmpeg: Ffmpeg, clips: Path, tmp_path: Path
) -> None:
    path = tmp_path / "clip.h264"
    coded = ["-c:v", "libx264", "-f", "h264", "-"]
    small = run_ffmpeg("-i", clips / "reference.mp4", "-vf", "scale=160:88", *coded)
    path.write_bytes(run_ffmpeg("-i", clips / "reference.mp4", *coded) + small)

    with pytest.raises(ScoreError, match=r"begins as 320x176 yuv420p, frame 16 is 160x88"):
        count(path)


def test_a_pixel_format_that_changes_in_the_middle_is_refused(
    run_ffmpeg: Ffmpeg, clips: Path, tmp_path: Path
) -> None:
    path = tmp_path / "clip.h264"
    coded = ["-c:v", "libx264", "-f", "h264", "-"]
    other = run_ffmpeg("-i", clips / "reference.mp4", "-pix_fmt", "yuv444p", *coded)
    path.write_bytes(run_ffmpeg("-i", clips / "reference.mp4", *coded) + other)

    with pytest.raises(ScoreError, match=r"frame 16 is 320x176 yuv444p"):
        count(path)


def test_sound_alone_is_refused(run_ffmpeg: Ffmpeg, tmp_path: Path) -> None:
    path = tmp_path / "sound.m4a"
    run_ffmpeg("-f", "lavfi", "-i", "sine=d=0.2", path)

    with pytest.raises(ScoreError, match="has no video: a video stream was wanted, there is audio"):
        open_source(path)


def test_a_cover_picture_is_not_a_video(run_ffmpeg: Ffmpeg, clips: Path, tmp_path: Path) -> None:
    path = tmp_path / "song.m4a"
    inputs = ["-f", "lavfi", "-i", "sine=d=0.2", "-i", clips / "reference.mp4", "-frames:v", 1]
    run_ffmpeg(*inputs, "-c:v", "mjpeg", "-disposition:v", "attached_pic", path)

    with pytest.raises(ScoreError, match="has no video"):
        open_source(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"not a video at all " * 40, "not a video that FFmpeg can read"),
        (b"YUV4MPEG2 W16 H16 F25:1 C420\n", "no frames|cut off|truncated"),
    ],
)
def test_files_without_frames_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "clip.y4m"
    path.write_bytes(content)

    with pytest.raises(ScoreError, match=message):
        count(path)


def test_a_video_stream_of_no_frames_is_refused(
    run_ffmpeg: Ffmpeg, clips: Path, tmp_path: Path
) -> None:
    path = tmp_path / "none.mp4"
    run_ffmpeg("-i", clips / "reference.mp4", "-frames:v", 0, "-c", "copy", path)

    with pytest.raises(ScoreError, match=r"no frames|no video|not a video"):
        count(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ScoreError, match=r"gone\.mp4 cannot be read: No such file"):
        open_source(tmp_path / "gone.mp4")


@pytest.mark.parametrize("container", [".ts", ".mp4", ".mkv"])
def test_zeros_in_a_slice_are_refused_in_every_container(
    run_ffmpeg: Ffmpeg, clips: Path, tmp_path: Path, container: str
) -> None:
    path = (tmp_path / "clip").with_suffix(container)
    options = ["-c:v", "libx265", "-crf", 10, "-x265-params", "log-level=none"]
    run_ffmpeg("-i", clips / "reference.mp4", *options, path)
    content = bytearray(path.read_bytes())
    place = 188 * (len(content) // 400) + 50
    content[place : place + 100] = bytes(100)
    path.write_bytes(content)

    with pytest.raises(ScoreError, match=r"a part of it was overwritten with zeros"):
        count(path)


def test_padding_after_a_transport_stream_is_no_cut(
    run_ffmpeg: Ffmpeg, clips: Path, tmp_path: Path
) -> None:
    path = tmp_path / "clip.ts"
    run_ffmpeg("-i", clips / "reference.mp4", "-c", "copy", path)
    whole = path.read_bytes()

    path.write_bytes(whole + bytes(100))
    assert count(path) == 16

    path.write_bytes(whole + whole[:100])
    with pytest.raises(ScoreError, match=r"in the middle of a packet"):
        count(path)


def test_a_picture_in_tiles_is_refused(clips: Path) -> None:
    with pytest.raises(ScoreError, match=r"one picture kept in parts, 2 tiles or layers"):
        count(clips / "tiles.avif")


@pytest.mark.parametrize(("size", "rate"), [("720x480", "30000/1001"), ("720x576", "25")])
def test_dv_has_the_rate_of_its_frames(
    run_ffmpeg: Ffmpeg, clips: Path, tmp_path: Path, size: str, rate: str
) -> None:
    path = tmp_path / "clip.dv"
    pixels = "yuv411p" if size.endswith("480") else "yuv420p"
    options = ["-frames:v", 3, "-s", size, "-r", rate, "-pix_fmt", pixels]
    run_ffmpeg("-i", clips / "reference.mp4", *options, path)

    with open_source(path) as source:
        assert str(source.facts.frame_rate) == rate
    assert count(path) == 3


def test_dv_that_was_cut_is_refused(run_ffmpeg: Ffmpeg, clips: Path, tmp_path: Path) -> None:
    path = tmp_path / "clip.dv"
    run_ffmpeg("-i", clips / "reference.mp4", "-s", "720x576", "-frames:v", 3, path)

    with pytest.raises(ScoreError, match=r"truncated"):
        count(cut(path, tmp_path, 0.9))


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_a_short_transport_stream_has_its_rate(
    run_ffmpeg: Ffmpeg, clips: Path, tmp_path: Path, frames: int
) -> None:
    path = tmp_path / "clip.ts"
    run_ffmpeg("-i", clips / "reference.mp4", "-c:v", "libx264", "-frames:v", frames, path)

    with open_source(path) as source:
        assert source.facts.frame_rate == 25
    assert count(path) == frames


def test_frames_that_avi_leaves_out_are_shown_again(
    run_ffmpeg: Ffmpeg, clips: Path, tmp_path: Path
) -> None:
    path = tmp_path / "clip.avi"
    keep = "select='not(between(mod(n,5),3,4))'"
    options = ["-vf", keep, "-fps_mode", "vfr", "-c:v", "mjpeg", "-pix_fmt", "yuvj420p"]
    run_ffmpeg("-i", clips / "reference.mp4", *options, path)

    with open_source(path) as source:
        lumas = [planes[0] for planes in source.frames(format="yuv420p")]

    repeated = [bool((one == next_).all()) for one, next_ in pairwise(lumas)]
    assert repeated == [place % 5 in (2, 3) for place in range(15)]


def test_a_codec_without_a_decoder_is_said(run_ffmpeg: Ffmpeg, clips: Path, tmp_path: Path) -> None:
    path = tmp_path / "clip.jxl"
    run_ffmpeg("-i", clips / "reference.mp4", "-frames:v", 1, path)

    with pytest.raises(ScoreError, match=r"no decoder for.*Convert it"):
        count(path)
