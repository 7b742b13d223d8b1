"""DAIN's training loss.

Reference:
    Bao, Lai, Ma, Zhang, Gao and Yang, "Depth-aware video frame interpolation", CVPR 2019, in the
    lines of its released code.
"""

from __future__ import annotations

from framegauge.export.contract.spec import Spec
from framegauge.export.losses.charbonnier import Charbonnier
from framegauge.export.losses.dain_smoothness import DAINSmoothness
from framegauge.export.losses.dain_symmetry import DAINSymmetry
from framegauge.export.maths.reduction import Reduction
from framegauge.export.system import System, Term

SPEC = Spec(
    name="dain",
    title="DAIN's loss: Charbonnier of the rectified frame",
    kind="system",
    better="lower",
    ideal=1e-6,
    low=0.0,
    high=1.0,
    least=2,
    tolerance=1e-7,
    relative=1e-3,
    inputs=(
        "reference",
        "distorted",
        "merged_blended",
        "previous",
        "next",
        "flow_to_previous",
        "flow_to_next",
    ),
    source="DAIN (Bao et al., CVPR 2019)",
)


class DAIN(System):
    """Charbonnier distance (epsilon 1e-6) of the rectified frame, the network's last.

    ``rectified`` is the term of ``distorted``, ``blended`` that of ``merged_blended``, the frame
    before the last network; its weight is 0 in the code's defaults. ``offset`` (change of the flows
    where the inputs are flat) and ``symmetry`` (of the flows) are computed and printed by the code,
    and no part of its total. The paper sums over pixels where the code takes means.
    """

    SPEC = SPEC

    def __init__(
        self,
        *,
        blended: float = 0.0,
        rectified: float = 1.0,
        offset: float = 0.0,
        symmetry: float = 0.0,
        reduction: Reduction = "mean",
    ) -> None:
        """Make the system.

        Args:
            blended: Weight of the frame before the last network.
            rectified: Weight of the frame after it.
            offset: Weight of the flows' change.
            symmetry: Weight of the flows' asymmetry.
            reduction: As for every metric.

        Raises:
            ValueError: A weight is below zero, or none is above.
        """
        before = {"reference": "reference", "distorted": "merged_blended"}
        super().__init__(
            {
                "rectified": Term(weight=rectified, loss=Charbonnier(epsilon=1e-6)),
                "blended": Term(weight=blended, loss=Charbonnier(epsilon=1e-6), roles=before),
                "offset": Term(weight=offset, loss=DAINSmoothness()),
                "symmetry": Term(weight=symmetry, loss=DAINSymmetry()),
            },
            reduction=reduction,
        )
