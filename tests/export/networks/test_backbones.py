from collections import Counter
from typing import Any

import pytest
import torch
from torch import Tensor

from framegauge.export.catalog import find
from framegauge.export.contract.entry import parse_entries
from framegauge.export.contract.formats import find_format
from framegauge.export.graph import Graph
from framegauge.export.losses.vgg import VGG
from framegauge.export.lowering.onnx import translate
from framegauge.export.lowering.trace import trace
from framegauge.export.networks.backbones import LAYERS, Activations, PairActivations, Weights

ENTRIES = ["vgg", "vgg_conv4_3", "style", "dists", "flavr[loss=1*L1+1*VGG22]", "superslomo"]
every_entry = pytest.mark.parametrize("text", ENTRIES)


@every_entry
def test_a_network_is_nobodys_parameters_or_state(text: Any, networks: Any) -> None:
    metric = find(text, weights=networks)

    assert list(metric.parameters()) == []
    assert list(metric.buffers()) == []
    assert metric.state_dict() == {}


@pytest.mark.parametrize("text", ["vgg", "dists"])
def test_training_mode_changes_no_score(text: str, networks: Any) -> None:
    metric = find(text, weights=networks)
    x, y = torch.rand(2, 1, 3, 24, 24, generator=torch.manual_seed(1))

    scores = [metric.train(mode)(x, y).item() for mode in (True, False)]

    assert scores[0] == scores[1]


def test_a_step_of_training_moves_no_weight(networks: Any) -> None:
    loss = find("vgg_conv4_3", weights=networks)
    before = networks.load("vgg16").tensors["features.0.weight"].clone()
    x = torch.rand(1, 3, 16, 16, requires_grad=True)

    loss(x, torch.rand(1, 3, 16, 16)).backward()

    layer = loss.backbone.layers[0]
    weight, bias = loss.backbone.convolution(layer, x)
    assert weight.equal(before)
    assert weight.grad is None
    assert not weight.requires_grad
    assert not bias.requires_grad


def test_a_network_ends_at_the_deepest_layer_asked_for(networks: Any) -> None:
    activations = Activations(networks.backbone("vgg16"), torch.rand(1, 3, 16, 16))

    found = activations["relu2_2"]

    assert found.shape == (1, 128, 8, 8)
    assert list(activations._known) == [layer.name for layer in LAYERS["vgg16"][:9]]


def test_the_features_of_a_target_have_no_gradient(networks: Any) -> None:
    x, y = (torch.rand(1, 3, 16, 16, requires_grad=True) for _ in range(2))
    activations = PairActivations(networks.backbone("vgg16"), x, y)

    distorted, reference = activations["relu1_2"]

    assert distorted.requires_grad
    assert not reference.requires_grad


@pytest.mark.parametrize("text", ["vgg", "style", "dists", "vgg_conv4_3"])
def test_a_target_gets_no_gradient(text: str, networks: Any) -> None:
    x, y = (torch.rand(1, 3, 16, 16, requires_grad=True) for _ in range(2))

    find(text, weights=networks)(x, y).backward()

    assert x.grad.abs().sum() > 0
    assert y.grad is None


@pytest.mark.parametrize("text", ["vgg", "style", "dists", "vgg_conv4_3", "lpips_vgg"])
def test_a_target_that_alone_needs_a_gradient_gets_none(
    text: str, networks: Any, linear: None
) -> None:
    x, y = torch.rand(2, 1, 3, 16, 16)

    score = find(text, weights=networks)(x, y.requires_grad_())

    assert not score.requires_grad


def test_one_pass_and_two_give_the_same(networks: Any) -> None:
    metric = find("vgg", weights=networks)
    x, y = torch.rand(2, 1, 3, 16, 16, dtype=torch.float64)

    together = metric(x, y)
    apart = metric(x.clone().requires_grad_(), y)

    torch.testing.assert_close(together, apart.detach(), rtol=1e-12, atol=0)


@pytest.mark.parametrize(
    ("entries", "count"),
    [
        ("vgg_conv4_3", 10),
        ("lpips_vgg,vgg_conv4_3[normalisation=imagenet]", 13),
        ("vgg,flavr[loss=1*VGG22+1*VGG54+1*VGGP],style", 16),
        # Networks that are shown other frames, or pool otherwise, part where they differ.
        ("vgg_conv4_3,superslomo", 10 + 10),
        ("lpips_vgg,dists", 13 + 11 + 4),
    ],
)
def test_a_suite_has_one_pass_of_each_network(
    entries: str, count: Any, networks: Any, linear: None
) -> None:
    suite = Graph(parse_entries(entries), find_format("rgb24"), weights=networks)

    graph = translate(trace(suite), suite).graph

    assert Counter(node.op_type for node in graph)["Conv"] == count


def test_a_network_is_cast_to_the_frames_type(networks: Any) -> None:
    loss = find("vgg_conv4_3", weights=networks)

    assert loss(*torch.rand(2, 1, 3, 16, 16, dtype=torch.float64)).dtype == torch.float64
    assert loss(*torch.rand(2, 1, 3, 16, 16)).dtype == torch.float32


def test_a_loss_validated_in_inference_mode_can_be_trained_with(
    deterministic: dict[str, dict[str, Tensor]],
) -> None:
    loss = find("vgg_conv4_3", weights=Weights(deterministic, offline=True))
    x, y = torch.rand(2, 1, 3, 16, 16, dtype=torch.float64)
    with torch.inference_mode():
        loss(x, y)
    x.requires_grad_()

    loss(x, y).backward()

    assert x.grad.abs().sum() > 0


def test_a_loss_made_in_inference_mode_can_be_trained_with(
    deterministic: dict[str, dict[str, Tensor]],
) -> None:
    with torch.inference_mode():
        loss = find("vgg_conv4_3", weights=Weights(deterministic, offline=True))
    x = torch.rand(1, 3, 16, 16, requires_grad=True)

    loss(x, torch.rand(1, 3, 16, 16)).backward()

    assert x.grad.abs().sum() > 0


@pytest.mark.parametrize(
    ("taps", "least"),
    [("relu1_1", 1), ("conv2_2", 2), ("pool2", 4), ("relu5_1", 16), ("pool5", 32)],
)
def test_the_deepest_layer_says_how_small_a_frame_may_be(
    taps: str, least: int, networks: Any
) -> None:
    loss = VGG(taps=taps, factors="1", weights=networks)
    frame = torch.rand(1, 3, least, least)

    assert loss(frame, frame).item() == 0
    assert loss.spec.least == least


def test_a_frame_that_no_layer_is_left_of_is_refused_by_name(networks: Any) -> None:
    frame = torch.rand(1, 3, 31, 40)

    with pytest.raises(ValueError, match="vgg needs frames of at least 32x32 pixels, got 40x31"):
        VGG(taps="pool5", factors="1", weights=networks)(frame, frame)


def test_weights_of_no_name_are_refused_with_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"no weights called 'vgg_16'; did you mean 'vgg16'\?"):
        Weights({"vgg_16": "somewhere.pth"})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"taps": "relu9_9"}, "vgg19 has no layer 'relu9_9'.* Layers: conv1_1"),
        ({"taps": "relu1_1+relu2_1", "factors": "1+2+3"}, "one number for each of the 2 taps"),
        ({"taps": "relu1_1", "factors": "rife"}, "one number for each of the 1 taps"),
        ({"factors": "nan"}, "factors takes finite numbers of at least 0, .* got 'nan'"),
        ({"factors": "inf"}, "finite numbers of at least 0, .* got 'inf'"),
        ({"factors": "-1"}, "finite numbers of at least 0, .* got '-1'"),
        ({"factors": "0"}, "not all 0; got '0'"),
    ],
)
def test_senseless_taps_are_refused(options: dict[str, Any], message: str, networks: Any) -> None:
    with pytest.raises(ValueError, match=message):
        VGG(**options, weights=networks)
