from collections.abc import Callable
from pathlib import Path

import av
import pytest

from framegauge.runtime.errors import ScoreError
from framegauge.runtime.sources.last_picture import LastPicture
from framegauge.runtime.sources.source import open_source

Ffmpeg = Callable[..., bytes]

_X265 = ["-c:v", "libx265", "-x265-params"]
STREAMS = {
    "h265": [*_X265, "log-level=none", "clip.hevc"],
    "h265 with slices": [*_X265, "log-level=none:slices=3", "clip.hevc"],
    "h265 in a transport stream": [*_X265, "log-level=none", "clip.ts"],
    "h264": ["-c:v", "libx264", "clip.h264"],
    "h264 without arithmetic coding": ["-c:v", "libx264", "-profile:v", "baseline", "clip.h264"],
    "h264 of fields": ["-c:v", "libx264", "-flags", "+ildct+ilme", "clip.h264"],
    "h264 in a transport stream": ["-c:v", "libx264", "clip.ts"],
    "h266": ["-c:v", "libvvenc", "-preset", "faster", "-pix_fmt", "yuv420p10le", "clip.266"],
    "pcx": ["-frames:v", 1, "clip.pcx"],
    "pcx with a palette": ["-frames:v", 1, "-pix_fmt", "pal8", "clip.pcx"],
    "sgi": ["-frames:v", 1, "clip.sgi"],
    "sun": ["-frames:v", 1, "clip.sun"],
    "qoi": ["-frames:v", 1, "clip.qoi"],
    "hdr": ["-frames:v", 1, "clip.hdr"],
    "wbmp": ["-frames:v", 1, "clip.wbmp"],
}  # fmt: skip

VIDEOS = {".hevc", ".ts", ".h264", ".266"}


@pytest.fixture(scope="module", params=STREAMS.values(), ids=STREAMS)
def stream(
    request: pytest.FixtureRequest,
    run_ffmpeg: Ffmpeg,
    clips: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    *options, name = request.param
    path: Path = tmp_path_factory.mktemp("stream") / name
    run_ffmpeg("-i", clips / "reference.mp4", "-crf", 20, *options, path)
    return path


def is_cut(path: Path) -> bool:
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        last = LastPicture(video, set(container.format.name.split(",")))
        for packet in container.demux(video):
            last.note(packet)
        return last.is_cut()


def count(path: Path) -> int:
    with open_source(path) as source:
        return sum(1 for _ in source.frames(format="rgb24"))


def test_a_whole_stream_ends_with_a_whole_picture(stream: Path) -> None:
    assert not is_cut(stream)


def test_whole_streams_give_all_frames(stream: Path) -> None:
    assert count(stream) == (16 if stream.suffix in VIDEOS else 1)


@pytest.mark.parametrize("missing", [20, 60])
def test_a_cut_last_picture_is_refused(stream: Path, tmp_path: Path, missing: int) -> None:
    cut = tmp_path / stream.name
    cut.write_bytes(stream.read_bytes()[:-missing])

    with pytest.raises(ScoreError, match=r"is damaged or cut off at or soon after frame \d+"):
        count(cut)


@pytest.mark.parametrize("stream", [STREAMS["h265"]], ids=["h265"], indirect=True)
def test_a_picture_that_was_kept_too_long_is_not_judged(
    stream: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut = tmp_path / stream.name
    cut.write_bytes(stream.read_bytes()[:-20])
    monkeypatch.setattr("framegauge.runtime.sources.last_picture._MOST_BYTES", 100)

    assert not is_cut(cut)
