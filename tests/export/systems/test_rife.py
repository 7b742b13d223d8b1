from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from framegauge.export.catalog import find
from framegauge.export.maths.warp import warp


def test_terms_give_the_values_of_the_authors_network(
    frame: Callable[[str], Tensor], tensors: dict[str, Tensor], learned: dict[str, dict[str, Any]]
) -> None:
    given = network_outputs(frame, tensors)

    results = find("rife").breakdown(**given)

    distillation, student, teacher, total, *_ = learned["extras"]["rife.ifnet_terms"]
    assert {name: value.item() for name, value in results.items()} == {
        "total": near(total),
        "laplacian": near(student),
        "teacher": near(teacher),
        "distillation": near(distillation),
    }


def test_frames_of_the_test_are_those_of_the_authors_network(
    frame: Callable[[str], Tensor], tensors: dict[str, Tensor], learned: dict[str, dict[str, Any]]
) -> None:
    given = network_outputs(frame, tensors)

    means = [
        given[role].mean().item()
        for role in ("merged_0", "merged_1", "distorted", "merged_teacher")
    ]

    assert means == [near(value) for value in learned["extras"]["rife.ifnet_terms"][4:]]


def test_a_stage_learns_only_where_the_teacher_is_better_by_the_threshold() -> None:
    given = flat_stages(teacher=0.5, stages=(0.5, 0.509, 0.52))

    results = find("rife").breakdown(**given)

    # The last stage alone is more than 0.01 worse; its flows differ by 2 in each component.
    assert results["distillation"].item() == pytest.approx(2)


def test_a_flow_that_is_the_teachers_has_a_gradient_of_zero() -> None:
    given = flat_stages(teacher=0.5, stages=(0.9, 0.9, 0.9))
    given |= {role: torch.ones_like(each) for role, each in given.items() if "flow" in role}
    flow = given["flow_to_previous_0"].requires_grad_()

    find("rife")(**given).backward()

    assert flow.grad.abs().max().item() == 0


def test_the_teacher_learns_nothing_from_the_distillation() -> None:
    given = flat_stages(teacher=0.5, stages=(0.9, 0.9, 0.9))
    flow = given["flow_to_previous_teacher"].requires_grad_()
    frame = given["merged_0"].requires_grad_()
    student = given["flow_to_previous_0"].requires_grad_()

    find("rife").breakdown(**given)["distillation"].backward()

    assert flow.grad is None
    assert frame.grad is None
    assert student.grad.abs().sum() > 0


def test_the_first_form_adds_charbonnier_census_and_flow() -> None:
    given = flat_stages(teacher=0.5, stages=(0.5, 0.5, 0.5))
    given |= {
        f"flow_to_{side}_reference": torch.zeros(1, 2, 64, 64) for side in ("previous", "next")
    }
    system = find("rife[form=v1]")
    given = {role: given[role] for role in system.spec.inputs}

    results = system.breakdown(**given)

    assert results["charbonnier"].item() == pytest.approx(1e-3)
    # Three stages, two flows each, all of (2, 2) against zero.
    assert results["flow"].item() == pytest.approx(6 * 8**0.5, rel=1e-6)
    assert results["total"].item() == pytest.approx(1e-3 + 0.06 * 8**0.5, rel=1e-6)


def test_hdv3_means_the_gradients_of_the_last_flows_over_four_components() -> None:
    ramp = torch.arange(6.0, dtype=torch.float64).expand(1, 2, 6, 6)
    frame = torch.zeros(1, 3, 6, 6, dtype=torch.float64)
    flows = {"flow_to_previous_2": ramp, "flow_to_next_2": torch.zeros_like(ramp)}

    results = find("rife[form=hdv3]").breakdown(distorted=frame, reference=frame, **flows)

    inner = find("rife[form=hdv3]").breakdown(
        distorted=frame, reference=frame, **{role: ramp for role in flows}
    )
    assert results["smoothness"].item() == pytest.approx(inner["smoothness"].item() / 2)
    assert results["total"].item() == pytest.approx(0.1 * results["smoothness"].item())


def network_outputs(frame: Any, tensors: Any) -> Any:
    """What RIFE's network makes of the stored increments, by the roles of its losses."""
    previous, following, reference = (
        frame(f"bikes_128x192.{name}") for name in ("frame0", "frame1", "target")
    )
    flow = torch.zeros(1, 4, 128, 192, dtype=torch.float64)
    logits = torch.zeros(1, 1, 128, 192, dtype=torch.float64)
    given = {"reference": reference}
    for stage, stored in (("0", "s0"), ("1", "d1"), ("2", "d2"), ("teacher", "dT")):
        flow = flow + tensors[f"rife_ifnet.flow_{stored}"]
        logits = logits + tensors[f"rife_ifnet.mask_{stored}"]
        share = logits.sigmoid()
        given[f"flow_to_previous_{stage}"], given[f"flow_to_next_{stage}"] = (
            flow[:, :2],
            flow[:, 2:],
        )
        given[f"merged_{stage}"] = share * warp(previous, flow[:, :2]) + (1 - share) * warp(
            following, flow[:, 2:]
        )
    residual = 2 * tensors["rife_ifnet.refine"] - 1
    return given | {"distorted": (given["merged_2"] + residual).clamp(0, 1)}


def flat_stages(*, teacher: Any, stages: Any) -> Any:
    """Flat frames; the teacher's flows are zero, the stages' are 2 in each component."""
    frames = {"reference": 0.5, "distorted": 0.5, "merged_teacher": teacher}
    frames |= {f"merged_{stage}": value for stage, value in enumerate(stages)}
    flows = {f"flow_to_{side}_teacher": 0.0 for side in ("previous", "next")}
    flows |= {f"flow_to_{side}_{stage}": 2.0 for side in ("previous", "next") for stage in range(3)}
    return {
        **{role: torch.full((1, 3, 64, 64), value) for role, value in frames.items()},
        **{role: torch.full((1, 2, 64, 64), value) for role, value in flows.items()},
    }


def near(value: Any) -> Any:
    return pytest.approx(value, rel=1e-6, abs=1e-9)
