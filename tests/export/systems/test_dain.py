import json
from collections.abc import Callable
from pathlib import Path

import pytest
from torch import Tensor

from framegauge.export.catalog import find

VALUES = json.loads((Path(__file__).parents[2] / "golden" / "motion.json").read_text())


@pytest.mark.parametrize("scene", ["bikes_128x192", "bikes_97x131"])
def test_terms_give_the_authors_values(
    scene: str, frame: Callable[[str], Tensor], flow: Callable[[str], Tensor]
) -> None:
    forward, backward = (flow(f"{scene}.flow_{name}") for name in ("01", "10"))
    given = {
        "reference": frame(f"{scene}.target"),
        "distorted": frame(f"{scene}.blur"),
        "merged_blended": frame(f"{scene}.blend"),
        "previous": frame(f"{scene}.frame0"),
        "next": frame(f"{scene}.frame1"),
        "flow_to_previous": (backward - forward) / 4,
        "flow_to_next": (forward - backward) / 4,
    }

    results = find("dain").breakdown(**given)

    blended, rectified, offset, symmetry = (
        pytest.approx(value, rel=1e-6, abs=1e-9)
        for value in VALUES[f"{scene}/flow"]["dain.part_loss"]
    )
    assert {name: value.item() for name, value in results.items()} == {
        "total": rectified,
        "rectified": rectified,
        "blended": blended,
        "offset": offset,
        "symmetry": symmetry,
    }
