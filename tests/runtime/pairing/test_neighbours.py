import gc
import weakref
from collections.abc import Iterator

import numpy as np
import pytest

from framegauge.runtime.pairing.case import Pair
from framegauge.runtime.pairing.neighbours import BetweenInputs, InSequence, Neighbourhood


def clip(frames: int, *, first: int = 0) -> Iterator[Pair]:
    """Pairs whose reference holds its index, and whose distorted frame that plus 100."""
    for number in range(first, first + frames):
        yield number, (np.array(number),), (np.array(100 + number),)


def told(moment: Neighbourhood) -> dict[str, int]:
    return {name: int(planes[0]) for name, planes in moment.frames.items()}


def test_made_frames_lie_between_the_inputs_of_the_reference() -> None:
    neighbourhoods = list(BetweenInputs(3).neighbourhoods(clip(7)))

    assert [moment.number for moment in neighbourhoods] == [1, 2, 4, 5]
    assert [moment.span for moment in neighbourhoods] == [(0, 3), (0, 3), (3, 6), (3, 6)]
    assert [moment.time for moment in neighbourhoods] == [1 / 3, 2 / 3, 1 / 3, 2 / 3]
    assert told(neighbourhoods[3]) == {
        "reference": 5,
        "distorted": 105,
        "previous": 3,
        "next": 6,
        "original_previous": 3,
        "original_next": 6,
        "reference_after": 6,
        "distorted_after": 106,
    }


@pytest.mark.parametrize(("frames", "left_out"), [(1, 0), (2, 1), (4, 3), (5, 0), (8, 3), (9, 0)])
def test_frames_after_the_last_input_are_left_out(frames: int, left_out: int) -> None:
    around = BetweenInputs(4)

    numbers = [moment.number for moment in around.neighbourhoods(clip(frames))]

    assert numbers == [n for n in range((frames - 1) // 4 * 4) if n % 4]
    assert around.left_out == left_out


def test_inputs_are_counted_from_the_first_frame_of_the_reference() -> None:
    neighbourhoods = BetweenInputs(4).neighbourhoods(clip(9, first=3))

    assert [moment.number for moment in neighbourhoods] == [5, 6, 7]


def test_a_video_of_its_own_is_judged_with_the_frame_before() -> None:
    around = InSequence(before=True, after=False)

    neighbourhoods = list(around.neighbourhoods(clip(3)))

    assert [moment.number for moment in neighbourhoods] == [1, 2]
    assert told(neighbourhoods[1]) == {
        "reference": 2,
        "distorted": 102,
        "previous": 101,
        "next": 102,
        "original_previous": 1,
        "original_next": 2,
    }
    assert neighbourhoods[1].span == (1, 2)
    assert around.left_out == 0


def test_a_frame_without_one_after_it_is_left_out() -> None:
    around = InSequence(before=False, after=True)

    neighbourhoods = list(around.neighbourhoods(clip(3)))

    assert [moment.number for moment in neighbourhoods] == [0, 1]
    assert told(neighbourhoods[1]) == {
        "reference": 1,
        "distorted": 101,
        "reference_after": 2,
        "distorted_after": 102,
    }
    assert around.left_out == 1


def test_without_neighbours_every_frame_is_judged() -> None:
    around = InSequence(before=False, after=False)

    neighbourhoods = list(around.neighbourhoods(clip(3)))

    assert [told(moment) for moment in neighbourhoods] == [
        {"reference": n, "distorted": 100 + n} for n in range(3)
    ]
    assert around.left_out == 0


@pytest.mark.parametrize("around", [BetweenInputs(4), InSequence(before=True, after=True)])
def test_no_more_frames_are_held_than_lie_between_two_inputs(
    around: BetweenInputs | InSequence,
) -> None:
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
