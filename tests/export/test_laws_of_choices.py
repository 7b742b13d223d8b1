"""What every entry obeys with every choice that its options name; pairs of frames also obey
`tests/test_laws.py`.
"""

from typing import Any

import pytest
import torch
from torch import Tensor

from framegauge.export.catalog import ENTRIES, find
from framegauge.export.contract.entry import parse_entries
from framegauge.export.contract.formats import find_format
from framegauge.export.contract.manifest import Manifest
from framegauge.export.contract.roles import FRAME_ROLES, NEIGHBOURS, PAIR, owner
from framegauge.export.graph import Graph
from framegauge.export.lowering.model import describe
from framegauge.export.networks.backbones import Weights
from framegauge.export.system import System

# Roles of which the other video has one of its own.
TWINS = (*PAIR, *NEIGHBOURS)

# Of networks and deep pyramids the defaults stand for the rest, but where all of them are asked.
HEAVY = ("ms_ssim", "float_ms_ssim", "tlp", "vgg", "style", "superslomo", "dists", "rife")


def choices(entry: Any) -> Any:
    """The entry as it is, and with each other choice of each option that names its choices."""
    name = entry.SPEC.name
    options = [
        f"{name}[{option.name}={str(choice).lower()}]"
        for option in entry.options()
        for choice in (option.choices or ((True,) if option.type == "bool" else ()))
        if choice != option.default
    ]
    return [name, *options]


CHOICES = [text for entry in ENTRIES for text in choices(entry)]
PAIRS = [
    text
    for entry in ENTRIES
    for text in choices(entry)
    if {"reference", "distorted"} <= set(entry.SPEC.inputs)
]


def marked(texts: Any, slow: Any) -> Any:
    return pytest.mark.parametrize(
        "text",
        [pytest.param(text, marks=pytest.mark.slow) if slow(text) else text for text in texts],
    )


def is_heavy(text: Any) -> Any:
    return text.partition("[")[0] in HEAVY and "[" in text


# The quick run asks all choices about what may never happen, and the defaults about the rest.
every_choice = marked(CHOICES, slow=is_heavy)
every_choice_at_length = marked(CHOICES, slow=lambda text: "[" in text)
every_pair_at_length = marked(PAIRS, slow=lambda text: "[" in text)


@every_choice
def test_what_is_not_a_number_leaves_no_score(text: Any, weights: Any) -> None:
    metric = unchecked(text, weights)
    given = still(metric.spec, side(metric.spec))

    answered = [role for role in counted(metric) if scored_without(metric, given, role).isfinite()]

    assert answered == []


@every_choice_at_length
def test_a_score_does_not_depend_on_the_rest_of_the_batch(text: Any, weights: Any) -> None:
    metric = unchecked(text, weights)
    given = moving(metric.spec, side(metric.spec), batch=2)

    together = metric(**given)
    alone = metric(**{role: each[1:] for role, each in given.items()})

    # Kernels may add in another order for another batch.
    torch.testing.assert_close(together[1:], alone, rtol=2e-5, atol=1e-6)


@every_choice_at_length
def test_scores_stay_within_the_range(text: Any, weights: Any) -> None:
    metric = unchecked(text, weights)
    spec = metric.spec

    scores = metric(**moving(spec, side(spec), batch=3))

    assert scores.min().item() >= spec.low - 1e-6
    assert scores.max().item() <= (float("inf") if spec.high is None else spec.high) + 1e-6


@every_pair_at_length
def test_exchanging_the_frames_matters_only_where_the_spec_says_so(text: Any, weights: Any) -> None:
    metric = unchecked(text, weights)
    given = moving(metric.spec, side(metric.spec), batch=1)
    other = {"reference": "distorted", "distorted": "reference"}
    exchanged = {
        # A neighbour goes with the video that it is of.
        (role.replace(owner(role), other[owner(role)], 1) if role in TWINS else role): each
        for role, each in given.items()
    }

    there, back = metric(**given), metric(**exchanged)

    assert torch.allclose(there, back, rtol=1e-4, atol=1e-6) == metric.spec.symmetric


@every_choice_at_length
def test_a_host_takes_what_a_model_would_say_of_itself(text: Any, weights: Any) -> None:
    entries, planes = parse_entries(text), find(text, weights=weights).spec.planes
    form = find_format("yuv420p" if planes else "rgb24")
    suite, exact = (
        Graph(entries, form, dtype=dtype, weights=weights)
        for dtype in (torch.float32, torch.float64)
    )

    said = describe(suite, exact)

    assert Manifest.from_json(said.to_json(), file="model.onnx") == said


@every_choice_at_length
def test_what_stands_still_is_ideal(text: Any, weights: Any) -> None:
    metric = unchecked(text, weights)
    spec = metric.spec
    if spec.ideal is None or any(role.startswith("logits") for role in spec.inputs):
        pytest.skip("it has no one ideal, or judges no frames")

    given = still(spec, side(spec), moved=0.0)
    score = metric(**{role: each.double() for role, each in given.items()}).item()

    assert score == pytest.approx(spec.ideal, rel=1e-6, abs=1e-6)


@every_choice_at_length
@pytest.mark.parametrize("more", [0, 1])
def test_the_least_size_is_scored(text: Any, more: int, weights: Any) -> None:
    metric = unchecked(text, weights)

    score = metric(**moving(metric.spec, metric.spec.least + more, batch=1))

    assert bool(score.isfinite().all())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ssim[window=uniform;sigma=2]", "ssim reads no sigma with window=uniform, got 2.0"),
        ("unflow_photometric[term=colour;patch=3]", "reads no patch with term=colour, got 3"),
        ("unflow_photometric[term=gradient;patch=3]", "reads no patch with term=gradient"),
        ("ddflow_photometric[term=colour;patch=3]", "reads no patch with term=colour"),
        (
            "arflow_photometric[occlusion=false;visibility=range]",
            "reads no visibility with occlusion=false, got range. Leave visibility out",
        ),
        ("rife[form=v1;distillation=0.1]", "rife reads no distillation with form=v1"),
        ("rife[form=hdv3;threshold=0.1]", "rife reads no threshold with form=hdv3"),
        ("bmbc[stage=synthesis;levels=3]", "bmbc reads no levels with stage=synthesis"),
        ("bmbc[stage=synthesis;smoothness=2]", "bmbc reads no smoothness with stage=synth"),
        ("occlusion[form=range;relative=0.1]", "occlusion reads no relative with form=range"),
        ("occlusion[form=disocclusion;border=zeros]", "reads no border with form=disocclusion"),
    ],
)
def test_an_option_without_effect_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        find(text)


@pytest.fixture(scope="session")
def weights(
    deterministic: dict[str, dict[str, Tensor]], alexnet: dict[str, Tensor], linear: None
) -> Any:
    """All networks: AlexNet as trained, the others by a formula."""
    return Weights({**deterministic, "alexnet": alexnet}, offline=True)


def unchecked(text: Any, weights: Any) -> Any:
    """The metric, a score a sample, that takes any value."""
    metric = find(text, weights=weights)
    metric.reduction, metric.check_range = "none", False
    return metric


def side(spec: Any) -> Any:
    return max(spec.least, 24)


def counted(metric: Any) -> Any:
    """The inputs that the score is made of; a system's terms of weight 0 are no part of it."""
    if not isinstance(metric, System):
        return metric.spec.inputs
    parts = metric.parts.values()
    return tuple(dict.fromkeys(role for part in parts if part.weight for role in part.needs))


def scored_without(metric: Any, given: Any, role: Any) -> Any:
    return metric(**{**given, role: torch.full_like(given[role], torch.nan)})


def shape(role: Any) -> Any:
    """Channels of a picture, nothing of what is none."""
    if role in ("mask", "occlusion"):
        return 1
    return 4 if role.startswith(("weight", "alpha", "beta")) else 2 if "flow" in role else 3


def peak(spec: Any, role: Any) -> Any:
    return 255 if spec.reads == "plane" and role in FRAME_ROLES else 1


def moving(spec: Any, size: Any, *, batch: Any) -> Any:
    """Random frames, and flows of several pixels."""
    generator = torch.manual_seed(11)

    def tensor(role: Any) -> Any:
        if role == "time":
            return torch.full((batch,), 0.25)
        if role.startswith("logits"):
            return torch.randn(batch, 1, generator=generator)
        channels = 1 if peak(spec, role) == 255 else shape(role)
        values = torch.rand(batch, channels, size, size + 1, generator=generator)
        if "flow" in role:
            return 6 * values - 3
        return values.round() if role == "mask" else peak(spec, role) * values

    return {role: tensor(role) for role in spec.inputs}


def still(spec: Any, size: Any, *, moved: Any = 0.25) -> Any:
    """Frames that are all one, and flows there and back that cancel."""
    given = moving(spec, size, batch=1)
    frame = next((each for role, each in given.items() if role in FRAME_ROLES), None)

    def tensor(role: Any, values: Any) -> Any:
        if "flow" in role:
            back = role in ("flow_next_previous", "flow_to_next")
            return torch.full_like(values, -moved if back else moved)
        if role == "mask" or role.startswith(("weight", "alpha", "beta", "occlusion")):
            return torch.ones_like(values)
        return frame if role in FRAME_ROLES or role.startswith("merged") else values

    return {role: tensor(role, values) for role, values in given.items()}
