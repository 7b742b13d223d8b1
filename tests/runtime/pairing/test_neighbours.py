import gc
import weakref
from collections.abc import Iterator

import numpy as np
import pytest

from framegauge.runtime.pairing.case import Pair
from framegauge.runtime.pairing.neighbours import Neighbourhood, Surroundings


def clip(frames: int, *, first: int = 0) -> Iterator[Pair]:
    """Pairs whose reference holds its index, and whose distorted frame that plus 100."""
    for number in range(first, first + frames):
        yield number, (np.array(number),), (np.array(100 + number),)


def told(moment: Neighbourhood) -> dict[str, int]:
    return {name: int(planes[0]) for name, planes in moment.frames.items()}


def test_made_frames_lie_between_the_inputs_of_the_reference() -> None:
    neighbourhoods = list(Surroundings(factor=3).neighbourhoods(clip(7)))

    assert [moment.number for moment in neighbourhoods] == [1, 2, 4, 5]
    assert [moment.span for moment in neighbourhoods] == [(0, 3), (0, 3), (3, 6), (3, 6)]
    assert [moment.time for moment in neighbourhoods] == [1 / 3, 2 / 3, 1 / 3, 2 / 3]
    assert told(neighbourhoods[3]) == {"reference": 5, "distorted": 105, "previous": 3, "next": 6}


@pytest.mark.parametrize(("frames", "left_out"), [(1, 0), (2, 1), (4, 3), (5, 0), (8, 3), (9, 0)])
@pytest.mark.parametrize("after", [0, 2])
def test_frames_after_the_last_input_are_left_out(frames: int, left_out: int, after: int) -> None:
    around = Surroundings(factor=4, after=after)

    numbers = [moment.number for moment in around.neighbourhoods(clip(frames))]

    assert numbers == [n for n in range((frames - 1) // 4 * 4) if n % 4]
    assert around.left_out == left_out


def test_inputs_are_counted_from_the_first_frame_of_the_reference() -> None:
    neighbourhoods = Surroundings(factor=4).neighbourhoods(clip(9, first=3))

    assert [moment.number for moment in neighbourhoods] == [5, 6, 7]


def test_a_frame_has_those_before_and_after_it_in_its_own_video() -> None:
    middle = list(Surroundings(before=2, after=1).neighbourhoods(clip(4)))[2]

    assert told(middle) == {
        "reference": 2,
        "distorted": 102,
        "reference_previous": 1,
        "reference_previous_2": 0,
        "reference_next": 3,
        "distorted_previous": 101,
        "distorted_previous_2": 100,
        "distorted_next": 103,
    }
    assert not middle.lacking


@pytest.mark.parametrize("frames", [1, 2, 3, 6])
def test_the_first_frame_repeats_and_the_last_one_turns_back(frames: int) -> None:
    found = list(Surroundings(before=2, after=2).neighbourhoods(clip(frames)))

    first, last, end = found[0], found[-1], frames - 1
    assert told(first)["reference_previous"] == told(first)["reference_previous_2"] == 0
    assert told(last)["reference_next"] == max(0, end - 1)
    assert told(last)["reference_next_2"] == max(0, end - 2)
    assert {"reference_previous", "distorted_previous_2"} <= first.lacking
    assert {"reference_next", "distorted_next_2"} <= last.lacking


def test_a_frame_that_is_not_the_last_looks_past_it_to_itself() -> None:
    last_but_one = list(Surroundings(after=2).neighbourhoods(clip(5)))[3]

    assert told(last_but_one)["reference_next"] == 4
    assert told(last_but_one)["reference_next_2"] == 3
    assert last_but_one.lacking == {"reference_next_2", "distorted_next_2"}


def test_made_frames_have_neighbours_of_their_own_too() -> None:
    neighbourhoods = list(Surroundings(factor=2, before=1, after=1).neighbourhoods(clip(5)))

    assert [moment.number for moment in neighbourhoods] == [1, 3]
    assert told(neighbourhoods[1])["distorted_previous"] == 102
    assert told(neighbourhoods[1])["distorted_next"] == 104
    assert told(neighbourhoods[1])["previous"] == 2


def test_without_neighbours_every_frame_is_judged_as_it_comes() -> None:
    around = Surroundings()
    taken = iter(clip(3))

    neighbourhoods = around.neighbourhoods(taken)

    assert told(next(neighbourhoods)) == {"reference": 0, "distorted": 100}
    assert next(taken)[0] == 1
    assert not around.holds_frames


@pytest.mark.parametrize("around", [Surroundings(factor=4), Surroundings(before=1, after=1)])
def test_no_more_frames_are_held_than_lie_between_two_inputs(around: Surroundings) -> None:
    alive: weakref.WeakValueDictionary[int, np.ndarray] = weakref.WeakValueDictionary()
    most = 0

    def watched() -> Iterator[Pair]:
        for number, reference, distorted in clip(400):
            alive[number], alive[-1 - number] = reference[0], distorted[0]
            yield number, reference, distorted

    for _ in around.neighbourhoods(watched()):
        gc.collect(0)
        most = max(most, len(alive))

    # Five pairs between and with the inputs, and the one that is being taken.
    assert 2 <= most <= 12
