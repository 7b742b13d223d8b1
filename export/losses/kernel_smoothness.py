"""AdaCoF's regularisers: total variation of its kernels' offsets and of its occlusion map.

Reference:
    Lee, Kim, Chung, Kang, Ban, Cho and Lee, "AdaCoF: adaptive collaboration of flows for video
    frame interpolation", CVPR 2020; in its released code only (``g_Spatial``, ``g_Occlusion``).
"""

from __future__ import annotations

from torch import Tensor, nn

from framegauge.export.eager import at_least_float32
from framegauge.export.maths.penalties import charbonnier
from framegauge.export.maths.reduction import Reduction, pixel_mean, reduce_samples


def total_variation(x: Tensor, *, epsilon: float) -> Tensor:
    """Mean Charbonnier difference of neighbours across, plus that of neighbours down.

    Args:
        x: ``(N, C, H, W)``.
        epsilon: Of the Charbonnier function.

    Returns:
        ``(N,)``; a flat picture gives twice epsilon.
    """
    across = charbonnier(x[..., 1:], x[..., :-1], epsilon=epsilon)
    down = charbonnier(x[..., 1:, :], x[..., :-1, :], epsilon=epsilon)
    return pixel_mean(across) + pixel_mean(down)


class KernelSmoothness(nn.Module):
    """Total variation of the offsets that the kernels of one frame add up to (``g_Spatial``).

    The released code takes the *mean* over taps of weight times offset, the expected offset over
    the number of taps. Its term is the sum of this over both input frames.

    For training only: a kernel's weights and offsets are no input of a model.
    """

    def __init__(self, *, epsilon: float = 1e-3, reduction: Reduction = "mean") -> None:
        """Make the loss.

        Args:
            epsilon: Of the Charbonnier function.
            reduction: The mean of the samples' losses, their sum, or the losses.
        """
        super().__init__()
        self.epsilon = epsilon
        self.reduction: Reduction = reduction

    def forward(self, weight: Tensor, alpha: Tensor, beta: Tensor) -> Tensor:
        """The loss.

        Args:
            weight: Of each tap in each pixel, ``(N, F*F, H, W)``, adding up to one.
            alpha: Offsets down, same shape, pixels.
            beta: Offsets across, same shape, pixels.
        """
        weight, alpha, beta = (at_least_float32(each) for each in (weight, alpha, beta))
        down, across = ((weight * offset).mean(1, keepdim=True) for offset in (alpha, beta))
        loss = total_variation(down, epsilon=self.epsilon)
        return reduce_samples(loss + total_variation(across, epsilon=self.epsilon), self.reduction)


class OcclusionSmoothness(nn.Module):
    """Total variation of the map that says which input frame a pixel is from (``g_Occlusion``).

    For training only, as :class:`KernelSmoothness`.
    """

    def __init__(self, *, epsilon: float = 1e-3, reduction: Reduction = "mean") -> None:
        """Make the loss.

        Args:
            epsilon: Of the Charbonnier function.
            reduction: The mean of the samples' losses, their sum, or the losses.
        """
        super().__init__()
        self.epsilon = epsilon
        self.reduction: Reduction = reduction

    def forward(self, occlusion: Tensor) -> Tensor:
        """The loss of a map in [0, 1], ``(N, 1, H, W)``."""
        variation = total_variation(at_least_float32(occlusion), epsilon=self.epsilon)
        return reduce_samples(variation, self.reduction)
