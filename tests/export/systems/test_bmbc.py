import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from framegauge.export.catalog import find

VALUES = json.loads((Path(__file__).parents[2] / "golden" / "motion.json").read_text())


@pytest.mark.parametrize("scene", ["bikes_128x192", "bikes_97x131"])
def test_terms_give_the_values_of_the_formula(
    scene: str, frame: Callable[[str], Tensor], flow: Callable[[str], Tensor]
) -> None:
    forward, backward = (flow(f"{scene}.flow_{name}") for name in ("01", "10"))
    given = {
        "reference": frame(f"{scene}.target"),
        "previous": frame(f"{scene}.frame0"),
        "next": frame(f"{scene}.frame1"),
        "flow_to_previous": (backward - forward) / 4,
        "flow_to_next": (forward - backward) / 4,
    }

    results = find("bmbc").breakdown(**given)

    values = VALUES[f"{scene}/flow"]
    photometric = values["transcription.bmbc.photo_weighted"]
    smoothness = values["transcription.bmbc.smooth"]
    assert results["photometric"].item() == pytest.approx(photometric, rel=1e-6)
    assert results["smoothness"].item() == pytest.approx(smoothness, rel=1e-6)
    assert results["total"].item() == pytest.approx(photometric + smoothness, rel=1e-6)


def test_the_second_stage_is_charbonnier_of_the_frame() -> None:
    frames = torch.rand(2, 1, 3, 8, 8)

    assert find("bmbc[stage=synthesis]")(*frames) == find("charbonnier[epsilon=1e-6]")(*frames)
