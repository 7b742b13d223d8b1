import io

import pytest

from framegauge.runtime.sources.declared_length import Extent, declared_end

FTYP = b"\x00\x00\x00\x10ftypisom\x00\x00\x00\x00"
MDAT = b"\x00\x00\x00\x28mdat" + bytes(32)
LARGE = b"\x00\x00\x00\x01mdat" + (48).to_bytes(8, "big") + bytes(32)
TO_THE_END = b"\x00\x00\x00\x00mdat" + bytes(20)
EBML = b"\x1a\x45\xdf\xa3\x84" + bytes(4)
SEGMENT = b"\x18\x53\x80\x67\xb0" + bytes(48)
LIVE = b"\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff"
CLUSTER = b"\x1f\x43\xb6\x75\xa0" + bytes(32)
LIVE_CLUSTER = b"\x1f\x43\xb6\x75\xff" + b"\xe7\x81\x00" + b"\xa3\x88" + bytes(8)
RIFF = b"RIFF\x20\x00\x00\x00AVI " + bytes(28)

WHOLE = {
    "mp4": FTYP + MDAT,
    "mp4 with a large box": FTYP + LARGE + FTYP,
    "mkv": EBML + SEGMENT,
    "live mkv": EBML + LIVE + CLUSTER + CLUSTER,
    "live mkv with live clusters": EBML + LIVE + LIVE_CLUSTER + LIVE_CLUSTER,
    "avi": RIFF,
}


def end_in_a_stream(content: bytes, step: int) -> int:
    extent = Extent()
    for start in range(0, len(content), step):
        extent.pass_by(content[start : start + step])
    return extent.declared_end()


@pytest.mark.parametrize("content", WHOLE.values(), ids=WHOLE)
def test_a_whole_file_ends_where_it_says(content: bytes) -> None:
    assert declared_end(io.BytesIO(content)) == len(content)


@pytest.mark.parametrize("content", WHOLE.values(), ids=WHOLE)
@pytest.mark.parametrize("missing", [1, 7, 17, 30])
def test_a_cut_file_ends_too_early(content: bytes, missing: int) -> None:
    cut = content[:-missing]

    assert declared_end(io.BytesIO(cut)) > len(cut)


@pytest.mark.parametrize("content", WHOLE.values(), ids=WHOLE)
@pytest.mark.parametrize("step", [1, 5, 16, 1000])
def test_a_stream_says_the_same_in_any_pieces(content: bytes, step: int) -> None:
    assert end_in_a_stream(content, step) == len(content)
    assert end_in_a_stream(content[:-3], step) > len(content) - 3


@pytest.mark.parametrize(
    "content",
    [b"YUV4MPEG2 W4 H4\n", b"", bytes(100), b"RIFF\x00\x00\x00\x00AVI "],
    ids=["y4m", "empty", "zeros", "live avi"],
)
def test_other_files_call_for_nothing(content: bytes) -> None:
    assert declared_end(io.BytesIO(content)) == 0


@pytest.mark.parametrize("trailer", [bytes(40), TO_THE_END], ids=["padding", "open box"])
def test_what_follows_the_boxes_is_not_measured(trailer: bytes) -> None:
    content = FTYP + MDAT + trailer

    assert declared_end(io.BytesIO(content)) <= len(content)
