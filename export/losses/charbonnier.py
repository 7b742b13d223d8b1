"""Charbonnier loss: an L1 that is smooth at zero.

Reference:
    Charbonnier, Blanc-Feraud, Aubert and Barlaud, "Two deterministic half-quadratic regularization
    algorithms for computed imaging", ICIP 1994.
"""

from __future__ import annotations

import math
from dataclasses import replace

from torch import Tensor

from framegauge.export.contract.spec import Grid, Spec
from framegauge.export.features import Features
from framegauge.export.maths.penalties import charbonnier
from framegauge.export.maths.reduction import Reduction
from framegauge.export.metric import PixelMetric

SPEC = Spec(
    name="charbonnier",
    title="Mean of sqrt(error^2 + epsilon^2), RGB in [0, 1]",
    kind="loss",
    better="lower",
    ideal=1e-3,
    low=0.0,
    high=math.hypot(1, 1e-3),
    tolerance=1e-7,
    relative=1e-3,
    grid=Grid(),
    source="Charbonnier et al., ICIP 1994; epsilon 1e-3 as AdaCoF, 1e-6 as DAIN",
)


class Charbonnier(PixelMetric):
    r"""Mean of :math:`\sqrt{(x - y)^2 + \epsilon^2}` over pixels and channels.

    Its floor, the score of a frame against itself, is epsilon.

    Example:
        >>> import torch
        >>> Charbonnier()(torch.full((1, 3, 4, 4), 0.75), torch.full((1, 3, 4, 4), 0.25))
        tensor(0.5000)
    """

    SPEC = SPEC

    def __init__(self, *, epsilon: float = 1e-3, reduction: Reduction = "mean") -> None:
        """Make the loss.

        Args:
            epsilon: Where the root turns linear, in the unit of the samples. It is squared:
                code that adds ``1e-6`` inside the root has an epsilon of 1e-3.
            reduction: As for every metric.
        """
        super().__init__(reduction=reduction)
        if not epsilon > 0:
            raise ValueError(f"charbonnier takes an epsilon above 0, got {epsilon}. Use l1 for 0.")
        self.epsilon = epsilon

    @property
    def spec(self) -> Spec:
        """The facts; the ideal is epsilon, and black on white is the worst."""
        return replace(SPEC, ideal=self.epsilon, high=math.hypot(1, self.epsilon))

    def map(self, features: Features) -> Tensor:
        """Loss of each pixel, mean over channels, ``(N, 1, H, W)``."""
        x, y = features.rgb("distorted"), features.rgb("reference")
        return charbonnier(x, y, epsilon=self.epsilon).mean(1, keepdim=True)
