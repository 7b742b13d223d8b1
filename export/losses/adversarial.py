"""Adversarial losses from a discriminator's logits, for it and for the generator.

References:
    Goodfellow et al., "Generative adversarial nets", NeurIPS 2014; Arjovsky, Chintala and Bottou,
    "Wasserstein GAN", ICML 2017; AdaCoF (Lee et al., CVPR 2020) for the dual-frame form, whose
    discriminator is shown two frames in temporal order and tells which of them is generated.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from framegauge.export.contract.spec import Spec
from framegauge.export.features import Features
from framegauge.export.maths.reduction import pixel_mean
from framegauge.export.metric import Metric

# A critic's logits have no bound; JSON has no infinity.
LOWEST = float(torch.finfo(torch.float32).min)


def _spec(
    name: str,
    title: str,
    inputs: tuple[str, ...],
    source: str,
    *,
    ideal: float = 0.0,
    low: float = 0.0,
    high: float | None = None,
) -> Spec:
    return Spec(
        name=name,
        title=title,
        kind="loss",
        better="lower",
        ideal=ideal,
        low=low,
        high=high,
        tolerance=1e-5,
        relative=1e-3 if low == 0 else 0.0,
        inputs=inputs,
        symmetric=False,
        source=source,
    )


_GAN = "Goodfellow et al., NeurIPS 2014"
_WGAN = "Arjovsky et al., ICML 2017"
_DUAL = "AdaCoF (Lee et al., CVPR 2020)"
_SINGLE = ("logits_distorted", "logits_reference")
_PAIRS = ("logits_previous_distorted", "logits_distorted_next")


def judged(logits: Tensor, *, real: bool) -> Tensor:
    """Cross-entropy of logits that should say real, or generated: ``(N, 1)`` to ``(N,)``."""
    # From 40 on exp(-x) is lost beside x in float64, and exp(x) is finite in float32 below.
    return pixel_mean(F.softplus(-logits if real else logits, threshold=40))


def certainty(logits: Tensor, *, epsilon: float) -> Tensor:
    r""":math:`p \ln(p + \epsilon)`, ``p`` the probability that logits stand for, ``(N,)``."""
    p = torch.sigmoid(logits)
    return pixel_mean(p * (p + epsilon).log())


class LogitsLoss(Metric):
    """A loss of logits, ``(N, 1)`` or any number of them a sample, each by its role."""

    def forward(self, **logits: Tensor) -> Tensor:
        """The loss in eager code.

        Args:
            logits: By role, ``(N, 1)`` each, what the Spec's ``inputs`` names.

        Returns:
            The scores, reduced as the module was told.

        Raises:
            ValueError: A role is missing or not wanted, or shapes differ.
        """
        if set(logits) != set(self.spec.inputs):
            raise ValueError(
                f"{self.spec.name} takes {', '.join(self.spec.inputs)}, got "
                f"{', '.join(logits) or 'nothing'}. Give each by its name."
            )
        return self.judge(logits)


class GANDiscriminator(LogitsLoss):
    """Cross-entropy of both frames: the distorted is generated, the reference real.

    Example:
        >>> import torch
        >>> unsure = torch.zeros(1, 1)
        >>> GANDiscriminator()(logits_distorted=unsure, logits_reference=unsure)
        tensor(1.3863)
    """

    SPEC = _spec("gan_discriminator", "GAN loss of the discriminator", _SINGLE, _GAN)

    def score(self, features: Features) -> Tensor:
        """Sum of the two, ``(N,)``."""
        generated = judged(features.tensor("logits_distorted"), real=False)
        return generated + judged(features.tensor("logits_reference"), real=True)


class GANGenerator(LogitsLoss):
    """Cross-entropy of the distorted frame that should pass for real."""

    SPEC = _spec("gan_generator", "GAN loss of the generator", _SINGLE[:1], _GAN)

    def score(self, features: Features) -> Tensor:
        """Cross-entropy of each sample, ``(N,)``."""
        return judged(features.tensor("logits_distorted"), real=True)


class WGANDiscriminator(LogitsLoss):
    """Logits of the distorted less those of the reference; unbounded, 0 for a critic that is blind.

    AdaCoF clamps the critic's weights to [-1, 1] after each step. WGAN-GP adds
    :class:`framegauge.export.losses.gradient_penalty.GradientPenalty` instead.
    """

    SPEC = _spec("wgan_discriminator", "Wasserstein loss of the critic", _SINGLE, _WGAN, low=LOWEST)

    def score(self, features: Features) -> Tensor:
        """Difference of each sample, ``(N,)``."""
        generated, real = (pixel_mean(features.tensor(role)) for role in _SINGLE)
        return generated - real


class WGANGenerator(LogitsLoss):
    """Logits of the distorted, negated; unbounded, and 0 stands where an ideal is asked for."""

    SPEC = _spec(
        "wgan_generator", "Wasserstein loss of the generator", _SINGLE[:1], _WGAN, low=LOWEST
    )

    def score(self, features: Features) -> Tensor:
        """The loss of each sample, ``(N,)``."""
        return -pixel_mean(features.tensor("logits_distorted"))


class DualFrameDiscriminator(LogitsLoss):
    """Cross-entropy of ``[previous, distorted]`` being 0 and of ``[distorted, next]`` being 1.

    The labels are those of AdaCoF's code (its ``FI_GAN``): 1 says that the first is generated.

    Example:
        >>> import torch
        >>> unsure = torch.zeros(1, 1)
        >>> DualFrameDiscriminator()(logits_previous_distorted=unsure, logits_distorted_next=unsure)
        tensor(1.3863)
    """

    SPEC = _spec("dual_frame_discriminator", "Dual-frame loss of the discriminator", _PAIRS, _DUAL)

    def score(self, features: Features) -> Tensor:
        """Sum of the two, ``(N,)``."""
        before, after = (features.tensor(role) for role in _PAIRS)
        return judged(before, real=False) + judged(after, real=True)


class DualFrameGenerator(LogitsLoss):
    r"""Sum over both pairs of :math:`p \ln(p + 10^{-12})`, which AdaCoF's generator minimises.

    Its least is at :math:`p = 1/e`, not at the discriminator's 1/2. AdaCoF's code takes the logits
    of the detached frame, so that its generator is never moved by it; here logits keep the gradient
    they come with.

    Example:
        >>> import torch
        >>> unsure = torch.zeros(1, 1)
        >>> DualFrameGenerator()(logits_previous_distorted=unsure, logits_distorted_next=unsure)
        tensor(-0.6931)
    """

    SPEC = _spec(
        "dual_frame_generator",
        "Dual-frame loss of the generator",
        _PAIRS,
        _DUAL,
        ideal=-2 / math.e,
        low=-2 / math.e,
        high=1e-11,
    )

    def score(self, features: Features) -> Tensor:
        """Sum of the two, ``(N,)``."""
        before, after = (certainty(features.tensor(role), epsilon=1e-12) for role in _PAIRS)
        return before + after
