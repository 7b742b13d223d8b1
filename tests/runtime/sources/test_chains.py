import io

import pytest

from framegauge.runtime.sources.chains import BrokenChainError
from framegauge.runtime.sources.declared_length import Extent, declared_end


def ogg(*pages: tuple[int, int]) -> bytes:
    """Pages of a number and flags, with two segments of 255 and 20 bytes."""
    return b"".join(
        b"OggS\0" + bytes([flags]) + bytes(8) + b"one." + number.to_bytes(4, "little")
        + bytes(4) + b"\x02\xff\x14" + b"x" * 275
        for number, flags in pages
    )  # fmt: skip


def mxf(kind: int, size: int) -> bytes:
    key = b"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02\x01\x01" + bytes([kind, 4, 0])
    return key + b"\x83" + size.to_bytes(3, "big") + b"x" * size


def tag(kind: int, size: int) -> bytes:
    body = bytes([kind]) + size.to_bytes(3, "big") + bytes(7) + b"x" * size
    return body + len(body).to_bytes(4, "big")


OGG = ogg((0, 2), (1, 0), (2, 4))
GIF = (
    b"GIF89a\x01\0\x01\0\x80\0\0" + bytes(6)  # a colour table of two
    + b"\x21\xf9\x04" + bytes(4) + b"\0"  # an extension
    + b"\x2c" + bytes(9) + b"\x02\x05abcde\x03abc\0"  # an image
    + b"\x3b"
)  # fmt: skip
OBU = b"\x12\0" + b"\x0a\x03abc" + b"\x32\x81\x01" + b"x" * 129
IVF = b"DKIF\0\0\x20\0AV01" + bytes(20) + (b"\x0a" + bytes(11) + b"x" * 10) * 3
MXF = mxf(2, 100) + mxf(3, 40) + mxf(4, 40)
FLV = b"FLV\x01\x01\0\0\0\x09" + bytes(4) + tag(9, 100) + tag(8, 30) + tag(9, 60)
ASF = (
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11" + bytes(8) + (60).to_bytes(8, "little") + bytes(36)
    + b"d" * 16 + (124).to_bytes(8, "little") + bytes(100)
)  # fmt: skip
WHOLE = {"ogg": OGG, "gif": GIF, "obu": OBU, "ivf": IVF, "mxf": MXF, "flv": FLV, "asf": ASF}
PADDED = {"ogg": OGG, "gif": GIF, "ivf": IVF, "mxf": MXF, "flv": FLV, "asf": ASF}
BROKEN = {"ogg": (OGG, 100), "mxf": (MXF, 60), "flv": (FLV, 60)}
"""Chains, and where bytes are taken from them."""


def end_in_a_stream(content: bytes, step: int) -> int:
    extent = Extent()
    for start in range(0, len(content), step):
        extent.pass_by(content[start : start + step])
    return extent.declared_end()


@pytest.mark.parametrize("content", WHOLE.values(), ids=WHOLE)
def test_a_whole_chain_ends_where_the_file_does(content: bytes) -> None:
    assert declared_end(io.BytesIO(content)) == len(content)


@pytest.mark.parametrize("content", WHOLE.values(), ids=WHOLE)
@pytest.mark.parametrize("missing", [1, 5, 19, 40])
def test_a_cut_breaks_the_chain_off(content: bytes, missing: int) -> None:
    cut = content[:-missing]

    assert declared_end(io.BytesIO(cut)) > len(cut)


@pytest.mark.parametrize("content", [ogg((0, 2), (1, 0)), mxf(2, 100) + mxf(3, 40)])
def test_a_chain_without_its_mark_of_the_end_is_cut(content: bytes) -> None:
    assert declared_end(io.BytesIO(content)) > len(content)


@pytest.mark.parametrize("content", WHOLE.values(), ids=WHOLE)
@pytest.mark.parametrize("step", [1, 7, 300, 5000])
def test_a_stream_says_the_same_in_any_pieces(content: bytes, step: int) -> None:
    assert end_in_a_stream(content, step) == len(content)
    assert end_in_a_stream(content[:-3], step) > len(content) - 3


@pytest.mark.parametrize("content", PADDED.values(), ids=PADDED)
@pytest.mark.parametrize("padding", [30, 1000])
def test_zeros_after_the_chain_are_padding(content: bytes, padding: int) -> None:
    padded = content + bytes(padding)

    assert 0 < declared_end(io.BytesIO(padded)) <= len(padded)
    assert 0 < end_in_a_stream(padded, 100) <= len(padded)


@pytest.mark.parametrize(("content", "place"), BROKEN.values(), ids=BROKEN)
def test_bytes_lost_in_the_middle_break_it(content: bytes, place: int) -> None:
    shorter = content[:place] + content[place + 5 :]

    with pytest.raises(BrokenChainError, match=r"was expected"):
        declared_end(io.BytesIO(shorter))
    with pytest.raises(BrokenChainError, match=r"was expected"):
        end_in_a_stream(shorter, 50)


def test_an_unknown_block_of_gif_is_noticed() -> None:
    with pytest.raises(BrokenChainError, match=r"at byte 19 a block of GIF was expected"):
        declared_end(io.BytesIO(GIF[:19] + b"x" + GIF[20:]))


def test_a_page_of_ogg_that_is_missing_is_noticed() -> None:
    with pytest.raises(BrokenChainError, match=r"missing before page 2"):
        declared_end(io.BytesIO(ogg((0, 2), (2, 4))))
