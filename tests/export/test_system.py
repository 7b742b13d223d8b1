import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch

from framegauge.export.catalog import ENTRIES, find
from framegauge.export.contract.entry import parse_entries
from framegauge.export.contract.formats import find_format
from framegauge.export.contract.interface import Missing
from framegauge.export.contract.manifest import Manifest
from framegauge.export.graph import Graph
from framegauge.export.losses.l1 import L1
from framegauge.export.losses.mse import MSE
from framegauge.export.lowering.model import describe, feeds, serialise, trace, translate
from framegauge.export.system import System, Term, weighted_names
from framegauge.export.systems.dain import DAIN
from framegauge.export.systems.rife import RIFE

SYSTEMS = [entry.SPEC.name for entry in ENTRIES if entry.SPEC.kind == "system"]
# Every system, with options that give each of its terms a weight, or another form.
VARIANTS = [
    "rife",
    "rife[form=v1]",
    "rife[form=hdv3]",
    "superslomo",
    "superslomo[form=paper;sampling=exact]",
    "bmbc",
    "bmbc[smoothness=0.3;smoothness_levels=2;levels=3]",
    "bmbc[stage=synthesis]",
    "dain",
    "dain[blended=0.5;offset=0.1;symmetry=2]",
    "adacof",
    "adacof[loss=distortion]",
    "adacof[loss=perception]",
    "adacof[loss=1*L1+2*MSE+0.1*GAN+0.2*WGAN_GP]",
    "flavr",
    "flavr[loss=1*L1+0.5*Huber+0.1*SSIM+2*MSE+0.01*VGG22]",
    "time_lens",
    "time_lens[l1=0.5;lpips=2]",
]
every_variant = pytest.mark.parametrize("text", VARIANTS)


def test_every_system_is_tried() -> None:
    assert {text.partition("[")[0] for text in VARIANTS} == set(SYSTEMS)


@every_variant
def test_the_total_is_the_weighted_sum_of_the_terms(text: Any, networks: Any, linear: None) -> None:
    system = find(text, weights=networks)

    results = system.breakdown(**inputs(system))

    total = sum(part.weight * results[name].item() for name, part in system.parts.items())
    assert results["total"].item() == pytest.approx(total, rel=1e-12)
    assert results.keys() == {"total", *system.parts}


@every_variant
def test_a_module_gives_its_total_with_finite_gradients(
    text: Any, networks: Any, linear: None
) -> None:
    system = find(text, weights=networks)
    given = inputs(system, requires_grad=True)

    total = system(**given)
    total.backward()

    assert total.item() == pytest.approx(system.breakdown(**given)["total"].item(), rel=1e-12)
    gradients = [each.grad for each in given.values() if each.grad is not None]
    assert gradients
    assert all(bool(each.isfinite().all()) for each in gradients)


@pytest.mark.parametrize(
    "text",
    ["rife", "superslomo[sampling=exact]", "bmbc", "dain", "adacof[loss=distortion]", "flavr"],
)
def test_frames_that_are_all_the_same_and_still_give_the_ideal(text: str, networks: Any) -> None:
    system = find(text, weights=networks)
    given = {
        role: torch.full_like(each, 0.5 if each.shape[1:2] == (3,) or role == "time" else 0)
        for role, each in inputs(system).items()
    }
    given = {role: each.requires_grad_() for role, each in given.items()}

    total = system(**given)
    total.backward()

    assert total.item() == pytest.approx(system.spec.ideal, rel=1e-9, abs=1e-9)
    assert all(bool(each.grad.isfinite().all()) for each in given.values() if each.grad is not None)


@pytest.mark.parametrize(
    "text",
    [
        "rife[form=v1]",
        "rife[form=hdv3]",
        "bmbc[levels=2]",
        "dain[blended=0.5;offset=0.1;symmetry=2]",
        "adacof",
        "flavr[loss=1*L1+0.5*Huber+2*MSE]",
        "superslomo",
        "time_lens",
        "rife",
    ],
)
def test_the_gradient_is_that_of_the_total(text: str, networks: Any, linear: None) -> None:
    system = find(text, weights=networks)
    given = inputs(system, size=max(system.spec.least, 12), batch=1)
    roles = list(given)

    assert torch.autograd.gradcheck(
        lambda *tensors: system(**dict(zip(roles, tensors, strict=True))),
        # Flows and frames of a teacher are targets: their gradient is cut on purpose.
        [
            each.requires_grad_("_teacher" not in r and "ference" not in r)
            for r, each in given.items()
        ],
        fast_mode=True,
        atol=1e-5,
    )


@pytest.mark.parametrize("name", SYSTEMS)
def test_the_listing_says_what_the_default_is(name: Any, networks: Any, linear: None) -> None:
    listed = next(entry.SPEC for entry in ENTRIES if entry.SPEC.name == name)
    made = find(name, weights=networks).spec

    for fact in dataclasses.fields(made):
        wanted = getattr(listed, fact.name)
        known = pytest.approx(wanted, rel=1e-4) if isinstance(wanted, float) else wanted
        assert getattr(made, fact.name) == known


def test_a_term_whose_input_is_not_given_is_left_out_with_the_total() -> None:
    frames = {"reference": torch.zeros(1, 3, 64, 64), "distorted": torch.ones(1, 3, 64, 64)}

    assert RIFE().breakdown(**frames).keys() == {"laplacian"}
    with pytest.raises(ValueError, match=r"The total of rife needs merged_teacher, flow_to_"):
        RIFE()(**frames)


def test_a_term_of_no_weight_is_not_missed() -> None:
    frames = {"reference": torch.zeros(1, 3, 8, 8), "distorted": torch.ones(1, 3, 8, 8)}

    results = DAIN().breakdown(**frames)

    assert results.keys() == {"total", "rectified"}
    assert DAIN()(**frames).item() == pytest.approx(1)


def test_an_input_that_is_not_there_is_refused_with_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"dain .* no input 'previuos'; did you mean 'previous'"):
        DAIN().breakdown(previuos=torch.zeros(1, 3, 8, 8))


def test_nothing_to_compute_is_refused() -> None:
    with pytest.raises(ValueError, match="Nothing of dain can be computed from previous"):
        DAIN().breakdown(previous=torch.zeros(1, 3, 8, 8))


def test_frames_come_by_place_too() -> None:
    frames = torch.rand(2, 1, 3, 8, 8)

    assert DAIN()(*frames).equal(DAIN()(distorted=frames[0], reference=frames[1]))


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ((-1.0, 1.0), "weights of at least 0, got -1.0 for one"),
        ((1.0, float("inf")), "finite weights .* got inf for other"),
        ((float("nan"), 1.0), "got nan for one"),
        ((0.0, 0.0), "no term of a weight"),
    ],
)
def test_senseless_weights_are_refused(weights: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Pair(*weights)


@pytest.mark.parametrize(
    ("text", "symmetric"),
    [("rife", False), ("rife[form=v1]", True), ("dain", True), ("dain[blended=1]", False)],
)
def test_a_total_is_symmetric_where_every_term_of_the_frame_reads_both(
    text: str, symmetric: bool
) -> None:
    assert find(text).spec.symmetric == symmetric


def test_kernels_have_neighbours() -> None:
    assert find("adacof").spec.least == 2


def test_reductions_are_those_of_the_samples() -> None:
    x, y = torch.rand(2, 3, 3, 8, 8)

    mean, total, samples = (
        Pair(1.0, 2.0, reduction=reduction)(x, y) for reduction in ("mean", "sum", "none")
    )

    assert samples.shape == (3,)
    torch.testing.assert_close(mean, samples.mean())
    torch.testing.assert_close(total, samples.sum())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("L1", "'L1' in the loss of it is not weight"),
        ("1*L1+x*mse", r"'x\*mse' in the loss of it is not weight"),
        ("1*L2", "'l2' is none of the losses of it; did you mean 'l1'"),
        ("1*L1+2*l1", "'l1' comes twice in the losses of it"),
    ],
)
def test_a_loss_of_another_form_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        weighted_names(text, ["l1", "mse"], of="it")


def test_a_suite_gives_a_system_by_its_label() -> None:
    made = suite("mine=dain,psnr")

    names = [output.name for output in made.outputs]

    terms = ["total", "rectified", "blended", "offset", "symmetry"]
    assert names == [*(f"mine.{term}" for term in terms), "psnr", "psnr.mse"]
    assert {output.kind for output in made.outputs[:-1]} == {"score"}
    assert made.missing == []


def test_a_suite_takes_only_the_inputs_of_the_terms_that_it_gives() -> None:
    made = suite("dain", without=["merged_blended", "flow_to_next"])

    assert [each.name for each in made.inputs] == ["reference", "distorted"]
    assert [output.name for output in made.outputs] == ["dain.total", "dain.rectified"]
    assert made.missing == [
        Missing(name="dain.blended", needs=("merged_blended",)),
        Missing(name="dain.offset", needs=("flow_to_next",)),
        Missing(name="dain.symmetry", needs=("flow_to_next",)),
    ]


def test_a_suite_gives_no_total_with_a_term_missing() -> None:
    made = suite("bmbc", without=["previous"])

    assert [output.name for output in made.outputs] == ["bmbc.smoothness"]
    assert [each.name for each in made.missing] == ["bmbc.total", "bmbc.photometric"]


def test_a_network_in_training_is_no_input_of_a_model() -> None:
    made = suite("adacof")

    assert [output.name for output in made.outputs] == ["adacof.charb"]
    assert {each.name: each.needs[0] for each in made.missing} == {
        "adacof.total": "weight_previous",
        "adacof.g_spatial": "weight_previous",
        "adacof.g_occlusion": "occlusion",
    }


@pytest.mark.parametrize(
    ("entries", "without", "message"),
    [
        ("epe,psnr", ["flow"], "epe needs flow, which the model is not given"),
        ("dain", ["reference", "flow_to_next"], "dain needs flow_to_next, reference"),
        ("dain", ["folw_to_next"], "Nothing asked for takes 'folw_to_next'; did you mean 'flow_to"),
    ],
)
def test_a_suite_that_lacks_too_much_is_refused(
    entries: str, without: list[Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        suite(entries, without=without)


def test_a_file_says_what_it_misses_and_gives_the_rest(
    session_of: Callable[[bytes], onnxruntime.InferenceSession],
) -> None:
    options = {"without": ["merged_1"]}
    made, exact = (
        suite("rife,flavr", **options),
        suite("rife,flavr", dtype=torch.float64, **options),
    )
    manifest = Manifest.from_json(describe(made, exact).to_json(), file="it")
    session = session_of(serialise(translate(trace(made), made)))
    feed = feeds(made, (66, 71), batch=2)

    scores = session.run(None, feed)

    names = ["rife.laplacian", "rife.teacher", "flavr.total", "flavr.l1"]
    assert [output.name for output in manifest.scores] == names
    assert manifest.missing == (
        Missing(name="rife.total", needs=("merged_1",)),
        Missing(name="rife.distillation", needs=("merged_1",)),
    )
    wanted = exact(*(torch.from_numpy(feed[each.name]) for each in exact.inputs))
    for got, want in zip(scores, wanted, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-7)


def test_a_manifest_may_lack_nothing() -> None:
    made = suite("psnr")

    assert Manifest.from_json(describe(made, made).to_json(), file="it").missing == ()


class Pair(System):
    """Two terms, to make systems of."""

    SPEC = DAIN.SPEC

    def __init__(self, one: Any, other: Any, reduction: Any = "mean") -> None:
        super().__init__(
            {"one": Term(weight=one, loss=L1()), "other": Term(weight=other, loss=MSE())},
            reduction=reduction,
        )


def suite(entries: Any, **options: Any) -> Any:
    return Graph(parse_entries(entries), find_format("rgb24"), **options)


def inputs(system: Any, *, size: Any = None, batch: Any = 2, requires_grad: Any = False) -> Any:
    """Random tensors of the shapes that the system takes, by role."""
    size = size or max(system.spec.least, 20)
    generator = torch.manual_seed(3)
    given = {}
    for role in system.spec.inputs:
        channels = 3
        if role.startswith("flow"):
            channels = 2
        elif role.startswith(("weight", "alpha", "beta")):
            channels = 4
        elif role == "occlusion":
            channels = 1
        shape = (batch, channels, size, size + 1)
        if role.startswith("logits"):
            shape = (batch, 1)
        elif role == "time":
            shape = (batch,)
        values = torch.rand(shape, dtype=torch.float64, generator=generator)
        scale = 0.9 if channels == 2 else 1.0
        given[role] = (scale * values).requires_grad_(requires_grad)
    return given
