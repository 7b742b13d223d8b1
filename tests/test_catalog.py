"""Files, catalogue and guide agree on what there is."""

import re
from pathlib import Path
from typing import Any

import pytest

from framegauge.export.catalog import ENTRIES, TRAINING_ONLY, find, listings

ROOT = Path(__file__).parents[1]
NAMES = [listing.spec.name for listing in listings()]
# Modules that hold several entries.
SEVERAL = {
    "psnr_planes": {"psnr_y", "psnr_cb", "psnr_cr"},
    "lpips": {"lpips_alex", "lpips_vgg"},
    "epe": {"epe", "aee"},
    "flow_outliers": {"fl_all", "epe_1px", "epe_3px", "epe_5px"},
    "adversarial": {
        "gan_discriminator",
        "gan_generator",
        "wgan_discriminator",
        "wgan_generator",
        "dual_frame_discriminator",
        "dual_frame_generator",
    },
}


@pytest.mark.parametrize("folder", ["metrics", "losses", "systems"])
def test_every_file_is_in_the_catalogue_and_the_other_way_round(folder: str) -> None:
    files = {path.stem for path in (ROOT / "export" / folder).glob("[!_]*.py")}

    listed = {
        module.__module__.rpartition(".")[2]
        for module in (*ENTRIES, *(each.module for each in TRAINING_ONLY))
        if module.__module__.split(".")[-2] == folder
    }

    assert listed == files


@pytest.mark.parametrize("entry", ENTRIES, ids=NAMES)
def test_an_entry_lives_in_the_file_of_its_name(entry: Any) -> None:
    stem = entry.__module__.rpartition(".")[2]

    assert entry.SPEC.name in SEVERAL.get(stem, {stem})


@pytest.mark.parametrize("entry", ENTRIES, ids=NAMES)
def test_losses_and_metrics_live_in_their_folders(entry: Any) -> None:
    folder = entry.__module__.split(".")[-2]

    assert {"metrics": "metric", "losses": "loss", "systems": "system"}[folder] == entry.SPEC.kind


@pytest.mark.parametrize("each", TRAINING_ONLY, ids=lambda each: each.name)
def test_a_module_for_training_only_is_refused_with_its_reason(each: Any) -> None:
    with pytest.raises(ValueError, match=f"{each.name} is for training only: {each.why}"):
        find(each.name)


@pytest.mark.parametrize("each", TRAINING_ONLY, ids=lambda each: each.name)
def test_a_module_for_training_only_is_no_entry(each: Any) -> None:
    assert each.name not in NAMES


def test_no_two_entries_share_a_name() -> None:
    names = [name for item in listings() for name in (item.spec.name, *item.spec.aliases)]

    assert len(set(names)) == len(names)


@pytest.mark.parametrize("entry", [entry for entry in ENTRIES if not entry.SPEC.weights])
def test_an_entry_is_found_by_its_name_with_its_defaults(entry: Any) -> None:
    assert type(find(entry.SPEC.name)) is entry


@pytest.mark.parametrize("entry", ENTRIES, ids=NAMES)
def test_an_entry_is_described(entry: Any) -> None:
    assert vars(entry)["__doc__"]


@pytest.mark.parametrize("entry", ENTRIES, ids=NAMES)
def test_an_entry_says_what_it_is(entry: Any) -> None:
    spec = entry.SPEC

    assert spec.title
    assert spec.source
    assert spec.tolerance > 0
    high = float("inf") if spec.high is None else spec.high
    assert spec.ideal is None or spec.low <= spec.ideal <= high


@pytest.mark.parametrize("name", NAMES)
def test_an_entry_has_a_row_in_the_guide(name: Any) -> None:
    assert name in names_in_the_guide()


def test_the_guide_names_no_entry_that_is_not_there() -> None:
    known = {name for item in listings() for name in (item.spec.name, *item.spec.aliases)}

    assert names_in_the_guide() <= known


def names_in_the_guide() -> Any:
    """Names in the first cells of the tables of the guide whose head begins with `entry`."""
    tables = re.findall(
        r"^\| entry \|[^\n]*\n((?:\|[^\n]*\n)+)",
        (ROOT / "export" / "README.md").read_text(),
        re.MULTILINE,
    )
    first_cells = [row.split("|")[1] for table in tables for row in table.splitlines()]
    return {name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)}
