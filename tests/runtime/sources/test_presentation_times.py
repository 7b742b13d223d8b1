import pytest

from framegauge.runtime.sources.presentation_times import PresentationTimes

# Stored order of pictures with B-frames between them: 0 4 2 1 3 8 6 5 7 ...
STORED = [0] + [4 * group + place for group in range(6) for place in (4, 2, 1, 3)]


def lack(times: list[int | None]) -> bool:
    presentation = PresentationTimes()
    for time in times:
        presentation.note(None if time is None else 3600 * time)
    return presentation.lack_some_at_end()


@pytest.mark.parametrize("length", [1, 5, 9, 25])
def test_whole_groups_lack_nothing(length: int) -> None:
    assert not lack(list(STORED[:length]))


@pytest.mark.parametrize("missing", [1, 2, 3])
def test_a_cut_between_b_frames_leaves_a_gap(missing: int) -> None:
    assert lack(list(STORED[:-missing]))


@pytest.mark.parametrize(
    "times",
    [
        [*range(20), 22],
        [time for time in STORED if time not in (2, 3, 9, 22)],
        [None] * 10,
    ],
    ids=["without B-frames", "uneven throughout", "without times"],
)
def test_other_gaps_are_not_judged(times: list[int | None]) -> None:
    assert not lack(times)
