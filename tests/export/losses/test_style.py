from typing import Any

import pytest
import torch

from framegauge.export.catalog import find
from framegauge.export.losses.style import gram
from framegauge.export.networks.backbones import IMAGENET_MEAN, IMAGENET_STD, PairActivations


def test_a_gram_matrix_is_the_mean_product_of_channels() -> None:
    x = torch.tensor([[[[1.0, 2.0]], [[3.0, 0.0]]]])

    assert gram(x).tolist() == [[[2.5, 1.5], [1.5, 4.5]]]


@pytest.mark.parametrize("squared", [True, False])
@pytest.mark.parametrize("normaliser", ["positions", "elements"])
def test_options_are_those_of_the_formula(squared: bool, normaliser: str, networks: Any) -> None:
    x, y = torch.rand(2, 1, 3, 16, 19, dtype=torch.float64)
    loss = find(
        f"style[taps=relu2_1;factors=3;squared={squared};normaliser={normaliser}]",
        weights=networks,
    )
    pair = PairActivations(networks.backbone("vgg19"), x, y, mean=IMAGENET_MEAN, std=IMAGENET_STD)
    matrices = [torch.einsum("nchw,ndhw->cd", each, each) for each in pair["relu2_1"]]

    score = loss(x, y).item()

    elements = 8 * 9 * (128 if normaliser == "elements" else 1)
    error = (matrices[0] - matrices[1]) / elements
    wanted = (error.square() if squared else error.abs()).mean()
    assert score == pytest.approx(3 * wanted.item(), rel=1e-9)


def test_the_default_adds_up_films_five_layers(networks: Any) -> None:
    x, y = torch.rand(2, 1, 3, 16, 16, dtype=torch.float64)
    weights = {"1_2": 1 / 2.6, "2_2": 1 / 4.8, "3_2": 1 / 3.7, "4_2": 1 / 5.6, "5_2": 10 / 1.5}

    terms = [
        find(f"style[taps=relu{layer};factors={weight!r}]", weights=networks)(x, y).item()
        for layer, weight in weights.items()
    ]

    assert find("style", weights=networks)(x, y).item() == pytest.approx(sum(terms), rel=1e-9)


def test_moving_a_texture_around_changes_little(networks: Any) -> None:
    generator = torch.manual_seed(4)
    frame = torch.rand(1, 3, 32, 32, generator=generator)
    other = torch.rand(1, 3, 32, 32, generator=generator).square()
    loss = find("style", weights=networks)

    assert loss(frame.flip(-1), frame) < loss(other, frame)


def test_an_identical_frame_is_at_zero_with_a_finite_gradient(networks: Any) -> None:
    x = torch.rand(1, 3, 16, 16, requires_grad=True)

    loss = find("style[squared=false]", weights=networks)(x, x.detach())
    loss.backward()

    assert loss.item() == 0
    assert bool(x.grad.isfinite().all())


@pytest.mark.parametrize("text", ["style", "vgg", "vgg_conv4_3"])
def test_the_gradient_is_that_of_the_loss(text: str, networks: Any) -> None:
    x, y = torch.rand(2, 1, 3, 16, 16, dtype=torch.float64, generator=torch.manual_seed(2))
    loss = find(text, weights=networks)

    assert torch.autograd.gradcheck(
        lambda x: loss(x, y), x.requires_grad_(), fast_mode=True, atol=1e-6
    )
