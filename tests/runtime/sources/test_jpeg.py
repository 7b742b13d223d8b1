import pytest

from framegauge.runtime.sources.jpeg import Endings, is_whole

START = b"\xff\xd8"
END = b"\xff\xd9"
THUMBNAIL = b"\xff\xe1\0\x08" + START + END + b"xx"
SCAN = b"\xff\xda\0\x04ab" + b"samples\xff\0more\xff\xd3rest"


@pytest.mark.parametrize(
    "content",
    [
        START + SCAN + END,
        START + THUMBNAIL + SCAN + END,
        START + SCAN + b"\xff\xc4\0\x04ab" + SCAN + END,
        START + SCAN + b"\xff\xff\xff" + END,
        START + SCAN + END + b"what a camera adds" + START,
    ],
    ids=["plain", "thumbnail", "two scans", "fill bytes", "trailing bytes"],
)
def test_an_image_that_goes_on_to_its_end_is_whole(content: bytes) -> None:
    assert is_whole(content)


@pytest.mark.parametrize("keep", range(1, len(START + THUMBNAIL + SCAN + END)))
def test_an_image_that_stops_earlier_is_not(keep: int) -> None:
    assert not is_whole((START + THUMBNAIL + SCAN + END)[:keep])


def test_a_camera_that_writes_no_ends_is_believed_where_sizes_are_known() -> None:
    endings = Endings(required=False)

    assert [endings.is_cut(START + SCAN) for _ in range(3)] == [False] * 3


def test_an_end_is_missed_where_the_first_image_had_one() -> None:
    endings = Endings(required=False)

    assert [endings.is_cut(START + SCAN + end) for end in (END, b"", END)] == [False, True, False]


def test_an_end_is_missed_where_nothing_else_tells() -> None:
    assert Endings(required=True).is_cut(START + SCAN)
