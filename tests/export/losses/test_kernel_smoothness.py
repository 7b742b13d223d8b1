from typing import Any

import pytest
import torch
from torch import Tensor

from framegauge.export.losses.kernel_smoothness import (
    KernelSmoothness,
    OcclusionSmoothness,
    total_variation,
)

SIDES = ("1", "2")


def test_regularisers_give_adacofs_values(
    tensors: dict[str, Tensor], learned: dict[str, dict[str, Any]]
) -> None:
    stored = {name.removeprefix("adacof."): each[None] for name, each in tensors.items()}
    wanted = learned["extras"]["adacof.reg_terms"]

    sides = [
        KernelSmoothness()(*(stored[f"{kind}{side}"] for kind in ("weight", "alpha", "beta")))
        for side in SIDES
    ]
    offsets = [
        total_variation(
            (stored[f"weight{side}"] * stored[f"{kind}{side}"]).mean(1)[None], epsilon=1e-3
        )
        for side in SIDES
        for kind in ("alpha", "beta")
    ]

    assert [each.item() for each in offsets] == pytest.approx(wanted[:4], rel=1e-6)
    assert (sides[0] + sides[1]).item() == pytest.approx(wanted[4], rel=1e-6)
    occlusion = OcclusionSmoothness()(stored["occlusion"]).item()
    assert occlusion == pytest.approx(wanted[5], rel=1e-6)


def test_flat_maps_are_at_the_floor_with_finite_gradients() -> None:
    taps = torch.full((1, 25, 6, 6), 0.04, dtype=torch.float64, requires_grad=True)

    loss = KernelSmoothness()(taps, taps, taps)
    loss.backward()

    assert loss.item() == pytest.approx(0.004)
    assert bool(taps.grad.isfinite().all())


def test_the_gradient_is_that_of_the_loss() -> None:
    taps = [torch.rand(1, 4, 3, 3, dtype=torch.float64, requires_grad=True) for _ in range(3)]

    assert torch.autograd.gradcheck(KernelSmoothness(), taps)
    assert torch.autograd.gradcheck(OcclusionSmoothness(), taps[0][:, :1].detach().requires_grad_())


def test_reductions_are_those_of_the_samples() -> None:
    occlusion = torch.rand(3, 1, 5, 5)

    mean, total, samples = (
        OcclusionSmoothness(reduction=reduction)(occlusion) for reduction in ("mean", "sum", "none")
    )

    assert samples.shape == (3,)
    torch.testing.assert_close(mean, samples.mean())
    torch.testing.assert_close(total, samples.sum())


def test_maps_in_bfloat16_are_summed_in_float32() -> None:
    occlusion = torch.rand(1, 1, 9, 9, generator=torch.manual_seed(1)).bfloat16()
    taps = torch.rand(3, 1, 4, 9, 9, generator=torch.manual_seed(2)).bfloat16()

    scores = OcclusionSmoothness()(occlusion), KernelSmoothness()(*taps)

    wanted = OcclusionSmoothness()(occlusion.float()), KernelSmoothness()(*taps.float())
    torch.testing.assert_close(scores, wanted, rtol=0, atol=0)
