"""What every entry owes to those who train with it, driven by the catalogue."""

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from framegauge.export.catalog import ENTRIES, find
from framegauge.export.contract.roles import FRAME_ROLES
from framegauge.export.networks.backbones import Weights

SPECS = {entry.SPEC.name: entry.SPEC for entry in ENTRIES}
# Counts of pixels, which no small change moves.
COUNTS = ("fl_all", "epe_1px", "epe_3px", "epe_5px", "occlusion")
TRAINED = [name for name in SPECS if name not in COUNTS]
# Options whose formulas part from the default's, and one for each term of a system.
FORMS = [
    "census[patch=3;scale=255]",
    "ssim[form=dssim]",
    "ms_ssim[form=rife]",
    "flow_smoothness[form=dain;flows=middle]",
    "flow_smoothness[form=sobel;flows=one]",
    "flow_smoothness[form=unflow]",
    "flow_smoothness[form=unflow_second;flows=one]",
    "edge_aware_smoothness[order=2;both=true]",
    "unflow_photometric[term=colour;border=none]",
    "unflow_photometric[term=gradient;border=none]",
    "ddflow_photometric[term=colour]",
    "arflow_photometric[census=0;dssim=0.85;l1=0.15]",
    "rife[form=v1]",
    "rife[form=hdv3]",
    "dain[blended=0.5;offset=0.1;symmetry=2]",
    "adacof[loss=distortion]",
    "adacof[loss=perception]",
    "flavr[loss=1*L1+0.5*Huber+0.1*SSIM+2*MSE+0.01*VGG22]",
]

every_entry = pytest.mark.parametrize("text", TRAINED + FORMS)
every_loss = pytest.mark.parametrize(
    "text", [text for text in TRAINED + FORMS if SPECS[text.partition("[")[0]].kind != "metric"]
)


@every_loss
def test_gradients_are_those_of_the_differences(text: Any, weights: Any) -> None:
    loss = find(text, weights=weights)
    given = random(loss.spec, max(loss.spec.least, 7), batch=1)
    if "census" in loss.SPEC.title.lower():
        given = dim(given)
    # What is learned from is no function to differentiate: networks and systems cut it off.
    tensors = [given[role].requires_grad_(not is_target(role)) for role in given]

    assert torch.autograd.gradcheck(
        lambda *tensors: loss(**dict(zip(given, tensors, strict=True))),
        tensors,
        atol=1e-4,  # a root of 1e-12 bends within the step of the differences
        rtol=1e-3,
        fast_mode=True,
    )


@every_entry
@pytest.mark.parametrize("kind", ["identical", "flat", "black", "apart"])
def test_gradients_are_finite(text: Any, kind: str, weights: Any) -> None:
    metric = find(text, weights=weights)
    given = random(metric.spec, max(metric.spec.least, 16), batch=2, dtype=torch.float32)
    given = {role: special(role, each, kind) for role, each in given.items()}
    leaves = {role: each.clone().requires_grad_() for role, each in given.items()}

    metric(**leaves).backward()

    gradients = [each.grad for each in leaves.values() if each.grad is not None]
    assert gradients
    assert all(bool(each.isfinite().all()) for each in gradients)


@pytest.mark.parametrize("name", sorted(COUNTS))
def test_a_count_of_pixels_has_no_gradient(name: str) -> None:
    metric = find(name)
    given = random(metric.spec, 16, batch=1)

    score = metric(**{role: each.requires_grad_() for role, each in given.items()})

    assert not score.requires_grad


@every_entry
def test_autocast_leaves_every_digit(text: Any, weights: Any) -> None:
    metric = find(text, weights=weights)
    given = random(metric.spec, max(metric.spec.least, 16), batch=1, dtype=torch.float32)
    wanted = metric(**given)

    with torch.autocast("cpu", dtype=torch.bfloat16):
        score = metric(**given)

    assert score.dtype == torch.float32
    # Bit for bit but for the order of sums, which a second run of a kernel may choose anew.
    assert_close(score, wanted, rtol=1e-6, atol=1e-7)


@every_entry
def test_what_a_network_gives_in_bfloat16_is_scored_in_float32(text: Any, weights: Any) -> None:
    metric = find(text, weights=weights)
    given = random(metric.spec, max(metric.spec.least, 16), batch=1, dtype=torch.float32)
    given = {role: each.bfloat16() for role, each in given.items()}
    wanted = metric(**{role: each.float() for role, each in given.items()})

    with torch.autocast("cpu", dtype=torch.bfloat16):
        score = metric(**given)

    assert score.dtype == torch.float32
    assert_close(score, wanted, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", [name for name, spec in SPECS.items() if spec.weights])
def test_a_network_is_nobodys_parameters_or_state(name: Any, weights: Any) -> None:
    metric = find(name, weights=weights)

    assert list(metric.parameters()) == []
    assert list(metric.buffers()) == []
    assert metric.state_dict() == {}


@pytest.mark.parametrize("name", [name for name, spec in SPECS.items() if spec.weights])
def test_training_mode_and_evaluation_mode_give_one_score(name: Any, weights: Any) -> None:
    metric = find(name, weights=weights)
    given = random(metric.spec, max(metric.spec.least, 16), batch=1)

    assert metric.train()(**given).equal(metric.eval()(**given))


@pytest.fixture(scope="session")
def weights(
    deterministic: dict[str, dict[str, Tensor]], alexnet: dict[str, Tensor], linear: None
) -> Any:
    """All networks: AlexNet as trained, the others by a formula."""
    return Weights({**deterministic, "alexnet": alexnet}, offline=True)


def random(spec: Any, size: Any, *, batch: Any, dtype: Any = torch.float64) -> Any:
    """A tensor for each input, away from kinks: flows between whole pixels, frames apart."""
    generator = torch.manual_seed(17)

    def uniform(*shape: Any) -> Any:
        return torch.rand(batch, *shape, dtype=dtype, generator=generator)

    given = {}
    for role in spec.inputs:
        if role.startswith("flow"):
            given[role] = 0.2 + 0.5 * uniform(2, size, size + 1)
            if role in ("flow_next_previous", "flow_to_next"):
                given[role] = -given[role]
        elif role.startswith("logits"):
            given[role] = uniform(1)
        elif role.startswith(("weight", "alpha", "beta")):
            given[role] = uniform(4, size, size + 1)
        elif role == "occlusion":
            given[role] = uniform(1, size, size + 1)
        elif role == "time":
            given[role] = torch.full((batch,), 0.5, dtype=dtype)
        elif spec.reads == "plane":
            given[role] = 255 * uniform(1, size, size + 1)
        else:
            given[role] = uniform(3, size, size + 1)
    return given


def dim(given: Any) -> Any:
    """Frames of so little contrast that no census saturates: its differences then resolve."""
    return {
        role: 0.4 + each / 100 if each.shape[1:2] == (3,) else each for role, each in given.items()
    }


def is_target(role: Any) -> Any:
    return "ference" in role or "_teacher" in role


def special(role: Any, tensor: Any, kind: Any) -> Any:
    """The input where gradients are in danger: all frames one, flat or black; flows at rest."""
    if role.startswith("logits"):
        return torch.full_like(tensor, 100.0 if kind == "apart" else 0.0)
    if role.startswith("flow"):
        return torch.full_like(tensor, 100.0 if kind == "apart" else 0.0)
    if role not in FRAME_ROLES and not role.startswith("merged"):
        return tensor
    peak = 255 if tensor.shape[1] == 1 else 1
    match kind:
        case "identical":
            generator = torch.manual_seed(1)
            return peak * torch.rand(tensor.shape, dtype=tensor.dtype, generator=generator)
        case "flat":
            return torch.full_like(tensor, 0.5 * peak)
        case "black":
            return torch.zeros_like(tensor)
        case "apart":
            return torch.full_like(tensor, float(peak if role == "distorted" else 0))
