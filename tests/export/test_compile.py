"""Losses under ``torch.compile``: one graph, the same values and gradients, at any size."""

from typing import Any

import pytest
import torch
from torch.testing import assert_close

from framegauge.export.catalog import find
from framegauge.export.suite import Suite

LOSSES = [
    "charbonnier",
    "census",
    "ssim[form=dssim]",
    "gmsd",
    "sobel",
    "unflow_photometric[patch=3]",
    "superslomo_warping",
    "epe",
    "gan_generator",
]
NETWORKS = ["vgg_conv4_3"]


@pytest.fixture(autouse=True)
def forget() -> None:
    """What one test compiled is no other's."""
    torch.compiler.reset()


@pytest.mark.parametrize("text", LOSSES + NETWORKS)
def test_a_compiled_loss_gives_its_value_and_gradient(text: Any, networks: Any) -> None:
    loss = find(text, weights=networks)
    compiled = torch.compile(loss, backend="aot_eager", fullgraph=True)
    given = inputs(loss.spec, 24)

    found, wanted = compiled(**given), loss(**given)

    assert_close(found, wanted, rtol=1e-6, atol=1e-7)
    assert_close(slopes(found, given), slopes(wanted, given), rtol=1e-5, atol=1e-7)


def test_a_compiled_suite_gives_its_terms_and_gradient(networks: Any) -> None:
    suite = Suite(
        "l1,census,mine=ssim[form=dssim],vgg_conv4_3,psnr",
        factors={"l1": 1.0, "census": 0.1, "mine": 2.0, "vgg_conv4_3": 0.01},
        weights=networks,
    )
    compiled = torch.compile(suite, backend="aot_eager", fullgraph=True)
    given = inputs(find("l1").spec, 24)

    found, wanted = compiled(**given), suite(**given)

    assert_close(found.terms, wanted.terms, rtol=1e-6, atol=1e-7)
    assert_close(slopes(found.total, given), slopes(wanted.total, given), rtol=1e-5, atol=1e-7)


def test_autocast_leaves_every_digit_of_a_compiled_loss() -> None:
    loss = find("ssim[form=dssim]")
    compiled = torch.compile(loss, backend="aot_eager", fullgraph=True)
    given = inputs(loss.spec, 24)

    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = compiled(**given)

    assert_close(found, loss(**given), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("text", ["census", "gmsd", "ssim[form=dssim]"])
def test_other_frames_need_no_other_graph(text: str) -> None:
    loss = find(text)
    compiled = torch.compile(loss, backend="eager", fullgraph=True)
    compiled(**inputs(loss.spec, 24))

    with torch.compiler.set_stance("fail_on_recompile"):
        found = compiled(**inputs(loss.spec, 24, seed=7))

    assert_close(found, loss(**inputs(loss.spec, 24, seed=7)), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("text", ["charbonnier", "sobel", "ssim[form=dssim]"])
def test_one_graph_is_for_every_size(text: str) -> None:
    loss = find(text)
    compiled = torch.compile(loss, backend="eager", fullgraph=True, dynamic=True)
    compiled(**inputs(loss.spec, 24))

    with torch.compiler.set_stance("fail_on_recompile"):
        found = compiled(**inputs(loss.spec, 31, batch=3))

    assert_close(found, loss(**inputs(loss.spec, 31, batch=3)), rtol=1e-6, atol=1e-7)


# Inductor's own modules are written in PyTorch's older compiler.
@pytest.mark.filterwarnings("ignore:`torch.jit.script:DeprecationWarning")
@pytest.mark.slow
@pytest.mark.parametrize("text", ["charbonnier", "ssim[form=dssim]", "census"])
def test_kernels_that_inductor_writes_give_the_value(text: str) -> None:
    loss = find(text)
    given = inputs(loss.spec, 24)

    found, wanted = torch.compile(loss)(**given), loss(**given)

    # Its kernels add in an order of their own.
    assert_close(found, wanted, rtol=1e-5, atol=1e-6)
    assert_close(slopes(found, given), slopes(wanted, given), rtol=1e-4, atol=1e-6)


def inputs(spec: Any, size: Any, *, batch: Any = 2, seed: Any = 6) -> Any:
    """Frames, flows of less than a pixel, times and logits, all but references with gradients."""
    generator = torch.manual_seed(seed)
    shapes = {"flow": (2, size, size + 1), "logits": (1,), "time": ()}
    given = {}
    for role in spec.inputs:
        shape = shapes.get(role.partition("_")[0], (3, size, size + 1))
        values = torch.rand(batch, *shape, generator=generator)
        given[role] = values.requires_grad_("reference" not in role)
    return given


def slopes(score: Any, given: Any) -> Any:
    return torch.autograd.grad(score, [each for each in given.values() if each.requires_grad])
