"""Census loss: soft distance of the ternary census transforms of two frames.

References:
    Zabih and Woodfill, "Non-parametric local transforms for computing visual correspondence",
    ECCV 1994; Meister, Hur and Roth, "UnFlow", AAAI 2018 (soft form); Huang et al., "Real-time
    intermediate flow estimation for video frame interpolation" (RIFE), ECCV 2022 (this form).
"""

from __future__ import annotations

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from framegauge.export.contract.spec import Grid, Spec
from framegauge.export.features import Features
from framegauge.export.maths.colour import luma
from framegauge.export.maths.reduction import Reduction
from framegauge.export.metric import PixelMetric

SPEC = Spec(
    name="census",
    title="Soft census (ternary) distance",
    kind="loss",
    better="lower",
    ideal=0.0,
    low=0.0,
    high=1.0,
    least=3,
    tolerance=1e-7,
    relative=1e-3,
    grid=Grid(),
    source="RIFE (Huang et al., ECCV 2022)",
)

# Work grows with the square of the side, and no author goes beyond 7.
MOST_PATCH = 31


def census_distance(x: Tensor, y: Tensor, *, patch: int) -> Tensor:
    """Distance of the soft ternary transforms of two pictures in each pixel.

    A transform holds each neighbour's difference to the centre, squashed to (-1, 1); beyond the
    border lie zeros. The distance is the mean over the neighbourhood, the centre (always zero)
    counted.

    Args:
        x: ``(N, 1, H, W)``.
        y: The same.
        patch: Side of the neighbourhood, odd.

    Returns:
        ``(N, 1, H, W)``, in [0, 1).
    """
    height, width = x.shape[-2:]
    around = []
    for picture in (x, y):
        padded = F.pad(picture, (patch // 2,) * 4)
        around.append(torch.cat([padded[..., k : k + width] for k in range(patch)], 1))
    total = torch.zeros_like(x)
    # Row by row of the neighbourhood: all of it at once is 49 times the frame in memory.
    for row in range(patch):
        transforms = []
        for picture, columns in zip((x, y), around, strict=True):
            difference = columns[..., row : row + height, :] - picture
            transforms.append(difference / (0.81 + difference.square()).sqrt())
        squared = (transforms[0] - transforms[1]).square()
        total = total + (squared / (0.1 + squared)).sum(1, keepdim=True)
    return total / patch**2


def check_patch(name: str, patch: int) -> None:
    """Refuse a neighbourhood without a middle, or one of a size that nobody means.

    Raises:
        ValueError: It is one.
    """
    if not 3 <= patch <= MOST_PATCH or patch % 2 == 0:
        raise ValueError(f"{name} takes an odd patch from 3 to {MOST_PATCH}, got {patch}.")


class Census(PixelMetric):
    """Mean census distance of the frames' luma (0.2989, 0.5870, 0.1140).

    The defaults are RIFE's; ARFlow's (patch=3, scale=255) is an option. Both count a border of one
    pixel as zero whatever the patch.

    Example:
        >>> import torch
        >>> Census()(torch.ones(1, 3, 8, 8), torch.ones(1, 3, 8, 8))
        tensor(0.)
    """

    SPEC = SPEC

    def __init__(
        self,
        *,
        patch: int = 7,
        scale: float = 1.0,
        border: int = 1,
        reduction: Reduction = "mean",
    ) -> None:
        """Make the loss.

        Args:
            patch: Side of the neighbourhood, odd, at most 31.
            scale: Factor on luma before the transform: 1 in RIFE, 255 in UnFlow, DDFlow, ARFlow.
            border: Width of the frame's border that counts as zero, in pixels.
            reduction: As for every metric.
        """
        super().__init__(reduction=reduction)
        check_patch("census", patch)
        if not scale > 0:
            raise ValueError(f"census takes a scale above 0, got {scale}.")
        if border < 0:
            raise ValueError(f"census takes a border of at least 0, got {border}.")
        self.patch, self.scale, self.border = patch, scale, border

    @property
    def spec(self) -> Spec:
        """The facts; the least size leaves a pixel within the border."""
        return replace(SPEC, least=max(3, 2 * self.border + 1))

    def map(self, features: Features) -> Tensor:
        """Distance of each pixel, ``(N, 1, H, W)``."""
        pictures = (
            features.once(
                torch.mul, features.once(luma, features.rgb(role), matrix="rounded"), self.scale
            )
            for role in ("distorted", "reference")
        )
        distance = features.once(census_distance, *pictures, patch=self.patch)
        inner = self.border
        height, width = distance.shape[-2:]
        inside = distance[..., inner : height - inner, inner : width - inner]
        return F.pad(inside, (inner,) * 4)
