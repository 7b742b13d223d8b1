from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from framegauge.export.contract.formats import FORMATS
from framegauge.runtime import ScoreError
from framegauge.runtime.pairing.case import Case
from framegauge.runtime.scoring.batches_in_flight import FLIGHT_PIXELS, batch_size, in_flight
from framegauge.runtime.scoring.loop import score_pairs
from framegauge.runtime.sources.colour import Colour
from framegauge.runtime.sources.conversion import Rendition


class Recorded:
    """A scorer that keeps what it is given, and scores the mean of the time."""

    in_flight = 1

    def __init__(self, form: str) -> None:
        self.form = FORMATS[form]
        self.outputs = [SimpleNamespace(name="when", kind="score")]
        self.fed: list[tuple[Any, Any, Any]] = []

    def run(self, frames: Any, colours: Any, tensors: Any) -> dict[str, np.ndarray]:
        self.fed.append((frames, colours, tensors))
        return {"when": tensors["time"].astype(np.float64)}


def target(form: str) -> Rendition:
    matrix = None if FORMATS[form].kind == "rgb" else "bt709"
    return Rendition(
        format=form,
        size=(4, 2),
        scaler=None,
        matrix=matrix,
        range=matrix and "full",
        converted=False,
    )


def frame(value: float, form: str) -> tuple[np.ndarray, ...]:
    type = np.float32 if form == "rgbf32" else np.uint8
    return (np.full((3, 2, 4) if form == "rgbf32" else (2, 4), value, type),)


def sample(number: int, form: str, *, previous: float = 0) -> Case:
    return Case(
        number,
        frame(0, form),
        frame(1, form),
        {
            "previous": frame(previous, form),
            "flow": np.full((2, 2, 4), number, np.float32),
            "time": np.array(number / 4, np.float32),
        },
    )


def run(scorer: Recorded, samples: list[Case], form: str) -> dict[str, np.ndarray]:
    renditions = {"reference": target(form), "distorted": target(form)}
    numbers, values = score_pairs(scorer, iter(samples), renditions, None, None, None)  # type: ignore
    assert numbers.tolist() == [each.number for each in samples]
    return values


def test_everything_a_sample_has_is_stacked_to_a_batch() -> None:
    scorer = Recorded("gray8")

    values = run(scorer, [sample(n, "gray8", previous=n) for n in (1, 2, 3)], "gray8")

    ((frames, colours, tensors),) = scorer.fed
    assert set(frames) == {"reference", "distorted", "previous"}
    assert frames["previous"][0].shape == (3, 2, 4)
    assert frames["previous"][0][:, 0, 0].tolist() == [1, 2, 3]
    assert tensors["flow"].shape == (3, 2, 2, 4)
    assert tensors["time"].shape == (3,)
    assert values["when"].tolist() == [0.25, 0.5, 0.75]
    assert colours == {
        "reference": Colour("bt709", "full"),
        "distorted": Colour("bt709", "full"),
    }


def test_an_output_is_zero_where_its_rule_says_so() -> None:
    cases = [
        sample(n, "gray8")._replace(zeroed=frozenset(zeroed))
        for n, zeroed in ((1, {"when"}), (2, {"then"}), (3, ()))
    ]

    values = run(Recorded("gray8"), cases, "gray8")

    assert values["when"].tolist() == [0.0, 0.5, 0.75]


@pytest.mark.parametrize("value", [-0.5, 1.5, np.nan])
def test_a_neighbour_without_samples_in_range_is_refused(value: float) -> None:
    with pytest.raises(ScoreError, match=r"The previous frame compared with frame 7"):
        run(Recorded("rgbf32"), [sample(7, "rgbf32", previous=value)], "rgbf32")


@pytest.mark.parametrize("threads", [1, 2, 3, 5, 16, 64])
@pytest.mark.parametrize("size", [(16, 16), (640, 360), (1280, 720), (1920, 1080), (3840, 2160)])
def test_batches_in_flight_keep_to_the_threads_and_the_memory(
    size: tuple[int, int], threads: int
) -> None:
    flight = in_flight(size, threads)

    assert 1 <= flight <= threads
    width, height = size
    assert flight == 1 or flight * batch_size(size) * width * height <= FLIGHT_PIXELS


@pytest.mark.parametrize(
    ("size", "flight"), [((1280, 720), 4), ((1920, 1080), 2), ((3840, 2160), 1)]
)
def test_large_frames_are_scored_fewer_at_a_time(size: tuple[int, int], flight: int) -> None:
    assert in_flight(size, 16) == flight
