import json
from collections.abc import Callable
from pathlib import Path

import pytest

from framegauge.runtime import ScoreError, UsageError
from framegauge.runtime.sets.folder_matching import match_folders
from framegauge.runtime.sets.sample_inputs import Columns
from framegauge.runtime.sets.samples import read_list

Files = Callable[..., Path]


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """Makes empty files and gives their folder."""

    def make(*names: str) -> Path:
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return tmp_path

    return make


def listed(folder: Path, text: str, ending: str = ".csv") -> Path:
    path = folder / f"list{ending}"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_list_in_csv_names_samples_groups_methods_and_further_inputs(files: Files) -> None:
    folder = files("a.png", "x/mine.png", "x/theirs.png", "p.png", "f.flo")
    path = listed(
        folder,
        "name,group,reference,mine,theirs,previous,time,flow_previous_next\n"
        '"one, two",hard,a.png,x/mine.png,x/theirs.png,p.png,0.25,f.flo\n',
    )

    samples = read_list(path)

    (sample,) = samples.rows
    assert samples.methods == ("mine", "theirs")
    assert (sample.name, sample.group, sample.reference) == ("one, two", "hard", folder / "a.png")
    assert sample.distorted == {
        "mine": folder / "x/mine.png",
        "theirs": folder / "x/theirs.png",
    }
    assert sample.further == {
        "previous": str(folder / "p.png"),
        "time": "0.25",
        "flow_previous_next": str(folder / "f.flo"),
    }


def test_a_list_in_json_lines_says_the_same_as_one_in_csv(files: Files) -> None:
    folder = files("a.png", "b.png")
    row = {"reference": "a.png", "distorted": "b.png", "group": None, "time": 0.5}

    samples = read_list(listed(folder, json.dumps(row) + "\n\n", ".jsonl"))

    (sample,) = samples.rows
    assert samples.methods == ("distorted",)
    assert (sample.name, sample.group) == ("a", None)
    assert sample.further == {"time": "0.5"}


def test_columns_can_be_chosen_as_methods(files: Files) -> None:
    path = listed(files("a.png", "b.png"), "reference,mine,speed\na.png,b.png,17\n")

    assert read_list(path, columns=["mine"]).methods == ("mine",)


@pytest.mark.parametrize(
    ("text", "ending", "words"),
    [
        ("distorted\nb.png\n", ".csv", "there is no|reference is not there"),
        ("reference,name\na.png,x\n", ".csv", "a method is not there"),
        ("reference,distorted\na.png\n", ".csv", "line 2 has not 2 cells"),
        ("reference,distorted\na.png,b.png,c.png\n", ".csv", "line 2 has not 2 cells"),
        ("reference,distorted,distorted\na.png,b.png,b.png\n", ".csv", "two columns of one name"),
        ("reference,distorted\n,b.png\n", ".csv", "line 2 has no reference"),
        ("reference,distorted\na.png,b.png\na.png,b.png\n", ".csv", "several samples called a"),
        ('{"reference": ["a.png"]}', ".jsonl", "line 1: an object of paths was wanted"),
        ('{"reference": ', ".jsonl", "line 1 is not JSON"),
        ("", ".txt", "a .csv or .jsonl file"),
        ("reference,mine,\na.png,b.png,\n", ".csv", "a column without a name"),
    ],
)
def test_a_list_that_is_written_wrongly_is_refused(
    files: Files, text: str, ending: str, words: str
) -> None:
    path = listed(files("a.png", "b.png"), text, ending)

    with pytest.raises(UsageError, match=words):
        read_list(path)


def test_missing_files_of_a_list_are_named_before_anything_is_scored(files: Files) -> None:
    folder = files("a.png", "b.png")
    path = listed(folder, "reference,distorted\na.png,b.png\nc.png,b.png\nd.png,\n")

    with pytest.raises(ScoreError, match=r"c \(missing: .*c.png\); d \(missing: distorted's, "):
        read_list(path)
    skipped = read_list(path, on_missing="skip")

    assert [sample.name for sample in skipped.rows] == ["a"]
    assert list(skipped.left_out) == ["c", "d"]


def test_columns_beside_distorted_are_no_methods(files: Files) -> None:
    path = listed(
        files("a.png", "b.png", "c.png"),
        "reference,distorted,original,previos,\na.png,b.png,c.png,c.png,\n",
    )

    samples = read_list(path)

    assert samples.methods == ("distorted",)
    assert samples.inputs["columns_passed_over"] == ["original", "previos"]
    assert samples.notes == ("columns of the list that were not looked at: original, previos",)


def test_columns_that_were_taken_for_methods_are_named_where_files_are_missing(
    files: Files,
) -> None:
    path = listed(files("a.png", "b.png"), "reference,mine,notes\na.png,b.png,nice\n")

    with pytest.raises(ScoreError, match=r"notes's .*nice.*Methods are mine, notes: --distorted N"):
        read_list(path)


def test_the_folder_of_the_list_can_be_the_reference(files: Files) -> None:
    path = listed(files("a.png", "b.png"), "reference,distorted\n.,b.png\n")

    (sample,) = read_list(path).rows

    assert (sample.name, sample.reference) == (".", path.parent)


def test_samples_of_one_name_are_refused_also_where_their_files_are_missing(files: Files) -> None:
    path = listed(files("a.png"), "reference,distorted\na.png,b.png\na.png,c.png\n")

    with pytest.raises(UsageError, match="several samples called a"):
        read_list(path, on_missing="skip")


def test_an_empty_list_is_refused(files: Files) -> None:
    with pytest.raises(ScoreError, match="at least one was wanted"):
        read_list(listed(files(), "reference,distorted\n"))


def test_folders_are_matched_by_name_whatever_the_ending(files: Files) -> None:
    folder = files(
        *("gt/hard/1.png", "gt/hard/2.mp4", "gt/3.png", "gt/notes.txt", "gt/.hidden/9.png"),
        *("a/hard/1.jpg", "a/hard/2.mkv", "a/3.png"),
    )

    samples = match_folders(folder / "gt", {"a": folder / "a"})

    assert [(s.name, s.group) for s in samples.rows] == [
        ("3", None),
        ("hard/1", "hard"),
        ("hard/2", "hard"),
    ]
    assert samples.rows[1].distorted == {"a": folder / "a/hard/1.jpg"}


@pytest.mark.parametrize(("depth", "group"), [(0, None), (1, "x"), (2, "x/y"), (3, "x/y")])
def test_leading_folders_name_the_group(files: Files, depth: int, group: str | None) -> None:
    folder = files("gt/x/y/1.png", "a/x/y/1.png")

    samples = match_folders(folder / "gt", {"a": folder / "a"}, group_folders=depth)

    assert samples.rows[0].group == group


def test_linked_folders_are_looked_into_until_they_lead_back(files: Files) -> None:
    folder = files("data/1.png", "gt/0.png", "a/0.png", "a/easy/1.png")
    (folder / "gt/easy").symlink_to(folder / "data")
    (folder / "data/loop").symlink_to(folder / "gt")

    samples = match_folders(folder / "gt", {"a": folder / "a"})

    assert [sample.name for sample in samples.rows] == ["0", "easy/1"]


def test_files_without_a_partner_are_listed(files: Files) -> None:
    folder = files("gt/1.png", "gt/2.png", "a/1.png", "a/3.png")
    methods = {"mine": folder / "a"}

    with pytest.raises(
        ScoreError, match=r"2 of 3 .*2 \(missing: mine\); 3 \(missing: reference\).*--on-missing"
    ):
        match_folders(folder / "gt", methods)
    skipped = match_folders(folder / "gt", methods, on_missing="skip")

    assert [sample.name for sample in skipped.rows] == ["1"]
    assert list(skipped.left_out) == ["2", "3"]


def test_a_sample_that_one_method_lacks_counts_for_none(files: Files) -> None:
    folder = files("gt/1.png", "gt/2.png", "a/1.png", "a/2.png", "b/1.png")
    methods = {"a": folder / "a", "b": folder / "b"}

    samples = match_folders(folder / "gt", methods, on_missing="skip")

    assert samples.left_out == {"2": "missing: b"}


def test_two_files_that_differ_by_ending_are_refused(files: Files) -> None:
    folder = files("gt/1.png", "gt/1.jpg")

    with pytest.raises(ScoreError, match="differ by their ending only"):
        match_folders(folder / "gt", {})


def test_a_file_is_no_folder(files: Files) -> None:
    folder = files("gt.png")

    with pytest.raises(UsageError, match="is no folder"):
        match_folders(folder / "gt.png", {})


@pytest.mark.parametrize(
    ("methods", "inputs", "words"),
    [
        (("a",), ("reference", "distorted", "next"), "needs next, .* with the column next"),
        (("a",), ("previous", "next", "time"), "with the columns next, time"),
        (("a", "b"), ("previous",), "the same for every method"),
    ],
)
def test_entries_that_a_list_cannot_feed_are_refused(
    methods: tuple[str, ...], inputs: tuple[str, ...], words: str
) -> None:
    columns = Columns(frozenset(["previous"]), methods)

    with pytest.raises(UsageError, match=words):
        columns.refuse("entry", inputs)


def test_what_some_samples_lack_is_not_given(files: Files) -> None:
    folder = files("a.png", "b.png", "f.flo")
    path = listed(
        folder,
        "name,reference,distorted,flow,time\n1,a.png,b.png,f.flo,0.5\n2,a.png,b.png,f.flo,\n",
    )

    columns = Columns.of(read_list(path))

    # A file of a flow says where it is known, which is a mask.
    assert columns.lacking(["reference", "distorted", "flow", "mask", "time"]) == ("time",)
