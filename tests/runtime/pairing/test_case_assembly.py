from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from framegauge.export.contract.formats import FORMATS
from framegauge.export.contract.interface import Output
from framegauge.export.contract.roles import NEIGHBOURS
from framegauge.export.contract.spec import Ends
from framegauge.runtime import ScoreError, UsageError
from framegauge.runtime.pairing.alignment import Alignment
from framegauge.runtime.pairing.case import Case
from framegauge.runtime.pairing.case_assembly import Cases
from framegauge.runtime.pairing.extra_inputs import ExtraInputs
from framegauge.runtime.sources.planes import Planes

FORM = FORMATS["gray8"]
BETWEEN = ("flow_previous_next", "flow_next_previous")
INPUTS = ("previous", "next")
WARPING = (
    *("distorted", "distorted_previous"),
    *("flow_from_reference_previous", "flow_to_reference_previous"),
)


def output(
    entry: str, roles: Sequence[str], *, masked: bool = False, ends: Ends = "not_judged"
) -> Output:
    return Output(
        name=entry,
        kind="score",
        entry=entry,
        options={},
        inputs=tuple(roles),
        masked=masked,
        transfer="any",
        ends=ends,
        better="lower",
        ideal=0,
        low=0,
        high=None,
        unit="1",
        least=1,
        tolerance=1,
        relative=0,
    )


def given(
    factor: int | None = None, *, estimator: str | None = None, **flows: object
) -> ExtraInputs:
    return ExtraInputs(
        factor=factor,
        flows={role: str(pattern) for role, pattern in flows.items()},
        estimator=estimator,
    )


def clip(frames: int, *, add: int = 0) -> Iterator[Planes]:
    for number in range(frames):
        yield (np.full((16, 16), number + add, np.uint8),)


def fed(
    source: ExtraInputs,
    entry: str,
    roles: Sequence[str],
    *,
    frames: int = 5,
    alignment: Alignment | None = None,
    masked: bool = False,
    ends: Ends = "not_judged",
    rate: Fraction | None = None,
) -> list[Case]:
    feed = Cases(source, roles=roles, outputs=[output(entry, roles, masked=masked, ends=ends)])
    aligned = alignment or Alignment(factor=source.factor)
    samples = feed.samples(aligned, clip(frames), clip(frames, add=100), form=FORM, frame_rate=rate)
    return list(samples)


def value(planes: Any) -> int:
    return int(planes[0][0, 0])


def moving(frames: int, pixels: int) -> list[Planes]:
    """A soft texture that moves to the right by so many pixels a frame."""
    x = np.arange(64) / 64 * 2 * np.pi
    wide = [128 + 50 * np.sin(3 * (x - n * pixels / 64 * 2 * np.pi)) for n in range(frames)]
    rows = 30 * np.cos(2 * x)[:, None]
    return [(np.round(row[None] + rows).astype(np.uint8),) for row in wide]


@pytest.fixture
def flows(tmp_path: Path) -> Path:
    """Files of flows for frames 0 to 4, each its number to the right; unknown in one corner."""
    for number in range(5):
        flow = np.zeros((2, 16, 16), np.float32)
        flow[0] = number
        flow[0, 0, 0] = 1e10
        np.save(tmp_path / f"{number:03}.npy", flow)
    return tmp_path / "%03d.npy"


def test_neighbours_and_time_are_those_of_the_inputs() -> None:
    roles = ("reference", "distorted", *INPUTS, *BETWEEN, "time")

    samples = fed(given(4, estimator="dis"), "superslomo", roles)

    assert [sample.number for sample in samples] == [1, 2, 3]
    assert [value(sample.reference) for sample in samples] == [1, 2, 3]
    assert [value(sample.distorted) for sample in samples] == [101, 102, 103]
    assert {value(sample.further["previous"]) for sample in samples} == {0}
    assert {value(sample.further["next"]) for sample in samples} == {4}
    assert [float(np.asarray(sample.further["time"])) for sample in samples] == [0.25, 0.5, 0.75]
    assert np.asarray(samples[0].further["time"]).dtype == np.float32


def test_only_what_models_take_is_given() -> None:
    samples = fed(given(2), "psnr", ("reference", "distorted"))

    assert [sample.number for sample in samples] == [1, 3]
    assert not samples[0].further


def test_flows_come_from_the_file_of_the_frame_judged(flows: Path) -> None:
    roles = ("flow", "flow_reference", "mask")
    source = given(2, flow=flows, flow_reference=flows)

    samples = fed(source, "epe[masked=true]", roles, masked=True)

    first, second = (np.asarray(sample.further["flow"]) for sample in samples)
    assert (first[0, 5, 5], second[0, 5, 5], second[1, 5, 5]) == (1, 3, 0)
    mask = np.asarray(samples[0].further["mask"])
    assert mask.shape == (1, 16, 16)
    assert mask[0, 0, 0] == 0
    assert mask.sum() == 255


@pytest.mark.parametrize("masked", [("flow", "flow_reference"), ("flow", "flow_reference", "mask")])
def test_a_flow_that_is_not_known_everywhere_wants_a_mask(
    flows: Path, masked: tuple[str, ...]
) -> None:
    source = given(flow=flows, flow_reference=flows)

    with pytest.raises(ScoreError, match=r"frame 0 is not known at 1 pixels.*epe\[masked=true\]"):
        fed(source, "epe", masked, masked=False)


@pytest.fixture
def unknown_flows(tmp_path: Path) -> Path:
    """Files of flows for frames 0 and 1, the second of them known nowhere."""
    np.save(tmp_path / "0.npy", np.zeros((2, 16, 16), np.float32))
    np.save(tmp_path / "1.npy", np.full((2, 16, 16), 1e10, np.float32))
    return tmp_path / "%d.npy"


def test_a_flow_of_which_nothing_is_known_is_no_perfect_one(unknown_flows: Path) -> None:
    source = given(flow=unknown_flows, flow_reference=unknown_flows)

    with pytest.raises(ScoreError, match="no pixel to judge of frame 1: of flow nothing is known"):
        fed(source, "epe[masked=true]", ("flow", "flow_reference", "mask"), frames=2, masked=True)


def test_a_judged_flow_that_is_not_known_is_not_let_off(flows: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "known-0.npy", np.zeros((2, 16, 16), np.float32))
    source = given(flow=flows, flow_reference=tmp_path / "known-%d.npy")

    with pytest.raises(ScoreError, match="The flow of frame 0 is not known at 1 pixels where flow"):
        fed(source, "epe[masked=true]", ("flow", "flow_reference", "mask"), masked=True)


def test_a_judged_flow_is_not_let_off_where_the_reference_is_estimated(flows: Path) -> None:
    source = given(flow=flows, estimator="dis")

    with pytest.raises(ScoreError, match="The flow of frame 0 is not known at 1 pixels where flow"):
        fed(source, "epe[masked=true]", ("flow", "flow_reference", "mask"), masked=True)


def test_what_takes_no_mask_is_not_saved_by_one_beside_it(flows: Path) -> None:
    outputs = [
        output("epe[masked=true]", ("flow", "flow_reference", "mask"), masked=True),
        output("flow_smoothness[flows=one]", ("flow",)),
    ]
    roles = ("flow", "flow_reference", "mask")
    feed = Cases(given(flow=flows, flow_reference=flows), roles=roles, outputs=outputs)

    with pytest.raises(ScoreError, match="frame 0 is not known at 1 pixels"):
        list(feed.samples(Alignment(), clip(2), clip(2), form=FORM))


@pytest.mark.parametrize(
    ("role", "wanted"),
    [
        ("flow_previous_next", [6, 6]),
        ("flow_next_previous", [-6, -6]),
        ("flow_to_previous", [-2, -4]),
        ("flow_to_next", [4, 2]),
    ],
)
def test_flows_between_inputs_and_frames_are_estimated(role: str, wanted: list[int]) -> None:
    reference = moving(4, 2)
    feed = Cases(
        given(3, estimator="dis"),
        roles=("distorted", role),
        outputs=[output("superslomo", ("distorted", role))],
    )

    samples = feed.samples(Alignment(factor=3), iter(reference), iter(reference), form=FORM)

    found = [float(np.median(np.asarray(sample.further[role])[0])) for sample in samples]
    # The texture repeats every 21 pixels, and the search is good to a fraction of one.
    assert found == pytest.approx(wanted, abs=0.3)


def test_the_flows_of_each_video_go_to_its_own_next_frame() -> None:
    reference, distorted = moving(4, 2), moving(4, 3)
    roles = ("flow", "flow_reference")
    feed = Cases(given(estimator="dis"), roles=roles, outputs=[output("tof", roles)])

    samples = list(feed.samples(Alignment(), iter(reference), iter(distorted), form=FORM))

    def found(role: str) -> list[float]:
        return [float(np.median(np.asarray(sample.further[role])[0])) for sample in samples]

    assert [sample.number for sample in samples] == [0, 1, 2]
    assert found("flow_reference") == pytest.approx([2, 2, 2], abs=0.3)
    assert found("flow") == pytest.approx([3, 3, 3], abs=0.3)
    assert feed.left_out == 1
    assert feed.to_json()["flow"]["from"] == "distorted"
    assert feed.to_json()["flow_reference"]["to"] == "reference_next"


@pytest.mark.parametrize(
    ("frames", "alignment", "wanted"),
    [
        (5, {}, [0, 1, 2, 3]),
        (5, {"subsample": 2}, [0, 2]),
        (6, {"subsample": 2}, [0, 2, 4]),
        (5, {"count": 5, "on_length_mismatch": "shortest"}, [0, 1, 2, 3]),
        (5, {"count": 2}, [0, 1]),
        (5, {"start": 2}, [2, 3]),
    ],
)
def test_the_last_frame_has_no_flow_to_the_next(
    frames: int, alignment: dict[str, Any], wanted: list[int]
) -> None:
    roles, aligned = ("flow", "flow_reference"), Alignment(**alignment)
    feed = Cases(given(estimator="dis"), roles=roles, outputs=[output("tof", roles)])

    samples = feed.samples(aligned, clip(frames), clip(frames), form=FORM)

    assert [sample.number for sample in samples] == wanted
    assert feed.expected(aligned, frames, frames) == len(wanted)


def test_frames_without_a_next_one_do_not_make_up_the_count() -> None:
    roles, aligned = ("flow", "flow_reference"), Alignment(count=5)
    feed = Cases(given(estimator="dis"), roles=roles, outputs=[output("tof", roles)])

    with pytest.raises(ScoreError, match="--count 5 frames were asked for, and there are 4 to sco"):
        feed.expected(aligned, 5, 5)
    with pytest.raises(ScoreError, match="--count 5 frames were asked for, and there are 4 to sco"):
        list(feed.samples(aligned, clip(5), clip(5), form=FORM))


def test_a_video_of_its_own_gives_the_frame_before_and_the_motion_of_the_original(
    flows: Path,
) -> None:
    source = given(flow_from_reference_previous=flows, flow_to_reference_previous=flows)

    samples = fed(source, "warping_error", (*WARPING, "mask"), frames=4, masked=True)

    assert [sample.number for sample in samples] == [1, 2, 3]
    assert [value(sample.further["distorted_previous"]) for sample in samples] == [100, 101, 102]
    assert [value(sample.distorted) for sample in samples] == [101, 102, 103]


@pytest.mark.parametrize(
    ("role", "wanted"),
    [("flow_to_reference_previous", -2), ("flow_from_reference_previous", 2)],
)
def test_flows_in_a_sequence_are_named_by_whose_they_are(role: str, wanted: float) -> None:
    reference, distorted = moving(3, 2), moving(3, 5)
    roles = ("distorted", role)
    feed = Cases(given(estimator="dis"), roles=roles, outputs=[output("mine", roles)])

    samples = feed.samples(Alignment(), iter(reference), iter(distorted), form=FORM)

    found = [float(np.median(np.asarray(sample.further[role])[0])) for sample in samples]
    assert found == pytest.approx([wanted, wanted], abs=0.3)


@pytest.mark.parametrize("factor", [None, 2])
def test_neighbours_are_their_owners(factor: int | None) -> None:
    roles = ("reference", "distorted", *NEIGHBOURS)

    samples = fed(given(factor), "mine", roles, frames=7)

    judged = {None: [2, 3, 4], 2: [3]}[factor]
    assert [sample.number for sample in samples] == judged
    for sample in samples:
        assert {role: value(planes) for role, planes in sample.further.items()} == {
            role: sample.number + away + (100 if owner == "distorted" else 0)
            for role, (owner, away) in NEIGHBOURS.items()
        }


def test_at_the_ends_another_frame_stands_for_one_that_is_not_there() -> None:
    roles = ("reference", "distorted", "reference_previous", "distorted_next")

    samples = fed(given(), "mine", roles, frames=3, ends="repeat")

    assert [value(sample.further["reference_previous"]) for sample in samples] == [0, 0, 1]
    assert [value(sample.further["distorted_next"]) for sample in samples] == [101, 102, 101]
    assert not any(sample.zeroed for sample in samples)


def test_what_is_zero_at_the_ends_is_so_there_alone() -> None:
    roles = ("reference", "distorted", "reference_previous_2", "distorted_next")

    samples = fed(given(), "mine", roles, frames=5, ends="zero")

    assert [sorted(sample.zeroed) for sample in samples] == [["mine"], ["mine"], [], [], ["mine"]]


@pytest.mark.parametrize("start", range(4))
def test_neighbours_are_the_videos_whatever_part_is_scored(start: int) -> None:
    roles = ("reference", "distorted", "reference_previous", "reference_next_2")
    aligned = Alignment(start=start, subsample=2)

    part = fed(given(), "mine", roles, frames=6, alignment=aligned, ends="repeat")
    whole = fed(given(), "mine", roles, frames=6, ends="repeat")

    assert [each.number for each in part] == list(range(start, 6, 2))
    for each in part:
        same = whole[each.number].further
        assert {r: value(x) for r, x in each.further.items()} == {
            r: value(x) for r, x in same.items()
        }


def test_a_frame_rate_is_given_to_what_takes_one() -> None:
    roles = ("reference", "distorted", "frame_rate")

    samples = fed(given(), "mine", roles, frames=2, rate=Fraction(24000, 1001))

    assert [np.asarray(each.further["frame_rate"]).item() for each in samples] == [
        np.float32(24000 / 1001)
    ] * 2
    with pytest.raises(ScoreError, match=r"depends on the frame rate.*--frame-rate"):
        fed(given(), "mine", roles, frames=2)


@pytest.mark.parametrize(
    ("alignment", "wanted"),
    [
        ({}, [1, 2, 3, 4, 5, 6, 7]),
        ({"start": 3}, [3, 4, 5, 6, 7]),
        ({"start": 3, "count": 2}, [3, 4]),
        ({"start": 1, "subsample": 3}, [1, 4, 7]),
        ({"start": 0, "subsample": 3}, [3, 6]),
        ({"offset": -2, "on_length_mismatch": "shortest"}, [3, 4, 5, 6, 7]),
    ],
)
def test_neighbours_are_next_to_a_frame_whichever_frames_are_judged(
    alignment: dict[str, Any], wanted: list[int]
) -> None:
    source = given(estimator="dis")

    samples = fed(source, "warping_error", WARPING, frames=8, alignment=Alignment(**alignment))

    aligned = Alignment(**alignment)
    feed = Cases(source, roles=WARPING, outputs=[output("warping_error", WARPING)])
    assert [sample.number for sample in samples] == wanted
    assert feed.expected(aligned, 8, 8) == len(wanted)
    differences = [
        value(sample.distorted) - value(sample.further["distorted_previous"]) for sample in samples
    ]
    assert set(differences) == {1}


@pytest.mark.parametrize(
    ("alignment", "wanted"),
    [
        ({}, [1, 2, 3, 5, 6, 7]),
        ({"start": 2}, [2, 3, 5, 6, 7]),
        ({"start": 4}, [5, 6, 7]),
        ({"start": 2, "count": 3}, [2, 3, 5]),
        ({"offset": -1, "on_length_mismatch": "shortest"}, [5, 6, 7]),
        ({"offset": 1, "on_length_mismatch": "shortest"}, [1, 2, 3]),
    ],
)
def test_made_frames_are_counted_from_the_start_asked_for(
    alignment: dict[str, Any], wanted: list[int]
) -> None:
    frames = 9
    aligned = Alignment(factor=4, **alignment)

    samples = fed(given(4), "psnr", ("reference", "distorted"), frames=frames, alignment=aligned)

    assert [sample.number for sample in samples] == wanted
    assert aligned.expected(frames, frames) == len(wanted)
    late = aligned.offset
    assert all(value(each.distorted) == 100 + each.number + late for each in samples)


@pytest.mark.parametrize(
    ("source", "entry", "roles", "words"),
    [
        (
            {},
            "warping",
            ("distorted", *INPUTS, "flow_to_previous", "flow_to_next"),
            "needs previous, next, flow_to_previous, flow_to_next.*--factor K.*--flow-estimator",
        ),
        ({}, "mine", ("reference", "distorted", "previous"), "mine needs previous.*--factor K"),
        ({}, "epe", ("flow", "flow_reference"), "--flow ROLE=PATTERN for each flow"),
        (
            {},
            "mine",
            ("reference", "reference_previous"),
            "would look at the reference alone. Give the flows",
        ),
        (
            {"factor": 2, "estimator": "dis"},
            "occlusion",
            BETWEEN,
            "would look at the reference alone. Give the flows",
        ),
        ({"estimator": "dis"}, "occlusion", BETWEEN, "--factor K or --flow ROLE=PATTERN"),
        (
            {"estimator": "dis"},
            "epe[masked=true]",
            ("flow", "flow_reference", "mask"),
            "needs mask.*files that say which pixels are known",
        ),
        ({"flow": "%d.flo"}, "psnr", ("reference", "distorted"), "No metric takes flow"),
        ({"estimator": "dis"}, "psnr", ("reference", "distorted"), "Leave out --flow-estimator"),
        ({}, "wgan_generator", ("logits_distorted",), "logits_distorted to a model by Scorer"),
        ({}, "mine", ("distorted", "flow_to_next_2"), "--flow flow_to_next_2=PATTERN"),
    ],
)
def test_what_is_not_given_is_refused_with_the_flag_that_gives_it(
    source: dict[str, Any], entry: str, roles: tuple[str, ...], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        Cases(given(**source), roles=roles, outputs=[output(entry, roles)])


def test_frames_without_neighbours_are_not_scored_at_all() -> None:
    with pytest.raises(ScoreError, match="none lies between two inputs, which are every 8 frames"):
        fed(given(8), "psnr", ("reference", "distorted"))


def test_a_strangers_entry_is_given_what_its_model_says() -> None:
    unknown = output("mine_alone", ("distorted", "previous"))
    feed = Cases(given(2), roles=("distorted", "previous"), outputs=[unknown])

    samples = feed.samples(Alignment(factor=2), clip(3), clip(3), form=FORM)

    assert [value(sample.further["previous"]) for sample in samples] == [0]


def test_only_a_role_of_flows_takes_files() -> None:
    with pytest.raises(UsageError, match=r"--flow takes ROLE=PATTERN with a role such as flow_pre"):
        given(mask="%d.npy")
