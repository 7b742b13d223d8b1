import math
from collections.abc import Callable
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor

from framegauge.export.catalog import find
from framegauge.export.contract.entry import parse_entries
from framegauge.export.contract.formats import find_format
from framegauge.export.graph import Graph
from framegauge.export.lowering.model import serialise, trace, translate

SINGLE = {"logits_distorted": "adv.d_fake", "logits_reference": "adv.d_real"}
PAIRS = {"logits_previous_distorted": "adv.d_01", "logits_distorted_next": "adv.d_12"}
VALUES = [
    ("gan_discriminator", SINGLE, "adacof.GAN.d_and_g", 0),
    ("gan_generator", {"logits_distorted": "adv.d_fake_for_g"}, "adacof.GAN.d_and_g", 1),
    ("wgan_discriminator", SINGLE, "adacof.WGAN.d_and_g", 0),
    ("wgan_generator", {"logits_distorted": "adv.d_fake_for_g"}, "adacof.WGAN.d_and_g", 1),
    ("dual_frame_discriminator", PAIRS, "adacof.FI_GAN.d_and_g", 0),
    (
        "dual_frame_generator",
        {role: f"{name}_for_g" for role, name in PAIRS.items()},
        "adacof.FI_GAN.d_and_g",
        1,
    ),
]
NAMES = [name for name, *_ in VALUES]
every_loss = pytest.mark.parametrize("name", NAMES)


@pytest.mark.parametrize(("name", "given", "key", "place"), VALUES, ids=NAMES)
def test_losses_give_adacofs_values(
    name: str,
    given: Any,
    key: str,
    place: int,
    tensors: dict[str, Tensor],
    learned: dict[str, dict[str, Any]],
) -> None:
    loss = find(name)(**{role: tensors[stored] for role, stored in given.items()})

    assert loss.item() == pytest.approx(learned["extras"][key][place], rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(
    ("name", "logit", "value"),
    [
        ("gan_discriminator", 0.0, 2 * math.log(2)),
        ("dual_frame_discriminator", 0.0, 2 * math.log(2)),
        ("dual_frame_generator", 0.0, -math.log(2)),
        ("dual_frame_generator", -math.log(math.e - 1), -2 / math.e),
        ("gan_generator", -1000.0, 1000.0),
        ("gan_generator", 1000.0, 0.0),
        ("dual_frame_generator", 1000.0, 0.0),
        ("dual_frame_generator", -1000.0, 0.0),
    ],
)
def test_losses_have_their_closed_forms(name: str, logit: Any, value: Any) -> None:
    loss = find(name)

    score = loss(**{role: torch.full((2, 1), logit).double() for role in loss.spec.inputs})

    assert score.item() == pytest.approx(value, abs=1e-11)


@every_loss
@pytest.mark.parametrize("logit", [-1e4, -100.0, 0.0, 100.0, 1e4])
def test_gradients_are_finite(name: Any, logit: float) -> None:
    loss = find(name)
    logits = {role: torch.full((2, 1), logit).requires_grad_() for role in loss.spec.inputs}

    loss(**logits).backward()

    assert all(bool(each.grad.isfinite().all()) for each in logits.values())


@every_loss
def test_the_gradient_is_that_of_the_loss(name: Any) -> None:
    loss = find(name)
    roles = loss.spec.inputs
    logits = [
        torch.randn(3, 1, dtype=torch.float64, requires_grad=True, generator=torch.manual_seed(n))
        for n in range(len(roles))
    ]

    assert torch.autograd.gradcheck(lambda *x: loss(**dict(zip(roles, x, strict=True))), logits)


def test_a_role_that_is_missing_is_named() -> None:
    with pytest.raises(ValueError, match=r"takes logits_distorted, logits_reference, got logits_d"):
        find("gan_discriminator")(logits_distorted=torch.zeros(1, 1))


def test_a_file_takes_logits_of_any_size(
    session_of: Callable[[bytes], onnxruntime.InferenceSession],
) -> None:
    suite = Graph(parse_entries(NAMES), find_format("rgb24"))
    session: onnxruntime.InferenceSession = session_of(serialise(translate(trace(suite), suite)))
    logits = np.array([[-200], [-30], [0], [30], [200]], np.float32)

    scores = session.run(None, {each.name: logits for each in suite.inputs})

    named = dict(zip((output.name for output in suite.outputs), scores, strict=True))
    np.testing.assert_allclose(
        named["gan_generator"], [200, 30, math.log(2), 0, 0], rtol=1e-6, atol=1e-6
    )
    assert all(np.isfinite(each).all() for each in scores)
