"""Multi-scale SSIM of the luma plane, as libvmaf computes it.

Reference:
    Netflix, libvmaf, feature ``float_ms_ssim``, after Wang, Simoncelli and Bovik, "Multiscale
    structural similarity for image quality assessment", Asilomar 2003.
"""

from __future__ import annotations

from torch import Tensor

from framegauge.export.contract.spec import Spec
from framegauge.export.features import Features
from framegauge.export.maths.pyramid import biorthogonal_halved
from framegauge.export.maths.reduction import pixel_mean, safe_power
from framegauge.export.metric import PairMetric
from framegauge.export.metrics.float_ssim import components, luma_plane
from framegauge.export.metrics.ms_ssim import WEIGHTS

SPEC = Spec(
    name="float_ms_ssim",
    title="Multi-scale structural similarity of the luma plane, as libvmaf's",
    kind="metric",
    better="higher",
    ideal=1.0,
    low=0.0,
    high=1.0,
    least=176,
    tolerance=1e-4,
    reads="plane",
    planes=("y",),
    source="libvmaf",
)


class FloatMSSSIM(PairMetric):
    """Product over five scales of mean contrast and structure, and of luminance at the coarsest.

    A mean structure below zero, of which libvmaf makes NaN, counts as zero.

    Example:
        >>> import torch
        >>> plane = torch.rand(1, 1, 176, 176) * 255
        >>> FloatMSSSIM()(plane, plane)
        tensor(1.)
    """

    SPEC = SPEC

    def score(self, features: Features) -> Tensor:
        """Similarity of each sample, ``(N,)``."""
        x, y = luma_plane(features, "distorted"), luma_plane(features, "reference")
        product = x.new_ones(())
        for level, weight in enumerate(WEIGHTS):
            if level > 0:
                x, y = features.once(biorthogonal_halved, x), features.once(biorthogonal_halved, y)
            luminance, contrast, structure = (
                pixel_mean(part) for part in features.once(components, x, y)
            )
            product = product * safe_power(contrast, weight) * safe_power(structure, weight)
            if level == len(WEIGHTS) - 1:
                product = product * safe_power(luminance, weight)
        return product
