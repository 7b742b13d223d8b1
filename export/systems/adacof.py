"""AdaCoF's training losses.

Reference:
    Lee, Kim, Chung, Kang, Ban, Cho and Lee, "AdaCoF: adaptive collaboration of flows for video
    frame interpolation", CVPR 2020; losses by the names its code gives them.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from framegauge.export.contract.spec import Spec
from framegauge.export.features import Features
from framegauge.export.losses.adversarial import DualFrameGenerator, GANGenerator, WGANGenerator
from framegauge.export.losses.charbonnier import Charbonnier
from framegauge.export.losses.kernel_smoothness import KernelSmoothness, OcclusionSmoothness
from framegauge.export.losses.l1 import L1
from framegauge.export.losses.mse import MSE
from framegauge.export.losses.vgg_conv4_3 import VGGConv43
from framegauge.export.maths.reduction import Reduction
from framegauge.export.metric import Metric
from framegauge.export.networks.backbones import Weights
from framegauge.export.system import System, Term, weighted_names

KERNELS = {
    "previous": ("weight_previous", "alpha_previous", "beta_previous"),
    "next": ("weight_next", "alpha_next", "beta_next"),
}

SPEC = Spec(
    name="adacof",
    title="AdaCoF's loss: Charbonnier and smooth kernels",
    kind="system",
    better="lower",
    ideal=0.001 + 0.01 * 0.008 + 0.005 * 0.002,
    low=0.01 * 0.008 + 0.005 * 0.002,
    high=None,
    least=2,
    tolerance=1.015e-7,
    relative=1e-3,
    inputs=("reference", "distorted", *KERNELS["previous"], *KERNELS["next"], "occlusion"),
    source="AdaCoF (Lee et al., CVPR 2020)",
)

FORMS = {
    "released": "1*Charb+0.01*g_Spatial+0.005*g_Occlusion",
    "distortion": "1*Charb",
    "perception": "0.01*Charb+1*VGG+0.005*FI_GAN",
}


class AdaCoF(System):
    """Weighted sum of AdaCoF's losses, as a string of its command line names them.

    ``released`` is the code's default and the shipped checkpoints': Charbonnier with the two
    regularisers. These look at the network's kernels (``weight_previous``, ``alpha_previous``,
    ``beta_previous`` and the same of ``next``, ``(N, F*F, H, W)``) and at its ``occlusion`` map,
    which are given in training; a model has Charbonnier alone, and no total. ``distortion`` and
    ``perception`` are the paper's two losses. The weights of the latter, 0.01, 1 and 0.005, are as
    commonly quoted; no string of the repository holds them.

    The adversarial terms are the generator's, of logits that are given: ``FI_GAN`` (the paper's
    dual-frame loss) of ``logits_previous_distorted`` and ``logits_distorted_next``, the others of
    ``logits_distorted``. In the code ``FI_GAN`` moves no generator, because it looks at a detached
    frame; to train as published, detach it too.
    """

    SPEC = SPEC

    def __init__(
        self,
        *,
        loss: str = "released",
        weights: Weights | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        """Make the system.

        Args:
            loss: ``released``, ``distortion``, ``perception``, or weights and names as its command
                line takes them: Charb, L1, MSE, VGG, FI_GAN, GAN, WGAN, WGAN_GP, g_Spatial,
                g_Occlusion.
            weights: Where VGG16's weights are, if VGG is named; ``None`` to look for the published
                file.
            reduction: As for every metric.

        Raises:
            ValueError: The loss has another form or a name that there is not.
            WeightsError: The weights are not available.
        """
        losses: dict[str, Callable[[], Metric]] = {
            "charb": Charbonnier,
            "l1": L1,
            "mse": MSE,
            "vgg": lambda: VGGConv43(weights=weights),
            "fi_gan": DualFrameGenerator,
            "gan": GANGenerator,
            "wgan": WGANGenerator,
            "wgan_gp": WGANGenerator,
            "g_spatial": _Spatial,
            "g_occlusion": _Occlusion,
        }
        found = weighted_names(FORMS.get(loss, loss), losses, of="adacof")
        super().__init__(
            {
                name: Term(weight=weight, loss=losses[name](), training=name.startswith("g_"))
                for name, weight in found.items()
            },
            reduction=reduction,
        )


def _regulariser(name: str, title: str, floor: float, inputs: tuple[str, ...]) -> Spec:
    return Spec(
        name=name,
        title=title,
        kind="loss",
        better="lower",
        ideal=floor,
        low=floor,
        high=None,
        least=2,
        tolerance=1e-7,
        relative=1e-3,
        inputs=inputs,
        symmetric=False,
        source=SPEC.source,
    )


class _Spatial(Metric):
    """Smoothness of both frames' kernels."""

    SPEC = _regulariser(
        "g_spatial", "Smoothness of AdaCoF's kernels", 0.008, sum(KERNELS.values(), ())
    )

    def score(self, features: Features) -> Tensor:
        smoothness = KernelSmoothness(reduction="none")
        previous, following = (
            smoothness(*(features.tensor(role) for role in roles)) for roles in KERNELS.values()
        )
        total: Tensor = previous + following
        return total


class _Occlusion(Metric):
    """Smoothness of the occlusion map."""

    SPEC = _regulariser("g_occlusion", "Smoothness of the occlusion map", 0.002, ("occlusion",))

    def score(self, features: Features) -> Tensor:
        loss: Tensor = OcclusionSmoothness(reduction="none")(features.tensor("occlusion"))
        return loss
