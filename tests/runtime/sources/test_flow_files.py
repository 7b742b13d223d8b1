import os
import re
import struct
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from framegauge.runtime import ScoreError, UsageError
from framegauge.runtime.sources.flow_files import FlowFiles, read_flow

FLO = b"PIEH" + struct.pack("<ii", 3, 2)
PFM = b"PF\n3 2\n-1.0\n"


@pytest.fixture
def flow() -> NDArray[np.float32]:
    return np.random.default_rng(3).normal(0, 20, (2, 5, 7)).astype(np.float32)


def npy(shape: bytes, samples: bytes = b"", kind: bytes = b"<f4", key: bytes = b"shape") -> bytes:
    """NumPy's format as it is written, its header 118 bytes long."""
    facts = b"{'descr': '%s', 'fortran_order': False, '%s': %s, }" % (kind, key, shape)
    return b"\x93NUMPY\x01\x00\x76\x00" + facts.ljust(117) + b"\n" + samples


def interleaved(flow: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.ascontiguousarray(flow.transpose(1, 2, 0))


def packed(samples: NDArray[np.float32], *, order: str = "<") -> bytes:
    return samples.astype(f"{order}f4").tobytes()


def written(folder: Path, name: str, content: bytes) -> Path:
    (folder / name).write_bytes(content)
    return folder / name


def kitti(folder: Path, samples: NDArray[np.uint16]) -> Path:
    cv2.imwrite(str(folder / "flow.png"), samples[..., ::-1])
    return folder / "flow.png"


def test_a_flo_that_opencv_wrote_is_read(tmp_path: Path, flow: NDArray[np.float32]) -> None:
    cv2.writeOpticalFlow(str(tmp_path / "a.flo"), interleaved(flow))

    read, valid = read_flow(tmp_path / "a.flo")

    assert_array_equal(read, flow)
    assert_array_equal(valid, np.ones((1, 5, 7), np.float32))
    assert (read.dtype, valid.dtype) == (np.float32, np.float32)


def test_a_flo_says_where_nothing_is_known(tmp_path: Path) -> None:
    samples = np.arange(12, dtype=np.float32).reshape(2, 3, 2)
    samples[0, 1, 1] = 1e10
    samples[1, 2, 0] = -1.1e9

    read, valid = read_flow(written(tmp_path, "a.flo", FLO + packed(samples)))

    assert read[0].tolist() == [[0, 0, 4], [6, 8, 0]]
    assert read[1].tolist() == [[1, 0, 5], [7, 9, 0]]
    assert valid[0].tolist() == [[1, 0, 1], [1, 1, 0]]


def test_a_png_of_kitti_is_read_to_the_bit(tmp_path: Path) -> None:
    samples = np.random.default_rng(5).integers(0, 1 << 16, (6, 9, 3), np.uint16)
    samples[0, 0] = 0, 65535, 1
    samples[1, 1, 2] = 0

    read, valid = read_flow(kitti(tmp_path, samples))

    assert read[:, 0, 0].tolist() == [-512, 511.984375]
    wanted = (samples[..., :2].astype(np.float64) - 32768) / 64 * (samples[..., 2:] > 0)
    assert_array_equal(read, wanted.transpose(2, 0, 1))
    assert_array_equal(valid[0], samples[..., 2] > 0)
    assert valid[0, 1, 1] == 0


@pytest.mark.parametrize(("order", "scale"), [("<", "-1.0"), (">", "1.0"), ("<", "-2e-3")])
def test_a_pfm_is_read_from_the_bottom_row_up(tmp_path: Path, order: str, scale: str) -> None:
    samples = np.arange(18, dtype=np.float32).reshape(2, 3, 3)
    head = f"PF\n3 2\n{scale}\n".encode()

    read, valid = read_flow(written(tmp_path, "a.pfm", head + packed(samples, order=order)))

    assert read[0].tolist() == [[9, 12, 15], [0, 3, 6]]
    assert read[1].tolist() == [[10, 13, 16], [1, 4, 7]]
    assert valid.all()


def test_a_pfm_that_opencv_wrote_is_read(tmp_path: Path, flow: NDArray[np.float32]) -> None:
    colours = np.dstack([interleaved(flow), np.zeros((5, 7), np.float32)])
    cv2.imwrite(str(tmp_path / "a.pfm"), np.ascontiguousarray(colours[..., ::-1]))

    assert_array_equal(read_flow(tmp_path / "a.pfm")[0], flow)


@pytest.mark.parametrize("type", [np.float16, np.float32, np.float64])
def test_an_array_has_its_components_first_or_last(
    tmp_path: Path, flow: NDArray[np.float32], type: type
) -> None:
    typed = flow.astype(type)
    np.save(tmp_path / "first.npy", typed)
    np.save(tmp_path / "last.npy", interleaved(typed))

    assert_array_equal(read_flow(tmp_path / "first.npy")[0], typed.astype(np.float32))
    assert_array_equal(read_flow(tmp_path / "last.npy")[0], typed.astype(np.float32))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.flo", b"", "begins with PIEH"),
        ("a.flo", b"HEIP" + FLO[4:] + bytes(48), "begins with PIEH"),
        ("a.flo", FLO + bytes(47), "60 bytes were wanted for 3x2 pixels, got 59"),
        ("a.flo", FLO + bytes(49), "60 bytes were wanted for 3x2 pixels, got 61"),
        ("a.flo", b"PIEH" + struct.pack("<ii", 0, 2), "sides of 1 to 65536 pixels"),
        ("a.flo", b"PIEH" + struct.pack("<ii", 3, -2), "sides of 1 to 65536 pixels"),
        ("a.flo", b"PIEH" + struct.pack("<ii", 65000, 65000), "33800000012 bytes were wanted"),
        ("a.flo", FLO + struct.pack("<12f", *[0] * 11, float("nan")), "numbers were wanted"),
        ("a.pfm", PFM + bytes(71), "84 bytes were wanted for 3x2 pixels, got 83"),
        ("a.pfm", b"Pf\n3 2\n-1.0\n" + bytes(24), "begins with PF"),
        ("a.pfm", b"PF\n3 2\n0\n" + bytes(72), "begins with PF"),
        ("a.pfm", b"PF\n3 x\n-1.0\n" + bytes(72), "begins with PF"),
        ("a.npy", b"\x93NUMPY", "the header of an array was wanted"),
        ("a.npy", b"", "the header of an array was wanted"),
        ("a.npy", npy(b"(2, 3, 1)", bytes(23)), "152 bytes were wanted, got 151"),
        ("a.npy", npy(b"(2, 3, 99999)", bytes(24)), "was wanted, got (2, 3, 99999)"),
        (
            "a.npy",
            npy(b"(2, 3, 1)").replace(b"\x76", b"\x75") + bytes(24),
            "the header of an array",
        ),
        ("a.npy", npy(b"(2, 3, -1)"), "the header of an array was wanted"),
        ("a.npy", npy(b"(2, [3], 1)"), "the header of an array was wanted"),
        ("a.npy", npy(b"(2, 3, 1", bytes(24)), "the header of an array was wanted"),
        ("a.npy", npy(b"(2, 3, 1)", kind=b"|O8"), "floats was wanted, got |O8"),
        ("a.npy", npy(b"(2, 3, 1)", key=b"sharp"), "the header of an array"),
        ("a.png", b"\x89PNG\r\n", "a.png"),
    ],
)
def test_a_damaged_flow_is_refused(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    path = written(tmp_path, name, content)

    with pytest.raises(ScoreError, match=re.escape(words)):
        read_flow(path)


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("kind", ["<f2", "<f4", ">f4", "<f8"])
def test_numpys_arrays_are_read_in_every_form_they_have(
    tmp_path: Path, flow: NDArray[np.float32], version: Any, order: Any, kind: str
) -> None:
    values = np.asarray(np.rint(flow), kind, order=order)
    with (tmp_path / "a.npy").open("wb") as file:
        np.lib.format.write_array(file, values, version=version)

    read, valid = read_flow(tmp_path / "a.npy")

    np.testing.assert_array_equal(read, np.rint(flow))
    assert valid.all()


@pytest.mark.parametrize("ending", [".npy", ".flo", ".pfm"])
def test_a_pipe_that_nobody_writes_to_is_no_flow(tmp_path: Path, ending: str) -> None:
    os.mkfifo(tmp_path / f"a{ending}")

    with pytest.raises(ScoreError, match="is no file"):
        read_flow(tmp_path / f"a{ending}")


@pytest.mark.parametrize("cut", [-40, -1])
def test_a_flow_that_was_cut_off_is_refused(
    tmp_path: Path, flow: NDArray[np.float32], cut: int
) -> None:
    np.save(tmp_path / "a.npy", flow)
    samples = np.random.default_rng(1).integers(0, 1 << 16, (16, 16, 3), np.uint16)
    pictures = kitti(tmp_path, samples).read_bytes()

    with pytest.raises(ScoreError, match=r"is damaged or no flow: \d+ bytes were wanted"):
        read_flow(written(tmp_path, "b.npy", (tmp_path / "a.npy").read_bytes()[:cut]))
    # What follows a PNG's samples, its last 12 bytes, holds none.
    with pytest.raises(ScoreError, match="damaged or cut off"):
        read_flow(written(tmp_path, "b.png", pictures[: cut - 12]))


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((2, 3), np.float32), r"\(2, H, W\) or \(H, W, 2\) was wanted, got \(2, 3\)"),
        (np.zeros((3, 4, 5), np.float32), r"got \(3, 4, 5\)"),
        (np.zeros((2, 0, 5), np.float32), r"got \(2, 0, 5\)"),
        (np.zeros((2, 3, 4), np.int16), "an array of floats was wanted, got <i2"),
        (np.full((2, 3, 4), np.nan), "numbers were wanted, got 24 NaN"),
    ],
)
def test_an_array_that_is_no_flow_is_refused(
    tmp_path: Path, array: NDArray[np.float64], words: str
) -> None:
    np.save(tmp_path / "a.npy", array)

    with pytest.raises(ScoreError, match=words):
        read_flow(tmp_path / "a.npy")


@pytest.mark.parametrize("height", [2, 5])
def test_an_array_with_its_components_first_and_last_is_refused(
    tmp_path: Path, height: int
) -> None:
    np.save(tmp_path / "a.npy", np.zeros((2, height, 2), np.float32))

    with pytest.raises(ScoreError, match=r"\(2, H, W\) of a frame 2 pixels wide, or \(H, W, 2\)"):
        read_flow(tmp_path / "a.npy")


def test_a_picture_of_eight_bits_is_no_flow(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((4, 4, 3), np.uint8))

    with pytest.raises(ScoreError, match=r"16-bit RGB \(rgb48be\), got rgb24"):
        read_flow(tmp_path / "a.png")


def test_a_flow_is_told_by_its_ending(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"Endings: .flo, .png, .pfm, .npy"):
        read_flow(tmp_path / "a.flow")
    with pytest.raises(ScoreError, match=r"cannot be read: No such file"):
        read_flow(tmp_path / "a.flo")


def test_a_pattern_names_the_file_of_a_frame(tmp_path: Path, flow: NDArray[np.float32]) -> None:
    np.save(tmp_path / "f00012.npy", flow)
    files = FlowFiles("flow", str(tmp_path / "f%05d.npy"))

    assert_array_equal(files.read(12, width=7, height=5)[0], flow)
    with pytest.raises(ScoreError, match=r"is 7x5, and the frames are 5x7"):
        files.read(12, width=5, height=7)
    with pytest.raises(ScoreError, match=r"flow of frame 13 should be .*f00013.npy, which does"):
        files.read(13, width=7, height=5)


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("flows/a.flo", "needs one %d or %05d"),
        ("flows/%d_%d.flo", "needs one %d or %05d"),
        ("flows/%05d.jpg", "does not end like a flow"),
    ],
)
def test_a_pattern_that_names_no_flows_is_refused(pattern: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        FlowFiles("flow", pattern)
