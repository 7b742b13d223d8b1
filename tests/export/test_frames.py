import subprocess
from typing import Any

import imageio_ffmpeg
import numpy as np
import pytest
import torch

from framegauge.export.contract.colour_map import colour_map
from framegauge.export.contract.formats import Format, find_format, subsampling
from framegauge.export.contract.roles import SITINGS, siting_of
from framegauge.export.contract.selftest import batch
from framegauge.export.frames import BoundColour, make_frame, to_rgb, upsampled

ACCURATE = "flags=accurate_rnd+full_chroma_int+full_chroma_inp+bilinear"
# ITU-R BT.601-7 and BT.709-6: weights of red and blue in luma.
WEIGHTS = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722)}
CONVERSIONS = [
    pytest.param(name, matrix, spread, id=f"{name}-{matrix}-{spread}")
    for name in ("yuv420p", "yuv422p", "yuv444p", "yuv420p10le")
    for matrix in WEIGHTS
    for spread in ("limited", "full")
]
COLOUR = torch.tensor([[[1.0, 0, 1.5, -200], [1, -0.4, -0.7, 130], [1, 1.8, 0, -230]]]) / 255
LEFT = torch.tensor([[0.5, 0.0]], dtype=torch.float64)


@pytest.mark.parametrize("scene", ["bikes_128x192", "bikes_97x131"])
@pytest.mark.parametrize(("name", "matrix", "spread"), CONVERSIONS)
def test_rgb_is_that_of_ffmpegs_accurate_conversion(
    pictures: dict[str, np.ndarray], scene: str, name: Any, matrix: Any, spread: Any
) -> None:
    form = find_format(name)
    # FFmpeg stretches the chroma of odd frames over the frame instead of leaving its sites where
    # they are, so both are given even frames; ours is then cut to the odd size from its planes.
    picture = pictures[f"{scene}.target"]
    height, width = picture.shape[:2]
    even = np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    code = yuv_from_rgb(even, name, matrix, spread)
    planes = {
        plane.part: whole[..., *map(slice, form.shape(plane, height, width)[:2])]
        for plane, whole in zip(form.planes, split(code, form, *even.shape[:2]), strict=True)
    }

    rgb = to_rgb(planes, colour(matrix, spread, form.depth)[None], sited(form, "left"), form)
    ours = rgb[0].permute(1, 2, 0).numpy()

    theirs = rgb_from_yuv(code, name, matrix, spread, *even.shape[:2])[:height, :width]
    # Half a step is their rounding to 8 bits. In ten bits FFmpeg takes four times 255 for the peak
    # of the full range, which is 1023: another 0.75 of a step.
    allowed = 1.3 if form.depth == 10 and spread == "full" else 0.6
    assert np.abs(255 * ours - theirs).max() <= allowed


@pytest.mark.parametrize(
    ("name", "shape"),
    [("yuv420p", (3, 4)), ("yuv422p", (5, 4)), ("yuv444p", (5, 7))],
)
def test_a_ramp_of_chroma_is_level_with_even_columns(name: str, shape: tuple[Any, ...]) -> None:
    form = find_format(name)
    down, across = 5 // shape[0] + (shape[0] == 3), 2 if shape[1] == 4 else 1
    ramp = across * torch.arange(shape[1]).double() + 100 * down * torch.arange(shape[0])[:, None]

    whole = upsampled(ramp[None, None], sited(form, "left"), 5, 7, form)[0, 0]

    # Rows of 4:2:0 lie a quarter of a chroma row above and below their sample.
    rows = 100 * (torch.arange(5).double() - (0.5 if down == 2 else 0))
    inner = rows[1:4, None] + torch.arange(6)
    torch.testing.assert_close(whole[1:4, :6], inner)


def test_chroma_beyond_the_border_is_repeated() -> None:
    form = find_format("yuv420p")
    chroma = torch.tensor([[10.0, 20], [30, 40]])[None, None]

    whole = upsampled(chroma, sited(form, "left"), 4, 4, form)[0, 0]

    assert whole[0].tolist() == [10, 15, 20, 20]
    assert whole[3].tolist() == [30, 35, 40, 40]


@pytest.mark.parametrize("siting", SITINGS)
@pytest.mark.parametrize("name", ["yuv420p", "yuv422p"])
def test_a_ramp_of_chroma_is_that_of_its_sites(name: str, siting: str) -> None:
    form = find_format(name)
    down, across = subsampling(form, "u")
    row, column = siting_of(siting, down=down, across=across)
    # Each chroma sample holds its own place among the luma samples.
    places = 100 * (down * torch.arange(6).double() + row)[:, None]
    places = places + across * torch.arange(6).double() + column

    whole = upsampled(places[None, None], sited(form, siting), 6 * down, 12, form)[0, 0]

    wanted = 100 * torch.arange(6 * down).double()[:, None] + torch.arange(12).double()
    inner = slice(down, 5 * down), slice(2, 10)
    torch.testing.assert_close(whole[inner], wanted[inner])


def test_every_frame_of_a_batch_has_its_own_colours_and_sites() -> None:
    form = find_format("yuv420p")
    feed = tensors(batch(form, "reference", (12, 14), 2))
    facts = {
        "reference_colour": torch.cat([COLOUR, COLOUR.roll(1, dims=1)]).double(),
        "reference_siting": torch.cat([sited(form, "left"), sited(form, "centre")]),
    }

    both = make_frame(form, "reference", feed | facts, dtype=torch.float64).rgb

    for n in range(2):
        one = {name: each[n : n + 1] for name, each in (feed | facts).items()}
        alone = make_frame(form, "reference", one, dtype=torch.float64).rgb
        assert torch.equal(both[n : n + 1], alone)
    assert not torch.equal(both[0], both[1])


@pytest.mark.parametrize("name", ["yuv420p", "yuv422p10le", "yuv444p", "gray8"])
def test_bound_colours_are_those_that_are_given(name: str) -> None:
    form = find_format(name)
    feed = tensors(batch(form, "reference", (13, 15), 2))
    siting = None if subsampling(form, "u") == (1, 1) else "centre"
    bound = BoundColour(matrix="bt709", range="full", chroma_siting=siting)
    facts = {
        "reference_colour": torch.tensor([colour_map("bt709", "full", form.depth)] * 2).double()
    }
    if siting:
        facts["reference_siting"] = sited(form, siting).repeat(2, 1)

    given = make_frame(form, "reference", feed | facts, dtype=torch.float64).rgb
    inside = make_frame(form, "reference", feed, dtype=torch.float64, colour=bound).rgb

    torch.testing.assert_close(inside, given, rtol=0, atol=1e-7)
    assert bound.asked(form) == ()
    assert set(BoundColour().asked(form)) == {name.partition("_")[2] for name in facts}


def test_words_of_deep_formats_are_joined_in_the_graph() -> None:
    form = find_format("yuv420p10le")
    feed = batch(form, "reference", (9, 11), 2)

    frame = make_frame(form, "reference", tensors(feed), dtype=torch.float64)

    for part in "yuv":
        words = feed[f"reference_{part}"].view("<u2")[..., 0].astype(float)
        np.testing.assert_array_equal(frame.plane(part)[:, 0].numpy(), words)


def test_semi_planar_frames_are_the_planar_ones() -> None:
    rgb = {}
    for name in ("yuv420p10le", "p010le"):
        form = find_format(name)
        facts = {"reference_colour": COLOUR / 4, "reference_siting": LEFT}
        feed = tensors(batch(form, "reference", (19, 23), 2)) | facts
        rgb[name] = make_frame(form, "reference", feed, dtype=torch.float64).rgb

    assert torch.equal(rgb["p010le"], rgb["yuv420p10le"])


def test_grey_frames_have_neutral_chroma() -> None:
    grey, planar = find_format("gray8"), find_format("yuv444p")
    luma = torch.arange(0, 250, 10, dtype=torch.uint8).view(1, 5, 5)
    neutral = torch.full_like(luma, 128)
    planes = {"reference_y": luma, "reference_u": neutral, "reference_v": neutral}

    from_grey, from_planes = (
        make_frame(
            form,
            "reference",
            {**planes, "reference_colour": COLOUR.double()},
            dtype=torch.float64,
        ).rgb
        for form in (grey, planar)
    )

    torch.testing.assert_close(from_grey, from_planes)


def test_colours_out_of_range_are_clipped() -> None:
    form = find_format("yuv444p")
    planes = {part: torch.tensor([0.0, 255]).view(1, 1, 1, 2) for part in "yuv"}

    rgb = to_rgb(planes, COLOUR, None, form)

    assert rgb.min().item() == 0
    assert rgb.max().item() == 1


def test_rounding_is_to_eight_bits_of_the_same_range() -> None:
    form = find_format("yuv420p10le")
    words = np.array([[0, 1, 2, 3], [5, 6, 1020, 1023]], "<u2")
    pairs = torch.from_numpy(words.view(np.uint8).reshape(1, 2, 4, 2))

    frame = make_frame(form, "distorted", {"distorted_y": pairs}, dtype=torch.float64, quantise=8)

    # Halves go to the even step; the highest code value stays within 8 bits.
    assert frame.plane("y").flatten().tolist() == [0, 0, 0, 4, 4, 8, 1020, 1020]


def test_float_colours_are_rounded_to_the_nearest_of_256() -> None:
    form = find_format("rgbf32")
    frame = torch.tensor([0.0, 0.4, 0.6, 254.4, 254.6, 300]).view(1, 1, 1, 6).expand(1, 3, 1, 6)

    rounded = make_frame(
        form, "distorted", {"distorted": frame / 255}, dtype=torch.float64, quantise=8
    ).rgb

    assert (255 * rounded[0, 0, 0]).round(decimals=9).tolist() == [0, 0, 1, 254, 255, 255]


def sited(form: Format, siting: str) -> torch.Tensor:
    down, across = subsampling(form, "u")
    return torch.tensor([siting_of(siting, down=down, across=across)], dtype=torch.float64)


def tensors(feed: Any) -> Any:
    return {name: torch.from_numpy(plane) for name, plane in feed.items()}


def colour(matrix: Any, spread: Any, depth: Any) -> Any:
    """Affine map (3, 4) from code values to RGB, from the definition of Y'CbCr."""
    red, blue = WEIGHTS[matrix]
    green = 1 - red - blue
    unit = 2.0 ** (depth - 8)
    floor, luma, chroma = (
        (16 * unit, 219 * unit, 224 * unit)
        if spread == "limited"
        else (
            0,
            2.0**depth - 1,
            2.0**depth - 1,
        )
    )
    rows = np.array(
        [
            [1, 0, 2 * (1 - red)],
            [1, -2 * (1 - blue) * blue / green, -2 * (1 - red) * red / green],
            [1, 2 * (1 - blue), 0],
        ]
    ) / (luma, chroma, chroma)
    offset = -rows @ (floor, 128 * unit, 128 * unit)
    return torch.from_numpy(np.column_stack([rows, offset]))


def ffmpeg(frame: Any, height: Any, width: Any, given: Any, wanted: Any, scale: Any) -> Any:
    """A raw frame through FFmpeg's scale filter, without scaling."""
    size = ["-f", "rawvideo", "-pix_fmt", given, "-s", f"{width}x{height}", "-i", "-"]
    out = ["-vf", f"scale={scale}:{ACCURATE}", "-f", "rawvideo", "-pix_fmt", wanted, "-"]
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *size, *out]
    return subprocess.run(command, input=frame, capture_output=True, check=True).stdout


def siting(name: Any) -> Any:
    """Chroma level with the even columns; midway between rows where those are halved."""
    return 0, 128 if "420" in name else 0


def yuv_from_rgb(picture: Any, name: Any, matrix: Any, spread: Any) -> Any:
    across, down = siting(name)
    scale = f"out_color_matrix={matrix}:out_range={spread}"
    sited = f"{scale}:out_h_chr_pos={across}:out_v_chr_pos={down}"
    return ffmpeg(picture.tobytes(), *picture.shape[:2], "rgb24", name, sited)


def rgb_from_yuv(code: Any, name: Any, matrix: Any, spread: Any, height: Any, width: Any) -> Any:
    across, down = siting(name)
    scale = f"in_color_matrix={matrix}:in_range={spread}:out_range=full"
    sited = f"{scale}:in_h_chr_pos={across}:in_v_chr_pos={down}"
    rgb = ffmpeg(code, height, width, name, "rgb24", sited)
    return np.frombuffer(rgb, np.uint8).reshape(height, width, 3).astype(float)


def split(code: Any, form: Any, height: Any, width: Any) -> Any:
    """The planes of a raw frame as tensors of code values, ``(1, 1, h, w)`` each."""
    planes, start = [], 0
    for plane in form.planes:
        shape = form.shape(plane, height, width)
        stop = start + int(np.prod(shape))
        samples = np.frombuffer(code[start:stop], np.uint8).reshape(shape)
        words = samples.view("<u2")[..., 0] if form.depth > 8 else samples
        planes.append(torch.from_numpy(words.astype(float))[None, None])
        start = stop
    return planes
