import sys

import cv2
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from framegauge.export.contract.formats import FORMATS
from framegauge.runtime import BackendError, UsageError
from framegauge.runtime.sources.flow_estimator import DIS, luma8


@pytest.fixture(scope="module")
def texture() -> NDArray[np.uint8]:
    noise = np.random.default_rng(0).integers(0, 256, (140, 180)).astype(np.uint8)
    soft = cv2.GaussianBlur(noise, (0, 0), 2)
    return np.asarray(cv2.normalize(soft, None, 0, 255, cv2.NORM_MINMAX), np.uint8)


@pytest.mark.parametrize("preset", ["ultrafast", "fast", "medium"])
def test_the_flow_of_a_shifted_picture_is_its_shift(
    texture: NDArray[np.uint8], preset: str
) -> None:
    start, end = texture[20:116, 20:148].copy(), texture[18:114, 17:145].copy()

    flow = DIS(preset)(start, end)

    # A point at x in the first picture is at x + 3, y + 2 in the second.
    assert (flow.shape, flow.dtype) == ((2, 96, 128), np.float32)
    inner = flow[:, 12:-12, 12:-12]
    # Its faster presets err by up to half a pixel on such a texture.
    assert np.abs(np.median(inner, axis=(1, 2)) - [3, 2]).max() < 0.25


def test_a_flow_is_the_same_every_time(texture: NDArray[np.uint8]) -> None:
    pair = texture[20:116, 20:148].copy(), texture[18:114, 17:145].copy()
    estimator = DIS()

    assert_array_equal(estimator(*pair), estimator(*pair))
    assert_array_equal(estimator(*pair), DIS()(*pair))


def test_an_estimator_says_what_it_is() -> None:
    assert DIS.parse("dis:fast").to_json() == {
        "source": "dis",
        "preset": "fast",
        "opencv": cv2.__version__,
        "on": "8-bit luma",
    }
    assert DIS.parse("dis").preset == "medium"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("raft", "takes dis, or dis:PRESET with ultrafast, fast, medium; got 'raft'"),
        ("dis:slow", "got the preset 'slow'"),
    ],
)
def test_an_unknown_estimator_is_refused(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        DIS.parse(text)


def test_frames_too_small_to_search_are_refused() -> None:
    small = np.zeros((11, 40), np.uint8)

    with pytest.raises(UsageError, match=r"at least 12x12 pixels, got 40x11"):
        DIS()(small, small)


def test_without_opencv_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)

    with pytest.raises(BackendError, match=r"pip install '\.\[flow\]'"):
        DIS()


def test_luma_is_the_first_plane_in_its_eight_high_bits() -> None:
    eight = np.arange(6, dtype=np.uint8).reshape(2, 3)
    ten = np.array([[0, 3, 4], [1023, 512, 940]], "<u2").view(np.uint8).reshape(2, 3, 2)

    assert_array_equal(luma8((eight,), FORMATS["gray8"]), eight)
    assert_array_equal(luma8((ten,), FORMATS["yuv420p10le"]), [[0, 0, 1], [255, 128, 235]])
    shifted = (ten.view("<u2") << 6).view(np.uint8)
    assert_array_equal(luma8((shifted,), FORMATS["p010le"]), [[0, 0, 1], [255, 128, 235]])


def test_luma_of_colours_is_their_weighted_sum() -> None:
    colours = np.array([[[255, 255, 255], [100, 0, 0], [0, 100, 0], [0, 0, 100]]], np.uint8)
    samples = (colours.astype(np.float32) / 255).transpose(2, 0, 1)

    assert luma8((colours,), FORMATS["rgb24"]).tolist() == [[255, 30, 59, 11]]
    assert luma8((samples,), FORMATS["rgbf32"]).tolist() == [[255, 30, 59, 11]]
