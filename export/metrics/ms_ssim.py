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
import torch.nn.functional as F
from torch import Tensor

from framegauge.export.contract.spec import Spec
from framegauge.export.features import Features
from framegauge.export.maths.pyramid import box_halved, box_halved_leading
from framegauge.export.maths.reduction import Reduction, pixel_mean, plane_mean, safe_power
from framegauge.export.maths.windows import Moments, local_moments, window_moments
from framegauge.export.metric import PairMetric
from framegauge.export.metrics.ssim import GAUSSIAN, luminance_contrast

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
        return replace(SPEC, least=44, branches=(88, 176))

    def score(self, features: Features) -> Tensor:
        """Similarity of each sample, ``(N,)``."""
        x, y = features.rgb("distorted"), features.rgb("reference")
        return self._vainf(features, x, y) if self.form == "vainf" else self._rife(features, x, y)

    def _vainf(self, features: Features, x: Tensor, y: Tensor) -> Tensor:
        product: Tensor | float = 1.0
        for level, weight in enumerate(WEIGHTS):
            moments = features.once(local_moments, x, y, taps=GAUSSIAN, padding="valid")
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
                moments = features.once(local_moments, x, y, taps=GAUSSIAN, padding="replicate")
            else:
                moments = features.once(shrinking_moments, x, y)
            luminance, contrast = features.once(luminance_contrast, moments, scale=1.0)
            if level < len(WEIGHTS) - 1:
                product = product * safe_power(pixel_mean(contrast), weight)
                x, y = features.once(box_halved, x), features.once(box_halved, y)
            else:
                last = safe_power(pixel_mean(luminance * contrast), weight)
        return product * last.pow(len(WEIGHTS) - 1 if self.form == "rife" else 1)


def shrinking_moments(x: Tensor, y: Tensor) -> Moments:
    """Moments under a Gaussian of ``min(11, H, W)`` taps after 5 repeated samples on every side.

    The window's size depends on the frame's, so the filter is a sum of shifted pictures, with
    weights of zero beyond the window.
    """
    size = torch.sym_min(torch.sym_min(*x.shape[-2:]), 11)

    def window(stack: Tensor) -> Tensor:
        rows = shrinking_filter(stack, size).transpose(-1, -2)
        return shrinking_filter(rows, size).transpose(-1, -2)

    return window_moments(x, y, window)


def shrinking_filter(x: Tensor, size: int) -> Tensor:
    """Rows filtered by a Gaussian of ``size`` taps, at most 11: ``W`` to ``W + 11 - size``."""
    unit = x.new_ones(())
    repeated = F.pad(x, (5, 15, 0, 0), mode="replicate")
    places = x.shape[-1] + 11 - size
    weights = [
        torch.exp(-((k - unit * (size // 2)).square()) / (2 * 1.5**2)) * (unit * size > k)
        for k in range(11)
    ]
    total = sum(weights[1:], weights[0])
    taps = [w / total * repeated[..., k : k + places] for k, w in enumerate(weights)]
    return sum(taps[1:], taps[0])
