import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from framegauge.runtime import ScoreError
from framegauge.runtime.sets.folder_matching import match_folders

Flat = Callable[[Mapping[str, int]], Path]


def test_a_folder_that_cannot_be_looked_into_is_no_empty_folder(flat: Flat) -> None:
    folder = flat({"gt/1.png": 100, "mine/1.png": 101})
    (folder / "gt/hard").symlink_to("hard")

    with pytest.raises(ScoreError, match="gt/hard cannot be read: Too many levels"):
        match_folders(folder / "gt", {"mine": folder / "mine"})


def test_a_link_to_a_folder_beside_it_is_followed(flat: Flat) -> None:
    folder = flat({"gt/a/0.png": 100, "mine/a/0.png": 101, "mine/b/0.png": 102})
    (folder / "gt/b").symlink_to("a")

    samples = match_folders(folder / "gt", {"mine": folder / "mine"})

    assert [sample.name for sample in samples.rows] == ["a/0", "b/0"]


@pytest.mark.parametrize("ending", [".flv", ".wmv", ".mpeg", ".MTS", ".vob", ".m2v", ".ogv"])
def test_videos_of_old_kinds_are_samples(flat: Flat, ending: str) -> None:
    folder = flat({"gt/1.png": 100, "mine/1.png": 101})
    (folder / f"gt/2{ending}").touch()
    (folder / f"mine/2{ending}").touch()

    samples = match_folders(folder / "gt", {"mine": folder / "mine"})

    assert [sample.name for sample in samples.rows] == ["1", "2"]


def test_files_that_are_not_looked_at_are_counted(flat: Flat, command: Callable[..., Any]) -> None:
    folder = flat({"gt/1.png": 100, "mine/1.png": 101})
    for name in ("gt/2.gif", "mine/2.GIF", "mine/3.gif", "gt/notes", "gt/.hidden"):
        (folder / name).touch()

    done = command(
        *("score-set", "-r", folder / "gt", "-d", folder / "mine", "--metrics", "psnr"),
        *("--json", folder / "r.json"),
    )

    document = json.loads((folder / "r.json").read_text("utf-8"))
    assert done.code == 0
    assert "note: files with other endings that were not looked at: 3 .gif, 1 without" in done.err
    assert document["inputs"]["files_passed_over"] == {".gif": 3, "": 1}


def test_names_that_are_not_utf_8_are_written_to_every_file(
    flat: Flat, command: Callable[..., Any]
) -> None:
    folder = flat({"gt/1.png": 100, "mine/1.png": 101})
    (folder / "gt/1.png").rename(folder / "gt" / os.fsdecode(b"\xff.png"))
    (folder / "mine/1.png").rename(folder / "mine" / os.fsdecode(b"\xff.png"))

    done = command(
        *("score-set", "-r", folder / "gt", "-d", folder / "mine", "--metrics", "psnr"),
        *("--csv", folder / "r.csv", "--markdown", folder / "r.md", "--json", folder / "r.json"),
    )

    document = json.loads((folder / "r.json").read_text("utf-8"))
    assert done.code == 0
    assert (folder / "r.csv").read_text("utf-8").splitlines()[1].startswith("\\udcff,,mine,1,48.1")
    assert document["samples"][0]["name"] == "\\udcff"


def test_errors_that_name_such_files_are_written_too(
    flat: Flat, command: Callable[..., Any]
) -> None:
    folder = flat({"gt/1.png": 100, "mine/1.png": 101})
    (folder / "gt/1.png").rename(folder / "gt" / os.fsdecode(b"\xff.png"))
    (folder / "mine" / os.fsdecode(b"\xff.png")).write_bytes(b"no picture")
    (folder / "mine/1.png").unlink()

    done = command(
        *("score-set", "-r", folder / "gt", "-d", folder / "mine", "--metrics", "psnr"),
        *("--csv", folder / "r.csv", "--keep-going"),
    )

    assert done.code == 1
    assert "failed: " in (folder / "r.csv").read_text("utf-8")
