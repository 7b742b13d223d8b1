import base64
import io
import math
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from framegauge.export.contract.colour_map import Matrix, Range
from framegauge.export.contract.formats import FORMATS, Format
from framegauge.runtime.reports.stills import Still, Worst, fitting_gain, to_jpeg, to_rgb
from framegauge.runtime.sources.colour import Colour

LIMITED = Colour("bt709", "limited")
DEEP = [form.name for form in FORMATS.values() if form.kind == "yuv"]


def flat(form: Format, codes: dict[str, float], height: int, width: int) -> tuple[Any, ...]:
    return tuple(
        encoded(form, np.full(form.shape(plane, height, width), 0.0), plane.part, codes)
        for plane in form.planes
    )


def encoded(form: Format, plane: NDArray[Any], part: str, codes: dict[str, float]) -> NDArray[Any]:
    if form.depth > 8:
        plane = plane[..., 0]
    plane += [codes["u"], codes["v"]] if part == "uv" else codes[part]
    if form.depth == 8:
        return np.rint(plane).astype(np.uint8)
    words = (np.rint(plane).astype(np.uint16) << form.shift).astype("<u2")
    return words[..., None].view(np.uint8)


def decoded(address: str) -> NDArray[np.uint8]:
    prefix, _, encoded_picture = address.partition(",")
    assert prefix == "data:image/jpeg;base64"
    with av.open(io.BytesIO(base64.b64decode(encoded_picture)), format="jpeg_pipe") as container:
        frame = next(container.decode(video=0))
    return frame.to_ndarray(format="rgb24").astype(np.uint8)


# Kr and Kb of Rec. ITU-R BT.601, BT.709 and BT.2020; the full-range rows use the same Y'CbCr.
@pytest.mark.parametrize("name", DEEP)
@pytest.mark.parametrize(
    ("matrix", "red", "blue"),
    [("bt601", 0.299, 0.114), ("bt709", 0.2126, 0.0722), ("bt2020", 0.2627, 0.0593)],
)
@pytest.mark.parametrize("reach", ["limited", "full"])
def test_colours_of_planes_are_the_standards(
    name: str, matrix: Matrix, red: float, blue: float, reach: Range
) -> None:
    form = FORMATS[name]
    wanted = np.array([0.75, 0.4, 0.2])
    luma = red * wanted[0] + (1 - red - blue) * wanted[1] + blue * wanted[2]
    chroma = (wanted[2] - luma) / (2 - 2 * blue), (wanted[0] - luma) / (2 - 2 * red)
    step = 2 ** (form.depth - 8)
    black, white, swing = (
        (16 * step, 219 * step, 224 * step) if reach == "limited" else (0, form.peak, form.peak)
    )
    codes = {"y": black + white * luma}
    codes |= {part: 128 * step + swing * each for part, each in zip("uv", chroma, strict=True)}

    colours = to_rgb(flat(form, codes, 35, 51), form, Colour(matrix, reach))

    assert colours.shape == (35, 51, 3)
    # Rounding luma and chroma to codes costs up to 255 / 219 / 2 + 255 / 224 (1 - Kb).
    np.testing.assert_allclose(colours / 256, wanted * 255 + np.zeros((35, 51, 3)), atol=1.7)


def test_rgb_keeps_its_codes() -> None:
    codes = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)

    assert (to_rgb((codes,), FORMATS["rgb24"], LIMITED) == codes * 256.0).all()


def test_float_rgb_is_clipped_to_its_range() -> None:
    plane = np.array([[[-1.0, 0.5, 2.0]], [[0.0, 1.0, math.nan]], [[0.25, 0.0, 0.0]]], np.float32)

    colours = to_rgb((plane,), FORMATS["rgbf32"], LIMITED)

    assert colours[0].tolist() == [[0, 0, 16320], [32640, 65280, 0], [65280, 0, 0]]


@pytest.mark.parametrize(
    ("reach", "wanted"), [("limited", [0, 0, 32789, 65280]), ("full", [0, 4096, 32256, 60160])]
)
def test_grey_knows_its_range(reach: Range, wanted: list[int]) -> None:
    plane = np.array([[0, 16, 126, 235]], np.uint8)

    colours = to_rgb((plane,), FORMATS["gray8"], Colour("bt709", reach))

    assert colours[0].tolist() == [[grey] * 3 for grey in wanted]


def test_grey_of_sixteen_bits_is_as_bright_as_of_eight() -> None:
    plane = np.array([[16, 126, 235]], np.uint8)
    words = (plane.astype("<u2") << 8).view(np.uint8).reshape(1, 3, 2)

    eight, sixteen = (
        to_rgb((each,), FORMATS[name], LIMITED)
        for name, each in (("gray8", plane), ("gray16le", words))
    )

    assert sixteen.tolist() == eight.tolist()


def test_a_still_shows_both_frames_and_what_differs() -> None:
    form = FORMATS["rgb24"]
    reference = np.full((64, 96, 3), 100, np.uint8)
    distorted = reference.copy()
    distorted[16:48, 32:64] = 104
    worst = Worst(1, label="psnr", better="higher", form=form, reference=LIMITED, distorted=LIMITED)

    worst.offer(7, 30.0, (reference,), (distorted,))
    still = worst.pictures()[0]

    assert (still.frame, still.label, still.value, still.gain) == (7, "psnr", 30.0, 32)
    # A JPEG of flat blocks is exact to a few codes, ringing at the blocks' edges aside.
    assert decoded(still.reference)[32, 48] == pytest.approx([100] * 3, abs=4)
    assert decoded(still.distorted)[32, 48] == pytest.approx([104] * 3, abs=4)
    assert decoded(still.difference)[32, 48] == pytest.approx([4 * 32] * 3, abs=8)
    assert decoded(still.difference)[4, 4] == pytest.approx([0] * 3, abs=8)


@pytest.mark.parametrize("name", list(FORMATS))
def test_every_format_has_pictures(name: str) -> None:
    form = FORMATS[name]
    planes = tuple(np.zeros(form.shape(plane, 17, 33), form.dtype) for plane in form.planes)
    worst = Worst(2, label="psnr", better="higher", form=form, reference=LIMITED, distorted=LIMITED)

    worst.offer(0, 100.0, planes, planes)
    still = worst.pictures()[0]

    assert decoded(still.reference).shape == (17, 33, 3)
    assert decoded(still.difference).max() <= 8  # the JPEG's own rounding
    assert still.gain == 1


def offered(better: Any, count: int, scores: list[float]) -> list[Still]:
    plane = np.zeros((4, 4), np.uint8)
    worst = Worst(
        count,
        label="x",
        better=better,
        form=FORMATS["gray8"],
        reference=LIMITED,
        distorted=LIMITED,
    )
    for frame, score in enumerate(scores):
        worst.offer(frame, score, (plane,), (plane,))
    return worst.pictures()


@pytest.mark.parametrize(
    ("better", "frames"), [("higher", [3, 1, 5]), ("lower", [2, 4, 0])], ids=["higher", "lower"]
)
def test_the_worst_come_first_by_the_direction(better: str, frames: list[int]) -> None:
    stills = offered(better, 3, [5.0, 2.0, 9.0, 1.0, 6.0, 3.0])

    assert [still.frame for still in stills] == frames


def test_of_equals_the_earliest_are_kept() -> None:
    assert [still.frame for still in offered("higher", 2, [1.0] * 5)] == [0, 1]


def test_a_frame_without_a_score_is_the_worst() -> None:
    stills = offered("lower", 2, [5.0, math.nan, 9.0])

    assert [still.frame for still in stills] == [1, 2]


def test_none_are_kept_when_none_are_wanted() -> None:
    assert offered("lower", 0, [5.0, 6.0]) == []


def test_planes_are_copied_because_a_decoder_uses_its_memory_again() -> None:
    plane = np.full((16, 16), 235, np.uint8)
    worst = Worst(
        1,
        label="x",
        better="higher",
        form=FORMATS["gray8"],
        reference=LIMITED,
        distorted=LIMITED,
    )

    worst.offer(0, 1.0, (plane,), (plane,))
    plane[:] = 16

    assert decoded(worst.pictures()[0].reference).min() > 250


@pytest.mark.parametrize(("codes", "gain"), [(0, 1), (0.25, 128), (1, 128), (10, 16), (200, 1)])
def test_the_gain_brings_errors_near_white(codes: float, gain: int) -> None:
    difference = np.zeros((10, 10, 3), np.int32)
    difference[2, 2] = int(codes * 256)

    assert fitting_gain(difference) == gain


@pytest.mark.parametrize(
    ("size", "shown"), [((108, 1920), (54, 960)), ((7, 960), (7, 960)), ((1, 1), (1, 1))]
)
def test_pictures_are_at_most_960_wide(size: tuple[int, int], shown: tuple[int, int]) -> None:
    picture = np.full((*size, 3), 128 * 256, np.uint16)

    assert decoded(to_jpeg(picture, quantiser=4)).shape[:2] == shown
