"""Motion from a time between two frames, from the flows between them.

Reference:
    Jiang et al., "Super SloMo: High quality estimation of multiple intermediate frames for video
    interpolation", CVPR 2018.
"""

from __future__ import annotations

from torch import Tensor


def flows_at(forward: Tensor, backward: Tensor, time: Tensor) -> tuple[Tensor, Tensor]:
    """Flows from a time between two frames to both, as Super SloMo approximates them.

    Args:
        forward: From the previous to the next frame, ``(N, 2, H, W)``, pixels.
        backward: From the next to the previous, the same.
        time: Of each sample, ``(N,)``, in (0, 1): 0 is the previous frame, 1 the next.

    Returns:
        Flow to the previous frame and flow to the next.

    Example:
        >>> import torch
        >>> forward, half = torch.ones(1, 2, 1, 1), torch.tensor([0.5])
        >>> [flow.flatten().tolist() for flow in flows_at(forward, -forward, half)]
        [[-0.5, -0.5], [0.5, 0.5]]
    """
    t = time.view(-1, 1, 1, 1)
    rest = 1 - t
    to_previous = t * t * backward - rest * t * forward
    to_next = rest * rest * forward - t * rest * backward
    return to_previous, to_next
