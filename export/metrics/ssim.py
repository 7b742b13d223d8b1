"""Structural similarity (SSIM).

Reference:
    Wang, Bovik, Sheikh and Simoncelli, "Image quality assessment: from error visibility to
    structural similarity", IEEE Trans. Image Processing 13(4), 2004.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from torch import Tensor

from framegauge.export.contract.spec import Grid, Spec
from framegauge.export.features import Features
from framegauge.export.maths.reduction import Reduction
from framegauge.export.maths.windows import Moments, Padding, gaussian, local_moments, uniform
from framegauge.export.metric import PixelMetric

SPEC = Spec(
    name="ssim",
    title="Structural similarity of RGB",
    kind="metric",
    better="higher",
    ideal=1.0,
    low=-1.0,
    high=1.0,
    least=11,
    tolerance=1e-4,
    grid=Grid(offset=5.0),
    source="Wang et al., IEEE TIP 2004; per channel, then mean",
)

C1, C2 = 0.01**2, 0.03**2
GAUSSIAN = gaussian(11, 1.5)


def luminance_contrast(moments: Moments, *, scale: float = 1.0) -> tuple[Tensor, Tensor]:
    """The two factors of SSIM at each position: luminance, and contrast with structure.

    Args:
        moments: Local moments of the two pictures in [0, 1].
        scale: Factor on variances and covariance.
    """
    mu_x, mu_y, var, cov = moments
    luminance = (2 * mu_x * mu_y + C1) / (mu_x * mu_x + mu_y * mu_y + C1)
    contrast = (2 * scale * cov + C2) / (scale * var + C2)
    return luminance, contrast


class SSIM(PixelMetric):
    """Mean structural similarity of each channel, then of the channels.

    The defaults are Wang's (11-tap Gaussian, sigma 1.5, windows within the frame, biased moments).

    Example:
        >>> import torch
        >>> SSIM()(torch.full((1, 3, 16, 16), 0.6), torch.full((1, 3, 16, 16), 0.5))
        tensor(0.9836)
    """

    SPEC = SPEC

    def __init__(
        self,
        *,
        window: Literal["gaussian", "uniform"] = "gaussian",
        size: int = 11,
        sigma: float = 1.5,
        padding: Padding = "valid",
        covariance: Literal["biased", "sample"] = "biased",
        form: Literal["ssim", "dssim"] = "ssim",
        reduction: Reduction = "mean",
    ) -> None:
        """Make the metric.

        Args:
            window: Weights of the local statistics.
            size: Side of the window, odd.
            sigma: Of the Gaussian, in pixels.
            padding: What lies beyond the border: nothing (windows stay inside), the nearest
                sample (RIFE, FLAVR), or the mirrored frame, the border kept (torchmetrics).
            covariance: ``sample`` divides by n - 1 (scikit-image's default).
            form: ``dssim`` is the loss ``(1 - ssim) / 2``.
            reduction: As for every metric.
        """
        super().__init__(reduction=reduction)
        if size < 3 or size % 2 == 0:
            raise ValueError(f"{self.SPEC.name} takes an odd size of at least 3, got {size}.")
        if not sigma > 0:
            raise ValueError(f"{self.SPEC.name} takes a sigma above 0, got {sigma}.")
        if window == "uniform":
            self.refuse_idle("window=uniform", sigma=sigma)
        self.taps = gaussian(size, sigma) if window == "gaussian" else uniform(size)
        self.padding: Padding = padding
        count = size * size
        self.scale = count / (count - 1) if covariance == "sample" else 1.0
        self.form = form

    @property
    def spec(self) -> Spec:
        """The facts, for the window, the border and the form."""
        size = len(self.taps)
        grid = Grid(offset=size // 2 if self.padding == "valid" else 0)
        spec = replace(self.SPEC, least=size, grid=grid)
        if self.form == "dssim":
            return replace(spec, better="lower", ideal=0.0, low=0.0, high=1.0)
        return spec

    def pictures(self, features: Features) -> tuple[Tensor, Tensor]:
        """What is compared, distorted first."""
        return features.rgb("distorted"), features.rgb("reference")

    def map(self, features: Features) -> Tensor:
        """Similarity at each position, mean over channels, ``(N, 1, h, w)``."""
        moments = features.once(
            local_moments,
            *self.pictures(features),
            taps=self.taps,
            padding=self.padding,
        )
        luminance, contrast = features.once(luminance_contrast, moments, scale=self.scale)
        ssim = (luminance * contrast).mean(1, keepdim=True)
        return (1 - ssim) / 2 if self.form == "dssim" else ssim
