import csv
import io
import json
import math
import os
import re
import stat
import tracemalloc
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from framegauge.export.contract.interface import Aggregate, Output
from framegauge.runtime.atomic_files import check_writable, write_text
from framegauge.runtime.errors import ScoreError, UsageError
from framegauge.runtime.pooling.gate import Gate
from framegauge.runtime.reports.report import Report
from framegauge.runtime.reports.series import Frames, LabelFacts

GOLDEN = Path(__file__).parents[2] / "golden"
SCHEMA = json.loads(
    files("framegauge.runtime.reports").joinpath("report.schema.json").read_text(encoding="utf-8")
)


def output(name: str, **facts: Any) -> Output:
    return Output(
        **{
            "name": name,
            "kind": "score",
            "entry": name,
            "options": {},
            "inputs": ("reference", "distorted"),
            "masked": False,
            "transfer": "any",
            "ends": "not_judged",
            "better": "higher",
            "ideal": 60.0,
            "low": 0.0,
            "high": 60.0,
            "unit": "dB",
            "least": 1,
            "tolerance": 0.01,
            "relative": 0.0,
            **facts,
        }
    )


@pytest.fixture
def report() -> Report:
    return Report.of_scores(
        [output("psnr_y"), output("psnr_y_mse", kind="moment"), output("epe", better="lower")],
        np.array([10, 12, 14]),
        {
            "psnr_y": np.array([38.25, 0.1, 1 / 3]),
            "psnr_y_mse": np.array([1.0, 2.0, 3.0]),
            "epe": np.array([0.5, 1.5, 1.0]),
        },
        aggregates=[
            Aggregate(name="apsnr_y", of=("psnr_y_mse",), finish="psnr", peak=20.0, cap=60.0)
        ],
        fps=120.5,
        inputs={
            "reference": {"path": "a.mov", "frame_rate": "24000/1001"},
            "distorted": {"path": "b \u00e9 </script>.mov"},
        },
        alignment={"start": 10, "subsample": 2},
        model={"sha256": "0" * 64},
        backend={"name": "cpu"},
    ).with_gates([Gate("epe", "max", "<=", 1.0), Gate("psnr_y", "mean", ">", 1.0)])


@pytest.fixture
def holed() -> Report:
    return Report(
        frames=Frames(
            np.arange(4),
            {"a": np.array([1.0, math.nan, math.inf, -math.inf]), "b": np.arange(4.0)},
        ),
        outputs={"a": LabelFacts(), "b": LabelFacts()},
    )


def test_json_follows_its_schema(report: Report, holed: Report) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)

    jsonschema.validate(json.loads(report.to_json()), SCHEMA)
    jsonschema.validate(json.loads(holed.to_json()), SCHEMA)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda document: document.pop("frames"),
        lambda document: document.update(schema_version=2),
        lambda document: document["frames"][0].update(frameNum=-1),
        lambda document: document["frames"][0]["metrics"].update(epe="1.0"),
        lambda document: document["frames"][0]["metrics"].update(epe_status="missing"),
        lambda document: document["pooled_metrics"]["epe"].pop("p5"),
        lambda document: document["outputs"]["epe"].update(better="up"),
        lambda document: document["gates"][0].update(op="=="),
        lambda document: document["gates"][0].update(pool="avg"),
        lambda document: document["gates"][0].update(passed=None),
    ],
)
def test_the_schema_refuses_a_broken_report(
    report: Report, spoil: Callable[[dict[str, Any]], object]
) -> None:
    document = json.loads(report.to_json())

    spoil(document)

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, SCHEMA)


def test_json_has_libvmafs_form(report: Report) -> None:
    libvmaf = json.loads((GOLDEN / "libvmaf.json").read_text())
    ours = json.loads(report.to_json())

    assert set(libvmaf) <= set(ours)
    assert ours["frames"][1] == {
        "frameNum": 12,
        "metrics": {"psnr_y": 0.1, "epe": 1.5},
        "moments": {"psnr_y_mse": 2.0},
    }
    assert set(libvmaf["pooled_metrics"]["psnr_y"]) <= set(ours["pooled_metrics"]["psnr_y"])
    assert ours["aggregate_metrics"] == {"apsnr_y": pytest.approx(10 * math.log10(200))}


def test_json_says_what_the_gates_made_of_the_clip(report: Report) -> None:
    gates = json.loads(report.to_json())["gates"]

    assert gates == [
        {"label": "epe", "pool": "max", "op": "<=", "bound": 1.0, "value": 1.5, "passed": False},
        {
            "label": "psnr_y",
            "pool": "mean",
            "op": ">",
            "bound": 1.0,
            "value": pytest.approx((38.25 + 0.1 + 1 / 3) / 3, rel=1e-15),
            "passed": True,
        },
    ]
    assert not report.passed
    assert report.with_gates([]).passed


def test_scores_that_are_not_finite_are_null_with_a_status(holed: Report) -> None:
    document = json.loads(holed.to_json(), parse_constant=pytest.fail)

    assert [frame["metrics"] for frame in document["frames"]] == [
        {"a": 1.0, "b": 0.0},
        {"a": None, "a_status": "nan", "b": 1.0},
        {"a": None, "a_status": "inf", "b": 2.0},
        {"a": None, "a_status": "-inf", "b": 3.0},
    ]
    assert document["pooled_metrics"]["a"]["mean"] is None
    assert document["pooled_metrics"]["a"]["status"] == "3 of 4 frames have no finite score"
    assert document["pooled_metrics"]["b"]["mean"] == 1.5
    assert "status" not in document["pooled_metrics"]["b"]


def test_a_report_reads_back_as_it_was(report: Report, tmp_path: Path) -> None:
    report.write_json(tmp_path / "r.json")

    again = Report.read(tmp_path / "r.json")

    assert again.to_json() == report.to_json()
    assert again.frame_rate == pytest.approx(23.976, abs=1e-4)  # to three decimals


def test_a_report_with_holes_reads_back_as_it_was(holed: Report, tmp_path: Path) -> None:
    holed.write_json(tmp_path / "r.json")

    again = Report.read(tmp_path / "r.json")

    np.testing.assert_array_equal(again.frames.scores["a"], holed.frames.scores["a"])
    assert not again.with_gates([Gate("a", "min", "<", 1e9)]).passed


def test_a_report_of_no_frames_is_written_and_fails_its_gates(tmp_path: Path) -> None:
    empty = Report(frames=Frames(np.array([]), {"a": np.array([])}), outputs={"a": LabelFacts()})

    empty.with_gates([Gate("a", "mean", "<", 1.0)]).write_json(tmp_path / "r.json")
    document = json.loads((tmp_path / "r.json").read_text())

    jsonschema.validate(document, SCHEMA)
    assert document["pooled_metrics"]["a"]["status"] == "no frames were scored"
    assert not Report.read(tmp_path / "r.json").passed


def test_libvmafs_pooled_values_are_ours() -> None:
    theirs = json.loads((GOLDEN / "libvmaf.json").read_text())["pooled_metrics"]

    report = Report.read(GOLDEN / "libvmaf.json")

    ours = {
        label: {name: report.pooled[label][name] for name in pooled}
        for label, pooled in theirs.items()
    }
    # Six decimals in the file, of the frames' scores and of the pooled values.
    assert ours == {label: pytest.approx(pooled, abs=1.5e-6) for label, pooled in theirs.items()}


def test_directions_of_libvmafs_scores_are_known_where_names_tell() -> None:
    outputs = Report.read(GOLDEN / "libvmaf.json").outputs

    assert outputs["psnr_cb"] == LabelFacts(better="higher", unit="dB")
    assert outputs["float_ssim"].better == outputs["vmaf"].better == "higher"
    assert outputs["integer_motion2"].better is None


def test_libvmafs_fps_is_its_speed_and_gives_no_timeline() -> None:
    report = Report.read(GOLDEN / "libvmaf.json")

    assert report.fps == 253.09
    assert report.frame_rate is None


def test_csv_has_a_column_for_each_label_and_empty_cells(holed: Report) -> None:
    assert holed.to_csv() == "Frame,a,b\n0,1.0,0.0\n1,,1.0\n2,,2.0\n3,,3.0\n"


def test_csv_keeps_every_bit(report: Report) -> None:
    rows = list(csv.DictReader(io.StringIO(report.to_csv())))

    assert [int(row["Frame"]) for row in rows] == [10, 12, 14]
    assert [float(row["psnr_y"]) for row in rows] == report.frames.scores["psnr_y"].tolist()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is no report: "),
        ("{", "is no report: "),
        pytest.param("[" * 100_000, "is no report: ", id="deep"),
        ("[]", "no report of framegauge or libvmaf"),
        ('{"frames": 3}', "no report of framegauge or libvmaf"),
        ('{"frames": [{"frameNum": 0}]}', "is damaged"),
        ('{"frames": [{"frameNum": "x", "metrics": {}}]}', "is damaged"),
        ('{"frames": [{"frameNum": 1e999, "metrics": {}}]}', "too large a number"),
        ('{"frames": [{"frameNum": 0, "metrics": {"a": "1.5"}}]}', "is damaged"),
        (
            '{"frames": [{"frameNum": 1, "frameNum": 2, "metrics": {}}]}',
            "'frameNum' is there twice",
        ),
        ('{"frames": [{"frameNum": 0, "metrics": []}]}', "is damaged"),
        ('{"frames": [3]}', "is damaged"),
        ('{"frames": [], "aggregate_metrics": {"a": true}}', "is damaged"),
        ('{"frames": [], "schema_version": 1}', "is damaged"),
        ('{"frames": [], "schema_version": 99}', "has schema 99, and this release reads up to 1"),
    ],
)
def test_what_is_no_report_is_refused_by_name(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "r.json"
    path.write_text(text)

    with pytest.raises(ScoreError) as error:
        Report.read(path)

    assert message in str(error.value)
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda document: document["gates"][0].update(label="other"),
        lambda document: document["gates"][0].update(pool="avg"),
        lambda document: document["outputs"]["epe"].update(better="up"),
        lambda document: document["outputs"]["epe"].update(ideal="zero"),
        lambda document: document.update(inputs=[]),
        lambda document: document.update(tool={}),
        lambda document: document.update(schema_version=True),
        lambda document: document.update(schema_version=0),
        lambda document: document.update(flows=[1]),
        lambda document: document.update(missing={"epe": [1, 2]}),
        lambda document: document["alignment"].update(factor=10**30),
        lambda document: document["alignment"].update(factor=10**7),
        lambda document: document["aggregates"][0].update(of=[]),
        lambda document: document["aggregates"][0].update(finish="ratio"),
        lambda document: document["aggregates"][0].update(peak=None),
        lambda document: document["aggregates"][0].update(cap=-5),
        lambda document: document["outputs"]["epe"].update(low=True),
        lambda document: document["outputs"]["epe"].update(further=1),
        lambda document: document["gates"][0].update(bound=True),
        lambda document: document["gates"][0].update(op="=="),
        lambda document: document["aggregate_metrics"].update(more=True),
        lambda document: document.update(fps=True),
        lambda document: document["frames"][0].pop("moments"),
        lambda document: document["frames"][0]["moments"].clear(),
        lambda document: document["frames"][0]["metrics"].update(epe=None, epe_status=[]),
        lambda document: document["frames"][2].update(frameNum=2**60),
        lambda document: document["frames"][0]["moments"].update(psnr_y_mse=True),
        lambda document: document["frames"][0]["metrics"].update(epe=True),
        lambda document: document["frames"][0].update(frameNum=1.7),
        lambda document: document["frames"][0].update(frameNum="0"),
        lambda document: document["frames"][0].update(frameNum=-1),
        lambda document: document["frames"][1].update(frameNum=10),
    ],
)
def test_a_damaged_report_of_ours_is_refused(
    report: Report, tmp_path: Path, spoil: Callable[[dict[str, Any]], object]
) -> None:
    document = json.loads(report.to_json())
    spoil(document)
    (tmp_path / "r.json").write_text(json.dumps(document))

    with pytest.raises(ScoreError, match="is damaged"):
        Report.read(tmp_path / "r.json")


LIBVMAFS = {"frames": [{"frameNum": n, "metrics": {"vmaf": n / 4}} for n in range(3)]}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16-le", "utf-16-be", "utf-16"])
def test_a_report_is_read_in_whatever_a_shell_of_windows_wrote(
    tmp_path: Path, encoding: str
) -> None:
    mark = "\ufeff" if encoding in ("utf-16-le", "utf-16-be") else ""
    (tmp_path / "r.json").write_text(mark + json.dumps(LIBVMAFS), encoding=encoding)

    assert Report.read(tmp_path / "r.json").frames.scores["vmaf"].tolist() == [0, 0.25, 0.5]


@pytest.mark.parametrize("word", ["nan", "-nan", "inf", "-inf"])
def test_what_libvmaf_writes_for_no_number_is_no_score(tmp_path: Path, word: str) -> None:
    row = f'{{"frameNum": 1, "metrics": {{"inf nan": {word}, "vmaf": 3}}}}'
    (tmp_path / "r.json").write_text(f'{{"version": "nan", "frames": [{row}]}}')

    report = Report.read(tmp_path / "r.json")

    metrics = json.loads(report.to_json())["frames"][0]["metrics"]
    assert metrics == {"inf nan": None, "inf nan_status": "nan", "vmaf": 3.0}
    assert report.tool["version"] == "nan"


XML = """<?xml version="1.0" encoding="UTF-8"?>
<VMAF version="3.0.0"><fyi fps="12.5" /><frames>
<frame frameNum="0" psnr_y="40.5" vmaf="99" /><frame frameNum="2" psnr_y="nan" vmaf="1e1" />
</frames><pooled_metrics><metric name="vmaf" mean="1" /></pooled_metrics>
<aggregate_metrics apsnr_y="41.25" /></VMAF>"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_libvmafs_xml_is_read(tmp_path: Path, encoding: str) -> None:
    text = XML if encoding != "utf-16" else XML.replace("UTF-8", "UTF-16")
    (tmp_path / "r.xml").write_text(text, encoding=encoding)

    report = Report.read(tmp_path / "r.xml")

    assert report.frames.numbers.tolist() == [0, 2]
    assert report.frames.scores["vmaf"].tolist() == [99, 10]
    np.testing.assert_array_equal(report.frames.scores["psnr_y"], [40.5, math.nan])
    assert (report.fps, report.aggregate) == (12.5, {"apsnr_y": 41.25})
    assert report.tool == {"name": "libvmaf", "version": "3.0.0"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('<!DOCTYPE VMAF [<!ENTITY a "b">]><VMAF/>', "declares what its words shall mean"),
        ("<VMAF>&a;</VMAF>", "line 1, column 7"),
        ("<VMAF><frames>", "is not as XML has it"),
        ("<html/>", "XML of 'html'"),
        (XML.replace('"2"', '"-2"'), "a frameNum is '-2'"),
        (XML.replace('"2"', '"\u0662"'), "a frameNum is"),
        (XML.replace('"2"', '"0"'), "one is there twice"),
        (XML.replace('"99"', '"9_9"'), "'9_9' came"),
        (XML.replace('"99"', '"true"'), "'true' came"),
    ],
)
def test_xml_that_is_no_report_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "r.xml").write_text(text, encoding="utf-8")

    with pytest.raises(ScoreError, match=re.escape(message)):
        Report.read(tmp_path / "r.xml")


def test_a_clips_score_is_that_of_the_moments_whatever_the_file_says(
    report: Report, tmp_path: Path
) -> None:
    document = json.loads(report.to_json())
    document["aggregate_metrics"]["apsnr_y"] = 59.0
    (tmp_path / "r.json").write_text(json.dumps(document))

    again = Report.read(tmp_path / "r.json")

    # The mean squared error is 2, the peak 20.
    assert again.aggregate == {"apsnr_y": pytest.approx(10 * math.log10(200))}
    assert again.moments["psnr_y_mse"].tolist() == [1, 2, 3]


def test_200_000_frames_are_written_a_piece_at_a_time_and_read(tmp_path: Path) -> None:
    scores = {label: np.random.default_rng(0).normal(40, 3, 200_000) for label in "abcd"}
    film = Report(
        frames=Frames(np.arange(200_000), scores),
        outputs={label: LabelFacts() for label in scores},
    )

    tracemalloc.start()
    film.write_json(tmp_path / "r.json")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    film.write_csv(tmp_path / "r.csv")

    assert peak < 16e6  # bytes; the JSON alone is 26e6
    np.testing.assert_array_equal(Report.read(tmp_path / "r.json").frames.scores["d"], scores["d"])
    np.testing.assert_array_equal(
        np.loadtxt(tmp_path / "r.csv", delimiter=",", skiprows=1)[:, 4], scores["d"]
    )


def test_a_missing_report_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ScoreError, match=r"none\.json cannot be read: No such file"):
        Report.read(tmp_path / "none.json")


def test_labels_need_a_score_for_every_frame() -> None:
    with pytest.raises(ValueError, match="one score for each of the 3 frames"):
        Frames(np.arange(3), {"a": np.arange(2.0)})


def broken() -> Iterator[str]:
    yield "half a report"
    raise KeyboardInterrupt


def test_an_interrupted_write_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_text("before")

    with pytest.raises(KeyboardInterrupt):
        write_text(path, broken())

    assert path.read_text() == "before"
    assert os.listdir(tmp_path) == ["r.json"]


def test_a_written_file_has_the_usual_permissions(tmp_path: Path) -> None:
    (tmp_path / "usual").touch()

    write_text(tmp_path / "ours", ["text\n"])

    assert (tmp_path / "ours").read_bytes() == b"text\n"
    assert stat.S_IMODE((tmp_path / "ours").stat().st_mode) == stat.S_IMODE(
        (tmp_path / "usual").stat().st_mode
    )


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("before")
    (tmp_path / "link").symlink_to("target")

    write_text(tmp_path / "link", ["after"])

    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text() == "after"


def test_a_device_is_written_to_and_not_replaced() -> None:
    write_text(os.devnull, ["text"])

    assert Path(os.devnull).is_char_device()


def test_a_dash_is_standard_output(report: Report, capsys: pytest.CaptureFixture[str]) -> None:
    report.write_csv("-")

    assert capsys.readouterr().out == report.to_csv()


def test_paths_that_cannot_be_written_are_refused_before_any_work(tmp_path: Path) -> None:
    check_writable("-")
    check_writable(tmp_path / "r.json")

    with pytest.raises(UsageError, match="is a folder"):
        check_writable(tmp_path)
    with pytest.raises(UsageError, match="There is no folder"):
        check_writable(tmp_path / "none" / "r.json")
    with pytest.raises(UsageError, match="File name too long"):
        check_writable(tmp_path / ("r" * 300))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write to any folder")
def test_a_folder_without_permission_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)

    with pytest.raises(UsageError, match="cannot be written to"):
        check_writable(tmp_path / "r.json")
