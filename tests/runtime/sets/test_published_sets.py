from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from framegauge.runtime import ScoreError, UsageError
from framegauge.runtime.sets.protocols import PROTOCOLS
from framegauge.runtime.sets.published_layouts import LAYOUTS
from framegauge.runtime.sets.published_sets import match_published
from framegauge.runtime.sets.score_set import score_set

Flat = Callable[[Mapping[str, int]], Path]

PUBLISHED = {
    "vimeo90k": (
        "vimeo/sequences/00001/0001/im1.png vimeo/sequences/00001/0001/im2.png "
        "vimeo/sequences/00001/0001/im3.png",
        "vimeo/sequences/00001/0001/im2.png",
    ),
    "vimeo90k-septuplet": (
        " ".join(f"vimeo/sequences/00001/0001/im{n}.png" for n in range(1, 8)),
        "vimeo/sequences/00001/0001/im4.png",
    ),
    "ucf101": (
        "ucf/1/frame_00.png ucf/1/frame_01_gt.png ucf/1/frame_02.png",
        "ucf/1/frame_01_gt.png",
    ),
    "middlebury": (
        "mb/other-data/Venus/frame10.png mb/other-data/Venus/frame11.png "
        "mb/other-gt-interp/Venus/frame10i11.png",
        "mb/other-gt-interp/Venus/frame10i11.png",
    ),
}
NAMES = [
    ("vimeo90k", "00001_0001.png"),
    ("vimeo90k", "00001/0001.png"),
    ("vimeo90k", "00001/0001/im2.png"),
    ("vimeo90k", "00001_0001_im2.jpg"),
    ("vimeo90k", "sequences/00001/0001/im2.png"),
    ("vimeo90k-septuplet", "00001_0001.png"),
    ("vimeo90k-septuplet", "00001/0001/im4.png"),
    ("ucf101", "1.png"),
    ("ucf101", "1/frame_01.png"),
    ("ucf101", "1/frame_01_gt.png"),
    ("ucf101", "1_frame_01.png"),
    ("middlebury", "Venus.png"),
    ("middlebury", "Venus/frame10i11.png"),
]


def test_every_protocol_knows_its_published_folder() -> None:
    assert LAYOUTS.keys() == {protocol.name for protocol in PROTOCOLS}


@pytest.mark.parametrize(("protocol", "name"), NAMES)
def test_the_frame_judged_is_found_by_its_usual_names(flat: Flat, protocol: str, name: str) -> None:
    files, judged = PUBLISHED[protocol]
    folder = flat(dict.fromkeys(files.split(), 100) | {f"mine/{name}": 101})

    samples = match_published(protocol, folder / judged.split("/")[0], {"m": folder / "mine"})

    (row,) = samples.rows
    assert row.reference == folder / judged
    assert row.distorted == {"m": folder / "mine" / name}
    assert samples.notes == ()


@pytest.mark.parametrize("place", ["", "sequences"])
def test_the_test_list_says_what_is_judged_of_vimeo(flat: Flat, place: str) -> None:
    folder = flat(vimeo("00001/0001", "00001/0002") | {"mine/00001_0002.png": 101})
    (folder / "vimeo/tri_testlist.txt").write_text("00001/0002\r\n\r\n")

    samples = match_published("vimeo90k", folder / "vimeo" / place, {"m": folder / "mine"})

    assert [row.name for row in samples.rows] == ["00001/0002"]
    assert samples.rows[0].further == {
        "previous": str(folder / "vimeo/sequences/00001/0002/im1.png"),
        "next": str(folder / "vimeo/sequences/00001/0002/im3.png"),
    }


def test_missing_frames_are_an_error_that_counts_and_names_them(flat: Flat) -> None:
    scenes = [f"00001/{n:04}" for n in range(1, 4)]
    folder = flat(vimeo(*scenes) | {"mine/00001_0002.png": 101, "mine/notes.png": 101})
    (folder / "vimeo/tri_testlist.txt").write_text("\n".join([*scenes, "00001/0004"]))

    with pytest.raises(ScoreError) as caught:
        match_published("vimeo90k", folder / "vimeo", {"m": folder / "mine"})

    assert "3 of the 4 frames that vimeo90k judges are missing" in str(caught.value)
    assert "00001/0001 (missing: m); 00001/0003 (missing: m)" in str(caught.value)
    assert "00001/0004 (missing: m, reference, " in str(caught.value)
    assert "00001/0001/im2.png, 00001/0001.png, 00001_0001_im2.png or 00001_0001.png" in str(
        caught.value
    )


def test_missing_frames_are_left_out_when_that_is_asked_for(flat: Flat) -> None:
    folder = flat(vimeo("00001/0001", "00001/0002") | {"mine/00001_0002.png": 101})

    samples = match_published(
        "vimeo90k", folder / "vimeo", {"m": folder / "mine"}, on_missing="skip"
    )

    assert samples.left_out == {"00001/0001": "missing: m"}


def test_images_that_are_no_frame_judged_are_named(flat: Flat) -> None:
    folder = flat(vimeo("00001/0001") | {"mine/00001_0001.png": 101, "mine/00001_9999.png": 1})

    samples = match_published("vimeo90k", folder / "vimeo", {"m": folder / "mine"})

    assert samples.notes == (
        "images of m that are no frame judged, and were not looked at: 00001_9999.png",
    )


def test_a_frame_that_is_there_twice_is_refused(flat: Flat) -> None:
    made = {"mine/00001_0001.png": 101, "mine/00001/0001/im2.png": 102}
    folder = flat(vimeo("00001/0001") | made)

    with pytest.raises(ScoreError, match=r"0001\.png and .*/im2\.png are both called as"):
        match_published("vimeo90k", folder / "vimeo", {"m": folder / "mine"})


def test_septuplets_are_not_taken_for_triplets(flat: Flat) -> None:
    folder = flat(dict.fromkeys(PUBLISHED["vimeo90k-septuplet"][0].split(), 100) | {"m/1.png": 1})

    with pytest.raises(UsageError, match="--protocol vimeo90k-septuplet"):
        match_published("vimeo90k", folder / "vimeo", {"m": folder / "m"})


def test_ucf101_is_in_the_order_of_its_numbers_with_its_masks(flat: Flat) -> None:
    names = ("1", "11", "2")
    folder = flat(
        {f"ucf101_interp_ours/{name}/frame_01_gt.png": 100 for name in names}
        | {f"motion_masks_ucf101_interp/{name}/motion_mask.png": 255 for name in names}
        | {f"ucf101_interp_ours/{name}/frame_01_ours.png": 101 for name in names}
    )
    ours = folder / "ucf101_interp_ours"

    masked = match_published("ucf101-masked", folder, {"dvf": ours}, on_missing="skip")
    whole = match_published(
        "ucf101", ours, {"dvf": folder / "ucf101_interp_ours"}, on_missing="skip"
    )

    assert [row.name for row in whole.rows] == ["1", "2", "11"]
    assert [row.further["mask"] for row in masked.rows] == [
        str(folder / f"motion_masks_ucf101_interp/{name}/motion_mask.png")
        for name in ("1", "2", "11")
    ]
    assert all("mask" not in row.further for row in whole.rows)


@pytest.mark.parametrize("lists", ["", "eval_modes/"])
def test_snu_film_is_read_by_its_lists(flat: Flat, lists: str) -> None:
    clip = "GOPRO_test/GOPR0384_11_00"
    frames = [f"snu/test/{clip}/{n:06}.png" for n in range(1, 6)]
    folder = flat(
        dict.fromkeys(frames, 100)
        | {f"mine/easy/{clip}/000002.png": 101, "mine/hard_GOPR0384_11_00_000003.png": 102}
    )
    write(folder / f"snu/{lists}test-easy.txt", clip, 1, 2, 3)
    write(folder / f"snu/{lists}test-hard.txt", clip, 1, 3, 5)

    samples = match_published("snu-film", folder / "snu", {"m": folder / "mine"})

    assert [(row.name, row.group) for row in samples.rows] == [
        (f"easy/{clip}/000002", "easy"),
        (f"hard/{clip}/000003", "hard"),
    ]
    assert samples.rows[1].reference == folder / frames[2]
    assert samples.rows[1].further["next"] == str(folder / frames[4])


def test_one_list_of_snu_film_needs_no_level_in_names(flat: Flat) -> None:
    clip = "YouTube_test/0000"
    frames = [f"snu/test/{clip}/{n:05}.png" for n in range(3)]
    folder = flat(dict.fromkeys(frames, 100) | {f"mine/{clip}/00001.png": 101})
    write(folder / "snu/test-easy.txt", clip, 0, 1, 2, width=5)
    write(folder / "snu/test-hard.txt", clip, 0, 1, 2, width=5)

    samples = match_published("snu-film", folder / "snu/test-easy.txt", {"m": folder / "mine"})

    assert [row.name for row in samples.rows] == [f"easy/{clip}/00001"]


def test_a_line_of_another_list_is_refused(flat: Flat) -> None:
    folder = flat({"snu/a.png": 1, "mine/a.png": 1})
    (folder / "snu/test-easy.txt").write_text("a.png b.png\n")

    with pytest.raises(ScoreError, match=r"test-easy\.txt, line 1: three paths were wanted"):
        match_published("snu-film", folder / "snu", {"m": folder / "mine"})


@pytest.mark.parametrize("name", ["Type1/TEST01_003_f0433/{}.png", "TEST01_003_f0433_{}.png"])
def test_x_test_judges_the_seven_frames_between_two(flat: Flat, name: str) -> None:
    numbers = [f"{n:04}" for n in range(4, 32, 4)]
    clip = "Type1/TEST01_003_f0433"
    folder = flat(
        {f"x/test/{clip}/{n:04}.png": 100 for n in range(33)}
        | {"mine/" + name.format(number): 101 for number in numbers}
    )

    samples = match_published("xtest-4k", folder / "x", {"m": folder / "mine"})

    assert [row.name for row in samples.rows] == [f"{clip}/{number}" for number in numbers]
    assert {row.group for row in samples.rows} == {"Type1"}


def test_xiph_judges_every_second_frame(flat: Flat) -> None:
    numbers = [f"{n:03}" for n in range(2, 99, 2)]
    folder = flat(
        {f"xiph/netflix/Tango-{n:03}.png": 100 for n in range(1, 101)}
        | {f"mine/Tango-{number}.png": 101 for number in numbers}
    )

    samples = match_published("xiph-2k", folder / "xiph", {"m": folder / "mine"})

    assert [row.name for row in samples.rows] == [f"Tango-{number}" for number in numbers]
    assert samples.rows[0].further["next"] == str(folder / "xiph/netflix/Tango-003.png")


def test_folders_laid_out_otherwise_are_matched_by_name(flat: Flat) -> None:
    folder = flat({"gt/a.png": 100, "mine/a.png": 101})

    samples = match_published("vimeo90k", folder / "gt", {"m": folder / "mine"})

    assert [row.name for row in samples.rows] == ["a"]


def test_the_command_scores_the_published_folder(
    flat: Flat, command: Callable[..., Any], decibels: Callable[[float], float]
) -> None:
    folder = flat(vimeo("00001/0001") | {"mine/00001_0001.png": 102})
    (folder / "vimeo/tri_testlist.txt").write_text("00001/0001\n")

    done = command(
        *("score-set", "-r", folder / "vimeo", "-d", folder / "mine", "--protocol", "vimeo90k"),
        *("--metrics", "psnr", "--csv", folder / "r.csv"),
    )

    (_, line) = (folder / "r.csv").read_text().splitlines()
    assert done.code == 0
    assert line.startswith(f"00001/0001,,mine,1,{decibels(2):.2f}")


def test_a_run_in_python_takes_the_same_set(flat: Flat, decibels: Callable[[float], float]) -> None:
    folder = flat(vimeo("00001/0001") | {"mine/00001_0001.png": 102})

    samples = match_published("vimeo90k", folder / "vimeo", {"m": folder / "mine"})
    report = score_set(samples, protocol="vimeo90k", metrics="psnr")

    assert report.mean("m", "psnr") == pytest.approx(decibels(2), abs=1e-4)
    assert "1 sample was scored, the test set has 3782" in report.departures


def vimeo(*scenes: str) -> dict[str, int]:
    """The files of scenes of triplets."""
    return {f"vimeo/sequences/{name}/im{n}.png": 100 for name in scenes for n in (1, 2, 3)}


def write(path: Path, clip: str, *numbers: int, width: int = 6) -> None:
    """Write a list of SNU-FILM of one line, with the folder that its authors had it in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    names = (f"data/SNU-FILM/test/{clip}/{number:0{width}}.png" for number in numbers)
    path.write_text(" ".join(names) + "\n")
