"""Deep image structure and texture similarity (DISTS).

Reference:
    Ding, Ma, Wang and Simoncelli, "Image quality assessment: unifying structure and texture
    similarity", IEEE Trans. Pattern Analysis and Machine Intelligence 44(5), 2022.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from framegauge.export.contract.spec import Spec
from framegauge.export.features import Features
from framegauge.export.maths.reduction import Reduction, plane_mean
from framegauge.export.metric import PairMetric
from framegauge.export.networks.backbones import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    PairActivations,
    Weights,
)
from framegauge.export.networks.checkpoint import LoadedWeights, WeightsError

SPEC = Spec(
    name="dists",
    title="Structure and texture distance on VGG16",
    kind="metric",
    better="lower",
    ideal=0.0,
    low=0.0,
    high=2.0,
    least=16,
    tolerance=1e-3,
    weights=("vgg16", "dists"),
    source="DISTS (Ding et al., TPAMI 2022)",
)

TAPS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3")
# Of the frame itself, then of the taps.
CHANNELS = (3, 64, 128, 256, 512, 512)


def l2_pool(x: Tensor) -> Tensor:
    """Root of the blurred squares at every second position, zero beyond the border."""
    weights = x.new_tensor([0.25, 0.5, 0.25])
    kernel = torch.outer(weights, weights).expand(x.shape[1], 1, 3, 3)
    blurred = F.conv2d(x.square(), kernel, stride=2, padding=1, groups=x.shape[1])
    return (blurred + 1e-12).sqrt()


def structure_and_texture(x: Tensor, y: Tensor, *, c1: float, c2: float) -> tuple[Tensor, Tensor]:
    r"""How far two maps are apart in texture and in structure, by channel.

    .. math::
        1 - \frac{2\mu_x\mu_y + c_1}{\mu_x^2 + \mu_y^2 + c_1}, \qquad
        1 - \frac{2\sigma_{xy} + c_2}{\sigma_x^2 + \sigma_y^2 + c_2}

    written with :math:`(\mu_x - \mu_y)^2` and :math:`\sigma_{x-y}^2` above the line, so that
    nothing cancels and two equal maps give zero.

    Args:
        x: ``(N, C, h, w)``.
        y: The same.
        c1: Keeps the first from dividing by zero.
        c2: The same for the second.

    Returns:
        ``(N, C)`` in [0, 2], each.
    """
    mu_x, mu_y = plane_mean(x), plane_mean(y)
    sigma_x, sigma_y, sigma_error = (_variance(each) for each in (x, y, x - y))
    return (
        (mu_x - mu_y).square() / (mu_x.square() + mu_y.square() + c1),
        sigma_error / (sigma_x + sigma_y + c2),
    )


class DISTS(PairMetric):
    """Weighted sum over the channels of a frame and of five layers of the two distances.

    The authors' loader shrinks frames whose shorter side is above 256 pixels to 256; here frames
    are taken as they are.
    """

    SPEC = SPEC

    def __init__(self, *, weights: Weights | None = None, reduction: Reduction = "mean") -> None:
        """Make the metric.

        Args:
            weights: Where VGG16's weights and the channels' are, ``None`` to look for the
                published files.
            reduction: As for every metric.

        Raises:
            WeightsError: The weights are not available.
        """
        super().__init__(reduction=reduction)
        found = weights or Weights()
        self.backbone = found.backbone("vgg16")
        alpha, beta = (_channel_weights(found.load("dists"), name) for name in ("alpha", "beta"))
        total = alpha.sum() + beta.sum()
        if not total > 0:
            raise WeightsError(
                "The weights dists are damaged: their sum is not above 0. Get them again."
            )
        self.alpha, self.beta = ((each / total).split(CHANNELS) for each in (alpha, beta))

    def score(self, features: Features) -> Tensor:
        """Distance of each sample, ``(N,)``."""
        frame, target = features.rgb("distorted"), features.rgb("reference").detach()
        activations = features.once(
            PairActivations,
            self.backbone,
            features.rgb("distorted"),
            features.rgb("reference"),
            mean=IMAGENET_MEAN,
            std=IMAGENET_STD,
            pool=l2_pool,
        )
        pairs = [(frame, target), *(activations[tap] for tap in TAPS)]
        total = torch.zeros_like(frame[:, 0, 0, 0])
        for (x, y), alpha, beta in zip(pairs, self.alpha, self.beta, strict=True):
            texture, structure = structure_and_texture(x, y, c1=1e-6, c2=1e-6)
            total = total + (alpha.to(x) * texture + beta.to(x) * structure).sum(-1)
        return total


def _variance(x: Tensor) -> Tensor:
    mean = x.mean(-1, keepdim=True).mean(-2, keepdim=True)
    return plane_mean((x - mean).square())


def _channel_weights(weights: LoadedWeights, name: str) -> Tensor:
    shape = (1, sum(CHANNELS), 1, 1)
    tensor = weights.tensor(name, shape, wanted="the authors' weights.pt")
    # Summed in float64, the weights add up to one in any type they are used in.
    return tensor.double().flatten()
