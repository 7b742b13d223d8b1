"""AdaCoF's discriminators, to train against.

Reference:
    Lee, Kim, Chung, Kang, Ban, Cho and Lee, "AdaCoF: adaptive collaboration of flows for video
    frame interpolation", CVPR 2020; layers as its released code.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

# Channels out and stride of the eight convolutions, 3x3 with a border of zeros.
LAYERS = ((64, 1), (64, 2), (128, 1), (128, 2), (256, 1), (256, 2), (512, 1), (512, 2))


class Discriminator(nn.Module):
    """Logits of pictures: eight convolutions and two linear layers.

    ======  ============================================  =====================
    layer   what                                          size out
    ======  ============================================  =====================
    1       3x3, channels -> 64                           patch
    2       3x3, 64 -> 64, stride 2                       patch / 2
    3, 4    3x3, 64 -> 128; 128 -> 128, stride 2          patch / 4
    5, 6    3x3, 128 -> 256; 256 -> 256, stride 2         patch / 8
    7, 8    3x3, 256 -> 512; 512 -> 512, stride 2         patch / 16
    9       linear, 512 (patch / 16)^2 -> 1024            1
    10      linear, 1024 -> 1                             1
    ======  ============================================  =====================

    Convolutions have no bias; batch normalisation follows each, then LeakyReLU 0.2, which follows
    layer 9 too. WGAN-GP and :class:`TemporalDiscriminator` leave out the normalisation.
    """

    def __init__(self, *, channels: int = 3, patch: int = 256, normalise: bool = True) -> None:
        """Make the network.

        Args:
            channels: 3 for single frames; 6 for two frames in temporal order (the dual-frame
                loss).
            patch: Side of the pictures, a multiple of 16.
            normalise: With batch normalisation.

        Raises:
            ValueError: The patch is no multiple of 16.
        """
        super().__init__()
        if patch < 16 or patch % 16:
            raise ValueError(f"Discriminator takes a patch of a multiple of 16, got {patch}.")
        steps: list[nn.Module] = []
        for width, stride in LAYERS:
            steps.append(nn.Conv2d(channels, width, 3, stride=stride, padding=1, bias=False))
            if normalise:
                steps.append(nn.BatchNorm2d(width))
            steps.append(nn.LeakyReLU(0.2))
            channels = width
        self.features = nn.Sequential(*steps)
        self.classifier = nn.Sequential(
            nn.Linear(channels * (patch // 16) ** 2, 1024), nn.LeakyReLU(0.2), nn.Linear(1024, 1)
        )

    def forward(self, pictures: Tensor) -> Tensor:
        """Logits ``(N, 1)`` of pictures ``(N, channels, patch, patch)`` in [0, 1]."""
        logits: Tensor = self.classifier(self.features(pictures).flatten(1))
        return logits


class TemporalDiscriminator(nn.Module):
    """Logits of three frames: two convolutions over time, then :class:`Discriminator`.

    Both are 2x3x3, biased, with a border of zeros in the picture and none in time: 3 -> 64 -> 64
    channels, 3 -> 2 -> 1 frames. Nothing is normalised.
    """

    def __init__(self, *, patch: int = 256) -> None:
        """Make the network for pictures of ``patch x patch`` pixels, a multiple of 16."""
        super().__init__()
        self.merge = nn.Sequential(
            nn.Conv3d(3, 64, (2, 3, 3), padding=(0, 1, 1)),
            nn.Conv3d(64, 64, (2, 3, 3), padding=(0, 1, 1)),
        )
        self.single = Discriminator(channels=64, patch=patch, normalise=False)

    def forward(self, previous: Tensor, distorted: Tensor, next: Tensor) -> Tensor:
        """Logits ``(N, 1)`` of frames ``(N, 3, patch, patch)`` in [0, 1]."""
        frames = torch.stack([previous, distorted, next], 2)
        # The axis of time alone: a batch of one stays a batch.
        logits: Tensor = self.single(self.merge(frames).squeeze(2))
        return logits
