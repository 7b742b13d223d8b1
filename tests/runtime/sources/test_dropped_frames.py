import pytest

from framegauge.runtime.sources.dropped_frames import DroppedFrames


def shown(places: list[int], count: int) -> list[int]:
    """The places whose frames are shown in turn."""
    dropped = DroppedFrames()
    order: list[int] = []
    for place in places:
        dropped.note(place)
        order += order[-1:] * dropped.before_next() + [place]
    return order + order[-1:] * dropped.at_end(count)


@pytest.mark.parametrize(
    ("places", "count", "wanted"),
    [
        ([0, 1, 2, 3], 4, [0, 1, 2, 3]),
        ([0, 1, 4, 5], 6, [0, 1, 1, 1, 4, 5]),
        ([0, 2, 3], 6, [0, 0, 2, 3, 3, 3]),
        ([5, 6, 7], 8, [5, 6, 7]),
    ],
    ids=["none", "middle", "middle and end", "late start"],
)
def test_a_frame_stays_until_the_next(places: list[int], count: int, wanted: list[int]) -> None:
    assert shown(places, count) == wanted


def test_a_count_alone_repeats_nothing() -> None:
    assert shown([0, 1, 2], 50) == [0, 1, 2]


def test_frames_that_come_late_from_the_decoder_keep_their_gaps() -> None:
    dropped = DroppedFrames()
    for place in (0, 1, 3, 4):
        dropped.note(place)

    assert [dropped.before_next() for _ in range(4)] == [0, 0, 1, 0]
