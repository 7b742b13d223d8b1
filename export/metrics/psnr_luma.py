"""PSNR of luma.

References:
    ITU-R BT.601-7: luma weights. Chu et al., "TecoGAN", ACM Trans. Graphics 39(4), 2020, and RIFE
    (Huang et al., ECCV 2022) report PSNR of luma, the first in the studio range.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from torch import Tensor

from framegauge.export.contract.spec import Spec
from framegauge.export.features import Features
from framegauge.export.maths.colour import Grey
from framegauge.export.maths.reduction import Reduction
from framegauge.export.metrics.psnr import PSNR, mean_squared_error

SPEC = Spec(
    name="psnr_luma",
    title="Peak signal-to-noise ratio of luma",
    kind="metric",
    better="higher",
    ideal=100.0,
    low=0.0,
    high=100.0,
    unit="dB",
    tolerance=0.01,
    reads="luma",
    source="RIFE's HD benchmark; range=limited is TecoGAN's",
)

# Of 255 code values, studio luma uses 219.
STUDIO = 219 / 255


class PSNRLuma(PSNR):
    """PSNR of luma from RGB, or of the Y plane where the frame has one.

    Example:
        >>> import torch
        >>> reference = torch.zeros(1, 3, 8, 8)
        >>> PSNRLuma()(reference + 0.1, reference)
        tensor(20.)
    """

    SPEC = SPEC

    def __init__(
        self,
        *,
        matrix: Grey = "bt601",
        range: Literal["full", "limited"] = "full",
        cap: float = 100.0,
        reduction: Reduction = "mean",
    ) -> None:
        """Make the metric.

        Args:
            matrix: Weights of luma from RGB. A frame with a Y plane is taken as it is, but for
                ``rgb2gray``, MATLAB's grey of 8 bits.
            range: ``limited`` squeezes luma from RGB into 219 of 255 steps before it is compared
                with a peak of 255.
            cap: Greatest score, in dB.
            reduction: As for every metric.
        """
        super().__init__(cap=cap, reduction=reduction)
        self.matrix, self.range = matrix, range

    @property
    def spec(self) -> Spec:
        """The facts; MATLAB's grey is made of colours."""
        return replace(super().spec, reads="rgb" if self.matrix == "rgb2gray" else "luma")

    def error(self, features: Features) -> Tensor:
        """Mean squared error of each sample, ``(N,)``."""
        pair = (features.luma(role, self.matrix) for role in ("distorted", "reference"))
        error = features.once(mean_squared_error, *pair)
        is_plane = self.matrix != "rgb2gray" and "y" in features.frame("reference").planes
        return error * STUDIO**2 if self.range == "limited" and not is_plane else error
