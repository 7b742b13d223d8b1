"""What every metric of motion obeys; `test_laws.py` has the laws of pairs of frames."""

from typing import Any

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from framegauge.export.catalog import find
from framegauge.export.eager import eager_features
from framegauge.export.losses.warping import Warping
from framegauge.export.lowering.model import feeds
from framegauge.export.maths.motion import flows_at
from framegauge.export.motion_metric import approximated

LOSSES = [
    "flow_smoothness",
    "flow_smoothness[form=dain;flows=middle]",
    "flow_smoothness[form=sobel;flows=one]",
    "flow_smoothness[form=unflow]",
    "flow_smoothness[form=unflow_second;flows=one]",
    "edge_aware_smoothness",
    "edge_aware_smoothness[order=2;both=true]",
    "dain_smoothness",
    "dain_symmetry",
    "warping",
    "warping[target=reference;sources=next;border=zeros;corners=half_pixel;masked=true]",
    "superslomo_warping",
    "superslomo_warping[corners=superslomo_half_pixel;middle=given]",
    "bmbc_photometric[levels=2]",
    "bmbc_photometric[levels=2;sampling=bmbc]",
    "bmbc_smoothness",
    "unflow_photometric[patch=3]",
    "unflow_photometric[term=colour;border=none]",
    "unflow_photometric[term=gradient;border=none]",
    "unflow_photometric[term=colour;occlusion=disocclusion]",
    "ddflow_photometric[patch=3;border=clamp]",
    "ddflow_photometric[term=colour]",
    "arflow_photometric",
    "arflow_photometric[census=0;dssim=0.85;l1=0.15]",
    "arflow_photometric[census=0;dssim=0.85;l1=0.15;visibility=range]",
    "warping_error",
]
METRICS = [
    "occlusion",
    "occlusion[boundaries=true]",
    "occlusion[form=range]",
    "tof",
    "tof[crop=false;norm=l1]",
]

every_loss = pytest.mark.parametrize("text", LOSSES)
every_entry = pytest.mark.parametrize("text", LOSSES + METRICS)


@every_loss
def test_gradients_are_those_of_the_values(text: Any) -> None:
    loss = find(text)
    given = random(loss.spec, 7, 8, batch=1)
    if "census" in loss.SPEC.title.lower():
        given = dim(given)
    tensors = [tensor.requires_grad_() for tensor in given.values()]

    assert torch.autograd.gradcheck(
        lambda *tensors: loss(**dict(zip(given, tensors, strict=True))),
        tensors,
        atol=1e-4,  # a root of 1e-12 bends within the step of the differences
        rtol=1e-3,
        fast_mode=True,
    )


@every_loss
@pytest.mark.parametrize("kind", ["identical", "flat", "moving"])
def test_gradients_are_finite(text: Any, kind: str) -> None:
    loss = find(text)
    side = max(16, loss.spec.least)
    given = random(loss.spec, side, side, batch=2, dtype=torch.float32)
    given = {role: special(role, tensor, kind) for role, tensor in given.items()}

    loss(**{role: tensor.requires_grad_() for role, tensor in given.items()}).backward()

    gradients = [tensor.grad for tensor in given.values() if tensor.grad is not None]
    assert gradients
    assert all(bool(gradient.isfinite().all()) for gradient in gradients)


@every_entry
def test_a_score_does_not_depend_on_the_rest_of_the_batch(text: Any) -> None:
    metric = find(text)
    metric.reduction = "none"
    side = max(16, metric.spec.least)
    given = random(metric.spec, side, side + 1, batch=3)

    together = metric(**given)
    alone = [
        metric(**{role: tensor[n : n + 1] for role, tensor in given.items()}) for n in range(3)
    ]

    assert_close(together, torch.cat(alone), rtol=1e-12, atol=1e-12)


@every_entry
@pytest.mark.parametrize(("down", "across"), [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_the_least_size_and_every_parity_are_scored(text: Any, down: int, across: int) -> None:
    metric = find(text)
    least = metric.spec.least

    score = metric(**random(metric.spec, least + down, least + across, batch=1)).item()

    assert metric.spec.low <= score <= (metric.spec.high or float("inf"))


@pytest.mark.parametrize(
    "text", [text for text in LOSSES + METRICS if len(find(text).spec.inputs) > 1]
)
def test_inputs_of_two_sizes_are_refused_by_name(text: Any) -> None:
    metric = find(text)
    given = random(metric.spec, 60, 60, batch=1)
    role = [role for role in given if role.startswith("flow")][-1]
    given[role] = given[role][..., :-1]

    with pytest.raises(ValueError, match=f"{metric.spec.name} takes inputs of one batch and size"):
        metric(**given)


def test_a_suite_warps_and_masks_once_for_all(flow_model: Any) -> None:
    warps = [node for node in flow_model.proto.graph.node if node.op_type == "GridSample"]

    # The next frame, and the flow back.
    assert len(warps) == 2


@pytest.mark.parametrize(
    "entries",
    [
        ["warping_error", "occlusion[boundaries=true]"],
        pytest.param(["edge_aware_smoothness", "tof"], marks=pytest.mark.slow),
        pytest.param(
            ["unflow_photometric", "ddflow_photometric", "arflow_photometric"],
            marks=pytest.mark.slow,
        ),
    ],
)
def test_files_hold_their_tolerance(entries: list[Any], models: Any) -> None:
    model = models(entries, "rgb24")
    feed = feeds(model.exact, (67, 90), batch=3)

    got, wanted = model.run(feed), model.exactly(feed)

    for output in model.manifest.scores:
        np.testing.assert_allclose(
            got[output.name], wanted[output.name], rtol=output.relative, atol=output.tolerance
        )


@pytest.mark.parametrize(
    "text",
    [
        "warping",
        "superslomo_warping",
        "bmbc_photometric",
        "flow_smoothness",
        "edge_aware_smoothness",
        "arflow_photometric",
        "warping_error",
        "occlusion",
    ],
)
def test_nothing_moves_between_equal_frames(text: str) -> None:
    options = "[corners=aligned]" if text == "superslomo_warping" else ""
    metric = find(text + options)
    frame = random(metric.spec, 20, 21, batch=1).get("next", torch.rand(1, 3, 20, 21).double())
    given = {
        role: 0 * tensor if role.startswith("flow") else frame if tensor.ndim == 4 else tensor
        for role, tensor in random(metric.spec, 20, 21, batch=1).items()
    }

    assert metric(**given).item() == pytest.approx(metric.spec.ideal, abs=5e-6)


def test_an_input_that_the_options_leave_out_is_refused_by_name() -> None:
    frame, flow = torch.zeros(1, 3, 4, 4), torch.zeros(1, 2, 4, 4)

    with pytest.raises(ValueError, match="warping with these options needs next, flow_to_next"):
        Warping()(frame, frame, flow_to_previous=flow)
    with pytest.raises(ValueError, match="warping with these options reads no mask"):
        Warping(sources="previous")(frame, frame, flow_to_previous=flow, mask=frame[:, :1])


@pytest.mark.parametrize(
    ("time", "weights"),
    [(0.5, [-0.25, 0.25, 0.25, -0.25]), (0.25, [-0.1875, 0.0625, 0.5625, -0.1875])],
)
def test_flows_at_a_time_weigh_those_between_the_neighbours(
    time: float, weights: list[Any]
) -> None:
    one, none = torch.ones(1, 2, 1, 1), torch.zeros(1, 2, 1, 1)

    forward = flows_at(one, none, torch.tensor([time]))
    backward = flows_at(none, one, torch.tensor([time]))

    found = [
        flow.flatten()[0].item() for pair in zip(forward, backward, strict=True) for flow in pair
    ]
    assert found == weights


def test_a_trace_approximates_its_flows_once() -> None:
    metric = find("superslomo_warping")
    features = eager_features(metric.spec, random(metric.spec, 8, 8, batch=1))

    first, second = approximated(features), approximated(features)

    assert first[0] is second[0]


def random(spec: Any, height: Any, width: Any, *, batch: Any, dtype: Any = torch.float64) -> Any:
    generator = torch.manual_seed(17)

    def uniform(*shape: Any) -> Any:
        return torch.rand(batch, *shape, dtype=dtype, generator=generator)

    given = {}
    for role in spec.inputs:
        if role.startswith("flow"):
            # Between whole pixels, where bilinear samples have no kinks.
            given[role] = 0.2 + 0.5 * uniform(2, height, width)
            if role in ("flow_next_previous", "flow_to_next"):
                given[role] = -given[role]
        elif role == "time":
            given[role] = torch.full((batch,), 0.5, dtype=dtype)
        elif role == "mask":
            given[role] = 0.1 + 0.8 * uniform(1, height, width)
        else:
            given[role] = uniform(3, height, width)
    return given


def dim(given: Any) -> Any:
    """Frames of so little contrast that no census saturates: its differences then resolve."""
    return {
        role: 0.4 + tensor / 100 if tensor.shape[1:2] == (3,) else tensor
        for role, tensor in given.items()
    }


def special(role: Any, tensor: Any, kind: Any) -> Any:
    flow, frame = role.startswith("flow"), tensor.ndim == 4 and tensor.shape[1] == 3
    if frame and kind == "flat":
        return torch.full_like(tensor, 0.5)
    if frame and kind == "identical":
        return random(find("charbonnier").spec, *tensor.shape[-2:], batch=2, dtype=tensor.dtype)[
            "reference"
        ]
    if flow:
        return torch.full_like(tensor, 100.0 if kind == "moving" else 0.0)
    return tensor
