import json
from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from framegauge.runtime import UsageError
from framegauge.runtime.sets.folder_matching import match_folders
from framegauge.runtime.sets.samples import Sample, Samples
from framegauge.runtime.sets.score_set import score_set
from framegauge.runtime.sets.set_tables import to_markdown

SCHEMA = json.loads(files("framegauge.runtime.sets").joinpath("set.schema.json").read_text("utf-8"))

Flat = Callable[[Mapping[str, int]], Path]


def one(reference: Path, distorted: Path) -> Samples:
    row = Sample(name="a", group=None, reference=reference, distorted={"mine": distorted})
    return Samples(rows=(row,), methods=("mine",), left_out={}, inputs={})


def test_a_gate_is_for_the_method_whose_whole_name_it_has(flat: Flat) -> None:
    folder = flat({"gt/1.png": 100, "a/1.png": 150, "b/1.png": 101})
    samples = match_folders(folder / "gt", {"v4": folder / "a", "v4.6": folder / "b"})

    report = score_set(samples, metrics="psnr", gates=["v4.6.psnr>=40"])

    assert [str(each.gate) for each in report.gates] == ["v4.6.psnr.mean>=40"]
    assert report.passed


def test_a_gate_that_names_nothing_is_refused_before_anything_is_scored(flat: Flat) -> None:
    folder = flat({"gt/1.png": 100, "mine/1.png": 101})
    (folder / "mine/1.png").write_bytes(b"no picture")
    samples = match_folders(folder / "gt", {"mine": folder / "mine"})

    with pytest.raises(UsageError, match="there is no 'pnsr'"):
        score_set(samples, metrics="psnr", gates=["pnsr>=40"])


def test_the_report_says_what_was_assumed(picture: Callable[..., Path]) -> None:
    silent = picture("-pix_fmt", "yuv420p")

    report = score_set(one(silent, silent), metrics="psnr_y")

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
