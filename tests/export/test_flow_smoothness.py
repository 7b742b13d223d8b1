import pytest
import torch

from framegauge.export.losses.flow_smoothness import FlowSmoothness
from framegauge.export.smoothness import absolute_changes, variation

Y, X = torch.meshgrid(*[torch.arange(16, dtype=torch.float64)] * 2, indexing="ij")
FIELD = torch.stack([X - Y, Y / 2])[None]


def test_superslomos_form_has_a_closed_form():
    # Across: (1 + 0) / 2; down: (1 + 1/2) / 2.
    assert absolute_changes(FIELD).item() == 1.25
    assert FlowSmoothness()(FIELD, FIELD / 2).item() == 1.875


def test_means_are_over_each_ones_own_differences():
    edge = torch.zeros(1, 2, 2, 5)
    edge[..., 1:] = 1

    assert FlowSmoothness(flows="one")(flow=edge).item() == 0.25


def test_rifes_form_is_sobels():
    loss = FlowSmoothness(form="sobel", flows="one")

    assert loss(flow=FIELD).item() == 13.47265625


def test_dains_form_is_the_length_of_both_changes(ramps):
    frame = ramps()["reference"]
    flat = torch.zeros(1, 2, 4, 4, dtype=torch.float64)
    loss = FlowSmoothness(form="dain", flows="middle")

    # DAIN's tv_loss of the ramps, by its formula.
    assert variation(frame, epsilon=1e-6).mean().item() == pytest.approx(0.0601579285, abs=1e-10)
    assert loss(flow_to_previous=flat, flow_to_next=flat).item() == pytest.approx(2e-6)
    assert loss.spec.ideal == 2e-6
