"""What losses refuse in training code: frames with values that no frame has."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from framegauge.export.catalog import find
from framegauge.export.eager import check_values
from framegauge.export.suite import Suite

MEAN = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)


@pytest.mark.parametrize(
    ("change", "seen", "advice"),
    [
        (lambda x: 2 * x - 1, "from -1 to 1", r"normalised to \[-1, 1\].* \(x \+ 1\) / 2"),
        (lambda x: 255 * x, "from 0 to 255", "8 bits: divide by 255"),
        (lambda x: 1023 * x, "from 0 to 1023", "10 bits: divide by 1023"),
        (lambda x: 65535 * x, "from 0 to 6.554e.04", "16 bits: divide by 65535"),
        (lambda x: (x - MEAN) / STD, "from -2.118 to 2.64", r"ImageNet: .* x \* std \+ mean"),
        (lambda x: x * torch.nan, "from nan to nan", "not finite: look for a division by zero"),
        (lambda x: x / 0, "from nan to nan", "not finite"),
        (lambda x: 1e9 * x, "from 0 to 1e.09", r"Bring them to that range\."),
        (lambda x: -30 * x, "from -30 to", r"Bring them to that range\."),
    ],
)
@pytest.mark.parametrize("role", ["distorted", "reference"])
def test_frames_of_another_scale_are_refused_with_what_was_seen_and_what_to_do(
    role: str, change: Callable[..., Any], seen: str, advice: str
) -> None:
    frames = {"distorted": board(), "reference": board()}
    frames[role] = change(frames[role])

    with pytest.raises(ValueError, match=rf"l1 was given {role} with values {seen}.*{advice}.*set"):
        find("l1")(**frames)


@pytest.mark.parametrize("overshoot", [-0.4, 0.4])
def test_a_prediction_may_overshoot_and_what_it_learns_from_may_not(overshoot: float) -> None:
    frame = board()
    over = frame + overshoot

    assert find("l1")(over, frame).item() == pytest.approx(0.4)
    with pytest.raises(ValueError, match="l1 was given reference with values from"):
        find("l1")(frame, over)


def test_a_filter_that_overshoots_a_little_is_told_from_another_scale() -> None:
    with pytest.raises(ValueError, match=r"from -0.05 to 0.95.*overshot: use x.clamp\(0, 1\)"):
        find("l1")(board(), board() - 0.05)


def test_rounding_of_a_reference_is_let_through() -> None:
    frame = board()

    assert find("l1")(frame, frame + 0.0009).item() == pytest.approx(0.0009, rel=1e-3)


def test_the_check_is_switched_off_by_hand() -> None:
    loss = find("mse")
    loss.check_range = False

    assert loss(255 * board(), 0 * board()).item() == pytest.approx(255**2 / 2)


def test_integers_are_refused() -> None:
    frame = torch.zeros(1, 3, 8, 8, dtype=torch.uint8)

    with pytest.raises(
        ValueError, match=r"floating-point frames, got reference of torch.uint8.*255"
    ):
        check_values("l1", {"reference": frame})


def test_code_values_of_more_bits_ask_for_their_depth() -> None:
    plane = torch.full((1, 1, 8, 8), 1000.0)

    with pytest.raises(ValueError, match=r"values from 1000 to 1000.*\[0, 255\].* Give depth="):
        find("psnr_y")(plane, plane)
    assert find("psnr_y")(plane, plane, depth=10).item() == 72


@pytest.mark.parametrize("role", ["previous", "next"])
def test_neighbours_are_looked_at_and_flows_are_not(role: str) -> None:
    frames = {name: board() for name in ("previous", "next")}
    flows = {
        name: torch.full((1, 2, 16, 16), -40.0)
        for name in ("flow_previous_next", "flow_next_previous")
    }
    loss = find("arflow_photometric")

    assert loss(**frames, **flows).isfinite()
    with pytest.raises(ValueError, match=f"arflow_photometric was given {role} with values"):
        loss(**{**frames, role: 2 * frames[role] - 1}, **flows)


@pytest.mark.parametrize("name", ["epe", "aee", "aae", "fl_all", "epe_1px", "tof"])
@pytest.mark.parametrize("role", ["flow", "flow_reference"])
@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_a_flow_that_is_not_finite_is_refused(name: str, role: str, value: Any) -> None:
    flows = {each: torch.zeros(1, 2, 48, 48) for each in ("flow", "flow_reference")}
    flows[role][..., 5, 7] = value

    with pytest.raises(ValueError, match=f"{name} was given {role} .* not finite: a network"):
        find(name)(**flows)


def test_a_suite_refuses_a_flow_that_is_not_finite() -> None:
    flow = torch.full((1, 2, 16, 16), torch.nan)

    with pytest.raises(ValueError, match="The suite was given flow with values from nan to nan"):
        Suite("aee,fl_all")(flow=flow, flow_reference=torch.zeros_like(flow))


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        (lambda mask: -mask, "from -1 to -?0"),
        (lambda mask: mask - 0.6, "from -0.6 to 0.4"),
        (lambda mask: 255 * mask, "from 0 to 255"),
        (lambda mask: mask / 0, "from nan to nan"),
    ],
)
def test_a_mask_that_is_no_weight_is_refused(change: Callable[..., Any], seen: str) -> None:
    mask = change(board()[:, :1])
    flow = torch.zeros(1, 2, 16, 16)

    with pytest.raises(ValueError, match=rf"l1 was given mask with values {seen}\. A mask is a w"):
        find("l1")(board(), board(), mask)
    with pytest.raises(ValueError, match=rf"aee was given mask with values {seen}\."):
        find("aee[masked=true]")(flow, flow, mask)
    with pytest.raises(ValueError, match=rf"The suite was given mask with values {seen}\."):
        Suite("l1")(distorted=board(), reference=board(), mask=mask)


@pytest.mark.parametrize("time", [4.0, 1.0, 0.0, -1.0, torch.nan])
def test_a_time_that_is_not_between_the_frames_is_refused(time: Any) -> None:
    loss = find("superslomo_warping")
    still = torch.zeros(1, 2, 16, 16)

    with pytest.raises(ValueError, match=r"was given time with .* frame 2 of 8 is at 0\.25"):
        loss(board(), board(), board(), still, still, torch.tensor([time]))


@pytest.mark.parametrize("role", ["logits_distorted", "logits_reference"])
def test_logits_that_are_not_finite_are_refused(role: str) -> None:
    logits = {each: torch.zeros(1, 1) for each in ("logits_distorted", "logits_reference")}
    logits[role] = logits[role] / 0

    with pytest.raises(ValueError, match=f"gan_discriminator was given {role} .* not finite"):
        find("gan_discriminator")(**logits)


def test_systems_look_at_their_frames_and_at_what_networks_merged() -> None:
    frame = torch.rand(1, 3, 64, 64)
    system = find("rife")

    with pytest.raises(ValueError, match="rife was given reference with values"):
        system.breakdown(distorted=frame, reference=frame - 1)
    with pytest.raises(ValueError, match="rife was given merged_teacher with values"):
        system.breakdown(distorted=frame, reference=frame, merged_teacher=255 * frame)


def test_a_batch_of_none_is_not_looked_at() -> None:
    none = torch.zeros(0, 3, 8, 8)

    assert find("l1")(none, none).isnan()


def test_a_compiled_graph_is_not_held_up() -> None:
    loss = torch.compile(find("l1"), backend="eager", fullgraph=True)

    assert loss(2 * board(), 0 * board()).item() == pytest.approx(1)


def board() -> Any:
    """Black and white squares, ``(1, 3, 16, 16)``."""
    return ((torch.arange(16)[:, None] + torch.arange(16)) % 2).float().expand(1, 3, 16, 16)
