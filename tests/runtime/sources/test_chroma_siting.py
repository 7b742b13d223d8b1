import re
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.testing import assert_allclose

from framegauge.export.contract.colour_map import colour_map
from framegauge.runtime import Scorer, score
from framegauge.runtime.sources.chroma_siting import BegunStream, header, stated_siting
from framegauge.runtime.sources.siting_probe import probed_siting
from framegauge.runtime.sources.source import open_source

STEP = 96


def y4m(path: Path, coding: bytes, planes: tuple[np.ndarray, ...]) -> Path:
    height, width = planes[0].shape
    head = b"YUV4MPEG2 W%d H%d F25:1 Ip A1:1 %s\n" % (width, height, coding)
    path.write_bytes(head + b"FRAME\n" + b"".join(plane.tobytes() for plane in planes))
    return path


@pytest.fixture
def edge() -> tuple[np.ndarray, ...]:
    """Grey with a step of red half way across, in 4:2:0."""
    cr = np.full((16, 16), 128, np.uint8)
    cr[:, 8:] += STEP
    return np.full((32, 32), 128, np.uint8), np.full((16, 16), 128, np.uint8), cr


@pytest.mark.parametrize(
    ("coding", "siting"),
    [
        (b"C420jpeg", "centre"),
        (b"C420mpeg2 XYSCSS=420MPEG2", "left"),
        (b"C420paldv", "topleft"),
        (b"C420", "centre"),
        (b"XYSCSS=420JPEG", "centre"),
        (b"XYSCSS=420", None),
        (b"", None),
    ],
)
def test_y4m_says_where_its_chroma_lies(
    edge: tuple[np.ndarray, ...], tmp_path: Path, coding: bytes, siting: str | None
) -> None:
    with open_source(y4m(tmp_path / "a.y4m", coding, edge)) as source:
        assert source.facts.siting == siting


def test_a_jpeg_lies_in_the_centre(tmp_path: Path) -> None:
    cv2 = pytest.importorskip("cv2")
    assert cv2.imwrite(str(tmp_path / "a.jpg"), np.zeros((16, 16, 3), np.uint8))

    with open_source(tmp_path / "a.jpg") as source:
        assert source.facts.siting == "centre"


@pytest.mark.parametrize("siting", ["left", "centre"])
def test_a_scorer_puts_chroma_where_it_is_told(
    shipped: Callable[..., Path], edge: tuple[np.ndarray, ...], siting: str
) -> None:
    flat = (edge[0], edge[1], np.full_like(edge[2], 128))

    with Scorer(shipped("mse", "yuv420p")) as scorer:
        scores = scorer(reference=flat, distorted=edge, chroma_siting=siting)

    # The samples on both sides of the step lie at 14 and 16, or at 14.5 and 16.5: column 15 is
    # midway, or columns 15 and 16 a quarter from either.
    across = {"left": [0.5, *[1.0] * 16], "centre": [0.25, 0.75, *[1.0] * 15]}[siting]
    red = np.array(colour_map("bt601", "limited", 8))[:, 2] * STEP
    base = np.array(colour_map("bt601", "limited", 8)) @ [128, 128, 128, 1]
    wanted = sum(np.mean((np.clip(base + red * each, 0, 1) - base) ** 2) for each in across) / 32
    assert_allclose(scores["mse"], wanted, rtol=1e-5)


def test_the_flag_stands_in_place_of_what_a_stream_says(
    edge: tuple[np.ndarray, ...], tmp_path: Path
) -> None:
    flat = (edge[0], edge[1], np.full_like(edge[2], 128))
    said = [y4m(tmp_path / f"{n}.y4m", b"C420jpeg", each) for n, each in enumerate((flat, edge))]
    bare = [y4m(tmp_path / f"b{n}.y4m", b"", each) for n, each in enumerate((flat, edge))]

    centre = score(*said, metrics="mse")
    given = score(*bare, metrics="mse", chroma_siting="centre")
    left = score(*said, metrics="mse", chroma_siting="left")

    assert centre.pooled == given.pooled
    assert left.pooled["mse"]["mean"] == score(*bare, metrics="mse").pooled["mse"]["mean"]
    assert left.pooled["mse"]["mean"] != centre.pooled["mse"]["mean"]
    assert centre.inputs["reference"]["chroma_siting"] == "centre"
    assert score(*bare, metrics="mse").inputs["reference"]["chroma_siting"] is None


@pytest.mark.parametrize("coding", [b"C420jpeg", b"C420mpeg2", b"C420"])
@pytest.mark.parametrize("first", [1, 9, 20, 4000])
def test_a_pipe_says_the_same_in_any_pieces(
    edge: tuple[np.ndarray, ...], tmp_path: Path, coding: bytes, first: int
) -> None:
    path = y4m(tmp_path / "a.y4m", coding, edge)
    content = path.read_bytes()
    pieces = [content[:first], content[first:]]

    class Piped:
        def read(self, size: int, /) -> bytes:
            while pieces and not pieces[0]:
                pieces.pop(0)
            part = pieces[0][:size] if pieces else b""
            if pieces:
                pieces[0] = pieces[0][size:]
            return part

    piped = Piped()
    head = header(piped)
    whole = BegunStream(head, piped)

    with open_source(path) as source:
        assert stated_siting("rawvideo", head) == source.facts.siting
    assert b"".join(iter(lambda: whole.read(100), b"")) == content


@pytest.mark.parametrize("siting", ["left", "centre", "topleft"])
def test_a_conversion_takes_chroma_from_where_it_lies(
    edge: tuple[np.ndarray, ...], tmp_path: Path, siting: str
) -> None:
    coding = {"left": b"C420mpeg2", "centre": b"C420jpeg", "topleft": b"C420paldv"}[siting]
    luma, cb, cr = edge
    path = y4m(tmp_path / "a.y4m", coding, (luma, cb, 128 + (cr - 128) // 3))

    with open_source(path) as source:
        (rgb,) = next(iter(source.frames(format="rgb24", scaler="bilinear")))

    red = rgb[16, :, 0].astype(int)
    low, high = red[4], red[28]
    middle = (red[14:18] - low) / (high - low)
    # As in the graph: the step lies between samples at 14 and 16, or at 14.5 and 16.5.
    wanted = [0, 0.25, 0.75, 1] if siting == "centre" else [0, 0.5, 1, 1]
    assert_allclose(middle, wanted, atol=0.03)


CHART = (
    "color=size=256x256,format=gbrp,geq=r='28+200*mod(floor(X/16),2)':"
    "g='50+150*mod(floor(Y/24),2)':b='10+220*mod(floor((X+Y)/20),2)'"
)
# In the order of H.264's and HEVC's numbers.
FFMPEGS = ("left", "center", "topleft", "top", "bottomleft", "bottom")
EXACT = "flags=bicubic+accurate_rnd+full_chroma_int+full_chroma_inp:sws_dither=none"


@pytest.fixture(scope="module")
def chart(clip: Callable[..., Path]) -> Path:
    return clip(".png", "-f", "lavfi", "-i", CHART, "-frames:v", 1, "-pix_fmt", "rgb24")


def psnr_of_ffmpeg(ffmpeg: Callable[..., str], chart: Path, other: Path, siting: str) -> float:
    """FFmpeg's PSNR of RGB, of which it makes the other one with chroma where it is told."""
    made = f"[1:v]scale={EXACT}:in_chroma_loc={siting},format=gbrp[b]"
    compared = f"[0:v]format=gbrp[a];{made};[a][b]psnr"
    printed = ffmpeg("-i", chart, "-i", other, "-lavfi", compared, "-f", "null", "-")
    return float(re.findall(r"average:(\S+)", printed)[-1])


@pytest.mark.parametrize(
    ("code", "siting"),
    list(enumerate(FFMPEGS)),
)
@pytest.mark.parametrize(
    ("codec", "parameters"), [("libx264", "-x264-params"), ("libx265", "-x265-params")]
)
def test_a_stream_says_where_its_chroma_lies(
    clip: Callable[..., Path],
    ffmpeg: Callable[..., str],
    chart: Path,
    codec: str,
    parameters: str,
    code: int,
    siting: str,
) -> None:
    sited = f"scale={EXACT}:out_color_matrix=bt709:out_range=tv:out_chroma_loc={siting}"
    words = f"chromaloc={code}:crf=1:colormatrix=bt709" + ":log-level=none" * (codec == "libx265")
    path = clip(
        *(".mp4", "-i", chart, "-vf", f"{sited},format=yuv420p,setparams=colorspace=bt709"),
        *("-c:v", codec, parameters, words),
    )

    report = score(chart, path, convert="rgb24", metrics="psnr")

    own = "centre" if siting == "center" else siting
    assert report.inputs["distorted"]["chroma_siting"] == own
    assert report.inputs["distorted"]["chroma_siting_taken"] == own
    assert report.pooled["psnr"]["mean"] == pytest.approx(
        psnr_of_ffmpeg(ffmpeg, chart, path, siting), abs=0.01
    )


def test_the_chart_of_the_top_left_is_taken_from_there(
    clip: Callable[..., Path], chart: Path
) -> None:
    sited = f"scale={EXACT}:out_color_matrix=bt709:out_range=tv:out_chroma_loc=topleft"
    tags = "setparams=range=tv:colorspace=bt709:chroma_location=topleft"
    path = clip(
        *(".mp4", "-i", chart, "-vf", f"{sited},format=yuv420p,{tags}", "-c:v", "libx264"),
        *("-crf", 1, "-x264-params", "colormatrix=bt709:range=tv"),
    )

    report = score(chart, path, convert="rgb24", metrics="psnr")

    # FFmpeg with in_chroma_loc=topleft gives 23.21, with left 22.38.
    assert report.pooled["psnr"]["mean"] == pytest.approx(23.207, abs=0.01)


def test_a_jpeg_is_taken_from_the_centre(
    clip: Callable[..., Path], ffmpeg: Callable[..., str], chart: Path
) -> None:
    path = clip(".jpg", "-i", chart, "-pix_fmt", "yuvj420p", "-q:v", 2)
    centre, left = (psnr_of_ffmpeg(ffmpeg, chart, path, each) for each in ("center", "left"))

    report = score(chart, path, convert="rgb24", metrics="psnr")

    assert report.pooled["psnr"]["mean"] == pytest.approx(centre, abs=0.01)
    assert abs(centre - left) > 1


@pytest.mark.parametrize("siting", ["left", "topleft", "top", "bottomleft", "bottom"])
def test_a_frame_alone_says_it_too(clip: Callable[..., Path], siting: str) -> None:
    code = FFMPEGS.index(siting)
    coding = ("-pix_fmt", "yuv420p10le", "-c:v", "libx264", "-x264-params", f"chromaloc={code}")
    path = clip(".mkv", "-f", "lavfi", "-i", "testsrc2=s=64x64:d=0.1", *coding)

    with av.open(path) as container:
        frame = next(container.decode(video=0))

    assert probed_siting(frame) == siting


@pytest.mark.parametrize(
    "coding",
    [
        ("-c:v", "libvpx-vp9", "-cpu-used", 8, "-deadline", "realtime"),
        ("-c:v", "libsvtav1", "-preset", 10),
    ],
)
def test_what_is_not_said_is_taken_as_left_and_reported(
    clip: Callable[..., Path], coding: tuple[object, ...]
) -> None:
    path = clip(".mkv", "-f", "lavfi", "-i", "testsrc2=s=64x64:d=0.1", *coding)

    found = score(path, path, metrics="psnr_y").inputs["reference"]

    assert (found["chroma_siting"], found["chroma_siting_taken"]) == (None, "left")


def test_a_clip_without_subsampling_takes_no_siting(chart: Path) -> None:
    found = score(chart, chart, metrics="psnr").inputs["reference"]

    assert (found["chroma_siting"], found["chroma_siting_taken"]) == (None, None)


def test_a_silent_clip_takes_the_siting_of_the_other_one(
    edge: tuple[np.ndarray, ...], tmp_path: Path
) -> None:
    said, silent = (
        y4m(tmp_path / f"{n}.y4m", coding, edge) for n, coding in enumerate((b"C420jpeg", b""))
    )

    found = score(said, silent, metrics="psnr_y").inputs["distorted"]

    assert (found["chroma_siting"], found["chroma_siting_taken"]) == ("centre", "centre")
    assert "chroma_siting" in found["assumed"]
