"""What the README says of systems, and of the entries that published numbers are of."""

import re
from pathlib import Path
from typing import Any

import pytest

from framegauge.export.catalog import ENTRIES, find, listings
from framegauge.export.contract.entry import find_listing, parse_entries

ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (Path(__file__).parents[2] / "export" / "README.md").read_text("utf-8").splitlines()
    if line.startswith("| ")
]
SYSTEMS = {name[1]: row for row in ROWS if len(row) == 5 and (name := re.match(r"`(\w+)`", row[0]))}
ASKED = [
    entry
    for row in ROWS
    if len(row) == 2
    for entry in re.findall(r"`(\w+(?:\[.*?\])?(?:,\w+)*)`", row[1])
]


def test_every_system_has_a_row() -> None:
    systems = {entry.SPEC.name for entry in ENTRIES if entry.SPEC.kind == "system"}

    assert set(SYSTEMS) == systems


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_row_names_the_defaults_terms_and_weights(name: Any, networks: Any) -> None:
    default = SYSTEMS[name][2].partition(";")[0]

    system = find(name, weights=networks)

    counted = {part: term.weight for part, term in system.parts.items() if term.weight}
    written = {part: float(weight) for weight, part in re.findall(r"([\d.]+) `(\w+)`", default)}
    assert written == counted


@pytest.mark.parametrize("text", ASKED)
def test_what_a_paper_used_can_be_asked_for(text: Any) -> None:
    for entry in parse_entries(text):
        assert find_listing(entry, listings()).label(entry)


def test_there_is_something_to_ask_for() -> None:
    assert len(ASKED) > 30
