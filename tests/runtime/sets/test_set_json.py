import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from framegauge.runtime.commands.judge_reports import told_apart

Flat = Callable[[Mapping[str, int]], Path]


@pytest.fixture
def scored(flat: Flat, command: Callable[..., Any]) -> Path:
    """The report of a set of two pictures that differ by 1 and 2, by two methods."""
    levels = {"gt/a.png": 100, "gt/b.png": 100, "one/a.png": 101, "one/b.png": 102}
    folder = flat(levels | {"two/a.png": 104, "two/b.png": 104})
    done = command(
        *("score-set", "-r", folder / "gt", "-d", folder / "one", folder / "two"),
        *("--metrics", "psnr", "--json", folder / "set.json", "--gate", "one.psnr.min>=40"),
    )
    assert done.code == 0, done.err
    return folder / "set.json"


@pytest.fixture
def scored_videos(
    command: Callable[..., Any], reference: str, distorted: str, tmp_path: Path
) -> Path:
    """The report of a set of one pair of videos."""
    (tmp_path / "pairs.csv").write_text(f"reference,distorted\n{reference},{distorted}\n")
    path = tmp_path / "videos.json"
    done = command("score-set", tmp_path / "pairs.csv", "--metrics", "psnr_y", "--json", path)
    assert done.code == 0, done.err
    return path


@pytest.mark.parametrize(
    ("gate", "code"),
    [
        ("one.psnr>=40", 0),
        ("one.samples.psnr.min>=42.11", 0),
        ("one.samples.psnr.min>=42.12", 3),
        ("one.psnr.max>=48.13", 0),  # of pictures a frame is a sample
        ("psnr>=40", 3),
    ],
)
def test_a_sets_report_is_judged(
    scored: Path, command: Callable[..., Any], gate: str, code: int
) -> None:
    done = command("gate", scored, "--gate", gate)

    assert done.code == code, done.err
    assert ("FAILED" in done.out) == (code == 3)


def test_a_sets_report_is_shown(scored: Path, command: Callable[..., Any]) -> None:
    done = command("report", scored, "--csv", scored.with_name("r.csv"))

    (_, first, *_) = scored.with_name("r.csv").read_text().splitlines()
    assert done.code == 0
    assert "mean of samples" not in done.err
    assert "one.psnr.min>=40: 42.11 over frames passed" in done.out
    assert first.startswith("a,,one,1,48.13")


def test_a_gate_over_frames_that_are_not_kept_is_refused(
    scored_videos: Path, command: Callable[..., Any]
) -> None:
    mean = command("gate", scored_videos, "--gate", "psnr_y>=20")
    least = command("gate", scored_videos, "--gate", "psnr_y.min>=20")

    assert mean.code == 0
    assert least.code == 2
    assert "Say samples.psnr_y.min, or give the gate to score-set" in least.err


def test_a_sets_report_has_no_page(scored: Path, command: Callable[..., Any]) -> None:
    done = command("report", scored, "--html", scored.with_name("r.html"))

    assert done.code == 2
    assert "score-set --markdown" in done.err


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"schema_version": 99}, "of schema 99"),
        ({"samples": [{}]}, "is damaged"),
        ({"outputs": {}}, "is damaged"),
        ({"methods": ["three"]}, "is damaged"),
    ],
)
def test_a_sets_report_that_is_damaged_is_refused(
    scored: Path, command: Callable[..., Any], change: Any, words: str
) -> None:
    scored.write_text(json.dumps(json.loads(scored.read_text()) | change))

    done = command("report", scored)

    assert done.code == 1
    assert words in done.err


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["a.json", "b.json"], ["a.json", "b.json"]),
        (["x/r.json", "y/r.json"], ["x/r.json", "y/r.json"]),
        (["p/x/r.json", "q/x/r.json", "s.json"], ["p/x/r.json", "q/x/r.json", "s.json"]),
        (["r.json", "x/r.json"], ["r.json", "x/r.json"]),
        (["r.json", "r.json"], ["r.json", "r.json"]),
    ],
)
def test_files_of_one_name_are_told_apart_by_their_folders(
    paths: list[str], names: list[str]
) -> None:
    assert told_apart(paths) == names
