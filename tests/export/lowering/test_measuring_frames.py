"""Frames of four kinds, by formula."""

from typing import Any

import numpy as np
import pytest

from framegauge.export.contract.formats import FORMATS, find_format
from framegauge.export.contract.selftest import batch
from framegauge.export.lowering import measuring_frames

LEVELS = {"natural": (16, 239), "dark": (0, 16), "flat": (96, 128), "bright": (239, 255)}


@pytest.fixture(scope="module")
def frames() -> Any:
    """Both frames of each kind, ``(256, 256, 3)``, 8 bits."""
    form = find_format("rgb24")
    pair = [
        batch(form, role, (256, 256), 4, measuring_frames.samples)[role]
        for role in ("reference", "distorted")
    ]
    return {
        kind: (x.astype(float), y.astype(float))
        for kind, x, y in zip(measuring_frames.KINDS, *pair, strict=True)
    }


@pytest.mark.parametrize("kind", measuring_frames.KINDS)
def test_a_kind_keeps_to_its_levels(frames: Any, kind: Any) -> None:
    reference, _ = frames[kind]

    low, high = LEVELS[kind]
    assert low <= reference.min() <= reference.max() <= high


@pytest.mark.parametrize("kind", measuring_frames.KINDS)
def test_the_distorted_frame_is_near_the_reference(frames: Any, kind: Any) -> None:
    reference, distorted = frames[kind]

    assert 0.5 <= np.abs(distorted - reference).mean() <= 3


def test_flat_frames_are_flat(frames: Any) -> None:
    reference, distorted = frames["flat"]

    assert reference[0, 0].tolist() == [96, 112, 128]
    assert np.ptp(reference, axis=(0, 1)).tolist() == [0, 0, 0]
    assert np.unique(distorted - reference).tolist() == [1]


def test_the_power_of_natural_frames_falls_as_that_of_natural_images(frames: Any) -> None:
    grey = frames["natural"][0].mean(-1)
    window = np.hanning(256)
    power = np.abs(np.fft.fft2((grey - grey.mean()) * np.outer(window, window))) ** 2
    frequency = np.hypot(*np.meshgrid(*[np.fft.fftfreq(256)] * 2))
    inside = (frequency > 2 / 256) & (frequency < 0.4)

    slope, _ = np.polyfit(np.log(frequency[inside]), np.log(power[inside]), 1)

    # 1/f^2 on average, and steeper where there are edges; noise has 0.
    assert -3.5 < slope < -1.5


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_can_hold_them(name: Any) -> None:
    form = find_format(name)

    made = batch(form, "reference", (45, 61), 4, measuring_frames.samples)

    shapes = [(4, *form.shape(plane, 45, 61)) for plane in form.planes]
    assert [each.shape for each in made.values()] == shapes


def test_deeper_formats_have_the_same_levels_in_finer_steps() -> None:
    y, x = np.indices((64, 64))
    c = np.zeros_like(x)

    eight, ten = (
        measuring_frames.samples("reference", 0, y, x, c, depth=depth, chroma=False)
        for depth in (8, 10)
    )

    assert (ten // 4 == eight).all()
    assert len(np.unique(ten % 4)) == 4


def test_previous_and_next_frames_are_the_reference_moved() -> None:
    y, x = np.indices((64, 64))
    c = np.zeros_like(x)

    reference, previous, following = (
        measuring_frames.samples(role, 0, y, x, c, depth=8, chroma=False)
        for role in ("reference", "previous", "next")
    )

    assert (previous[:-1, :-3] == reference[1:, 3:]).all()
    assert (following[:-2, :-6] == reference[2:, 6:]).all()
