"""What a mask does in training code: what it hides counts in no score and no gradient."""

from typing import Any

import pytest
import torch
from torch.testing import assert_close

from framegauge.export.catalog import find
from framegauge.export.maths.reduction import masked_mean
from framegauge.export.suite import Suite

FLOW_METRICS = ["epe", "aee", "fl_all", "epe_3px", "aae"]


@pytest.mark.parametrize("name", FLOW_METRICS)
@pytest.mark.parametrize("unknown", [torch.nan, torch.inf, -1e30])
def test_flows_that_a_mask_hides_do_not_count(name: str, unknown: Any) -> None:
    flow, truth, mask = half_masked()
    truth[..., :8] = unknown

    score = find(f"{name}[masked=true]")(flow, truth, mask)

    assert_close(score, find(name)(flow[..., 8:], truth[..., 8:]))


@pytest.mark.parametrize("name", ["epe", "aee", "aae"])
@pytest.mark.parametrize("unknown", [torch.nan, torch.inf])
def test_the_gradient_is_zero_where_a_mask_hides_a_flow_and_finite_elsewhere(
    name: str, unknown: Any
) -> None:
    flow, truth, mask = half_masked()
    truth[..., :8] = unknown
    flow.requires_grad_()

    find(f"{name}[masked=true]")(flow, truth, mask).backward()

    assert flow.grad[..., :8].abs().max().item() == 0
    assert bool(flow.grad[..., 8:].isfinite().all())
    assert flow.grad[..., 8:].abs().max().item() > 0


def test_a_warp_that_a_mask_hides_does_not_count() -> None:
    flow, _, mask = half_masked()
    frames = torch.rand(2, 1, 3, 16, 16, dtype=torch.float64)
    loss = find("warping[sources=next;masked=true]")
    given = {"distorted": frames[0], "next": frames[1], "mask": mask}
    unknown = flow.clone()
    unknown[..., :8] = torch.nan

    score = loss(**given, flow_to_next=unknown.requires_grad_())
    score.backward()

    assert_close(score, loss(**given, flow_to_next=flow))
    assert bool(unknown.grad.isfinite().all())


def test_values_that_a_mask_hides_may_be_anything() -> None:
    values = torch.tensor([3.0, torch.nan, torch.inf, 5.0]).view(1, 1, 2, 2)
    mask = torch.tensor([1.0, 0.0, 0.0, 1.0]).view(1, 1, 2, 2)

    assert masked_mean(values, mask).tolist() == [4.0]


def test_a_mask_that_is_not_a_number_gives_none() -> None:
    values, mask = torch.ones(1, 1, 2, 2), torch.ones(1, 1, 2, 2)
    mask[..., 0, 0] = torch.nan

    assert bool(masked_mean(values, mask).isnan().all())


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int64, torch.float16])
@pytest.mark.parametrize("name", ["l1", "charbonnier"])
def test_a_mask_of_any_type_weighs_the_same(name: str, dtype: Any) -> None:
    x, y, mask = pictures()
    loss = find(name)

    assert_close(loss(x, y, mask.to(dtype)), loss(x, y, mask), rtol=0, atol=0)


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.bfloat16])
def test_a_flows_mask_of_any_type_weighs_the_same(dtype: Any) -> None:
    flow, truth, mask = half_masked()
    metric = find("epe[masked=true]")

    assert_close(metric(flow, truth, mask.to(dtype)), metric(flow, truth, mask), rtol=0, atol=0)


def test_a_suites_mask_of_booleans_weighs_the_same() -> None:
    x, y, mask = pictures()
    suite = Suite("l1,charbonnier")

    found = suite(distorted=x, reference=y, mask=mask > 0)

    assert_close(found.terms, suite(distorted=x, reference=y, mask=mask).terms, rtol=0, atol=0)


def test_few_pixels_of_a_large_mask_in_half_precision_lose_no_digit() -> None:
    generator = torch.manual_seed(2)
    x, y = torch.rand(2, 1, 3, 360, 640, generator=generator)
    mask = (torch.rand(1, 1, 360, 640, generator=generator) > 0.997).float()
    loss = find("l1")

    assert_close(loss(x, y, mask.bfloat16()), loss(x, y, mask), rtol=1e-6, atol=0)


@pytest.mark.parametrize("name", ["epe", "aee", "aae"])
def test_a_mask_of_zeros_gives_zero_and_no_gradient(name: str) -> None:
    flow, truth, mask = half_masked()
    flow.requires_grad_()

    score = find(f"{name}[masked=true]")(flow, truth, 0 * mask)
    score.backward()

    assert score.item() == 0
    assert flow.grad.abs().max().item() == 0


def half_masked() -> Any:
    """Two flows that differ by about ten pixels, and a mask of the right half."""
    generator = torch.manual_seed(3)
    flow, truth = 10 * torch.randn(2, 1, 2, 16, 16, dtype=torch.float64, generator=generator)
    mask = torch.ones(1, 1, 16, 16, dtype=torch.float64)
    mask[..., :8] = 0
    return flow, truth, mask


def pictures() -> Any:
    generator = torch.manual_seed(4)
    x, y = torch.rand(2, 2, 3, 16, 16, generator=generator)
    return x, y, (torch.rand(2, 1, 16, 16, generator=generator) > 0.5).float()
