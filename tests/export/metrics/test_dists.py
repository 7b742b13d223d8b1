from typing import Any

import pytest
import torch
from torch import Tensor

from framegauge.export.catalog import find
from framegauge.export.metrics.dists import l2_pool, structure_and_texture
from framegauge.export.networks.backbones import Weights
from framegauge.export.networks.checkpoint import WeightsError


def test_pooling_is_the_root_of_the_blurred_squares() -> None:
    x = torch.zeros(1, 1, 5, 5, dtype=torch.float64)
    x[0, 0, 2, 2] = 4

    pooled = l2_pool(x)

    # A quarter of 16 at the impulse, which lies on a sample that is kept.
    assert pooled[0, 0, 1, 1].item() == pytest.approx(2)
    assert pooled.shape == (1, 1, 3, 3)
    assert pooled[0, 0, 0, 0].item() == pytest.approx(1e-6)


def test_weights_that_are_all_zero_are_refused(deterministic: dict[str, dict[str, Tensor]]) -> None:
    none = torch.zeros(1, 1475, 1, 1)
    sources = {"vgg16": deterministic["vgg16"], "dists": {"alpha": none, "beta": none}}

    with pytest.raises(WeightsError, match="weights dists are damaged: their sum is not above 0"):
        find("dists", weights=Weights(sources, offline=True))


def test_distances_are_those_of_the_papers_similarities() -> None:
    x, y = torch.rand(2, 1, 3, 6, 7, dtype=torch.float64)
    mu_x, mu_y = x.mean((2, 3)), y.mean((2, 3))
    covariance = (x * y).mean((2, 3)) - mu_x * mu_y
    variances = x.var((2, 3), correction=0) + y.var((2, 3), correction=0)

    texture, structure = structure_and_texture(x, y, c1=1e-6, c2=1e-6)

    similar = (2 * mu_x * mu_y + 1e-6) / (mu_x**2 + mu_y**2 + 1e-6)
    torch.testing.assert_close(texture, 1 - similar)
    torch.testing.assert_close(structure, 1 - (2 * covariance + 1e-6) / (variances + 1e-6))


def test_an_identical_frame_is_at_zero(networks: Any) -> None:
    frame = torch.rand(1, 3, 17, 20)

    assert find("dists", weights=networks)(frame, frame).item() == 0


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_flat_frames_have_finite_gradients(value: float, networks: Any) -> None:
    x = torch.full((1, 3, 16, 16), value, requires_grad=True)

    find("dists", weights=networks)(x, torch.full((1, 3, 16, 16), 0.5)).backward()

    assert bool(x.grad.isfinite().all())


def test_the_gradient_is_that_of_the_score(networks: Any) -> None:
    x, y = torch.rand(2, 1, 3, 16, 16, dtype=torch.float64, generator=torch.manual_seed(2))
    metric = find("dists", weights=networks)

    assert torch.autograd.gradcheck(
        lambda x: metric(x, y), x.requires_grad_(), fast_mode=True, atol=1e-6
    )


@pytest.mark.parametrize(
    "tensors", [{}, {"alpha": torch.ones(1, 1475, 1, 1), "beta": torch.ones(1, 1472, 1, 1)}]
)
def test_weights_of_another_shape_are_refused(
    tensors: dict[str, Any], deterministic: dict[str, dict[str, Tensor]]
) -> None:
    weights = Weights({"vgg16": deterministic["vgg16"], "dists": tensors})

    with pytest.raises(WeightsError, match=r"does not hold dists: its \w+ should have the shape"):
        find("dists", weights=weights)
