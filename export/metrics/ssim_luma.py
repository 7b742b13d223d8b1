"""Structural similarity of luma.

Reference:
    Wang, Bovik, Sheikh and Simoncelli, "Image quality assessment: from error visibility to
    structural similarity", IEEE Trans. Image Processing 13(4), 2004.
"""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from framegauge.export.contract.spec import Spec
from framegauge.export.features import Features
from framegauge.export.maths.colour import Grey
from framegauge.export.maths.reduction import Reduction
from framegauge.export.maths.windows import Padding
from framegauge.export.metrics import ssim

SPEC = replace(
    ssim.SPEC,
    name="ssim_luma",
    title="Structural similarity of luma",
    reads="luma",
    source="Wang et al., IEEE TIP 2004",
)


class SSIMLuma(ssim.SSIM):
    """SSIM of luma from RGB, or of the Y plane where the frame has one.

    Example:
        >>> import torch
        >>> SSIMLuma()(torch.full((1, 3, 16, 16), 0.6), torch.full((1, 3, 16, 16), 0.5))
        tensor(0.9836)
    """

    SPEC = SPEC

    def __init__(
        self,
        *,
        matrix: Grey = "bt601",
        padding: Padding = "valid",
        reduction: Reduction = "mean",
    ) -> None:
        """Make the metric.

        Args:
            matrix: Weights of luma from RGB. A frame with a Y plane is taken as it is, but for
                ``rgb2gray``, MATLAB's grey of 8 bits, which published values are of.
            padding: What lies beyond the border, as for ``ssim``.
            reduction: As for every metric.
        """
        super().__init__(padding=padding, reduction=reduction)
        self.matrix = matrix

    @property
    def spec(self) -> Spec:
        """The facts; MATLAB's grey is made of colours."""
        return replace(super().spec, reads="rgb" if self.matrix == "rgb2gray" else "luma")

    def pictures(self, features: Features) -> tuple[Tensor, Tensor]:
        """What is compared, distorted first."""
        return features.luma("distorted", self.matrix), features.luma("reference", self.matrix)
