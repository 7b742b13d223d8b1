from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from framegauge.export.contract.colour_map import Matrix, Range
from framegauge.runtime.errors import UsageError
from framegauge.runtime.sources.colour import colour_matrix
from framegauge.runtime.sources.planes import Planes
from framegauge.runtime.sources.source import open_source

Ffmpeg = Callable[..., bytes]

SIZES = [None, (48, 20)]
RAMP = np.arange(36 * 64).reshape(36, 64) % 256
FLAGS = "accurate_rnd+full_chroma_int+full_chroma_inp"
SITING = "in_chroma_loc=left:out_chroma_loc=left"


def flat(*codes: int, dtype: Any = np.uint8) -> Planes:
    luma, u, v = (np.full(shape, 0, dtype) for shape in ((36, 64), (18, 32), (18, 32)))
    return luma + dtype(codes[0]), u + dtype(codes[1]), v + dtype(codes[2])


def one(frame: Planes | NDArray[Any], *, source: dict[str, Any], **wanted: Any) -> Planes:
    with open_source([frame], **source) as opened:
        return next(opened.frames(**wanted))


def codes(planes: Planes, *, depth: int = 8) -> list[int]:
    """The single value of each plane; planes that are not flat have none."""
    kind = np.uint8 if depth == 8 else "<u2"
    values = [np.unique(np.ascontiguousarray(plane).view(kind)) for plane in planes]
    assert [value.size for value in values] == [1] * len(planes)
    return [int(value[0]) for value in values]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("span", ["limited", "full"])
@pytest.mark.parametrize("matrix", ["bt601", "bt709", "bt2020"])
def test_colours_are_those_of_the_standard(
    matrix: Matrix, span: Range, size: tuple[int, int] | None
) -> None:
    wanted = colour_matrix(matrix, span, 8) @ [120, 100, 170, 1]
    source = {"matrix": matrix, "range": span}

    (rgb,) = one(flat(120, 100, 170), source=source, format="rgb24", size=size)
    (floats,) = one(flat(120, 100, 170), source=source, format="rgbf32", size=size)

    # Half a code of rounding, and a little for the scaler's integers.
    assert_allclose(rgb[3, 3], wanted * 255, atol=0.6)
    assert_allclose(floats[:, 3, 3], wanted, atol=1e-6)


@pytest.mark.parametrize("span", ["limited", "full"])
@pytest.mark.parametrize("matrix", ["bt601", "bt709"])
def test_planes_in_another_matrix_and_range_show_the_same_colour(
    matrix: Matrix, span: Range
) -> None:
    wanted = colour_matrix("bt709", "limited", 8) @ [120, 100, 170, 1]
    source = {"matrix": "bt709", "range": "limited"}

    planes = one(flat(120, 100, 170), source=source, format="yuv444p", matrix=matrix, range=span)

    # Three codes are rounded, and chroma's weights go up to 2.1.
    found = colour_matrix(matrix, span, 8) @ [*codes(planes), 1]
    assert_allclose(found * 255, wanted * 255, atol=2.2)


@pytest.mark.parametrize("span", ["limited", "full"])
def test_planes_made_of_rgb_show_the_same_colour(span: Range) -> None:
    picture = np.full((36, 64, 3), (200, 50, 100), np.uint8)

    planes = one(picture, source={}, format="yuv444p", matrix="bt709", range=span)

    found = colour_matrix("bt709", span, 8) @ [*codes(planes), 1]
    assert_allclose(found * 255, [200, 50, 100], atol=2.2)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("wanted", ["yuv420p", "yuv444p", "nv12", "gray8"])
def test_fewer_bits_are_rounded_without_noise(wanted: str, size: tuple[int, int] | None) -> None:
    deep = flat(501, 514, 514, dtype=np.uint16)

    planes = one(deep, source={"pixel_format": "yuv420p10le"}, format=wanted, size=size)

    # 501 / 4 = 125.25; 514 / 4 = 128.5, and halves go up.
    assert codes(planes) == [125, 129, 129][: len(planes)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("span", "code", "wanted"),
    [("limited", 235, 940), ("limited", 16, 64), ("full", 255, 1023), ("full", 0, 0)],
)
def test_more_bits_keep_black_and_white(
    span: str, code: int, wanted: int, size: tuple[int, int] | None
) -> None:
    planes = one(flat(code, 128, 128), source={"range": span}, format="yuv420p10le", size=size)

    assert codes(planes, depth=10)[0] == wanted


@pytest.mark.parametrize(
    ("pixel_format", "peak", "dtype"),
    [
        ("gbrp10le", 1023, "<u2"),
        ("gbrp12le", 4095, "<u2"),
        ("gbrp16be", 65535, ">u2"),
    ],
)
def test_bytes_of_deeper_colours_are_the_nearest(
    tmp_path: Path, pixel_format: str, peak: int, dtype: str
) -> None:
    green, blue, red = RAMP, np.full_like(RAMP, 100), 255 - RAMP
    deep = np.rint(np.stack([green, blue, red]) * (peak / 255))
    path = tmp_path / "clip.raw"
    path.write_bytes(deep.astype(dtype).tobytes())

    with open_source(path, size=(64, 36), pixel_format=pixel_format) as source:
        (rgb,) = next(source.frames(format="rgb24"))

    assert_array_equal(rgb, np.stack([red, green, blue], axis=-1))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("pixel_format", "channels", "dtype"),
    [("rgb48le", 3, "<u2"), ("rgba64le", 4, "<u2"), ("bgr48be", 3, ">u2")],
)
def test_bytes_of_deeper_colours_lose_nothing_beside_their_depth(
    tmp_path: Path, pixel_format: str, channels: int, dtype: str, size: tuple[int, int] | None
) -> None:
    path = tmp_path / "clip.raw"
    path.write_bytes(np.full((36, 64, channels), 257 * 200, dtype).tobytes())

    with open_source(path, size=(64, 36), pixel_format=pixel_format) as source:
        (rgb,) = next(source.frames(format="rgb24", size=size))

    assert np.unique(rgb) == [200]


@pytest.mark.parametrize(
    ("wanted", "span", "black", "white", "dtype"),
    [
        ("yuv444p", "full", 0, 255, "u1"),
        ("yuv420p", "limited", 16, 235, "u1"),
        ("yuv420p10le", "full", 0, 1023, "<u2"),
        ("yuv444p10le", "limited", 64, 940, "<u2"),
        ("gray8", "full", 0, 255, "u1"),
    ],
)
def test_deep_greys_of_rgb_have_the_luma_of_the_standard(
    tmp_path: Path, wanted: str, span: str, black: int, white: int, dtype: str
) -> None:
    path = tmp_path / "clip.raw"
    path.write_bytes(np.stack([257 * RAMP] * 3).astype("<u2").tobytes())

    with open_source(path, size=(64, 36), pixel_format="gbrp16le") as source:
        luma = next(source.frames(format=wanted, range=span))[0]

    codes = np.ascontiguousarray(luma).reshape(36, -1).view(dtype)
    # Half a code of rounding, and a little for the scaler's integers.
    assert_allclose(codes, black + RAMP / 255 * (white - black), atol=0.52)


@pytest.mark.parametrize("wanted", ["yuv420p", "gray8", "rgb24"])
def test_fewer_bits_of_full_range_go_from_peak_to_peak(wanted: str) -> None:
    luma = np.arange(36 * 64, dtype=np.uint16).reshape(36, 64) % 1024
    chroma = np.full((18, 32), 512, np.uint16)
    source = {"pixel_format": "yuv420p10le", "range": "full"}

    plane = one([luma, chroma, chroma], source=source, format=wanted)[0]

    assert_array_equal(plane.reshape(36, 64, -1)[..., 0], np.rint(luma * (255 / 1023)))


def test_a_change_of_range_rounds_chroma_to_the_nearest() -> None:
    codes = np.arange(36 * 64).reshape(36, 64) % 224 + 16
    planes = [codes.astype(np.uint8)] * 3

    full = one(planes, source={"range": "limited"}, format="yuv444p", range="full")

    wanted = np.clip(128 + (codes - 128) * (255 / 224), 0, 255)
    assert_allclose(full[1], wanted, atol=0.51)


@pytest.mark.parametrize(("span", "rgb", "full"), [("limited", 255, 255), ("full", 235, 235)])
def test_grey_heeds_its_range(span: str, rgb: int, full: int) -> None:
    grey, source = np.full((36, 64), 235, np.uint8), {"range": span}

    assert np.unique(one(grey, source=source, format="rgb24")[0]) == [rgb]
    assert np.unique(one(grey, source=source, format="gray8")[0]) == [235]
    assert np.unique(one(grey, source=source, format="gray8", range="full")[0]) == [full]
    assert codes(one(grey, source=source, format="yuv420p")) == [235, 128, 128]


@pytest.mark.parametrize("given", ["limited", "full"])
def test_a_full_range_format_can_be_told_otherwise(
    run_ffmpeg: Ffmpeg, tmp_path: Path, given: str
) -> None:
    path = tmp_path / "clip.mkv"
    grey = ["-f", "lavfi", "-i", "color=gray:s=32x32", "-frames:v", 1]
    run_ffmpeg(*grey, "-pix_fmt", "yuvj420p", "-c:v", "mjpeg", path)
    with open_source(path, range=given) as source:
        (planes,) = source.frames(format="yuv420p")
    luma = codes(planes)[0]

    with open_source(path, range=given) as source:
        (converted,) = source.frames(format="rgbf32")

    wanted = colour_matrix("bt601", source.facts.range, 8) @ [luma, 128, 128, 1]
    assert source.facts.range == given
    assert_allclose(converted[0][:, 0, 0], wanted, atol=1e-6)


@pytest.mark.parametrize("scaler", ["bicubic", "lanczos", "bilinear", "area"])
def test_sizes_are_those_that_ffmpeg_makes(run_ffmpeg: Ffmpeg, clips: Path, scaler: str) -> None:
    path = clips / "reference.mp4"
    scale = f"scale=214:118:flags={scaler}+{FLAGS}:{SITING}"
    printed = run_ffmpeg("-i", path, "-vf", scale, "-frames:v", 1, "-f", "rawvideo", "-")

    with open_source(path) as source:
        planes = next(source.frames(format="yuv420p", size=(214, 118), scaler=scaler))

    assert b"".join(np.ascontiguousarray(plane).tobytes() for plane in planes) == printed


def test_rgb_is_what_ffmpeg_makes_when_told_the_same(run_ffmpeg: Ffmpeg, clips: Path) -> None:
    path = clips / "reference.mp4"
    colours = "in_color_matrix=bt709:in_range=limited"
    scale = f"scale={colours}:flags=bicubic+{FLAGS}:{SITING},format=rgb24"
    printed = run_ffmpeg("-i", path, "-vf", scale, "-frames:v", 1, "-f", "rawvideo", "-")

    with open_source(path, matrix="bt709") as source:
        (rgb,) = next(source.frames(format="rgb24"))

    assert rgb.tobytes() == printed


def test_float_colours_keep_their_values_at_another_size() -> None:
    picture = np.stack([np.full((36, 64), value, np.float32) for value in (0.2, 0.5, 0.9)])

    (scaled,) = one(picture, source={}, format="rgbf32", size=(30, 30))
    (as_bytes,) = one(picture, source={}, format="rgb24")

    assert scaled.shape == (3, 30, 30)
    # The scaler computes with 15 bits.
    assert_allclose(scaled[:, 7, 7], [0.2, 0.5, 0.9], atol=3e-4)
    assert_array_equal(as_bytes[3, 3], [51, 128, 230])


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"format": "yuv410p"}, "No model takes the format 'yuv410p'"),
        ({"format": "rgb24", "scaler": "nearest"}, "scaler called 'nearest'"),
        ({"format": "rgb24", "size": (0, 5)}, "at least 1x1 pixels, 0x5"),
        ({"format": "yuv420p", "matrix": "bt470"}, "matrix called 'bt470'"),
        ({"format": "yuv420p", "range": "tv"}, "range called 'tv'"),
    ],
)
def test_unknown_names_are_refused(wanted: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        one(flat(1, 2, 3), source={}, **wanted)
