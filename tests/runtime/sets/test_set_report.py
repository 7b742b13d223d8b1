import json
from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from framegauge.runtime import ScoreError, UsageError, score
from framegauge.runtime.commands.terminal import wide_console
from framegauge.runtime.sets.folder_matching import match_folders
from framegauge.runtime.sets.samples import Sample, Samples, read_list
from framegauge.runtime.sets.score_set import score_set
from framegauge.runtime.sets.set_tables import print_set, to_latex, to_markdown

SCHEMA = json.loads(files("framegauge.runtime.sets").joinpath("set.schema.json").read_text("utf-8"))

Flat = Callable[[Mapping[str, int]], Path]
Decibels = Callable[[float], float]

# Scores are float32, decibels of errors that are float32 too.
DECIBEL = 1e-4


def one(reference: Path, distorted: Path) -> Samples:
    row = Sample(name="a", group=None, reference=reference, distorted={"mine": distorted})
    return Samples(rows=(row,), methods=("mine",), left_out={}, inputs={})


def test_a_gate_is_for_the_method_whose_whole_name_it_has(flat: Flat) -> None:
    folder = flat({"gt/1.png": 100, "a/1.png": 150, "b/1.png": 101})
    samples = match_folders(folder / "gt", {"v4": folder / "a", "v4.6": folder / "b"})

    report = score_set(samples, metrics="psnr", gates=["v4.6.psnr>=40"])

    assert [str(each.gate) for each in report.gates] == ["v4.6.psnr.mean>=40"]
    assert report.passed


def lengths(flat: Flat) -> Samples:
    """Two clips: one frame that is off by 1, and three that are off by 2, 2 and 20."""
    errors = {"short/1": 1, "long/1": 2, "long/2": 2, "long/3": 20}
    folder = flat(
        {f"gt/{name}.png": 100 for name in errors}
        | {f"mine/{name}.png": 100 + error for name, error in errors.items()}
    )
    rows = [
        Sample(
            name=name,
            group=None,
            reference=folder / "gt" / name,
            distorted={"mine": folder / "mine" / name},
        )
        for name in ("short", "long")
    ]
    return Samples(rows=tuple(rows), methods=("mine",), left_out={}, inputs={})


def test_a_gate_is_over_all_frames_or_over_the_samples_as_it_says(
    flat: Flat, decibels: Decibels
) -> None:
    frames = [decibels(error) for error in (1, 2, 2, 20)]
    means = [frames[0], sum(frames[1:]) / 3]
    gates = ["psnr>1", "samples.psnr>1", "psnr.min>30", "mine.samples.psnr.min>30"]

    report = score_set(lengths(flat), metrics="psnr", gates=gates)

    values = [each.value for each in report.gates]
    wanted = [sum(frames) / 4, sum(means) / 2, min(frames), min(means)]
    assert values == pytest.approx(wanted, abs=DECIBEL)
    # A frame of 22 dB hides in its sample's mean of 35 dB.
    assert [each.passed for each in report.gates] == [True, True, False, True]


def test_the_report_says_what_a_gate_is_over(flat: Flat, capsys: Any) -> None:
    gates = ["psnr.min>=30", "samples.psnr.min>=30"]
    report = score_set(lengths(flat), metrics="psnr", gates=gates)

    print_set(report, wide_console())

    document = json.loads(report.to_json())
    jsonschema.validate(document, SCHEMA)
    assert [(each["over"], each["method"], each["label"]) for each in document["gates"]] == [
        ("frames", None, "psnr"),
        ("samples", None, "psnr"),
    ]
    # Errors of 2, 2 and 20: 20 log10(255 / 2) is 42.110 and 20 log10(255 / 20) 22.110.
    said = ("psnr.min>=30: 22.11 over frames", "samples.psnr.min>=30: 35.444 over samples")
    for text in (capsys.readouterr().out, to_markdown(report), to_latex(report)):
        plain = text.replace(r"\textgreater{}", ">")
        assert all(words in plain for words in said), text


def test_a_gate_over_a_sample_that_failed_fails(flat: Flat) -> None:
    samples = lengths(flat)
    (samples.rows[0].distorted["mine"] / "1.png").write_bytes(b"no picture")
    gates = ["psnr>1", "samples.psnr>1"]

    report = score_set(samples, metrics="psnr", gates=gates, keep_going=True)

    assert [(each.value, each.passed) for each in report.gates] == [(None, False)] * 2


def masked(flat: Flat, *masks: int) -> Samples:
    """Samples that are off by 1, with uniform masks of these levels."""
    folder = flat({"gt.png": 100, "mine.png": 101} | {f"{level}.png": level for level in masks})
    rows = [
        Sample(
            name=str(level),
            group=None,
            reference=folder / "gt.png",
            distorted={"mine": folder / "mine.png"},
            further={"mask": str(folder / f"{level}.png")},
        )
        for level in masks
    ]
    return Samples(rows=tuple(rows), methods=("mine",), left_out={}, inputs={})


@pytest.mark.parametrize("gate", ["psnr>1", "samples.psnr>1"])
def test_a_gate_over_no_frames_fails(flat: Flat, gate: str) -> None:
    report = score_set(masked(flat, 0), metrics="psnr", protocol="ucf101-masked", gates=[gate])

    assert report.scores["0", "mine"].left_out == "its mask is empty"
    assert [(each.value, each.passed) for each in report.gates] == [(None, False)]


@pytest.mark.parametrize("gate", ["psnr>1", "samples.psnr>1"])
def test_what_a_protocol_leaves_out_is_in_no_gate(
    flat: Flat, decibels: Decibels, gate: str
) -> None:
    samples = masked(flat, 0, 255)

    report = score_set(samples, metrics="psnr", protocol="ucf101-masked", gates=[gate])

    (outcome,) = report.gates
    assert outcome.value == pytest.approx(decibels(1), abs=DECIBEL)


def test_frames_of_a_sample_score_as_those_of_two_videos(picture: Callable[..., Path]) -> None:
    reference = picture(frames=40)
    distorted = picture("-vf", "noise=alls=20:all_seed=1:allf=t", frames=40)

    report = score_set(one(reference, distorted), metrics="psnr_y,float_ssim")

    alone = score(reference, distorted, metrics="psnr_y,float_ssim").frames.scores
    for label in report.labels:
        assert report.frames("mine", label).tolist() == alone[label].tolist()


@pytest.mark.parametrize("word", ["samples", "scenes", "baseline", "harmonic_mean", "p5", "p99.9"])
def test_no_method_is_called_as_a_word_that_gates_read(flat: Flat, word: str) -> None:
    folder = flat({"gt/1.png": 100, f"{word}/1.png": 101})
    (folder / "list.csv").write_text(f"reference,{word}\ngt/1.png,{word}/1.png\n")

    with pytest.raises(UsageError, match=f"'{word}' cannot be the name of a method"):
        match_folders(folder / "gt", {word: folder / word})
    with pytest.raises(UsageError, match=f"'{word}' cannot be the name of a method"):
        read_list(folder / "list.csv")


def test_a_gate_that_names_nothing_is_refused_before_anything_is_scored(flat: Flat) -> None:
    folder = flat({"gt/1.png": 100, "mine/1.png": 101})
    (folder / "mine/1.png").write_bytes(b"no picture")
    samples = match_folders(folder / "gt", {"mine": folder / "mine"})

    with pytest.raises(UsageError, match="there is no 'pnsr'"):
        score_set(samples, metrics="psnr", gates=["pnsr>=40"])


def test_the_report_says_what_was_assumed(picture: Callable[..., Path]) -> None:
    silent = picture("-pix_fmt", "yuv420p")

    report = score_set(one(silent, silent), metrics="psnr")

    document = json.loads(report.to_json())
    jsonschema.validate(document, SCHEMA)
    assumed = {"assumed": {"matrix": "bt601"}}
    assert document["samples"][0]["methods"]["mine"]["inputs"] == {
        "reference": assumed,
        "distorted": assumed,
    }
    assert "Note: 1 sample: matrix assumed to be bt601." in to_markdown(report)


def test_the_report_says_what_was_converted_and_scaled(
    flat: Flat, picture: Callable[..., Path]
) -> None:
    folder = flat({"1.png": 100})
    told = ("-colorspace", "bt709", "-color_range", "pc", "-pix_fmt", "yuv444p")
    samples = one(folder / "1.png", picture(*told, frames=1))

    report = score_set(samples, metrics="psnr", scale="reference:area", convert="rgb24")

    document = json.loads(report.to_json())
    jsonschema.validate(document, SCHEMA)
    assert document["samples"][0]["methods"]["mine"]["inputs"] == {
        "distorted": {
            "converted": {"from": "yuv444p", "format": "rgb24"},
            "scaled": {"width": 32, "height": 24, "scaler": "area"},
        }
    }
    words = to_markdown(report)
    assert "Note: 1 sample: yuv444p converted to rgb24." in words
    assert "Note: 1 sample: scaled by area." in words


def test_what_was_taken_as_it_is_is_not_mentioned(flat: Flat) -> None:
    folder = flat({"gt/1.png": 100, "mine/1.png": 101})

    report = score_set(one(folder / "gt/1.png", folder / "mine/1.png"), metrics="psnr")

    assert "inputs" not in json.loads(report.to_json())["samples"][0]["methods"]["mine"]


def test_what_a_journal_gives_back_says_it_too(flat: Flat, picture: Callable[..., Path]) -> None:
    folder = flat({"1.png": 100})
    samples = one(folder / "1.png", picture("-pix_fmt", "yuv444p", frames=1))
    options: dict[str, Any] = {"metrics": "psnr", "scale": "reference", "convert": "rgb24"}

    first = score_set(samples, resume=folder / "kept", **options)
    again = score_set(samples, resume=folder / "kept", **options)

    assert again.to_json() == first.to_json()


def test_a_reference_that_a_protocol_halved_is_told_from_one_it_did_not(
    flat: Flat, picture: Callable[..., Path]
) -> None:
    folder = flat({"gt/1.png": 100, "gt/2.png": 100, "mine/2.png": 100})
    small = picture("-vf", "scale=16:12", "-pix_fmt", "bgr0", frames=1, size="64x64")
    (folder / "mine/1.mkv").symlink_to(small)
    samples = match_folders(folder / "gt", {"mine": folder / "mine"})

    report = score_set(samples, metrics="psnr", protocol="xiph-2k")

    document = json.loads(report.to_json())
    jsonschema.validate(document, SCHEMA)
    halved, same = (each["methods"]["mine"] for each in document["samples"])
    assert halved["inputs"] == {"reference": {"fitted": "half"}}
    assert "inputs" not in same


def test_the_report_says_what_was_cropped_shared_and_ignored(
    picture: Callable[..., Path], clip: Callable[..., Path]
) -> None:
    ten = ("-pix_fmt", "yuv420p10le")
    pq = "format=yuv420p10le,setparams=color_trc=smpte2084:color_primaries=bt2020:colorspace=bt709"
    hlg = pq.replace("smpte2084", "arib-std-b67")
    first, second = (picture("-vf", words, *ten, frames=1) for words in (pq, hlg))
    silent = picture(*ten, frames=1)

    ignoring = score_set(one(first, second), metrics="psnr_y", on_colour_mismatch="ignore")
    shared = score_set(one(first, silent), metrics="psnr_y")
    given = score_set(one(first, second), metrics="psnr_y", transfer="pq")

    for report in (ignoring, shared, given):
        jsonschema.validate(json.loads(report.to_json()), SCHEMA)
    assert "Note: 1 sample: transfer differs and is ignored." in to_markdown(ignoring)
    assert "Note: 1 sample: transfer assumed to be smpte2084." in to_markdown(shared)
    assert "transfer" not in to_markdown(given)
    with pytest.raises(ScoreError, match="mean different light"):
        score_set(one(first, second), metrics="psnr_y")


def test_the_report_says_what_the_container_said_and_what_became_of_grain(
    clip: Callable[..., Path],
) -> None:
    source = ("-f", "lavfi", "-i", "testsrc2=s=64x64:d=0.1", "-pix_fmt", "yuv420p")
    coded = ("-c:v", "libsvtav1", "-preset", 10, "-svtav1-params", "film-grain=30")
    grained = clip(".mkv", *source, *coded)
    silent = clip(".mkv", *source, "-c:v", "libx265", "-x265-params", "log-level=none")
    said = clip(".mkv", "-i", silent, "-c", "copy", "-colorspace", "bt709", "-color_range", "tv")

    grain = score_set(one(said, grained), metrics="psnr_y", film_grain="off")

    document = json.loads(grain.to_json())
    jsonschema.validate(document, SCHEMA)
    inputs = document["samples"][0]["methods"]["mine"]["inputs"]
    assert inputs["distorted"]["film_grain"] == "left out"
    assert inputs["reference"]["from_container"] == ["matrix"]
    assert "Note: 1 sample: film grain left out." in to_markdown(grain)
