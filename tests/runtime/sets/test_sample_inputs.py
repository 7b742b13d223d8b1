from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from framegauge.export.contract.formats import FORMATS
from framegauge.runtime import ScoreError, Scorer, UsageError
from framegauge.runtime.sets.sample_inputs import Further, further_inputs
from framegauge.runtime.sets.samples import Sample
from framegauge.runtime.sets.treatment import Treatment
from framegauge.runtime.sources.conversion import ConversionPolicy
from framegauge.runtime.sources.source import open_source

MASKED = {"inputs": ("flow", "flow_reference", "mask"), "masked": True}
TOF = {"inputs": ("flow", "flow_reference"), "masked": False}
ExtraInputs = Callable[..., tuple[Further, Mapping[str, Treatment]]]


@pytest.fixture
def given(tmp_path: Path) -> ExtraInputs:
    """What models are given beside a pair of 32x24, the files written as they are called."""

    def read(
        *outputs: dict[str, object], **further: NDArray[np.generic] | str
    ) -> tuple[Further, Mapping[str, Treatment]]:
        named = {}
        for role, value in further.items():
            path = tmp_path / f"{role}{'.npy' if role.startswith('flow') else '.png'}"
            if isinstance(value, str):
                named[role] = value
                continue
            if path.suffix == ".npy":
                np.save(path, value)
            else:
                assert cv2.imwrite(str(path), value)
            named[role] = str(path)
        roles = ("reference", "distorted", *further, *(["mask"] if outputs else []))
        picture = tmp_path / "picture.png"
        assert cv2.imwrite(str(picture), np.zeros((24, 32, 3), np.uint8))
        scorer = SimpleNamespace(
            roles=tuple(dict.fromkeys(roles)),
            outputs=[SimpleNamespace(**output) for output in outputs],
            form=FORMATS["rgb24"],
        )
        sample = Sample(
            name="a", group=None, reference=picture, distorted={"m": picture}, further=named
        )
        with open_source(picture) as source:
            return further_inputs(
                cast(Scorer, scorer), sample, ConversionPolicy(), source.facts, (32, 24)
            )

    return read


def flow(unknown: slice = slice(0)) -> NDArray[np.float32]:
    values = np.ones((2, 24, 32), np.float32)
    values[:, unknown] = 1e10
    return values


@pytest.mark.parametrize("time", ["nan", "inf", "-1", "0", "1", "2", "1e-60", "0.999999999", "x"])
def test_a_time_lies_between_the_neighbours(given: ExtraInputs, time: str) -> None:
    with pytest.raises(UsageError, match=f"has the time '{time}': a number between 0"):
        given(time=time)


def test_a_flow_that_is_not_known_everywhere_makes_a_mask(given: ExtraInputs) -> None:
    inputs, treated = given(MASKED, flow=flow(slice(12)))

    assert np.array_equal(np.asarray(inputs["mask"])[0], np.arange(24)[:, None].repeat(32, 1) > 11)
    assert treated == {"flow": {"unknown_pixels": 384}}


def test_nothing_that_knows_no_mask_looks_at_what_is_not_known(given: ExtraInputs) -> None:
    with pytest.raises(ScoreError, match="is not known at 384 pixels"):
        given(MASKED, TOF, flow=flow(slice(12)))


def test_a_mask_does_not_make_known_what_is_not(given: ExtraInputs) -> None:
    mask = np.zeros((24, 32), np.uint8)
    mask[6:18] = 255

    inputs, _treated = given(MASKED, flow=flow(slice(12)), mask=mask)

    assert np.asarray(inputs["mask"])[0, :, 0].nonzero()[0].tolist() == [12, 13, 14, 15, 16, 17]


def test_flows_that_are_known_nowhere_have_no_score(given: ExtraInputs) -> None:
    with pytest.raises(ScoreError, match="no pixel to judge"):
        given(MASKED, flow=flow(slice(24)))


def test_a_judged_flow_is_not_let_off_where_it_is_not_known(given: ExtraInputs) -> None:
    with pytest.raises(ScoreError, match="flow is not known at 128 pixels where flow_reference"):
        given(MASKED, flow=flow(slice(12)), flow_reference=flow(slice(8)))


def test_a_mask_of_several_pages_is_refused(given: ExtraInputs, tmp_path: Path) -> None:
    pages = [np.zeros((24, 32), np.uint8), np.full((24, 32), 255, np.uint8)]
    assert cv2.imwritemulti(str(tmp_path / "mask.tif"), pages)

    with pytest.raises(ScoreError, match="holds several pictures"):
        given(MASKED, flow=flow(), mask=str(tmp_path / "mask.tif"))
