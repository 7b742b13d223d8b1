from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from framegauge.runtime import ScoreError, score
from framegauge.runtime.scoring import loop, pair
from framegauge.runtime.scoring.ordered_map import ordered_map
from framegauge.runtime.sets.samples import Sample, Samples
from framegauge.runtime.sets.score_set import score_set

SMALL, LARGE = (24, 32), (1080, 1920)


@pytest.fixture
def flights(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many batches are scored at a time, run by run."""
    found: list[int] = []

    def counted(function: Any, items: Iterator[Any], depth: int) -> Any:
        found.append(depth)
        return ordered_map(function, items, depth)

    monkeypatch.setattr(loop, "ordered_map", counted)
    return found


@pytest.fixture
def ahead(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How far each clip is decoded ahead, of those that are."""
    found: list[int] = []
    usual = pair.ahead

    def counted(items: Iterator[Any], depth: int) -> Any:
        found.append(depth)
        return usual(items, depth)

    monkeypatch.setattr(pair, "ahead", counted)
    return found


@pytest.fixture
def clips(tmp_path: Path) -> Callable[..., Samples]:
    """A set whose samples are folders of so many flat images of a size."""

    def make(*kinds: tuple[int, tuple[int, int]]) -> Samples:
        rows = []
        for number, (frames, size) in enumerate(kinds):
            for role, level in (("gt", 100), ("mine", 101)):
                folder = tmp_path / role / str(number)
                folder.mkdir(parents=True)
                for frame in range(frames):
                    picture = np.full((*size, 3), level, np.uint8)
                    assert cv2.imwrite(str(folder / f"{frame}.png"), picture)
            place = {role: tmp_path / role / str(number) for role in ("gt", "mine")}
            row = Sample(
                name=str(number),
                group=None,
                reference=place["gt"],
                distorted={"mine": place["mine"]},
            )
            rows.append(row)
        return Samples(rows=tuple(rows), methods=("mine",), left_out={}, inputs={})

    return make


def test_batches_of_a_set_are_in_flight_as_its_samples_sizes_allow(
    clips: Callable[..., Samples], flights: list[int]
) -> None:
    samples = clips((3, SMALL), (3, LARGE), (1, SMALL), (3, SMALL))

    report = score_set(samples, metrics="psnr", threads=4)

    # Two large frames hold about as many pixels as may be in flight.
    assert flights == [4, 2, 1, 4]
    assert len(report.frames("mine", "psnr")) == 10


def test_one_frame_is_scored_by_all_threads_and_decoded_by_none_of_its_own(
    flights: list[int], ahead: list[int]
) -> None:
    frame = np.full((*SMALL, 3), 100, np.uint8)

    report = score(frame, frame, metrics="psnr", threads=4)

    assert (flights, ahead) == ([1], [])
    assert report.backend["threads"] == 4


def test_both_clips_of_a_sample_are_decoded_ahead(
    clips: Callable[..., Samples], ahead: list[int]
) -> None:
    score_set(clips((3, SMALL), (1, SMALL)), metrics="psnr")

    assert ahead == [pair.AHEAD, pair.AHEAD]


def test_lengths_that_differ_are_refused_before_a_model_is_looked_for(
    clips: Callable[..., Samples], tmp_path: Path
) -> None:
    samples = clips((3, SMALL))
    (tmp_path / "mine" / "0" / "2.png").unlink()
    model = tmp_path / "model.onnx"
    model.write_bytes(b"no model")

    with pytest.raises(ScoreError, match="The reference has 3 frames and the distorted video 2"):
        score_set(samples, model=model)
    with pytest.raises(ScoreError, match=r"^The model .*no\.onnx cannot be read: No such file"):
        score_set(samples, model=tmp_path / "no.onnx")
