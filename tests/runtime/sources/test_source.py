import hashlib
import io
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from framegauge.runtime.errors import ScoreError, UsageError
from framegauge.runtime.scoring.prefetch import ahead
from framegauge.runtime.sources.source import open_source

Ffmpeg = Callable[..., bytes]

RAW = {"size": (320, 176), "pixel_format": "yuv420p"}


def samples(where: Any, *, wanted: str | None = None, **given: Any) -> bytes:
    with open_source(where, **given) as source:
        return b"".join(
            np.ascontiguousarray(plane).tobytes()
            for planes in source.frames(format=wanted or source.facts.format or "")
            for plane in planes
        )


class Pipe(io.BytesIO):
    """Standard input: read from front to back, with a look at what comes next."""

    def peek(self, size: int) -> bytes:
        return self.getvalue()[self.tell() : self.tell() + size]

    def seekable(self) -> bool:
        return False


@pytest.fixture
def piped(monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], None]:
    def pipe(content: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=Pipe(content)))

    return pipe


# MD5 of all frames as `ffmpeg -i FILE -f rawvideo -` printed them when the clips were made.
@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("reference.mp4", "27d6e97aed4c851a0a8c54f1daa27de6"),
        ("distorted.mp4", "8a466f12e518458a5aa1365b3169ebd5"),
    ],
)
def test_clips_decode_to_the_samples_they_were_made_with(
    clips: Path, name: str, wanted: str
) -> None:
    assert hashlib.md5(samples(clips / name)).hexdigest() == wanted


@pytest.mark.parametrize("name", ["reference10.mkv", "distorted10.mkv"])
def test_ten_bits_of_odd_size_are_what_ffmpeg_prints(
    run_ffmpeg: Ffmpeg, clips: Path, name: str
) -> None:
    printed = run_ffmpeg("-i", clips / name, "-f", "rawvideo", "-")

    assert samples(clips / name) == printed


def test_facts_of_a_tagged_stream_are_its_own(clips: Path) -> None:
    with open_source(clips / "reference10.mkv") as source:
        written = source.facts.to_json()

    assert written == {
        "name": str(clips / "reference10.mkv"),
        "width": 322,
        "height": 181,
        "pixel_format": "yuv420p10le",
        "format": "yuv420p10le",
        "depth": 10,
        "matrix": "bt2020",
        "range": "limited",
        "chroma_siting": None,
        "transfer": "bt2020-10",
        "primaries": "bt2020",
        "assumed": [],
        "from_container": [],
        "container_differs": {},
        "frame_rate": "25",
        "frames": None,
        "codec": "ffv1",
        "interlaced": False,
        "orientation": None,
        "cropped": None,
        "film_grain": None,
        "hdr": False,
    }


def test_facts_of_a_silent_stream_are_assumed(clips: Path) -> None:
    with open_source(clips / "reference.mp4") as source:
        facts = source.facts

    assert (facts.matrix, facts.range, facts.assumed) == ("bt601", "limited", ("matrix", "range"))
    assert (facts.frames, facts.frame_rate, facts.size) == (16, Fraction(25), (320, 176))


def test_what_is_given_is_not_assumed(clips: Path) -> None:
    with open_source(clips / "reference.mp4", matrix="bt709", range="full") as source:
        facts = source.facts

    assert (facts.matrix, facts.range, facts.assumed) == ("bt709", "full", ())


@pytest.mark.parametrize(
    ("transfer", "hdr"), [("smpte2084", True), ("arib-std-b67", True), ("bt709", False)]
)
def test_pq_and_hlg_are_hdr(
    run_ffmpeg: Ffmpeg, clips: Path, tmp_path: Path, transfer: str, hdr: bool
) -> None:
    path = tmp_path / "clip.mkv"
    tagged = f"setparams=color_trc={transfer}"
    run_ffmpeg("-i", clips / "reference10.mkv", "-vf", tagged, "-frames:v", 1, "-c:v", "ffv1", path)

    with open_source(path) as source:
        assert (source.facts.hdr, source.facts.transfer) == (hdr, transfer)


def test_a_matrix_that_makes_no_rgb_here_must_be_given_for_rgb(
    run_ffmpeg: Ffmpeg, clips: Path, tmp_path: Path
) -> None:
    path = tmp_path / "clip.mkv"
    tagged = "setparams=colorspace=smpte240m"
    run_ffmpeg("-i", clips / "reference.mp4", "-vf", tagged, "-frames:v", 1, "-c:v", "ffv1", path)

    with (
        open_source(path) as source,
        pytest.raises(ScoreError, match=r"matrix smpte240m; .* with --matrix"),
    ):
        source.frames(format="rgb24")
    with open_source(path, matrix="bt709") as source:
        assert source.facts.matrix == "bt709"


def test_interlaced_streams_say_so(run_ffmpeg: Ffmpeg, clips: Path, tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    run_ffmpeg("-i", clips / "reference.mp4", "-c:v", "libx264", "-flags", "+ildct+ilme", path)

    with open_source(path) as source:
        assert source.facts.interlaced


def test_bare_samples_are_read_as_they_are(run_ffmpeg: Ffmpeg, clips: Path, tmp_path: Path) -> None:
    path = tmp_path / "clip.yuv"
    content = run_ffmpeg("-i", clips / "reference.mp4", "-f", "rawvideo", "-")
    path.write_bytes(content)

    assert samples(path, **RAW) == content
    with open_source(path, **RAW, frame_rate="24000/1001") as source:
        assert (source.facts.frames, source.facts.frame_rate) == (16, Fraction(24000, 1001))


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({}, "--size WxH --pixel-format F is missing"),
        ({"size": (320, 176)}, "--pixel-format F is missing"),
        ({"pixel_format": "yuv420p"}, "--size WxH is missing"),
    ],
)
def test_bare_samples_need_size_and_format(
    tmp_path: Path, given: dict[str, Any], missing: str
) -> None:
    path = tmp_path / "clip.yuv"
    path.write_bytes(bytes(320 * 176 * 3 // 2))

    with pytest.raises(UsageError, match=f"{missing}. Give both: --size WxH --pixel-format F"):
        open_source(path, **given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"size": (4, 4), "pixel_format": "yuv999"}, "no pixel format 'yuv999'"),
        ({"size": (0, 4), "pixel_format": "yuv420p"}, "at least 1x1, got 0x4"),
        ({"size": (4, 4), "pixel_format": "rgbf32"}, "G B R, they are `--pixel-format gbrpf32le`"),
        ({**RAW, "frame_rate": "fast"}, "got 'fast'"),
        ({**RAW, "matrix": "bt470"}, "--matrix takes one of bt601, bt709, bt2020; got 'bt470'"),
        ({**RAW, "range": "tv"}, "--range takes one of limited, full; got 'tv'"),
    ],
)
def test_requests_that_make_no_sense_are_refused(
    tmp_path: Path, given: dict[str, Any], message: str
) -> None:
    path = tmp_path / "clip.yuv"
    path.write_bytes(bytes(320 * 176 * 3 // 2))

    with pytest.raises(UsageError, match=message):
        open_source(path, **given)


@pytest.mark.parametrize(
    ("pixel_format", "depth"),
    [("yuv420p10le", 10), ("yuv444p12le", 12), ("yuv422p10be", 10), ("gray12le", 12)],
)
def test_code_values_above_the_peak_are_refused(
    tmp_path: Path, pixel_format: str, depth: int
) -> None:
    path = tmp_path / "clip.yuv"
    words = np.full((2, 3 * 8 * 8), 2**depth - 1, ">u2" if "be" in pixel_format else "<u2")
    words[1, 5] = 2**depth
    of_one = {"yuv420p10le": 96, "yuv422p10be": 128, "gray12le": 64}.get(pixel_format, 192)
    path.write_bytes(words[:, :of_one].tobytes())
    given = {"size": (8, 8), "pixel_format": pixel_format}

    with pytest.raises(ScoreError, match=rf"Frame 1 of .*clip\.yuv has a code .* of {2**depth}: "):
        samples(path, wanted="yuv420p", **given)


def test_code_values_of_p010_fill_their_words(tmp_path: Path) -> None:
    path = tmp_path / "clip.yuv"
    content = np.full(96, 0xFFC0, "<u2").tobytes()
    path.write_bytes(content)

    assert samples(path, size=(8, 8), pixel_format="p010le") == content


@pytest.mark.parametrize(("bytes_", "whole"), [(320 * 176 * 4, 2), (1000, 0)])
def test_bare_samples_that_do_not_make_whole_frames_are_refused(
    tmp_path: Path, bytes_: int, whole: int
) -> None:
    path = tmp_path / "clip.yuv"
    path.write_bytes(bytes(bytes_))

    with pytest.raises(ScoreError, match=rf"cut off at or soon after frame {whole}|truncated"):
        samples(path, **RAW)


@pytest.mark.parametrize(
    "arguments",
    [
        ["-f", "yuv4mpegpipe", "-pix_fmt", "yuv420p"],
        ["-c", "copy", "-f", "matroska"],
        ["-c", "copy", "-f", "nut"],
        ["-c:v", "libx264", "-qp", 0, "-f", "mp4", "-movflags", "frag_keyframe+empty_moov"],
        ["-c:v", "libx264", "-qp", 0, "-f", "mpegts"],
    ],
    ids=["y4m", "matroska", "nut", "fragmented mp4", "mpegts"],
)
def test_standard_input_is_decoded_and_a_cut_is_noticed(
    run_ffmpeg: Ffmpeg, clips: Path, piped: Callable[[bytes], None], arguments: list[object]
) -> None:
    content = run_ffmpeg("-i", clips / "reference.mp4", *arguments, "-")

    piped(content)
    assert hashlib.md5(samples("-")).hexdigest() == "27d6e97aed4c851a0a8c54f1daa27de6"
    piped(content[: len(content) * 6 // 10])
    with pytest.raises(ScoreError, match=r"Standard input is (truncated|damaged or cut off)"):
        samples("-")


def test_standard_input_takes_bare_samples_too(
    run_ffmpeg: Ffmpeg, clips: Path, piped: Callable[[bytes], None]
) -> None:
    content = run_ffmpeg("-i", clips / "reference.mp4", "-f", "rawvideo", "-")

    piped(content)
    assert samples("-", **RAW) == content
    piped(content[:-1])
    with pytest.raises(ScoreError, match=r"truncated|cut off"):
        samples("-", **RAW)


def test_size_and_format_are_for_the_other_clip_where_y4m_comes(
    run_ffmpeg: Ffmpeg, clips: Path, piped: Callable[[bytes], None]
) -> None:
    piped(run_ffmpeg("-i", clips / "reference.mp4", "-f", "yuv4mpegpipe", "-"))

    with open_source("-", size=(64, 64), pixel_format="rgb24") as source:
        assert (source.facts.size, source.facts.name) == ((320, 176), "-")
        assert source.facts.frames is None


def test_an_mp4_that_needs_seeking_is_explained(
    clips: Path, piped: Callable[[bytes], None], run_ffmpeg: Ffmpeg, tmp_path: Path
) -> None:
    path = tmp_path / "clip.mp4"
    run_ffmpeg("-i", clips / "reference.mp4", "-c", "copy", path)
    piped(path.read_bytes())

    with pytest.raises(ScoreError, match=r"front to back|not a video"):
        samples("-")


def test_an_empty_standard_input_is_refused(piped: Callable[[bytes], None]) -> None:
    piped(b"")

    with pytest.raises(ScoreError, match="Standard input is empty"):
        open_source("-")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are of Unix")
def test_a_named_pipe_is_a_stream(run_ffmpeg: Ffmpeg, clips: Path, tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    content = run_ffmpeg("-i", clips / "reference.mp4", "-f", "yuv4mpegpipe", "-")
    writer = threading.Thread(target=path.write_bytes, args=(content,))
    writer.start()

    decoded = samples(path)
    writer.join()

    assert hashlib.md5(decoded).hexdigest() == "27d6e97aed4c851a0a8c54f1daa27de6"


def test_what_fits_no_model_can_still_be_converted(
    run_ffmpeg: Ffmpeg, clips: Path, tmp_path: Path
) -> None:
    path = tmp_path / "clip.mkv"
    run_ffmpeg("-i", clips / "reference.mp4", "-pix_fmt", "yuv411p", "-c:v", "ffv1", path)

    with open_source(path) as source:
        assert source.facts.format is None
        assert (
            sum(planes[0].shape == (176, 320) for planes in source.frames(format="yuv420p")) == 16
        )


def test_a_source_is_read_once(clips: Path) -> None:
    with open_source(clips / "reference.mp4") as source:
        next(source.frames(format="yuv420p"))

        with pytest.raises(UsageError, match="read once only"):
            source.frames(format="yuv420p")


def test_frames_stay_as_they_were_while_later_ones_are_decoded(clips: Path) -> None:
    with open_source(clips / "reference.mp4") as source:
        kept = [planes[0] for planes in source.frames(format="yuv420p")]

    joined = samples(clips / "reference.mp4")
    luma = np.frombuffer(joined, np.uint8).reshape(16, -1)[:, : 320 * 176]
    assert np.array_equal(np.stack(kept).reshape(16, -1), luma)


def test_a_source_closes_while_frames_are_made_ahead(clips: Path) -> None:
    with open_source(clips / "reference.mp4") as source:
        frames = ahead(source.frames(format="yuv420p"), 2)
        next(frames)
        frames.close()

    assert [thread for thread in threading.enumerate() if "ahead" in thread.name] == []


def test_memory_does_not_grow_with_the_clip() -> None:
    script = """
import resource, sys
from framegauge.runtime.scoring.prefetch import ahead
from framegauge.runtime.sources.source import open_source
frames = 0
with open_source("-") as source:
    for planes in ahead(source.frames(format="yuv420p"), 4):
        frames += 1
        if frames == 40:
            early = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(frames, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - early)
"""
    frame = b"FRAME\n" + bytes(320 * 176 * 3 // 2)
    content = b"YUV4MPEG2 W320 H176 F25:1 C420\n" + frame * 600

    done = subprocess.run(
        [sys.executable, "-c", script], input=content, capture_output=True, check=True
    )

    frames, growth_kib = map(int, done.stdout.split())
    assert frames == 600
    # 560 frames of 83 kB are 46 MB; what is left over is the allocator's noise.
    assert growth_kib < 8_000


@pytest.mark.parametrize("address", ["http://a/b.mp4", "rtmp://a/b", "s3://a/b.mkv", "file:///b"])
def test_an_address_is_refused_with_the_way_round(address: str) -> None:
    with pytest.raises(UsageError, match=r"is an address: a file, .* Download it first, or pipe"):
        open_source(address)
