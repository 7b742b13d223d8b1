import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from framegauge.runtime import Report, ScoreError, UsageError, score
from framegauge.runtime.sources.source import open_source

SCHEMA = Path(__file__).parents[3] / "runtime" / "reports" / "report.schema.json"
# What is left out of RIFE's loss as CogVideo has it, without its network's flows.
WITHOUT = ("total", "smoothness")
HDV3 = "rife=rife[form=hdv3]"


def grey(value: int, *, size: int = 16) -> NDArray[np.uint8]:
    return np.full((size, size, 3), value, np.uint8)


def interpolated(frames: int, factor: int) -> list[NDArray[np.uint8]]:
    """A clip of grey 100 whose made frames are off by twice their phase."""
    return [grey(100 + 2 * (number % factor)) for number in range(frames)]


def squared(phase: int) -> float:
    return (2 * phase / 255) ** 2


@pytest.fixture(scope="module")
def nulls(shared: Callable[..., Path]) -> Report:
    """A system whose flows were not given, over an error of 51/255."""

    def scored(cache: Path) -> Report:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("FRAMEGAUGE_CACHE", str(cache))
            return score(
                [grey(100)] * 3,
                [grey(151)] * 3,
                metrics=[HDV3],
                gates=["rife.total<3", "rife.l1<3"],
            )

    return scored(shared("rife", scored))


def test_inputs_are_not_judged() -> None:
    report = score([grey(100)] * 7, interpolated(7, 2), metrics="mse", factor=2)

    assert report.frames.numbers.tolist() == [1, 3, 5]
    assert_allclose(report.frames.scores["mse"], squared(1), rtol=1e-5)
    assert report.phases == {}
    assert report.alignment["factor"] == 2
    assert "phases" not in json.loads(report.to_json())


def test_phases_are_pooled_by_themselves() -> None:
    report = score([grey(100)] * 9, interpolated(9, 4), metrics="mse", factor=4)

    assert report.frames.numbers.tolist() == [1, 2, 3, 5, 6, 7]
    document = json.loads(report.to_json())
    assert [phase["phase"] for phase in document["phases"]] == [1, 2, 3]
    assert [phase["frames"] for phase in document["phases"]] == [2, 2, 2]
    means = [phase["pooled_metrics"]["mse"]["mean"] for phase in document["phases"]]
    assert_allclose(means, [squared(1), squared(2), squared(3)], rtol=1e-5)
    assert report.pooled["mse"]["mean"] == pytest.approx(np.mean(means))


def test_a_report_with_phases_reads_back_and_follows_its_schema(tmp_path: Path) -> None:
    report = score([grey(100)] * 9, interpolated(9, 4), metrics="mse", factor=4)
    report.write_json(tmp_path / "a.json")

    again = Report.read(tmp_path / "a.json")

    jsonschema.validate(json.loads(report.to_json()), json.loads(SCHEMA.read_text()))
    assert again.to_json() == report.to_json()
    assert again.phases.keys() == {1, 2, 3}


def test_frames_after_the_last_input_are_left_out_and_told() -> None:
    told: list[str] = []

    report = score([grey(100)] * 12, interpolated(12, 4), metrics="mse", factor=4, tell=told.append)

    assert report.frames.numbers.tolist() == [1, 2, 3, 5, 6, 7]
    assert report.alignment["left_out"] == 3
    assert told[-1] == "3 frames after the last input are not judged"


@pytest.mark.parametrize("lengths", [(12, 9), (9, 12), (11, 10)])
def test_videos_may_differ_in_length_after_the_last_input(lengths: tuple[int, int]) -> None:
    first, second = lengths

    report = score([grey(100)] * first, interpolated(second, 4), metrics="mse", factor=4)

    assert report.frames.numbers.tolist() == [1, 2, 3, 5, 6, 7]


@pytest.mark.parametrize("lengths", [(9, 8), (8, 9), (9, 13)])
def test_videos_with_different_numbers_of_inputs_are_refused(lengths: tuple[int, int]) -> None:
    first, second = lengths

    with pytest.raises(ScoreError, match="they do not end together"):
        score([grey(100)] * first, interpolated(second, 4), metrics="mse", factor=4)


def test_progress_ends_with_the_made_frames() -> None:
    told: list[tuple[int, int | None]] = []

    score(
        [grey(100)] * 41,
        interpolated(41, 4),
        metrics="mse",
        factor=4,
        progress=lambda done, total: told.append((done, total)),
    )

    assert (told[0], told[-1]) == ((0, 30), (30, 30))


def test_made_frames_of_a_file_score_as_they_do_among_all(
    command: Callable[..., Any], reference: str, distorted: str
) -> None:
    words = ("score", reference, distorted, "--metrics", "psnr_y,float_ssim", "--json", "-")

    made = json.loads(command(*words, "--quiet", "--factor", 4).out)["frames"]
    every = json.loads(command(*words, "--quiet").out)["frames"]

    assert [frame["frameNum"] for frame in made] == [1, 2, 3, 5, 6, 7, 9, 10, 11]
    wanted = [every[frame["frameNum"]]["metrics"]["psnr_y"] for frame in made]
    got = [frame["metrics"]["psnr_y"] for frame in made]
    # A batch of other frames adds up in another order.
    assert_allclose(got, wanted, rtol=1e-6)


def test_a_summary_shows_the_phases(
    command: Callable[..., Any], reference: str, distorted: str
) -> None:
    done = command("score", reference, distorted, "--metrics", "psnr_y", "--factor", 3)

    assert done.code == 0
    assert "mean by phase" in done.out
    assert "2/3" in done.out
    assert "10 made frames scored." in done.out
    assert "3/3" not in done.out


def test_a_page_shows_the_phases() -> None:
    report = score([grey(100)] * 9, interpolated(9, 4), metrics="mse", factor=4)

    page = report.to_html()

    assert "Mean by phase" in page
    assert ">3/4</th>" in page
    assert "one frame in 4 is an input" in page
    # Squares of 1, 2 and 3, from the least at the bottom to the greatest at the top.
    assert 'points="2.0,18.0 50.0,12.0 98.0,2.0"' in page


def test_the_warping_error_is_that_of_a_shift(
    flow_model: Any, reference: str, distorted: str, tmp_path: Path
) -> None:
    for number in range(1, 6):
        for role, sign in (("there", 1), ("back", -1)):
            flow = np.full((2, 176, 320), sign, np.float32)
            flow[0] *= 2
            np.save(tmp_path / f"{role}{number}.npy", flow)

    report = score(
        reference,
        distorted,
        model=flow_model.path,
        convert="rgb24",
        count=5,
        flows={
            "flow_from_reference_previous": str(tmp_path / "there%d.npy"),
            "flow_to_reference_previous": str(tmp_path / "back%d.npy"),
        },
    )

    with open_source(distorted) as source:
        frames = [planes[0] / 255 for planes in source.frames(format="rgb24")]
    # The flow of (2, 1) takes each pixel from two columns and a row on, and no further than the
    # edge; the flow back cancels it, so every pixel counts.
    moved = [np.pad(frame, ((0, 1), (0, 2), (0, 0)), "edge")[1:, 2:] for frame in frames]
    wanted = [np.mean((moved[n] - frames[n - 1]) ** 2) for n in range(1, 6)]
    assert report.frames.numbers.tolist() == [1, 2, 3, 4, 5]
    assert_allclose(report.frames.scores["warping_error"], wanted, rtol=1e-4)
    assert report.flows["flow_to_reference_previous"] == {
        "source": "files",
        "pattern": str(tmp_path / "back%d.npy"),
    }


def test_terms_without_their_inputs_are_null_and_so_is_the_total(nulls: Report) -> None:
    document = json.loads(nulls.to_json())

    jsonschema.validate(document, json.loads(SCHEMA.read_text()))
    needs = "needs flow_to_previous_2, flow_to_next_2"
    for name in WITHOUT:
        assert document["frames"][1]["metrics"][f"rife.{name}"] is None
        assert document["frames"][1]["metrics"][f"rife.{name}_status"] == needs
        assert document["pooled_metrics"][f"rife.{name}"]["mean"] is None
        assert document["pooled_metrics"][f"rife.{name}"]["status"] == needs
    assert document["missing"]["rife.total"] == ["flow_to_previous_2", "flow_to_next_2"]
    assert document["pooled_metrics"]["rife.l1"]["mean"] == pytest.approx(0.2)


def test_a_gate_over_what_was_not_computed_fails(nulls: Report) -> None:
    assert [outcome.passed for outcome in nulls.gates] == [False, True]
    assert nulls.gates[0].value is None
    assert not nulls.passed


def test_a_report_with_nulls_reads_back(nulls: Report, tmp_path: Path) -> None:
    nulls.write_json(tmp_path / "a.json")

    again = Report.read(tmp_path / "a.json")

    assert again.to_json() == nulls.to_json()
    assert again.missing == nulls.missing
    assert set(again.unscored) == {"rife.l1"}


def test_what_was_not_computed_is_said_to_people(
    nulls: Report, tmp_path: Path, command: Callable[..., Any]
) -> None:
    nulls.write_json(tmp_path / "a.json")

    done = command("report", tmp_path / "a.json")

    words = "Not computed for want of flow_to_previous_2, flow_to_next_2"
    assert words in " ".join(done.out.split())
    assert words in nulls.to_html()
    assert nulls.to_csv().splitlines()[0] == "Frame,rife.l1,rife.total,rife.smoothness"
    assert nulls.to_csv().splitlines()[1].endswith(",,")


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        ({"factor": 1}, "--factor takes at least 2, got 1"),
        ({"factor": 2, "subsample": 2}, "--factor says which frames are judged, and --subsample"),
        ({"factor": 2, "on_rate_mismatch": "drop"}, "--on-rate-mismatch drop would leave out"),
        ({"metrics": "warping"}, "warping needs previous, next, flow_to_previous, flow_to_next"),
        ({"metrics": "superslomo_warping"}, "superslomo_warping needs previous.*--factor K"),
        ({"metrics": "bmbc"}, "bmbc needs previous, next.*--factor K"),
        ({"metrics": "bmbc", "factor": 2}, "bmbc would look at the reference alone"),
        ({"metrics": "mse", "flow_estimator": "dis"}, "Leave out --flow-estimator"),
        ({"metrics": "mse", "flows": {"flow": "%d.flo"}}, "Leave out --flow flow="),
        ({"flows": {"flow": "a.flo"}}, "needs one %d or %05d"),
    ],
)
def test_a_request_that_makes_no_sense_names_its_flag(keywords: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        score([grey(100)] * 5, [grey(102)] * 5, **keywords)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--flow", "flow"], "--flow takes ROLE=PATTERN"),
        (["--flow", "flow=a%d.flo", "--flow", "flow=b%d.flo"], "--flow gives flow twice"),
        (["--flow-estimator", "raft"], "--flow-estimator takes dis"),
        (["--factor", "1"], "--factor takes at least 2"),
    ],
)
def test_flags_written_wrongly_are_a_wrong_request(
    command: Callable[..., Any], reference: str, distorted: str, flags: list[str], words: str
) -> None:
    done = command("score", reference, distorted, *flags)

    assert done.code == 2
    assert words in " ".join(done.err.split())


def test_a_flow_that_is_missing_fails_the_run_and_names_the_file(
    flow_model: Any, tmp_path: Path
) -> None:
    roles = ("flow_from_reference_previous", "flow_to_reference_previous")
    flows = dict.fromkeys(roles, str(tmp_path / "%d.flo"))

    with pytest.raises(ScoreError, match=r"flow_from_reference_previous of frame 1 .*1\.flo"):
        score(
            [grey(100)] * 3,
            [grey(100)] * 3,
            model=flow_model.path,
            flows=flows,
        )


def test_estimated_flows_are_said_to_be_so(flow_model: Any) -> None:
    still = np.random.default_rng(2).integers(0, 256, (32, 32, 3), np.uint8)

    report = score(
        [still] * 3,
        [still] * 3,
        model=flow_model.path,
        flow_estimator="dis:fast",
    )

    assert_array_equal(report.frames.scores["warping_error"], [0, 0])
    facts = report.flows["flow_from_reference_previous"]
    assert (facts["source"], facts["preset"]) == ("dis", "fast")
    assert (facts["from"], facts["to"]) == ("reference_previous", "reference")
    assert "by DIS (fast, OpenCV" in report.to_html()
    jsonschema.validate(json.loads(report.to_json()), json.loads(SCHEMA.read_text()))
