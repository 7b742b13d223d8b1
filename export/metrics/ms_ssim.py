"""Multi-scale structural similarity (MS-SSIM).

References:
    Wang, Simoncelli and Bovik, "Multiscale structural similarity for image quality assessment",
    Asilomar 2003; pytorch-msssim by VainF (the default form); ``msssim`` of RIFE (Huang et al.,
    ECCV 2022) and FLAVR (Kalluri et al., WACV 2023).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor

from framegauge.export.features import Features
from framegauge.export.metric import PairMetric
from framegauge.export.metrics.ssim import GAUSSIAN, luminance_contrast
from framegauge.export.pyramid import box_halved, box_halved_leading
from framegauge.export.reduction import Reduction, pixel_mean, plane_mean, safe_power
from framegauge.export.spec import Spec
from framegauge.export.windows import Moments, local_moments, moments_about, positions

SPEC = Spec(
    name="ms_ssim",
    title="Multi-scale structural similarity of RGB",
    kind="metric",
    better="higher",
    ideal=1.0,
    low=0.0,
    high=1.0,
    least=161,
    tolerance=1e-4,
    source="Wang et al., Asilomar 2003; pytorch-msssim",
)

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)


class MSSSIM(PairMetric):
    """Product over five scales of contrast, and of luminance at the coarsest.

    Example:
        >>> import torch
        >>> frame = torch.rand(1, 3, 161, 161)
        >>> MSSSIM()(frame, frame)
        tensor(1.)
    """

    SPEC = SPEC

    def __init__(
        self,
        *,
        form: Literal["vainf", "rife", "rife_intended"] = "vainf",
        reduction: Reduction = "mean",
    ) -> None:
        """Make the metric.

        Args:
            form: ``vainf``: windows within the frame, each channel by itself, then their mean.
                ``rife``: borders repeated, all channels together, and the coarsest scale's factor
                multiplied into each of the four others, as RIFE's code has it.
                ``rife_intended``: the same with that factor once.
            reduction: As for every metric.
        """
        super().__init__(reduction=reduction)
        self.form = form

    @property
    def spec(self) -> Spec:
        """The facts; RIFE's form shrinks its window on the two coarsest scales where it must."""
        if self.form == "vainf":
            return SPEC
        return replace(SPEC, least=44)

    def score(self, features: Features) -> Tensor:
        """Similarity of each sample, ``(N,)``."""
        x, y = features.rgb("distorted"), features.rgb("reference")
        return self._vainf(features, x, y) if self.form == "vainf" else self._rife(features, x, y)

    def _vainf(self, features: Features, x: Tensor, y: Tensor) -> Tensor:
        product: Tensor | float = 1.0
        for level, weight in enumerate(WEIGHTS):
            moments = features.once(local_moments, x, y, taps=GAUSSIAN, padding="valid", centre=0.5)
            luminance, contrast = features.once(luminance_contrast, moments, scale=1.0)
            if level < len(WEIGHTS) - 1:
                factor = plane_mean(contrast)
                x = features.once(box_halved_leading, x)
                y = features.once(box_halved_leading, y)
            else:
                factor = plane_mean(luminance * contrast)
            product = product * safe_power(factor, weight)
        return torch.as_tensor(product).mean(-1)

    def _rife(self, features: Features, x: Tensor, y: Tensor) -> Tensor:
        product: Tensor | float = 1.0
        last = x.new_ones(())
        for level, weight in enumerate(WEIGHTS):
            if level < 3:
                moments = features.once(
                    local_moments, x, y, taps=GAUSSIAN, padding="replicate", centre=0.5
                )
            else:
                moments = features.once(shrinking_moments, x, y, centre=0.5)
            luminance, contrast = features.once(luminance_contrast, moments, scale=1.0)
            if level < len(WEIGHTS) - 1:
                product = product * safe_power(pixel_mean(contrast), weight)
                x, y = features.once(box_halved, x), features.once(box_halved, y)
            else:
                last = safe_power(pixel_mean(luminance * contrast), weight)
        return product * last.pow(len(WEIGHTS) - 1 if self.form == "rife" else 1)


def shrinking_moments(x: Tensor, y: Tensor, *, centre: float) -> Moments:
    """Moments under a Gaussian of ``min(11, H, W)`` taps after 5 repeated samples on every side.

    The window's size depends on the frame's, so the filter is two products with matrices built
    from the size. For small pictures: the work grows with the cube of the side.
    """
    x, y = x - centre, y - centre
    height, width = x.shape[-2:]
    size = torch.sym_min(torch.sym_min(height, width), 11)
    down = shrinking_matrix(x, height, size)
    across = shrinking_matrix(x, width, size).T
    means = (down @ picture @ across for picture in (x, y, x * x, y * y, x * y))
    return moments_about(centre, *means)


def shrinking_matrix(like: Tensor, length: int, size: int) -> Tensor:
    """The filter along one axis as a matrix, ``(length + 11 - size, length)``.

    Args:
        like: Gives the element type.
        length: Samples along the axis.
        size: Taps of the Gaussian, at most 11.
    """
    unit = like.new_ones(())
    row = positions(like, length + 11 - size)[:, None]
    column = positions(like, length)
    matrix = like.new_zeros(())
    total = like.new_zeros(())
    for k in range(11):
        weight = torch.exp(-((k - unit * (size // 2)).square()) / (2 * 1.5**2))
        weight = weight * (unit * size > k)
        sample = torch.minimum((row + (k - 5)).clamp(min=0), unit * (length - 1))
        matrix = matrix + weight * (sample == column)
        total = total + weight
    return matrix / total
