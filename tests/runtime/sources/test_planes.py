from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from framegauge.export.contract.formats import FORMATS
from framegauge.runtime.errors import ScoreError
from framegauge.runtime.sources.planes import Planes, exchanged, frame_of, holding, planes_of
from framegauge.runtime.sources.source import open_source

Ffmpeg = Callable[..., bytes]

SIZE = 37, 25
HELD = {
    "rgb24": "rgb24",
    "bgr24": "rgb24",
    "rgb0": "rgb24",
    "bgr0": "rgb24",
    "0rgb": "rgb24",
    "0bgr": "rgb24",
    "gbrp": "rgb24",
    "gray": "gray8",
    "yuv420p": "yuv420p",
    "yuvj422p": "yuv422p",
    "yuv444p": "yuv444p",
    "uyvy422": "yuv422p",
    "yuyv422": "yuv422p",
    "nv12": "nv12",
    "nv21": "nv12",
    "p010le": "p010le",
    "p010be": "p010le",
    "yuv420p10le": "yuv420p10le",
    "yuv420p10be": "yuv420p10le",
    "yuv422p12le": "yuv422p12le",
    "yuv444p12be": "yuv444p12le",
    "yuv420p16le": "yuv420p16le",
    "yuv444p16be": "yuv444p16le",
    "gray10le": "gray10le",
    "gray14le": "gray14le",
    "gray16be": "gray16le",
}


def raw(run_ffmpeg: Ffmpeg, path: Path, pixel_format: str) -> Path:
    size = f"{SIZE[0]}:{SIZE[1]}"
    odd = f"testsrc2=s=40x30,format=rgb24,crop={size}:exact=1"
    picture = ["-f", "lavfi", "-i", odd, "-frames:v", 2]
    run_ffmpeg(*picture, "-pix_fmt", pixel_format, "-f", "rawvideo", path)
    return path


def read(path: Path, pixel_format: str, wanted: str) -> list[Planes]:
    with open_source(path, size=SIZE, pixel_format=pixel_format) as source:
        return list(source.frames(format=wanted))


def joined(frames: list[Planes]) -> bytes:
    return b"".join(np.ascontiguousarray(plane).tobytes() for planes in frames for plane in planes)


@pytest.mark.parametrize(("pixel_format", "wanted"), HELD.items())
def test_samples_are_those_that_ffmpeg_prints(
    run_ffmpeg: Ffmpeg, tmp_path: Path, pixel_format: str, wanted: str
) -> None:
    path = raw(run_ffmpeg, tmp_path / "clip.yuv", pixel_format)
    name = {"gray8": "gray"}.get(wanted, wanted)
    source = ["-f", "rawvideo", "-pix_fmt", pixel_format, "-s", f"{SIZE[0]}x{SIZE[1]}", "-i", path]
    name = pixel_format if pixel_format.startswith("yuvj") else name
    printed = run_ffmpeg(*source, "-f", "rawvideo", "-pix_fmt", name, "-")

    frames = read(path, pixel_format, wanted)

    assert holding(pixel_format) == wanted
    assert [plane.shape for plane in frames[0]] == [
        FORMATS[wanted].shape(plane, SIZE[1], SIZE[0]) for plane in FORMATS[wanted].planes
    ]
    assert joined(frames) == printed


@pytest.mark.parametrize(
    ("pixel_format", "peak", "order", "type_"),
    [
        ("gbrp10le", 1023, "planar", "<u2"),
        ("gbrp12be", 4095, "planar", ">u2"),
        ("gbrp16le", 65535, "planar", "<u2"),
        ("gbrpf32le", 1, "planar", "<f4"),
        ("rgb48be", 65535, "rgb", ">u2"),
        ("bgr48le", 65535, "bgr", "<u2"),
    ],
)
def test_deep_colours_are_divided_by_their_peak(
    run_ffmpeg: Ffmpeg, tmp_path: Path, pixel_format: str, peak: int, order: str, type_: str
) -> None:
    path = raw(run_ffmpeg, tmp_path / "clip.raw", pixel_format)
    words = np.fromfile(path, type_).astype(np.float64) / peak
    wanted = {
        "planar": lambda: words.reshape(2, 3, *SIZE[::-1])[:, [2, 0, 1]],
        "rgb": lambda: words.reshape(2, *SIZE[::-1], 3).transpose(0, 3, 1, 2),
        "bgr": lambda: words.reshape(2, *SIZE[::-1], 3)[..., ::-1].transpose(0, 3, 1, 2),
    }[order]()

    frames = read(path, pixel_format, "rgbf32")

    assert frames[0][0].dtype == np.float32
    # One division in float32, correctly rounded.
    assert_allclose(np.stack([planes[0] for planes in frames]), wanted, rtol=6e-8, atol=1e-12)


@pytest.mark.parametrize("name", ["rgba", "yuv411p", "yuv420p14le", "gray9le", "ya8", "yuv420p9le"])
def test_what_no_model_takes_has_no_format(name: str) -> None:
    assert holding(name) is None


def test_planes_are_views_of_what_was_decoded(clips: Path) -> None:
    with av.open(str(clips / "reference.mp4")) as container:
        frame = next(container.decode(video=0))

    planes = planes_of(frame)

    assert [plane.base is None for plane in planes] == [False] * 3
    assert planes[0].__array_interface__["data"][0] == frame.planes[0].buffer_ptr


def test_a_palette_is_looked_up(run_ffmpeg: Ffmpeg, tmp_path: Path) -> None:
    path = tmp_path / "image.png"
    run_ffmpeg("-f", "lavfi", "-i", "testsrc2=s=37x25", "-frames:v", 1, "-pix_fmt", "pal8", path)
    printed = run_ffmpeg("-i", path, "-f", "rawvideo", "-pix_fmt", "rgb24", "-")

    with open_source(path) as source:
        (planes,) = source.frames(format="rgb24")

    assert source.facts.pixel_format == "pal8"
    assert planes[0].tobytes() == printed


def test_a_transparent_palette_is_refused() -> None:
    frame = av.VideoFrame(4, 4, "pal8")
    for plane in frame.planes:
        plane.update(bytes(plane.buffer_size))

    with pytest.raises(ScoreError, match="transparent pixels"):
        planes_of(frame)


def test_rows_that_lie_bottom_up_are_turned(run_ffmpeg: Ffmpeg, tmp_path: Path) -> None:
    path = tmp_path / "clip.avi"
    source = ["-f", "lavfi", "-i", "testsrc2=s=32x24", "-frames:v", 1]
    run_ffmpeg(*source, "-c:v", "rawvideo", "-pix_fmt", "bgr24", path)
    content = bytearray(path.read_bytes())
    # The header's height is negative for rows from the top; the other sign turns them.
    height = content.index(b"strf") + 16
    assert int.from_bytes(content[height : height + 4], "little", signed=True) == -24
    content[height : height + 4] = (24).to_bytes(4, "little")
    path.write_bytes(content)
    printed = run_ffmpeg("-i", path, "-f", "rawvideo", "-pix_fmt", "rgb24", "-")

    with open_source(path) as opened:
        (planes,) = opened.frames(format="rgb24")

    assert planes[0].tobytes() == printed


def ramp(*shape: int, high: int = 256) -> NDArray[np.uint16]:
    return (np.arange(np.prod(shape)).reshape(shape) * 7 % high).astype(np.uint16)


@pytest.mark.parametrize(
    ("held", "other"), [("nv12", "yuv420p"), ("p010le", "yuv420p10le")], ids=["8 bit", "10 bit"]
)
def test_chroma_apart_and_together_hold_the_same(held: str, other: str) -> None:
    deep = held == "p010le"
    luma, u, v = ramp(5, 7, high=1024 if deep else 256), ramp(3, 4), ramp(3, 4) + 1
    planes = tuple(
        plane.view(np.uint8).reshape(*plane.shape, 2) if deep else plane.astype(np.uint8)
        for plane in (luma, u, v)
    )

    there = exchanged(planes, other, held)
    back = exchanged(there or (), held, other)

    assert there is not None
    assert back is not None
    for plane, again in zip(planes, back, strict=True):
        assert_array_equal(plane, again)
    assert there[1].shape == ((3, 4, 2, 2) if deep else (3, 4, 2))


def test_float_from_bytes_is_a_division() -> None:
    pixels = np.array([[[0, 51, 255]]], np.uint8)

    moved = exchanged((pixels,), "rgb24", "rgbf32")

    assert moved is not None
    assert moved[0].dtype == np.float32
    assert_allclose(moved[0][:, 0, 0], [0, 0.2, 1], rtol=6e-8)


def test_what_takes_arithmetic_is_not_an_exchange() -> None:
    assert exchanged((np.zeros((2, 2, 3), np.uint8),), "rgb24", "yuv444p") is None


@pytest.mark.parametrize("name", ["yuv420p", "yuv422p10le", "nv12", "p010le"])
def test_a_frame_gives_back_the_planes_it_was_made_of(name: str) -> None:
    planes = tuple(
        ramp(*FORMATS[name].shape(plane, 5, 7)).astype(np.uint8) for plane in FORMATS[name].planes
    )

    again = planes_of(frame_of(planes, name, (7, 5)))

    for plane, other in zip(planes, again, strict=True):
        assert_array_equal(plane, other)
