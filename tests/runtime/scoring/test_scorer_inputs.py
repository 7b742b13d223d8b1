from typing import Any

import numpy as np
import pytest

from framegauge.export.contract.formats import FORMATS
from framegauge.export.contract.interface import Input
from framegauge.export.contract.roles import tensor_dims
from framegauge.runtime import UsageError
from framegauge.runtime.scoring.scorer_inputs import by_role, common_size

FORM = FORMATS["gray8"]
FLOWS = np.zeros((2, 2, 8, 8), np.float32)


def one(role: str) -> Input:
    return Input(name=role, role=role, part="", dtype="float32", dims=tensor_dims(role))


def masks(*values: float) -> Any:
    return np.stack([np.full((1, 8, 8), value, np.float32) for value in values])


@pytest.mark.parametrize("time", [np.nan, np.inf, -1, 0, 1, 2, 7, 0.999999999])
def test_a_time_lies_between_the_neighbours(time: float) -> None:
    with pytest.raises(UsageError, match="time"):
        by_role(FORM, [one("time")], {"time": np.array([0.5, time])})


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (masks(1, -0.5), r"mask is in \[0, 1\], 1 where a pixel counts; got -0.5 to 1"),
        (masks(1, 7), "got 0 to 7"),
        (masks(1, np.nan), "not finite"),
        (masks(1, 0), "mask is 0 everywhere in sample 1 of the batch"),
        (masks(0, 0, 0.5), "in sample 0, 1 of the batch"),
    ],
)
def test_a_mask_that_counts_nothing_or_too_much_is_refused(mask: Any, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        by_role(FORM, [one("mask")], {"mask": mask})


def test_times_and_masks_in_range_are_taken() -> None:
    given = {"time": np.array([1 / 8, 7 / 8]), "mask": masks(0.25, 1)}

    _frames, tensors = by_role(FORM, [one("time"), one("mask")], given)

    assert tensors["time"].tolist() == [0.125, 0.875]
    assert tensors["mask"].shape == (2, 1, 8, 8)


def test_batches_of_different_sizes_are_told_from_frames_of_different_sizes() -> None:
    frames = {
        "reference": (np.zeros((1, 8, 8), np.uint8),),
        "distorted": (np.zeros((3, 8, 8), np.uint8),),
    }

    with pytest.raises(UsageError, match="one batch size; reference has 1, distorted has 3"):
        common_size(FORM, frames, {})


def test_frames_of_different_sizes_are_named_with_them() -> None:
    frames = {"reference": (np.zeros((2, 6, 8), np.uint8),)}

    with pytest.raises(UsageError, match="one size; reference is 8x6, flow is 8x8"):
        common_size(FORM, frames, {"flow": FLOWS})


def test_one_time_for_two_flows_is_refused() -> None:
    with pytest.raises(UsageError, match="one batch size; flow has 2, time has 1"):
        common_size(FORM, {}, {"flow": FLOWS, "time": np.array([0.5], np.float32)})
