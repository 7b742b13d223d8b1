"""BMBC's training losses.

Reference:
    Park, Ko, Lee and Kim, "BMBC: bilateral motion estimation with bilateral cost volume for video
    interpolation", ECCV 2020. No training code was published.
"""

from __future__ import annotations

from typing import Literal

from framegauge.export.contract.spec import Spec
from framegauge.export.losses.bmbc_photometric import BMBCPhotometric
from framegauge.export.losses.bmbc_smoothness import BMBCSmoothness
from framegauge.export.losses.charbonnier import Charbonnier
from framegauge.export.maths.reduction import Reduction
from framegauge.export.system import System, Term

SPEC = Spec(
    name="bmbc",
    title="BMBC's loss: bilateral photometric, smoothness",
    kind="system",
    better="lower",
    ideal=6e-7,
    low=0.0,
    high=None,
    least=16,
    tolerance=1.1e-6,
    relative=1e-3,
    inputs=BMBCPhotometric.SPEC.inputs,
    symmetric=False,
    source="BMBC (Park et al., ECCV 2020)",
)


class BMBC(System):
    """The loss of one of its two stages.

    ``motion``: the bilateral loss, photometric and smoothness of the flows from the middle frame.
    ``synthesis``: Charbonnier of the frame made, by the filters trained after it. What the paper
    leaves open in the first (order of the levels, sums or means, how frames and flows are halved)
    is said in the two losses, whose options are passed on; the weight of the smoothness is written
    as one, and is an option.
    """

    SPEC = SPEC

    def __init__(
        self,
        *,
        stage: Literal["motion", "synthesis"] = "motion",
        levels: int = 4,
        first: Literal["finest", "coarsest"] = "finest",
        sampling: Literal["clamped", "bmbc"] = "clamped",
        smoothness: float = 1.0,
        smoothness_levels: int = 1,
        reduction: Reduction = "mean",
    ) -> None:
        """Make the system.

        Args:
            stage: Which stage.
            levels: Of the photometric term.
            first: Which of them is level 1, the one that weighs least.
            sampling: Of the warps; see the photometric loss.
            smoothness: Weight of the smoothness.
            smoothness_levels: At how many sizes it is taken.
            reduction: As for every metric.

        Raises:
            ValueError: The weight is below zero, there is no level, or an option of the motion's
                loss is given for the synthesis.
        """
        if stage == "synthesis":
            self.refuse_idle(
                "stage=synthesis",
                levels=levels,
                first=first,
                sampling=sampling,
                smoothness=smoothness,
                smoothness_levels=smoothness_levels,
            )
            parts = {"synthesis": Term(weight=1.0, loss=Charbonnier(epsilon=1e-6))}
        else:
            photometric = BMBCPhotometric(levels=levels, first=first, sampling=sampling)
            smooth = BMBCSmoothness(levels=smoothness_levels)
            parts = {
                "photometric": Term(weight=1.0, loss=photometric),
                "smoothness": Term(weight=smoothness, loss=smooth),
            }
        super().__init__(parts, reduction=reduction)
