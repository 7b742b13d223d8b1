from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from framegauge.export.catalog import find
from framegauge.export.losses.gradient_penalty import GradientPenalty, gradient_penalty


class Quadratic(nn.Module):
    """The critic of the stored values: 0.05 (sum x w + sum x^2 / 2)."""

    def __init__(self, weight: Any) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight)

    def forward(self, x: Any) -> Any:
        return 0.05 * (x * self.weight + x.square() / 2).flatten(1).sum(1, keepdim=True)


def test_the_penalty_gives_adacofs_values(
    frame: Callable[[str], Tensor], tensors: dict[str, Tensor], learned: dict[str, dict[str, Any]]
) -> None:
    critic = Quadratic(tensors["adv.gp_weight"])
    distorted, reference = (
        torch.cat([picture[..., 32:48, 48:64], picture[..., 64:80, 80:96]])
        for picture in (frame("bikes_128x192.blend"), frame("bikes_128x192.target"))
    )
    logits = {"logits_distorted": critic(distorted), "logits_reference": critic(reference)}

    plain = find("wgan_discriminator")(**logits)
    penalty = GradientPenalty(critic)(distorted, reference, tensors["adv.gp_epsilon"])
    generator = find("wgan_generator")(logits_distorted=logits["logits_distorted"])

    wanted = learned["extras"]["adacof.WGAN_GP.d_and_g"]
    assert [(plain + penalty).item(), generator.item(), plain.item()] == pytest.approx(
        wanted, rel=1e-6, abs=1e-9
    )


@pytest.mark.parametrize(("slope", "penalty"), [(0.0, 1.0), (0.5, 0.25), (1.0, 0.0), (3.0, 4.0)])
def test_the_penalty_is_the_squared_distance_of_the_slope_from_one(
    slope: float, penalty: float
) -> None:
    frame = torch.rand(2, 3, 4, 4, dtype=torch.float64)

    found = gradient_penalty(lambda x: slope * x[:, 0, 0, :1], frame, frame, torch.rand_like(frame))

    assert found.tolist() == pytest.approx([penalty] * 2)


@pytest.mark.parametrize("weight", [0.0, 0.3])
def test_the_penalty_trains_the_critic_and_not_the_frames(weight: float) -> None:
    critic = Quadratic(torch.full((3, 4, 4), weight))
    x, y = (torch.zeros(2, 3, 4, 4, requires_grad=True) for _ in range(2))

    GradientPenalty(critic)(x, y).backward()

    assert bool(critic.weight.grad.isfinite().all())
    assert x.grad is None
    assert y.grad is None


def test_the_critic_stays_out_of_the_loss() -> None:
    loss = GradientPenalty(Quadratic(torch.zeros(3, 4, 4)))

    assert list(loss.parameters()) == []
    assert loss.state_dict() == {}


@pytest.mark.parametrize("per_element", [True, False])
def test_points_are_drawn_between_the_frames(per_element: bool) -> None:
    seen = []

    def critic(x: Any) -> Any:
        seen.append(x.detach())
        return x.flatten(1).sum(1, keepdim=True)

    module = GradientPenalty(Seen(critic), per_element=per_element)
    module(torch.zeros(4, 3, 5, 5), torch.ones(4, 3, 5, 5))

    values = [frame.unique().numel() for frame in seen[0]]
    assert 0 <= seen[0].min() <= seen[0].max() <= 1
    assert (min(values) > 1) == per_element


class Seen(nn.Module):
    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Any) -> Any:
        return self.function(x)
