from typing import Any

import pytest

from framegauge.export.contract.formats import FORMATS, find_format


def test_every_format_that_decoders_give_is_there() -> None:
    deep = ("", "10le", "12le", "16le")
    planar = {f"yuv{layout}p{depth}" for layout in (420, 422, 444) for depth in deep}
    grey = {"gray8", "gray10le", "gray12le", "gray14le", "gray16le"}

    assert FORMATS.keys() == planar | grey | {"rgb24", "rgbf32", "nv12", "p010le"}


@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        ("rgb24", [(5, 7, 3)]),
        ("rgbf32", [(3, 5, 7)]),
        ("gray8", [(5, 7)]),
        ("gray16le", [(5, 7, 2)]),
        ("yuv420p", [(5, 7), (3, 4), (3, 4)]),
        ("yuv422p", [(5, 7), (5, 4), (5, 4)]),
        ("yuv444p", [(5, 7), (5, 7), (5, 7)]),
        ("yuv420p10le", [(5, 7, 2), (3, 4, 2), (3, 4, 2)]),
        ("yuv444p12le", [(5, 7, 2), (5, 7, 2), (5, 7, 2)]),
        ("nv12", [(5, 7), (3, 4, 2)]),
        ("p010le", [(5, 7, 2), (3, 4, 2, 2)]),
    ],
)
def test_odd_frames_have_chroma_rounded_up(name: str, shapes: list[Any]) -> None:
    form = find_format(name)

    assert [form.shape(plane, 5, 7) for plane in form.planes] == shapes


@pytest.mark.parametrize(
    ("name", "peak"),
    [
        ("rgb24", 255),
        ("rgbf32", 1),
        ("yuv420p10le", 1023),
        ("yuv422p12le", 4095),
        ("yuv444p16le", 65535),
        ("gray14le", 16383),
        ("p010le", 1023),
    ],
)
def test_the_peak_is_that_of_the_depth(name: str, peak: int) -> None:
    assert find_format(name).peak == peak


def test_another_format_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"No model takes the format 'bgr24'. Formats: rgb24, "):
        find_format("bgr24")
