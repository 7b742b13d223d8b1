"""Gradient penalty of WGAN-GP.

Reference:
    Gulrajani, Ahmed, Arjovsky, Dumoulin and Courville, "Improved training of Wasserstein GANs",
    NeurIPS 2017.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from framegauge.export.eager import at_least_float32
from framegauge.export.maths.reduction import Reduction, reduce_samples, safe_root


def gradient_penalty(
    critic: Callable[[Tensor], Tensor], distorted: Tensor, reference: Tensor, epsilon: Tensor
) -> Tensor:
    r"""Squared distance from one of the critic's slope between two frames.

    .. math::
        (\lVert\nabla D(\hat x)\rVert_2 - 1)^2, \qquad \hat x = (1 - e) x + e y

    Args:
        critic: Gives logits of frames, ``(N, 1)``.
        distorted: Generated frames :math:`x`, ``(N, C, H, W)``. No gradient reaches them.
        reference: Real frames :math:`y`, same shape.
        epsilon: Weights :math:`e` in [0, 1] that spread to that shape.

    Returns:
        ``(N,)``, differentiable in the critic's parameters.
    """
    between = torch.lerp(distorted.detach(), reference.detach(), epsilon).requires_grad_()
    with torch.enable_grad():
        (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    length = safe_root(at_least_float32(slope).flatten(1).square().sum(1))
    return (length - 1).square()


class GradientPenalty(nn.Module):
    """:func:`gradient_penalty` times a weight, at points drawn anew at each call.

    For training only, and not among the entries that can be exported: the penalty is made of a
    gradient, and ONNX has no form for one.
    """

    def __init__(
        self,
        critic: nn.Module,
        *,
        weight: float = 10.0,
        per_element: bool = True,
        reduction: Reduction = "mean",
    ) -> None:
        """Make the loss.

        Args:
            critic: Gives logits of frames; its parameters stay its own.
            weight: Factor on the penalty.
            per_element: Draw a weight for every sample of a frame, as AdaCoF's code does; else
                one for each frame, as the paper says.
            reduction: The mean of the samples' penalties, their sum, or the penalties.
        """
        super().__init__()
        self.weight, self.per_element = weight, per_element
        self.reduction: Reduction = reduction
        # Not a submodule: the critic's optimiser owns its parameters.
        self._critic = [critic]

    def forward(
        self, distorted: Tensor, reference: Tensor, epsilon: Tensor | None = None
    ) -> Tensor:
        """The penalty.

        Args:
            distorted: Generated frames, ``(N, C, H, W)``.
            reference: Real frames, same shape.
            epsilon: Weights to use in place of drawn ones.
        """
        if epsilon is None:
            shape = reference.shape if self.per_element else (len(reference), 1, 1, 1)
            epsilon = torch.rand(shape, dtype=reference.dtype, device=reference.device)
        penalty = gradient_penalty(self._critic[0], distorted, reference, epsilon)
        return reduce_samples(self.weight * penalty, self.reduction)
