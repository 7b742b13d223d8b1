"""Gradient magnitude similarity deviation (GMSD).

References:
    Xue, Zhang, Mou and Bovik, "Gradient magnitude similarity deviation: a highly efficient
    perceptual image quality index", IEEE Trans. Image Processing 23(2), 2014; Zhang, Sun, Ling,
    Ma and Chen, "Gradient magnitude similarity deviation on multiple scales for color image
    quality assessment", ICASSP 2017; piq (default and multi-scale form); IQA_pytorch (RGB form).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from framegauge.export.contract.spec import Grid, Spec
from framegauge.export.features import Features
from framegauge.export.maths.colour import luma, rgb2gray
from framegauge.export.maths.pyramid import box_halved, box_halved_trailing
from framegauge.export.maths.reduction import Reduction, pixel_mean, safe_root
from framegauge.export.metric import MapMetric, PairMetric

SPEC = Spec(
    name="gmsd",
    title="Gradient magnitude similarity deviation",
    kind="metric",
    better="lower",
    ideal=0.0,
    low=0.0,
    high=None,
    least=4,
    tolerance=1e-4,
    grid=Grid(offset=0.5, stride=2.0),
    source="Xue et al., IEEE TIP 2014; piq",
)

T = 170.0
SCALE_WEIGHTS = (0.096, 0.596, 0.289, 0.019)
PREWITT = ((1 / 3, 0.0, -1 / 3), (1 / 3, 0.0, -1 / 3), (1 / 3, 0.0, -1 / 3))


def gradient_magnitude(x: Tensor, *, epsilon: float) -> Tensor:
    """Length of the Prewitt gradient of each channel, zeros beyond the border; same shape."""
    across = x.new_tensor(PREWITT)
    kernels = torch.stack([across, across.T])[:, None].repeat(x.shape[1], 1, 1, 1)
    squares = F.conv2d(x, kernels, padding=1, groups=x.shape[1]).square()
    return safe_root(squares[:, 0::2] + squares[:, 1::2] + epsilon)


def gradient_similarity(
    x: Tensor, y: Tensor, *, masking: float = 0.0, epsilon: float = 0.0
) -> Tensor:
    """Similarity of gradient magnitudes at each pixel, for samples in 0..255; same shape.

    Args:
        x: First picture, ``(N, C, H, W)``.
        y: Second picture.
        masking: Share of the product that both sides of the fraction lose.
        epsilon: Added inside the root of the magnitude.
    """
    g_x, g_y = gradient_magnitude(x, epsilon=epsilon), gradient_magnitude(y, epsilon=epsilon)
    product = g_x * g_y
    return ((2 - masking) * product + T) / (g_x * g_x + g_y * g_y - masking * product + T)


def deviation(values: Tensor, *, unbiased: bool = False) -> Tensor:
    """Standard deviation of each sample, ``(N, C, H, W)`` to ``(N,)``, in two passes."""
    mean = pixel_mean(values)
    variance = pixel_mean((values - mean[:, None, None, None]).square())
    if unbiased:
        count = values.shape[1] * values.shape[2] * values.shape[3]
        variance = variance * (count / (count - 1))
    return safe_root(variance)


class GMSD(PairMetric, MapMetric):
    """Standard deviation over pixels of the similarity of gradient magnitudes.

    Example:
        >>> import torch
        >>> frame = torch.rand(1, 3, 32, 32)
        >>> GMSD()(frame, frame)
        tensor(0.)
    """

    SPEC = SPEC

    def __init__(
        self,
        *,
        form: Literal["luma", "rgb", "multi_scale"] = "luma",
        deviation: Literal["form", "biased", "unbiased"] = "form",
        matrix: Literal["bt601", "rgb2gray"] = "bt601",
        reduction: Reduction = "mean",
    ) -> None:
        """Make the metric.

        Args:
            form: ``luma``: on luma at half size (the paper, piq). ``rgb``: on the three channels
                together (IQA_pytorch). ``multi_scale``: luma at four scales with masking (Zhang
                et al.).
            deviation: ``unbiased`` divides by n - 1, as the paper's MATLAB code does, ``biased``
                by n; ``form``: as the form's code does, unbiased for ``rgb`` alone.
            matrix: Weights of luma; ``rgb2gray`` is MATLAB's grey of 8 bits, which the paper's
                code takes.
            reduction: As for every metric.
        """
        super().__init__(reduction=reduction)
        if form == "rgb":
            self.refuse_idle("form=rgb", matrix=matrix)
        self.form, self.matrix = form, matrix
        self.unbiased = deviation == "unbiased" or (deviation == "form" and form == "rgb")

    @property
    def spec(self) -> Spec:
        """The facts; four scales need larger frames and have no map."""
        if self.form == "multi_scale":
            return replace(SPEC, least=16, grid=None)
        return SPEC

    def map(self, features: Features) -> Tensor:
        """Similarity at each pixel of the halved frame, mean over channels, ``(N, 1, h, w)``."""
        return features.once(self.similarity, features).mean(1, keepdim=True)

    def map_spec(self, spec: Spec) -> Spec:
        """Facts of the map: it is 1 where frames agree, and the score its deviation."""
        return replace(spec, better="higher", ideal=1.0, low=0.0, high=1.0)

    def similarity(self, features: Features) -> Tensor:
        """Similarity at each pixel and channel of the halved frame, ``(N, C, h, w)``."""
        if self.form == "rgb":
            x, y = (
                features.once(torch.mul, features.once(box_halved, features.rgb(role)), 255)
                for role in ("distorted", "reference")
            )
            return gradient_similarity(x, y, epsilon=1e-12)
        x, y = self._luma(features)
        return gradient_similarity(
            features.once(box_halved_trailing, x), features.once(box_halved_trailing, y)
        )

    def score(self, features: Features) -> Tensor:
        """Deviation of each sample, ``(N,)``."""
        if self.form != "multi_scale":
            return deviation(features.once(self.similarity, features), unbiased=self.unbiased)
        x, y = self._luma(features)
        total: Tensor | float = 0.0
        for scale, weight in enumerate(SCALE_WEIGHTS):
            if scale > 0:
                x = features.once(box_halved_trailing, x)
                y = features.once(box_halved_trailing, y)
            score = deviation(gradient_similarity(x, y, masking=0.5), unbiased=self.unbiased)
            total = total + weight * score.square()
        return safe_root(torch.as_tensor(total))

    def _luma(self, features: Features) -> tuple[Tensor, Tensor]:
        x, y = (
            features.once(torch.mul, self._grey(features, role), 255)
            for role in ("distorted", "reference")
        )
        return x, y

    def _grey(self, features: Features, role: str) -> Tensor:
        if self.matrix == "rgb2gray":
            return features.once(rgb2gray, features.rgb(role))
        return features.once(luma, features.rgb(role), matrix=self.matrix)
