from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from framegauge.export.contract.colour_map import colour_map
from framegauge.runtime import Scorer, score
from framegauge.runtime.sources.chroma_siting import BegunStream, header, stated_siting
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
