"""Time Lens' training loss.

Reference:
    Tulyakov, Gehrig, Georgoulis, Erbach, Gehrig, Li and Scaramuzza, "Time Lens: event-based video
    frame interpolation", CVPR 2021.
"""

from __future__ import annotations

from typing import Literal

from framegauge.export.contract.spec import Spec
from framegauge.export.losses.l1 import L1
from framegauge.export.maths.reduction import Reduction
from framegauge.export.metrics.lpips import LPIPSVGG, LPIPSAlex
from framegauge.export.networks.backbones import Weights
from framegauge.export.system import System, Term

SPEC = Spec(
    name="time_lens",
    title="Time Lens' loss: L1 and LPIPS",
    kind="system",
    better="lower",
    ideal=0.0,
    low=0.0,
    high=None,
    least=16,
    tolerance=1.0001e-3,
    relative=1e-3,
    weights=("vgg16", "lpips_vgg"),
    source="Time Lens (Tulyakov et al., CVPR 2021)",
)


class TimeLens(System):
    """``l1 * L1 + lpips * LPIPS`` of one output of one module.

    The paper trains each of its modules on an L1 and a perceptual term. Which module has which
    term, the weights and LPIPS' network are published nowhere, and no training code is: this form
    is neutral. Both weights are 1 and the network is VGG16, which LPIPS' authors advise for
    training, until told otherwise. A module with several outputs (the warped frames) is one
    instance for each.
    """

    SPEC = SPEC

    def __init__(
        self,
        *,
        l1: float = 1.0,
        lpips: float = 1.0,
        network: Literal["vgg", "alex"] = "vgg",
        weights: Weights | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        """Make the system.

        Args:
            l1: Weight of the mean absolute error.
            lpips: Weight of LPIPS.
            network: LPIPS' network.
            weights: Where its weights are, ``None`` to look for the published files.
            reduction: As for every metric.

        Raises:
            ValueError: A weight is below zero, or both are zero.
            WeightsError: The weights are not available.
        """
        perceptual = LPIPSVGG if network == "vgg" else LPIPSAlex
        super().__init__(
            {
                "l1": Term(weight=l1, loss=L1()),
                "lpips": Term(weight=lpips, loss=perceptual(weights=weights)),
            },
            reduction=reduction,
        )
