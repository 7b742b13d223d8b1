"""Peak signal-to-noise ratio (PSNR).

Reference:
    Huynh-Thu and Ghanbari, "Scope of validity of PSNR in image/video quality assessment",
    Electronics Letters 44(13), 2008.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from framegauge.export.contract.interface import Aggregate
from framegauge.export.contract.spec import Spec
from framegauge.export.features import Features
from framegauge.export.losses.mse import squared_error
from framegauge.export.maths.reduction import Reduction, pixel_mean
from framegauge.export.metric import PairMetric

SPEC = Spec(
    name="psnr",
    title="Peak signal-to-noise ratio of RGB",
    kind="metric",
    better="higher",
    ideal=100.0,
    low=0.0,
    high=100.0,
    unit="dB",
    tolerance=0.01,
    source="Definition; per frame, as RIFE, AdaCoF and DAIN report it",
)


# 1e-37 of the squared peak; from 1e-38 on float32 has fewer digits, then none.
HIGHEST_CAP = 370


def mean_squared_error(x: Tensor, y: Tensor) -> Tensor:
    """Mean of ``(x - y)^2`` over pixels and channels, ``(N, C, H, W)`` to ``(N,)``."""
    return pixel_mean(squared_error(x, y))


def decibels(mse: Tensor, *, peak: float = 1.0, cap: float, epsilon: float = 0.0) -> Tensor:
    r""":math:`-10 \log_{10}(\mathrm{mse} / \mathrm{peak}^2 + \epsilon)`, at most ``cap``."""
    noise, least = mse / peak**2 + epsilon, 10 ** (-cap / 10)
    # No clamp: some of them turn NaN into their bound, which is the score of identical frames.
    return -10 * torch.where(noise <= least, least, noise).log10()


class PSNR(PairMetric):
    r""":math:`-10 \log_{10} \mathrm{MSE}` of each frame, all channels together, capped.

    Example:
        >>> import torch
        >>> reference = torch.zeros(2, 3, 8, 8)
        >>> PSNR(reduction="none")(reference + 0.1, reference)
        tensor([20., 20.])
    """

    SPEC = SPEC
    moment_names = ("mse",)

    def __init__(
        self, *, cap: float = 100.0, epsilon: float = 0.0, reduction: Reduction = "mean"
    ) -> None:
        """Make the metric.

        Args:
            cap: Greatest score, in dB, up to 370: what identical frames get.
            epsilon: Added to the mean squared error; FLAVR adds 1e-8, which caps it at 80 dB.
            reduction: As for every metric.
        """
        super().__init__(reduction=reduction)
        if not 0 < cap <= HIGHEST_CAP:
            raise ValueError(
                f"{self.SPEC.name} takes a cap above 0 and up to {HIGHEST_CAP} dB, where float32 "
                f"ends; got {cap}."
            )
        if not epsilon >= 0:
            raise ValueError(f"{self.SPEC.name} takes an epsilon of at least 0, got {epsilon}.")
        self.cap, self.epsilon = cap, epsilon

    @property
    def spec(self) -> Spec:
        """The facts; the ideal is the cap, or what epsilon leaves of it."""
        none = torch.zeros((), dtype=torch.float64)
        identical = float(decibels(none, cap=self.cap, epsilon=self.epsilon))
        return replace(self.SPEC, ideal=identical, high=identical)

    def error(self, features: Features) -> Tensor:
        """Mean squared error of each sample, ``(N,)``."""
        pair = features.rgb("distorted"), features.rgb("reference")
        return features.once(mean_squared_error, *pair)

    def score(self, features: Features) -> Tensor:
        """Decibels of each sample, ``(N,)``."""
        error = features.once(self.error, features)
        return decibels(error, cap=self.cap, epsilon=self.epsilon)

    def moments(self, features: Features) -> list[Tensor]:
        """The mean squared error and epsilon, from which a clip's PSNR is made."""
        error = features.once(self.error, features)
        return [error + self.epsilon if self.epsilon else error]

    def aggregates(self, label: str, depth: int) -> list[Aggregate]:
        """PSNR of the clip's mean squared error."""
        return [
            Aggregate(name=f"a{label}", of=(f"{label}.mse",), finish="psnr", peak=1.0, cap=self.cap)
        ]
