"""Values that other people's code gives for real frames and their flows; see ``golden/motion.md``.

``golden/motion.npz`` has the neighbours of the middle frames, ``uint8``, and flows in 1/128 pixel,
``int16``; ``golden/motion.json`` the values, float64.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from framegauge.export.catalog import find, listings
from framegauge.export.contract.entry import find_listing, parse_entries
from framegauge.export.eager import eager_features
from framegauge.export.losses.bmbc_photometric import BMBCPhotometric
from framegauge.export.losses.dain_smoothness import gradient_adaptive_variation
from framegauge.export.maths.warp import warp
from framegauge.export.networks.backbones import NO_STD, SUPERSLOMO_MEAN, normalised

GOLDEN = Path(__file__).parent / "golden"
EXPECTED = json.loads((GOLDEN / "motion.json").read_text())
SCENES = ("bikes_128x192", "bikes_97x131")

WARP = "warping[target=reference;sources=previous]"
ONE = "flow_smoothness[flows=one]"
DAIN = "flow_smoothness[form=dain;flows=one]"
SOBEL = "flow_smoothness[form=sobel;flows=one]"
TODAY = "superslomo_warping[corners=superslomo_half_pixel]"
ENTRIES = [
    WARP,
    ONE,
    DAIN,
    SOBEL,
    TODAY,
    "superslomo_warping",
    "flow_smoothness",
    "dain_smoothness",
    "dain_symmetry",
    "bmbc_photometric",
    "bmbc_smoothness",
]
# Key, place in its list, entry, and what takes the places of the scene's own inputs.
VALUES = [
    ("rife.sobel_flow.mean", None, SOBEL, {"flow": "flow_pred"}),
    ("rife.warp.mean_abs_vs_target", None, WARP, {}),
    ("dain.tv.flow01", None, DAIN, {"flow": "flow_01"}),
    ("dain.smooth.flow01", None, DAIN, {"flow": "flow_01"}),
    (
        "dain.sym.flow01_flow10",
        None,
        "dain_symmetry",
        {"flow_to_previous": "flow_01", "flow_to_next": "flow_10"},
    ),
    ("dain.part_loss", 2, "dain_smoothness", {}),
    ("dain.part_loss", 3, "dain_symmetry", {}),
    ("ssm.ac0.terms", 2, TODAY, {}),
    ("ssm.ac1.terms", 2, "superslomo_warping", {}),
    ("ssm.ac0.t0250.terms", 2, TODAY, {"time": "quarter"}),
    ("ssm.ac1.t0250.terms", 2, "superslomo_warping", {"time": "quarter"}),
    *(
        (f"ssm.{form}.terms", place, entry, given)
        for form in ("ac0", "ac1", "ac0.t0250", "ac1.t0250")
        for place, entry, given in (
            (3, ONE, {"flow": "flow_10"}),
            (4, ONE, {"flow": "flow_01"}),
            (5, "flow_smoothness", {}),
        )
    ),
    ("transcription.bmbc.photo_weighted", None, "bmbc_photometric", {}),
    ("transcription.bmbc.smooth", None, "bmbc_smoothness", {}),
]

every_scene = pytest.mark.parametrize("scene", SCENES)
every_value = pytest.mark.parametrize(("key", "place", "entry", "given"), VALUES)


@pytest.fixture(scope="module")
def arrays(pictures: dict[str, np.ndarray]) -> Any:
    """Frames and flows by ``<scene>.<item>``, with the flows from the middle at half time."""
    with np.load(GOLDEN / "motion.npz") as archive:
        found = {**pictures, **archive}
    for name in [name for name in found if "flow" in name]:
        found[name] = found[name].astype(np.float32) / 128
    for scene in SCENES:
        forward, backward = found[f"{scene}.flow_01"], found[f"{scene}.flow_10"]
        found[f"{scene}.flow_t0"] = (backward - forward) / 4
        found[f"{scene}.flow_t1"] = (forward - backward) / 4
        found[f"{scene}.half"] = np.float32(0.5)
        found[f"{scene}.quarter"] = np.float32(0.25)
    return found


@pytest.fixture(scope="module")
def inputs(arrays: Any) -> Any:
    """What an entry takes, by role: a batch of one, as a model has it."""
    items = {
        "reference": "target",
        "previous": "frame0",
        "next": "frame1",
        "flow_previous_next": "flow_01",
        "flow_next_previous": "flow_10",
        "flow_to_previous": "flow_t0",
        "flow_to_next": "flow_t1",
        "flow": "flow_pred",
        "time": "half",
    }

    def feed(scene: Any, given: Any) -> Any:
        return {
            role: np.asarray(arrays[f"{scene}.{item}"])[None]
            for role, item in {**items, **given}.items()
        }

    return feed


@every_scene
@every_value
def test_float64_graph_gives_the_value(
    scene: Any, key: Any, place: Any, entry: Any, given: Any, inputs: Any
) -> None:
    metric = find(entry)
    feed = inputs(scene, given)

    score = metric(**{role: as_tensor(feed[role]) for role in metric.spec.inputs}).item()

    assert score == pytest.approx(wanted(scene, key, place), rel=1e-6, abs=1e-9)


@pytest.mark.slow
@every_scene
@every_value
def test_exported_file_gives_the_value(
    scene: Any, key: Any, place: Any, entry: Any, given: Any, inputs: Any, models: Any
) -> None:
    model = models(ENTRIES, "rgb24")

    scores = model.run(inputs(scene, given))

    (parsed,) = parse_entries(entry)
    score = scores[find_listing(parsed, listings()).label(parsed)].item()
    assert score == pytest.approx(wanted(scene, key, place), rel=1e-5, abs=1e-7)


@every_scene
@pytest.mark.parametrize(("place", "item"), [(0, "blend"), (1, "blur")])
def test_dains_pixel_terms_are_charbonnier(scene: Any, place: int, item: str, arrays: Any) -> None:
    frames = [as_tensor(arrays[f"{scene}.{name}"][None]) for name in (item, "target")]

    score = find("charbonnier[epsilon=1e-6]")(*frames).item()

    assert score == pytest.approx(wanted(scene, "dain.part_loss", place), rel=1e-6, abs=1e-9)


@every_scene
@pytest.mark.parametrize(("flow", "frame"), [("01", "0"), ("10", "1")])
def test_dains_adaptive_variation_gives_the_value_of_one_flow(
    scene: Any, flow: str, frame: str, arrays: Any
) -> None:
    field = as_tensor(arrays[f"{scene}.flow_{flow}"][None])
    picture = as_tensor(arrays[f"{scene}.frame{frame}"][None])

    score = gradient_adaptive_variation(field, picture, epsilon=1e-6).item()

    key = f"dain.gra_adap_tv.flow{flow}_frame{frame}"
    assert score == pytest.approx(wanted(scene, key, None), rel=1e-6, abs=1e-9)


@every_scene
def test_rifes_warp_gives_the_values_at_probes(scene: Any, arrays: Any) -> None:
    frame, flow = (as_tensor(arrays[f"{scene}.{item}"][None]) for item in ("frame0", "flow_t0"))

    warped = warp(frame, flow)[0, 0]

    assert probes(warped) == pytest.approx(EXPECTED[f"{scene}/flow"]["rife.warp.probe"], rel=1e-6)


@every_scene
@pytest.mark.parametrize(
    ("form", "corners"), [("ac0", "superslomo_half_pixel"), ("ac1", "superslomo_aligned")]
)
def test_superslomos_warp_gives_the_values_at_probes(
    scene: Any, form: str, corners: str, arrays: Any
) -> None:
    frame, flow = (as_tensor(arrays[f"{scene}.{item}"][None]) for item in ("frame0", "flow_t0"))
    frame = normalised(frame, mean=SUPERSLOMO_MEAN, std=NO_STD)

    warped = warp(frame, flow, border="zeros", corners=corners)[0, 0]

    want = EXPECTED[f"{scene}/flow"][f"ssm.{form}.warp_probe"]
    assert probes(warped) == pytest.approx(want, rel=1e-6, abs=1e-9)


@every_scene
def test_bmbcs_levels_give_the_values(scene: Any, inputs: Any) -> None:
    loss = BMBCPhotometric()
    feed = inputs(scene, {})
    given = {role: as_tensor(feed[role]) for role in loss.spec.inputs}

    levels = loss.levels(eager_features(loss.spec, given))

    want = EXPECTED[f"{scene}/flow"]["transcription.bmbc.photo_levels"]
    assert torch.cat(levels).tolist() == pytest.approx(want, rel=1e-6, abs=1e-9)


def as_tensor(array: Any) -> Any:
    """An input of a model as the graph takes it: colours in [0, 1], all in float64."""
    if array.dtype == np.uint8:
        return torch.from_numpy(array).permute(0, 3, 1, 2).double() / 255
    return torch.from_numpy(array).double()


def wanted(scene: Any, key: Any, place: Any) -> Any:
    value = EXPECTED[f"{scene}/flow"][key]
    return value if place is None else value[place]


def probes(values: Any) -> Any:
    height, width = values.shape
    places = [(k, k) for k in range(4)]
    places += [(height // 2, width // 2), (height // 3, width // 4)]
    places += [(height - 2, width - 2), (height - 1, width - 1)]
    return [values[at].item() for at in places]
