import csv
import io
import json
import math
from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import cv2
import jsonschema
import numpy as np
import pytest
from av import CodecContext, VideoFrame

from framegauge.runtime import ScoreError, UsageError, score
from framegauge.runtime.backends.model import Model
from framegauge.runtime.scoring import scorer as loading
from framegauge.runtime.sets.folder_matching import match_folders
from framegauge.runtime.sets.samples import Sample, Samples, read_list
from framegauge.runtime.sets.score_set import score_set
from framegauge.runtime.sets.set_report import SetReport

SCHEMA = json.loads(files("framegauge.runtime.sets").joinpath("set.schema.json").read_text("utf-8"))
OUTPUTS = ("r.json", "r.csv", "r.md", "r.tex")

# Scores are float32, decibels of errors that are float32 too.
DECIBEL = 1e-4

Sets = Callable[..., Path]


def png(path: Path, level: int, *, size: tuple[int, int] = (32, 24)) -> None:
    """A uniform picture, so that PSNR has a closed form."""
    path.parent.mkdir(parents=True, exist_ok=True)
    encoder = CodecContext.create("png", "w")
    encoder.width, encoder.height = size
    encoder.pix_fmt = "rgb24"
    encoder.time_base = 1
    frame = VideoFrame.from_ndarray(np.full((size[1], size[0], 3), level, np.uint8), "rgb24")
    path.write_bytes(b"".join(bytes(packet) for packet in encoder.encode(frame)))


def decibels(error: float) -> float:
    return 20 * math.log10(255 / error)


@pytest.fixture
def made(tmp_path: Path) -> Sets:
    """Makes a folder of uniform pictures for each method, by their errors; the reference is 100."""

    def make(**errors: Mapping[str, int]) -> Path:
        for method, by_name in errors.items():
            for number, (name, error) in enumerate(by_name.items()):
                size = (32 + number, 24 + 2 * number)
                png(tmp_path / "gt" / f"{name}.png", 100, size=size)
                png(tmp_path / method / f"{name}.png", 100 + error, size=size)
        return tmp_path

    return make


def matched(folder: Path, *methods: str, **options: Any) -> Samples:
    return match_folders(folder / "gt", {name: folder / name for name in methods}, **options)


def rows(report: SetReport) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(report.to_csv())))


def test_means_of_samples_and_of_groups_have_closed_forms(made: Sets) -> None:
    folder = made(
        mine={"easy/1": 1, "easy/2": 2, "hard/1": 10},
        theirs={"easy/1": 4, "easy/2": 4, "hard/1": 4},
    )

    report = score_set(matched(folder, "mine", "theirs"), metrics="psnr,ie=interpolation_error")

    easy = (decibels(1) + decibels(2)) / 2
    assert report.mean("mine", "psnr", "easy") == pytest.approx(easy, abs=DECIBEL)
    assert report.mean("mine", "psnr") == pytest.approx((2 * easy + decibels(10)) / 3, abs=DECIBEL)
    assert report.mean_of_groups("mine", "psnr") == pytest.approx(
        (easy + decibels(10)) / 2, abs=DECIBEL
    )
    assert report.mean("theirs", "psnr") == pytest.approx(decibels(4), abs=DECIBEL)
    assert report.mean("mine", "ie") == pytest.approx(math.sqrt(3) * 13 / 3, abs=DECIBEL)
    (kind,) = report.aggregates
    # The PSNR of the mean squared error: 10 log10(255^2 / mean(1, 4, 100)).
    assert report.aggregate("mine", kind) == pytest.approx(
        10 * math.log10(255**2 / 35), abs=DECIBEL
    )


def test_a_video_counts_as_one_sample_by_its_mean(picture: Callable[..., Path]) -> None:
    reference, distorted = picture(), picture("-vf", "noise=alls=20:all_seed=1")
    row = Sample(name="clip", group=None, reference=reference, distorted={"mine": distorted})
    samples = Samples(rows=(row,), methods=("mine",), left_out={}, inputs={})

    report = score_set(samples, metrics="psnr_y")

    wanted = score(reference, distorted, metrics="psnr_y").pooled["psnr_y"]["mean"]
    assert report.scores["clip", "mine"].count == 5
    assert report.mean("mine", "psnr_y") == wanted


def test_models_are_loaded_once_for_a_format(made: Sets, monkeypatch: pytest.MonkeyPatch) -> None:
    made_of = []

    def counted(*arguments: Any, **options: Any) -> Model:
        made_of.append(arguments)
        return Model(*arguments, **options)

    monkeypatch.setattr(loading, "Model", counted)

    score_set(matched(made(mine={"1": 1, "2": 2, "3": 3}), "mine"), metrics="psnr")

    assert len(made_of) == 1


def test_formats_with_other_usual_metrics_are_not_mixed(
    made: Sets, picture: Callable[..., Path]
) -> None:
    folder = made(mine={"a": 1})
    for place in ("gt", "mine"):
        (folder / place / "b.mkv").symlink_to(picture())

    with pytest.raises(UsageError, match="Name some that both take with --metrics"):
        score_set(matched(folder, "mine"))


def test_a_sample_that_fails_stops_the_run_by_name(made: Sets) -> None:
    folder = made(mine={"1": 1, "2": 2})
    png(folder / "mine" / "2.png", 90, size=(8, 8))

    with pytest.raises(ScoreError, match=r"Sample 2, mine: .*33x26 .* 8x8.*--keep-going"):
        score_set(matched(folder, "mine"), metrics="psnr")


def test_a_sample_too_small_for_a_metric_is_its_own_fault(made: Sets) -> None:
    folder = made(mine={"1": 1})
    for place in ("gt", "mine"):
        png(folder / place / "1.png", 90, size=(8, 8))

    with pytest.raises(ScoreError, match=r"Sample 1, mine: .*ssim 11x11"):
        score_set(matched(folder, "mine"), metrics="ssim")


def test_going_on_leaves_no_mean_that_looks_complete(made: Sets) -> None:
    folder = made(mine={"1": 1, "2": 2}, theirs={"1": 3, "2": 4})
    (folder / "mine" / "2.png").write_bytes(b"no picture")

    report = score_set(matched(folder, "mine", "theirs"), metrics="psnr", keep_going=True)

    document = json.loads(report.to_json())
    jsonschema.validate(document, SCHEMA)
    assert list(report.failed) == [("2", "mine")]
    assert math.isnan(report.mean("mine", "psnr"))
    assert document["means"]["mine"]["mean"] == {"psnr": None}
    assert document["means"]["mine"]["status"] == "1 of 2 samples failed"
    assert document["means"]["theirs"]["samples"] == 2
    status = document["samples"][1]["methods"]["mine"]["status"]
    assert status.startswith("failed: ")
    assert [row["psnr"] == "" for row in rows(report)] == [False, False, True, False]


def test_a_model_that_cannot_be_had_stops_a_run_that_goes_on(made: Sets, tmp_path: Path) -> None:
    samples = matched(made(mine={"1": 1}), "mine")
    model = tmp_path / "model.onnx"
    model.write_bytes(b"no model")

    with pytest.raises(ScoreError):
        score_set(samples, model=model, keep_going=True)


def test_the_report_reads_back_as_it_was(made: Sets) -> None:
    report = score_set(matched(made(mine={"g/1": 1, "g/2": 2}), "mine"), metrics="psnr,ssim")

    document = json.loads(report.to_json())

    jsonschema.validate(document, SCHEMA)
    for sample, row in zip(document["samples"], rows(report), strict=True):
        scores = sample["methods"]["mine"]["scores"]
        assert (sample["name"], sample["group"]) == (row["sample"], row["group"])
        assert scores == {label: float(row[label]) for label in ("psnr", "ssim")}
    assert document["means"]["mine"]["mean"]["psnr"] == report.mean("mine", "psnr")
    assert len(document["models"][0]["sha256"][0]) == 64
    assert document["outputs"]["ssim"]["better"] == "higher"


def test_a_run_goes_on_where_it_stopped(made: Sets, tmp_path: Path) -> None:
    folder = made(mine={"1": 1, "2": 2})
    journal = tmp_path / "kept.jsonl"
    intact = (folder / "mine" / "2.png").read_bytes()
    (folder / "mine" / "2.png").write_bytes(b"no picture")
    with pytest.raises(ScoreError):
        score_set(matched(folder, "mine"), metrics="psnr", resume=journal)
    # What is kept is taken, not computed again: a value that no model gave comes back.
    head, line = journal.read_text().splitlines()
    kept = json.loads(line)
    kept["score"]["frames"]["psnr"] = [12.5]
    journal.write_text(f'{head}\n{json.dumps(kept)}\n{{"name": "2", "met')
    (folder / "mine" / "2.png").write_bytes(intact)

    report = score_set(matched(folder, "mine"), metrics="psnr", resume=journal)

    assert report.column("mine", "psnr").tolist() == pytest.approx([12.5, decibels(2)], abs=DECIBEL)
    assert len(journal.read_text().splitlines()) == 3


def test_a_file_that_changed_is_scored_again(made: Sets, tmp_path: Path) -> None:
    folder = made(mine={"1": 1})
    journal = tmp_path / "kept.jsonl"
    score_set(matched(folder, "mine"), metrics="psnr", resume=journal)
    png(folder / "mine" / "1.png", 105)

    report = score_set(matched(folder, "mine"), metrics="psnr", resume=journal)

    assert report.mean("mine", "psnr") == pytest.approx(decibels(5), abs=DECIBEL)


def test_a_journal_of_another_run_is_refused(made: Sets, tmp_path: Path) -> None:
    samples = matched(made(mine={"1": 1}), "mine")
    journal = tmp_path / "kept.jsonl"
    score_set(samples, metrics="psnr", resume=journal)

    with pytest.raises(UsageError, match="differs in metrics"):
        score_set(samples, metrics="ssim", resume=journal)
    journal.write_text("{}\n")
    with pytest.raises(UsageError, match="no journal of score-set"):
        score_set(samples, metrics="psnr", resume=journal)


@pytest.mark.parametrize(
    ("gate", "code"),
    [
        ("psnr>=40", 0),
        ("psnr>=43", 3),
        ("mine.psnr>=43", 0),
        ("theirs.psnr.min<39", 0),
        ("psnr.p5>=39", 3),
        ("mine.pnsr>1", 2),
    ],
)
def test_gates_are_on_the_samples_of_every_method_or_of_one(
    made: Sets, command: Callable[..., Any], gate: str, code: int
) -> None:
    # Decibels: 48.1 and 42.1, mean 45.1, against 42.1 and 38.6, mean 40.3.
    folder = made(mine={"1": 1, "2": 2}, theirs={"1": 2, "2": 3})

    done = command(
        *("score-set", "-r", folder / "gt", "-d", folder / "mine", "-d", folder / "theirs"),
        *("--metrics", "psnr", "--quiet", "--gate", gate),
    )

    assert done.code == code, done


def test_the_command_writes_every_kind_of_table(made: Sets, command: Callable[..., Any]) -> None:
    folder = made(mine={"e/1": 1, "e/2": 3}, **{"50%_a&b": {"e/1": 4, "e/2": 6}})
    written = [
        f"{flag}={folder / name}"
        for flag, name in zip(("--json", "--csv", "--markdown", "--latex"), OUTPUTS, strict=True)
    ]

    done = command(
        *("score-set", "-r", folder / "gt", "-d", f"ours={folder / 'mine'}"),
        *("-d", folder / "50%_a&b", "--metrics", "psnr,ie", *written),
    )

    # Means of 48.131 and 38.588 dB, and of 36.090 and 32.568; IE is sqrt(3) times the error;
    # the mean squared errors are 5 and 26.
    best, other = "43.360", "34.329"
    assert (done.code, done.err) == (0, "")
    assert f"{best}*" in done.out
    assert f"{other}*" not in done.out
    markdown = (folder / "r.md").read_text("utf-8")
    assert f"| mean of samples | ours | **{best}** | **3.4641** | **41.141** |" in markdown
    assert r"| mean of samples | 50%\_a&b | 34.329 | 8.6603 | 33.981 |" in markdown
    latex = (folder / "r.tex").read_text("utf-8")
    assert (
        r"psnr [dB] $\uparrow$ & interpolation\_error [code values] $\downarrow$ & apsnr" in latex
    )
    assert (
        rf"mean of samples & ours & \textbf{{{best}}} & \textbf{{3.4641}} & \textbf{{41.141}} \\"
        in latex
    )
    assert r"mean of samples & 50\%\_a\&b & 34.329 & 8.6603 & 33.981 \\" in latex
    jsonschema.validate(json.loads((folder / "r.json").read_text("utf-8")), SCHEMA)
    assert (folder / "r.csv").read_text("utf-8").startswith("sample,group,method,frames,psnr,")


def test_several_methods_can_follow_one_flag(made: Sets, command: Callable[..., Any]) -> None:
    folder = made(mine={"1": 1}, theirs={"1": 2})

    done = command(
        *("score-set", "--reference", folder / "gt", "--metrics", "psnr", "--csv", "-", "--quiet"),
        *("--distorted", f"a={folder / 'mine'}", f"b={folder / 'theirs'}"),
    )

    assert done.code == 0
    assert [line.split(",")[2] for line in done.out.splitlines()] == ["method", "a", "b"]


def test_a_list_is_scored_by_the_columns_named(made: Sets, command: Callable[..., Any]) -> None:
    folder = made(mine={"1": 1}, theirs={"1": 2})
    (folder / "list.csv").write_text(
        "name,group,reference,mine,theirs,note\nx,night,gt/1.png,mine/1.png,theirs/1.png,nothing\n"
    )

    done = command(
        *("score-set", folder / "list.csv", "-d", "mine", "-d", "theirs", "--metrics", "psnr"),
        *("--json", "-", "--quiet"),
    )

    document = json.loads(done.out)
    (sample,) = document["samples"]
    assert (sample["name"], sample["group"], document["methods"]) == (
        "x",
        "night",
        ["mine", "theirs"],
    )
    assert document["means"]["theirs"]["groups"]["night"]["mean"]["psnr"] == pytest.approx(
        decibels(2), abs=DECIBEL
    )


@pytest.mark.slow
def test_flows_and_masks_come_from_columns(made: Sets) -> None:
    folder = made(mine={"1": 1})
    flow = np.zeros((2, 24, 32), np.float32)
    np.save(folder / "zero.npy", flow)
    flow[:, :12] = np.array([3, 4], np.float32)[:, None, None]
    flow[:, 12:] = 7
    np.save(folder / "flow.npy", flow)
    mask = np.zeros((24, 32), np.uint8)
    mask[:12] = 255
    assert cv2.imwrite(str(folder / "mask.png"), mask)
    head, row = "reference,distorted,flow,flow_reference", "gt/1.png,mine/1.png,flow.npy,zero.npy"
    (folder / "masked.csv").write_text(f"{head},mask\n{row},mask.png\n")
    (folder / "whole.csv").write_text(f"{head}\n{row}\n")

    scores = [
        score_set(read_list(folder / name), metrics="aee=aee[masked=true]").mean("distorted", "aee")
        for name in ("masked.csv", "whole.csv")
    ]

    # Vectors of length 5 within the mask, of 7 sqrt(2) without.
    assert scores == pytest.approx([5, (5 + 7 * math.sqrt(2)) / 2], abs=1e-5)


@pytest.mark.slow
def test_neighbours_come_from_columns(made: Sets) -> None:
    folder = made(mine={"1": 3})
    png(folder / "before.png", 113)
    np.save(folder / "zero.npy", np.zeros((2, 24, 32), np.float32))
    (folder / "list.csv").write_text(
        "reference,distorted,distorted_previous,"
        "flow_from_reference_previous,flow_to_reference_previous\n"
        "gt/1.png,mine/1.png,before.png,zero.npy,zero.npy\n"
    )

    report = score_set(read_list(folder / "list.csv"), metrics="warping_error,psnr")

    # Nothing moves, and the frame before differs by 10 code values everywhere.
    assert report.mean("distorted", "warping_error") == pytest.approx((10 / 255) ** 2, rel=1e-6)
    assert report.mean("distorted", "psnr") == pytest.approx(decibels(3), abs=DECIBEL)


def test_a_run_in_which_everything_fails_has_no_numbers(
    made: Sets, command: Callable[..., Any]
) -> None:
    folder = made(mine={"1": 1})
    (folder / "mine" / "1.png").write_bytes(b"no picture")

    done = command(
        *("score-set", "-r", folder / "gt", "-d", folder / "mine", "--keep-going"),
        *("--gate", "psnr>1", "--json", folder / "r.json", "--csv", folder / "r.csv"),
    )

    document = json.loads((folder / "r.json").read_text("utf-8"))
    jsonschema.validate(document, SCHEMA)
    assert done.code == 1
    assert document["means"]["mine"]["mean"] == {}


def test_a_failed_run_writes_nothing(made: Sets, command: Callable[..., Any]) -> None:
    folder = made(mine={"1": 1})
    (folder / "mine" / "1.png").write_bytes(b"no picture")

    done = command(
        *("score-set", "-r", folder / "gt", "-d", folder / "mine", "--json", folder / "r.json")
    )

    assert (done.code, done.out) == (1, "")
    assert not (folder / "r.json").exists()


def test_a_run_that_goes_on_exits_as_failed(made: Sets, command: Callable[..., Any]) -> None:
    folder = made(mine={"1": 1, "2": 2})
    (folder / "mine" / "1.png").write_bytes(b"no picture")

    done = command(
        *("score-set", "-r", folder / "gt", "-d", folder / "mine", "--metrics", "psnr"),
        *("--keep-going", "--json", folder / "r.json"),
    )

    assert done.code == 1
    assert "mine: 1 of 2 samples failed, so it has no means." in done.out
    assert "n/a" in done.out
    assert (folder / "r.json").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "takes a list, PAIRS.csv or PAIRS.jsonl, or folders"),
        (("-r", "gt"), "takes a list"),
        (("list.csv", "-r", "gt", "-d", "mine"), "list.csv is no folder"),
        (("mine/1.png", "--csv", "mine/1.png"), "mine/1.png is an input"),
        (("list.txt",), "is a .csv or .jsonl file"),
        (("-r", "gt", "-d", "a=mine", "-d", "a=mine"), "each name once"),
        (("-r", "gt", "-d", "reference=mine"), "Name it differently: NAME=mine"),
        (("-r", "gt", "-d", "mine", "--json", "x", "--csv", "x"), "Two outputs cannot both go"),
        (("-r", "gt", "-d", "mine", "--csv", "k", "--resume", "k"), "Two outputs cannot both go"),
        (("-r", "gt", "-d", "mine", "--metrics", "pnsr"), "no metric called 'pnsr'"),
        (("-r", "gt", "-d", "mine", "--metrics", "epe"), "with the columns flow, flow_reference"),
        (
            ("-r", "gt", "-d", "mine", "--protocol", "xiph-2k", "--scale", "reference"),
            "xiph-2k settles size, format, rounding and cropping itself",
        ),
        (
            ("-r", "gt", "-d", "mine", "--protocol", "ucf101-masked", "--metrics", "psnr"),
            "Sample 1 has no mask",
        ),
    ],
)
def test_requests_that_make_no_sense_are_refused(
    made: Sets,
    command: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    words: str,
) -> None:
    monkeypatch.chdir(made(mine={"1": 1}))

    done = command("score-set", *arguments)

    assert done.code == 2
    assert words in done.err
