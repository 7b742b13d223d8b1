"""FloLPIPS: LPIPS of video frames, weighed by how wrong the motion is.

Reference:
    Danier, Zhang and Bull, "FloLPIPS: a bespoke video quality metric for frame interpolation",
    PCS 2022.
"""

from __future__ import annotations

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from framegauge.export.features import Features
from framegauge.export.maths.flow import squared_length
from framegauge.export.maths.reduction import Reduction, pixel_mean, safe_root
from framegauge.export.metric import Metric
from framegauge.export.metrics.lpips import LPIPSAlex
from framegauge.export.networks.backbones import Weights

SPEC = replace(
    LPIPSAlex.SPEC,
    name="flolpips",
    title="LPIPS weighed by the error of the motion",
    inputs=("reference", "distorted", "flow", "flow_reference"),
    grid=None,
    least=47,  # below, the deepest maps have one position, and nothing to weigh
    source="FloLPIPS (Danier et al., PCS 2022)",
)


def weighted_mean(values: Tensor, difference: Tensor) -> Tensor:
    """Mean of a map, weighed by the length of a difference of flows.

    Where the two flows are one and the same, all weights are zero; the mean is then the plain one.

    Args:
        values: ``(N, 1, h, w)``.
        difference: ``(N, 2, H, W)``; brought to the map's size by linear interpolation.

    Returns:
        ``(N,)``.
    """
    size = values.shape[-2:]
    resized = F.interpolate(difference, size=size, mode="bilinear", align_corners=False)
    weight = safe_root(squared_length(resized))
    total = pixel_mean(weight)
    still = total <= 0
    return torch.where(
        still, pixel_mean(values), pixel_mean(values * weight) / torch.where(still, 1, total)
    )


class FloLPIPS(Metric):
    """Sum over AlexNet's layers of LPIPS' maps, weighed by ``|flow - flow_reference|``.

    The flows are from the frame being judged to a neighbour: ``flow`` in the distorted video,
    ``flow_reference`` in the reference (the authors' from PWC-Net, to the next frame). For a frame
    between two inputs the paper takes the mean of the scores towards either. The weights of each
    sample sum to one; the authors' code divides by the sum over its whole batch, so that theirs
    depend on what else is in it, and are these at a batch of one. Theirs is 0/0 for motion without
    an error; this is LPIPS then.
    """

    SPEC = SPEC

    def __init__(self, *, weights: Weights | None = None, reduction: Reduction = "mean") -> None:
        """Make the metric.

        Args:
            weights: Where AlexNet's and the linear layers' weights are, ``None`` to look for the
                published files.
            reduction: As for every metric.

        Raises:
            WeightsError: The weights are not available.
        """
        super().__init__(reduction=reduction)
        self.lpips = LPIPSAlex(weights=weights)

    def score(self, features: Features) -> Tensor:
        """Distance of each sample, ``(N,)``."""
        difference = features.tensor("flow") - features.tensor("flow_reference")
        first, *rest = (
            weighted_mean(each, difference) for each in features.once(self.lpips.layers, features)
        )
        return sum(rest, first)

    def forward(
        self, distorted: Tensor, reference: Tensor, flow: Tensor, flow_reference: Tensor
    ) -> Tensor:
        """Score frames in eager code.

        Args:
            distorted: Frames to judge, ``(N, 3, H, W)`` RGB in [0, 1].
            reference: What they should be, same shape and range.
            flow: Motion from the distorted frame to its neighbour, ``(N, 2, H, W)``, pixels.
            flow_reference: The same of the reference.

        Returns:
            The scores, reduced as the module was told.

        Raises:
            ValueError: Shapes differ or do not fit the metric.
        """
        given = {
            "distorted": distorted,
            "reference": reference,
            "flow": flow,
            "flow_reference": flow_reference,
        }
        return self.judge(given)
