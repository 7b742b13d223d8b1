from itertools import pairwise

import pytest
import torch
from torch import nn

from framegauge.export.networks.discriminator import Discriminator, TemporalDiscriminator


@pytest.mark.parametrize("channels", [3, 6])
def test_layers_are_those_of_the_table(channels: int) -> None:
    network = Discriminator(channels=channels, patch=32)

    convolutions = [
        (layer.in_channels, layer.out_channels, layer.stride[0])
        for layer in network.modules()
        if isinstance(layer, nn.Conv2d)
    ]
    linear = [
        (layer.in_features, layer.out_features)
        for layer in network.modules()
        if isinstance(layer, nn.Linear)
    ]

    assert convolutions == [
        (channels, 64, 1),
        (64, 64, 2),
        (64, 128, 1),
        (128, 128, 2),
        (128, 256, 1),
        (256, 256, 2),
        (256, 512, 1),
        (512, 512, 2),
    ]
    assert linear == [(512 * 2 * 2, 1024), (1024, 1)]


def test_parameters_are_as_many_as_the_table_says() -> None:
    network = Discriminator(channels=6, patch=16)

    widths = [6, 64, 64, 128, 128, 256, 256, 512, 512]
    pairs = list(pairwise(widths))
    convolutions = sum(9 * before * after + 2 * after for before, after in pairs)
    linear = 512 * 1024 + 1024 + 1024 + 1
    assert sum(each.numel() for each in network.parameters()) == convolutions + linear


@pytest.mark.parametrize("normalise", [True, False])
def test_only_the_normalised_network_normalises(normalise: bool) -> None:
    network = Discriminator(patch=16, normalise=normalise)

    assert any(isinstance(each, nn.BatchNorm2d) for each in network.modules()) == normalise


@pytest.mark.parametrize("batch", [1, 3])
def test_a_picture_has_one_logit(batch: int) -> None:
    pictures = torch.rand(batch, 6, 32, 32)

    assert Discriminator(channels=6, patch=32)(pictures).shape == (batch, 1)


@pytest.mark.parametrize("batch", [1, 2])
def test_three_frames_have_one_logit_and_each_a_say(batch: int) -> None:
    frames = [torch.rand(batch, 3, 16, 16, requires_grad=True) for _ in range(3)]

    logits = TemporalDiscriminator(patch=16)(*frames)
    logits.sum().backward()

    assert logits.shape == (batch, 1)
    assert all(each.grad.abs().sum() > 0 for each in frames)


@pytest.mark.parametrize("patch", [0, 8, 40])
def test_a_patch_that_cannot_be_halved_four_times_is_refused(patch: int) -> None:
    with pytest.raises(ValueError, match=f"a multiple of 16, got {patch}"):
        Discriminator(patch=patch)
