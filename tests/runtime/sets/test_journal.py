import json
import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from framegauge.runtime import UsageError
from framegauge.runtime.sets.samples import read_list
from framegauge.runtime.sets.score_set import score_set
from framegauge.runtime.sets.set_report import SetReport

Flat = Callable[[Mapping[str, int]], Path]
Decibels = Callable[[float], float]

# Scores are float32, decibels of errors that are float32 too.
DECIBEL = 1e-4

PAIR = {"gt/1.bmp": 100, "mine/1.bmp": 101}
CLIPS = {"gt/1.png": 100, "gt/2.png": 100, "mine/1.png": 101, "mine/2.png": 101}


def listed(folder: Path, text: str) -> Path:
    path = folder / "list.csv"
    path.write_text(text)
    return path


def resumed(path: str | Path, journal: Path) -> SetReport:
    return score_set(read_list(path), metrics="psnr", resume=journal)


def rewrite(journal: Path, *scores: float | None) -> None:
    """Put in values that no model gave: if they come back, they were taken and not computed."""
    head, line = journal.read_text().splitlines()
    kept = json.loads(line)
    kept["score"]["frames"]["psnr"] = scores
    journal.write_text(f"{head}\n{json.dumps(kept)}\n")


@pytest.mark.parametrize("row", ["gt,mine", "gt/%d.png,mine/%d.png"])
def test_a_clip_of_images_is_scored_again_when_one_was_overwritten(
    flat: Flat, decibels: Decibels, row: str
) -> None:
    folder = flat(CLIPS)
    path = listed(folder, f"name,reference,distorted\nclip,{row}\n")
    resumed(path, folder / "kept")
    flat({"mine/2.png": 105})

    report = resumed(path, folder / "kept")

    wanted = (decibels(1) + decibels(5)) / 2
    assert report.mean("distorted", "psnr") == pytest.approx(wanted, abs=DECIBEL)


def test_a_clip_of_images_that_did_not_change_is_not_scored_again(flat: Flat) -> None:
    folder = flat(CLIPS)
    path = listed(folder, "reference,distorted\ngt,mine\n")
    resumed(path, folder / "kept")
    rewrite(folder / "kept", 12.5)

    assert resumed(path, folder / "kept").mean("distorted", "psnr") == 12.5


def test_a_file_of_the_same_size_and_time_is_scored_again(flat: Flat, decibels: Decibels) -> None:
    folder = flat(PAIR)
    path = listed(folder, "reference,distorted\ngt/1.bmp,mine/1.bmp\n")
    os.utime(folder / "mine/1.bmp", (1e9, 1e9))
    resumed(path, folder / "kept")
    flat({"mine/1.bmp": 105})
    os.utime(folder / "mine/1.bmp", (1e9, 1e9))

    report = resumed(path, folder / "kept")

    assert report.mean("distorted", "psnr") == pytest.approx(decibels(5), abs=DECIBEL)


def test_scores_are_found_again_from_another_folder_and_with_a_time(
    flat: Flat, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = flat(PAIR)
    listed(folder, "reference,distorted,time\ngt/1.bmp,mine/1.bmp,0.5\n")
    monkeypatch.chdir(folder)
    resumed("list.csv", folder / "kept")
    rewrite(folder / "kept", 12.5)
    monkeypatch.chdir(folder / "gt")

    report = resumed("../list.csv", folder / "kept")

    assert report.mean("distorted", "psnr") == 12.5


def test_frames_are_kept_with_those_that_have_no_finite_score(flat: Flat) -> None:
    folder = flat(CLIPS)
    path = listed(folder, "name,reference,distorted\nclip,gt,mine\n")
    resumed(path, folder / "kept")
    rewrite(folder / "kept", 30.25, None)

    report = resumed(path, folder / "kept")

    first, second = report.frames("distorted", "psnr").tolist()
    assert first == 30.25
    assert math.isnan(second)
    assert math.isnan(report.mean("distorted", "psnr"))


def test_what_was_kept_without_frames_is_scored_again(flat: Flat, decibels: Decibels) -> None:
    folder = flat(CLIPS)
    path = listed(folder, "name,reference,distorted\nclip,gt,mine\n")
    resumed(path, folder / "kept")
    head, line = (folder / "kept").read_text().splitlines()
    kept = json.loads(line)
    kept["score"] |= {"frames": 2, "scores": {"psnr": 12.5}}
    (folder / "kept").write_text(f"{head}\n{json.dumps(kept)}\n")

    report = resumed(path, folder / "kept")

    assert report.frames("distorted", "psnr") == pytest.approx([decibels(1)] * 2, abs=DECIBEL)


def test_a_first_line_that_was_cut_off_is_begun_again(flat: Flat) -> None:
    folder = flat(PAIR)
    path = listed(folder, "reference,distorted\ngt/1.bmp,mine/1.bmp\n")
    (folder / "kept").write_text('{"journal": "frameg')

    resumed(path, folder / "kept")

    assert len((folder / "kept").read_text().splitlines()) == 2


@pytest.mark.parametrize(
    "content",
    [
        *(b"\xff", b"\xff\n", b'{"journal": "framegauge score-set"}\n', b"[]\n"),
        pytest.param(b"[" * 100_000 + b"\n", id="deep"),
    ],
)
def test_a_file_that_is_no_journal_is_refused(flat: Flat, content: bytes) -> None:
    folder = flat(PAIR)
    path = listed(folder, "reference,distorted\ngt/1.bmp,mine/1.bmp\n")
    (folder / "kept").write_bytes(content)

    with pytest.raises(UsageError, match="no journal of score-set"):
        resumed(path, folder / "kept")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda line: line["score"].pop("moments"),
        lambda line: line.pop("sha256"),
        lambda line: line.update(sha256="0"),
        lambda line: line["score"].update(surprise=1),
        lambda line: line["score"]["frames"].pop("psnr"),
        lambda line: line["score"]["frames"].update(psnr=["x"]),
        lambda line: line["score"].update(moments={}),
        lambda line: line["score"].update(size=[1]),
        lambda line: line["score"].update(inputs=[1]),
        lambda line: line["score"].update(frames=None),
    ],
)
def test_a_line_that_is_not_as_it_was_written_is_scored_again(
    flat: Flat, decibels: Decibels, spoil: Callable[[dict[str, Any]], object]
) -> None:
    folder = flat(PAIR)
    path = listed(folder, "reference,distorted\ngt/1.bmp,mine/1.bmp\n")
    resumed(path, folder / "kept")
    rewrite(folder / "kept", 12.5)
    head, kept = (folder / "kept").read_text().splitlines()
    line = json.loads(kept)
    spoil(line)
    (folder / "kept").write_text(f"{head}\n{json.dumps(line)}\n")

    report = resumed(path, folder / "kept")

    assert report.mean("distorted", "psnr") == pytest.approx(decibels(1), abs=DECIBEL)
    assert all(map(math.isfinite, report.scores["gt/1", "distorted"].moments.values()))
