"""FLAVR's training loss.

Reference:
    Kalluri, Pathak, Chandraker and Tran, "FLAVR: flow-agnostic video representations for fast frame
    interpolation", WACV 2023; losses by the names its code gives them.
"""

from __future__ import annotations

from collections.abc import Callable

from framegauge.export.contract.spec import Spec
from framegauge.export.losses.huber import Huber
from framegauge.export.losses.l1 import L1
from framegauge.export.losses.mse import MSE
from framegauge.export.losses.vgg import VGG
from framegauge.export.maths.reduction import Reduction
from framegauge.export.metric import Metric
from framegauge.export.metrics.ssim import SSIM
from framegauge.export.networks.backbones import Weights
from framegauge.export.system import System, Term, weighted_names

SPEC = Spec(
    name="flavr",
    title="FLAVR's loss: L1 of the frames",
    kind="system",
    better="lower",
    ideal=0.0,
    low=0.0,
    high=1.0,
    tolerance=1e-7,
    relative=1e-3,
    source="FLAVR (Kalluri et al., WACV 2023)",
)

VGG_TAPS = {
    "vgg22": "conv2_2",
    "vgg33": "relu3_3",
    "vgg44": "conv4_4",
    "vgg54": "conv5_4",
    "vggp": "relu2_2+relu3_3+relu4_4+conv5_4",
}
PIXELS: dict[str, Callable[[], Metric]] = {
    "l1": L1,
    "mse": MSE,
    "huber": Huber,
    "ssim": lambda: SSIM(padding="replicate", form="dssim"),
}


class FLAVR(System):
    """Weighted sum of losses of the frames made; ``1*L1`` in paper and code alike.

    A clip's frames are samples of a batch, as in its code, so the mean is over all of them. The
    variants of VGG compare what its in-place ReLUs leave of the layers it names; see
    :class:`framegauge.export.losses.vgg.VGG`.

    Example:
        >>> import torch
        >>> FLAVR()(torch.ones(1, 3, 4, 4), torch.zeros(1, 3, 4, 4))
        tensor(1.)
    """

    SPEC = SPEC

    def __init__(
        self,
        *,
        loss: str = "1*L1",
        weights: Weights | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        """Make the system.

        Args:
            loss: Weights and names as its command line takes them: L1, MSE, Huber (delta 0.5),
                SSIM ((1 - SSIM) / 2), VGG22, VGG33, VGG44, VGG54, VGGP.
            weights: Where VGG19's weights are, if one of its variants is named; ``None`` to look
                for the published file.
            reduction: As for every metric.

        Raises:
            ValueError: The loss has another form or a name that there is not.
            WeightsError: The weights are not available.
        """
        found = weighted_names(loss, (*PIXELS, *VGG_TAPS), of="flavr")
        shared = weights or Weights()
        super().__init__(
            {name: Term(weight=weight, loss=_loss(name, shared)) for name, weight in found.items()},
            reduction=reduction,
        )


def _loss(name: str, weights: Weights) -> Metric:
    if name in PIXELS:
        return PIXELS[name]()
    return VGG(taps=VGG_TAPS[name], factors="1", distance="squared", weights=weights)
