"""Several losses to train with, from one pass."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
from torch.testing import assert_close
from torch.utils._python_dispatch import TorchDispatchMode

from framegauge.export.catalog import find
from framegauge.export.suite import Suite

FACTORS = {"l1": 1.0, "census": 0.1, "mine": 2.0}
ENTRIES = ["l1", "census", "mine=ssim[form=dssim]", "psnr"]


class Calls(TorchDispatchMode):
    """Counts the operators that run, and how often colours are weighed into luma."""

    def __init__(self) -> None:
        super().__init__()
        self.counts = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.counts[func.overloadpacket.__name__] += 1
        self.counts["luma"] += 0.587 in [each for each in args if isinstance(each, float)]
        return func(*args, **(kwargs or {}))


def test_terms_are_those_of_the_entries_and_the_total_their_weighted_sum() -> None:
    frames = pair()

    losses = Suite(ENTRIES, factors=FACTORS)(**frames)

    alone = {name: find(name)(**frames).item() for name in ("l1", "census", "psnr")}
    alone["mine"] = find("ssim[form=dssim]")(**frames).item()
    assert {name: term.item() for name, term in losses.terms.items()} == pytest.approx(alone)
    assert list(losses.terms) == ["l1", "census", "mine", "psnr"]
    total = alone["l1"] + 0.1 * alone["census"] + 2 * alone["mine"]
    assert losses.total.item() == pytest.approx(total, rel=1e-6)


def test_the_gradient_is_the_weighted_sum_of_those_alone() -> None:
    frames = pair()

    def slope(score: Any) -> Any:
        (gradient,) = torch.autograd.grad(score, frames["distorted"])
        return gradient

    found = slope(Suite(ENTRIES, factors=FACTORS)(**frames).total)

    wanted = slope(find("l1")(**frames)) + 0.1 * slope(find("census")(**frames))
    wanted += 2 * slope(find("ssim[form=dssim]")(**frames))
    assert_close(found, wanted)


def test_without_factors_every_entry_counts_once() -> None:
    losses = Suite("l1,mse")(**pair())

    assert losses.total.item() == pytest.approx(sum(each.item() for each in losses.terms.values()))


@pytest.mark.parametrize("entries", ["psnr,mse", "mse,psnr"])
def test_what_is_reported_only_carries_no_gradient_and_takes_none_from_what_it_shares(
    entries: str,
) -> None:
    frames = pair()

    losses = Suite(entries, factors={"mse": 1.0, "psnr": 0.0})(**frames)
    losses.total.backward()

    assert not losses.terms["psnr"].requires_grad
    assert losses.terms["mse"].requires_grad
    distorted, reference = frames["distorted"], frames["reference"]
    assert_close(distorted.grad, 2 * (distorted - reference).detach() / distorted.numel())


def test_a_score_that_rises_counts_below_zero() -> None:
    frames = pair()

    losses = Suite("ssim", factors={"ssim": -1.0})(**frames)

    assert losses.total.item() == pytest.approx(-find("ssim")(**frames).item())


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_reductions_are_those_of_the_samples(reduction: str) -> None:
    frames = pair()

    losses = Suite("l1,mse", reduction=reduction)(**frames)

    samples = (frames["distorted"] - frames["reference"]).abs().mean((1, 2, 3))
    wanted = {"mean": samples.mean(), "sum": samples.sum(), "none": samples}[reduction]
    assert_close(losses.terms["l1"], wanted)
    assert_close(losses.total, losses.terms["l1"] + losses.terms["mse"])


def test_members_share_one_pass_of_a_network_for_each_frame(networks: Any, linear: None) -> None:
    suite = Suite("lpips_vgg,vgg_conv4_3[normalisation=imagenet]", weights=networks)
    frames = pair(size=32)

    with Calls() as calls:
        suite(**frames)

    # Thirteen of VGG16 for each frame; two passes of their own would be 46.
    assert calls.counts["convolution"] == 26


def test_the_reference_keeps_no_graph(networks: Any) -> None:
    suite = Suite("vgg,vgg_conv4_3,style", weights=networks)
    frames = pair(size=32)
    frames["reference"].requires_grad_()

    suite(**frames).total.backward()

    assert frames["distorted"].grad.abs().sum() > 0
    assert frames["reference"].grad is None


def test_members_share_one_luma_for_each_frame() -> None:
    suite = Suite("census,near=census[patch=5],unlike=census[patch=3]")

    with Calls() as calls:
        suite(**pair(size=32))

    # The green weight of BT.601 is a factor once for each frame, whatever looks at luma.
    assert calls.counts["luma"] == 2


def test_a_network_is_no_state_of_the_suite(networks: Any) -> None:
    suite = Suite("vgg,l1", weights=networks)

    assert list(suite.parameters()) == []
    assert suite.state_dict() == {}


def test_a_mask_weighs_every_term() -> None:
    frames = pair(size=16)
    mask = torch.zeros(2, 1, 16, 16)
    mask[..., 4:9, 3:11] = 1

    losses = Suite("l1,mse")(**frames, mask=mask)

    difference = (frames["distorted"] - frames["reference"])[..., 4:9, 3:11]
    assert_close(losses.terms["l1"], difference.abs().mean())
    assert_close(losses.terms["mse"], difference.square().mean())


def test_a_mask_is_refused_by_what_has_no_map_of_the_frame() -> None:
    frames = pair()
    mask = torch.ones(2, 1, 64, 64)

    with pytest.raises(ValueError, match="laplacian is no mean over pixels that a mask could"):
        Suite("l1,laplacian")(**frames, mask=mask)
    with pytest.raises(
        ValueError, match=r"ssim takes a mask of the shape .* \(2, 1, 54, 54\), got"
    ):
        Suite("l1,ssim", factors={"l1": 1})(**frames, mask=mask)


def test_a_mask_that_an_entry_reads_is_its_own() -> None:
    flow, zeros = torch.ones(1, 2, 4, 4), torch.zeros(1, 2, 4, 4)
    mask = torch.zeros(1, 1, 4, 4)
    mask[..., 0] = 1
    flow[..., 0] = 3

    losses = Suite("aee[masked=true]")(flow=flow, flow_reference=zeros, mask=mask)

    assert losses.total.item() == pytest.approx(18**0.5)


def test_a_system_gives_every_term_by_its_name_and_counts_by_its_total() -> None:
    frames = pair()

    losses = Suite("mine=flavr[loss=1*L1+0.5*MSE],l1")(**frames)

    assert list(losses.terms) == ["mine.total", "mine.l1", "mine.mse", "l1"]
    l1, mse = losses.terms["l1"].item(), losses.terms["mine.mse"].item()
    assert losses.terms["mine.total"].item() == pytest.approx(l1 + 0.5 * mse)
    assert losses.total.item() == pytest.approx(2 * l1 + 0.5 * mse)


def test_a_systems_term_counts_where_its_total_is_not_to_be_had() -> None:
    frames = pair()

    losses = Suite("rife", factors={"rife.laplacian": 3.0})(**frames)

    assert list(losses.terms) == ["rife.laplacian"]
    assert losses.total.item() == pytest.approx(3 * find("laplacian")(**frames).item())
    with pytest.raises(ValueError, match=r"rife\.total needs merged_teacher, .* of factors"):
        Suite("rife")(**frames)


def test_autocast_leaves_every_digit() -> None:
    frames = pair()
    suite = Suite("laplacian,mine=ssim[form=dssim]")
    wanted = suite(**frames).total

    with torch.autocast("cpu", dtype=torch.bfloat16):
        total = suite(**frames).total

    assert_close(total, wanted, rtol=1e-6, atol=0)


@pytest.mark.parametrize(
    ("entries", "factors", "message"),
    [
        ("l1", {"l2": 1.0}, r"no term 'l2' to give a factor; did you mean 'l1'\? Terms: l1"),
        ("rife", {"rife": 1.0}, r"did you mean 'rife\..*Terms: rife\.total, rife\.laplacian"),
        ("psnr,l1", None, "psnr rises as frames get better.* factor below 0"),
        ("ssim", {"ssim": 1.0}, "ssim rises as frames get better"),
        ("l1,mse", {"l1": 1.0, "mse": -0.5}, r"mse falls .* factor -0\.5 would turn it round"),
        ("l1", {"l1": float("nan")}, r"factor of l1 is nan\. Give a finite number"),
        ("psnr_y", {}, "psnr_y reads a plane of code values"),
        ("l1,l1", None, "would both be called 'l1'"),
    ],
)
def test_senseless_suites_are_refused(
    entries: str, factors: dict[str, Any] | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Suite(entries, factors=factors)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"referense": torch.zeros(1)}, r"no input 'referense'; did you mean 'reference'\?"),
        ({"reference": torch.zeros(2, 3, 9, 9)}, "l1 takes inputs of one batch and size"),
        (
            {"reference": torch.full((2, 3, 64, 64), 9.0)},
            r"The suite was given reference .* 8 bits",
        ),
    ],
)
def test_senseless_inputs_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Suite("l1,mse")(**{**pair(), **change})


@pytest.mark.parametrize("given", [None, np.zeros((2, 3, 64, 64)), 0.5])
def test_what_is_no_tensor_is_named(given: Any) -> None:
    frames = {**pair(), "distorted": given}

    with pytest.raises(TypeError, match="The suite takes a tensor as distorted, got "):
        Suite("l1,mse")(**frames)
    with pytest.raises(TypeError, match="l1 takes a tensor as distorted, got "):
        find("l1")(**frames)


def test_a_reduction_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match="reduction takes mean, sum, none; got 'avg'"):
        Suite("l1", reduction="avg")


def test_an_input_that_is_missing_is_named() -> None:
    with pytest.raises(ValueError, match=r"epe needs flow, flow_reference\. Give it, or leave epe"):
        Suite("l1,epe")(**pair())


def test_the_check_of_values_is_switched_off_by_hand() -> None:
    frames = {role: 9 * frame.detach() for role, frame in pair().items()}

    losses = Suite("l1", check_range=False)(**frames)

    assert losses.total.item() == pytest.approx(find("l1")(**pair()).item() * 9, rel=1e-6)


def pair(*, size: Any = 64) -> Any:
    generator = torch.manual_seed(4)
    distorted, reference = torch.rand(2, 2, 3, size, size, generator=generator)
    return {"distorted": distorted.requires_grad_(), "reference": reference}
