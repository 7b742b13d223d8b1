import av
import pytest

from framegauge.runtime.sources.slices import Slices

HEVC = b"\x02\x01"  # a slice of H.265; its third byte begins with "first slice of the picture"
H264 = b"\x41\x9a"
SEI = {"hevc": b"\x4e\x01", "h264": b"\x06\x05"}
AVC_HEADER = b"\x01\x64\0\x1f\xff" + bytes(20)


def annex_b(*units: bytes) -> av.Packet:  # type: ignore[type-arg]
    return av.Packet(b"".join(b"\0\0\0\1" + unit for unit in units))


def with_lengths(*units: bytes) -> av.Packet:  # type: ignore[type-arg]
    return av.Packet(b"".join(len(unit).to_bytes(4, "big") + unit for unit in units))


@pytest.mark.parametrize(("codec", "slice_"), [("hevc", HEVC), ("h264", H264)])
def test_zeros_within_a_slice_are_damage(codec: str, slice_: bytes) -> None:
    intact = slice_ + b"\x80\0\0\x03\0abc"
    holed = slice_ + b"\x80ab" + bytes(3) + b"c"

    assert Slices(codec, None).damage(annex_b(intact, intact)) is None
    assert "zeros" in str(Slices(codec, None).damage(annex_b(intact, holed)))
    assert Slices(codec, AVC_HEADER).damage(with_lengths(intact, intact)) is None
    assert "zeros" in str(Slices(codec, AVC_HEADER).damage(with_lengths(holed)))


@pytest.mark.parametrize("codec", ["hevc", "h264"])
def test_zeros_between_units_and_in_messages_are_allowed(codec: str) -> None:
    slice_ = {"hevc": HEVC, "h264": H264}[codec] + b"\x80abc"
    message = SEI[codec] + bytes(16) + b"x"

    assert Slices(codec, None).damage(annex_b(message, slice_ + bytes(50), slice_)) is None


def counted(numbers: list[int], codec: str = "hevc") -> list[bool]:
    slices = Slices(codec, None)
    return [slices.damage(annex_b(*[HEVC + b"\x80abc"] * number)) is not None for number in numbers]


def test_a_picture_with_fewer_slices_than_all_before_is_incomplete() -> None:
    assert counted([3] * 8 + [2]) == [False] * 8 + [True]


@pytest.mark.parametrize(
    "numbers",
    [[3] * 4 + [2], [5, 1, 2, 3, 1, 4, 1, 1, 2, 1], [2] * 8 + [3] + [2] * 8, [1] * 20],
    ids=["too few to know", "limited by size", "more for once", "one"],
)
def test_slices_that_vary_are_not_counted(numbers: list[int]) -> None:
    assert not any(counted(numbers))


def test_other_codecs_are_not_judged() -> None:
    assert Slices("vp9", None).damage(av.Packet(bytes(100))) is None
