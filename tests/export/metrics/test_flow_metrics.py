"""End-point error, outliers and angular error against the numbers of their authors' code."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from torch.testing import assert_close

from framegauge.export.catalog import find
from framegauge.export.lowering.model import export

GOLDEN = Path(__file__).parents[2] / "golden"
EXPECTED = json.loads((GOLDEN / "flow.json").read_text())
ENTRIES = {
    "rife.epe.mean": "epe",
    "rife.epe.masked_over_valid": "epe[masked=true]",
    "raft.kitti_epe": "aee[masked=true]",
    "raft.kitti_f1_percent": "fl_all[masked=true]",
    "transcription.epe.mean": "aee",
    "transcription.epe.valid": "aee[masked=true]",
    "transcription.fl_all.percent": "fl_all",
    "transcription.fl_all.valid_percent": "fl_all[masked=true]",
    "transcription.outlier_1px.valid_percent": "epe_1px[masked=true]",
    "transcription.outlier_3px.valid_percent": "epe_3px[masked=true]",
    "transcription.outlier_5px.valid_percent": "epe_5px[masked=true]",
    "transcription.aae_deg.mean": "aae",
    "transcription.aae_deg.valid": "aae[masked=true]",
}


@pytest.fixture(scope="module")
def given() -> Any:
    arrays = np.load(GOLDEN / "flow.npz")
    return {
        "flow": arrays["flow"][None],
        "flow_reference": arrays["flow_reference"][None],
        "mask": arrays["mask"][None, None].astype(np.float32),
    }


@pytest.fixture(scope="module")
def scores(given: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    entries = ",".join(f"v{number}={entry}" for number, entry in enumerate(ENTRIES.values()))
    path = export(entries, tmp_path_factory.mktemp("flow") / "flow.onnx")
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return dict(zip(ENTRIES, session.run(None, given), strict=True))


@pytest.mark.parametrize("key", ENTRIES)
def test_the_graph_gives_the_value(key: str, given: Any) -> None:
    metric = find(ENTRIES[key])
    inputs = [torch.from_numpy(given[role]).double() for role in metric.spec.inputs]

    assert metric(*inputs).item() == pytest.approx(EXPECTED[key], rel=1e-6, abs=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("key", ENTRIES)
def test_the_exported_file_gives_the_value(key: str, scores: Any) -> None:
    assert scores[key].item() == pytest.approx(EXPECTED[key], rel=1e-5, abs=1e-7)


def test_angles_have_closed_forms() -> None:
    flow = torch.tensor([[1.0, 0.0], [1.0, 0.0]], dtype=torch.float64).view(2, 2, 1, 1)
    other = torch.tensor([[0.0, 0.0], [0.0, 1.0]], dtype=torch.float64).view(2, 2, 1, 1)

    angles = find("aae")
    angles.reduction = "none"

    assert_close(angles(flow, other), torch.tensor([45.0, 60.0], dtype=torch.float64))


@pytest.mark.parametrize("entry", ["epe", "aee", "aae"])
def test_gradients_are_finite_where_flows_agree(entry: str) -> None:
    flow = torch.zeros(1, 2, 4, 4, requires_grad=True)

    find(entry)(flow, torch.zeros(1, 2, 4, 4)).backward()

    assert flow.grad is not None
    assert bool(flow.grad.isfinite().all())


@pytest.mark.parametrize("entry", ["epe", "aee", "aae"])
def test_gradients_are_those_of_the_differences(entry: str) -> None:
    torch.manual_seed(0)
    flow = torch.randn(1, 2, 3, 3, dtype=torch.float64, requires_grad=True)
    other = torch.randn(1, 2, 3, 3, dtype=torch.float64) + 3

    assert torch.autograd.gradcheck(lambda each: find(entry)(each, other), flow)


def test_a_mask_is_taken_only_where_it_was_announced() -> None:
    flow = torch.zeros(1, 2, 4, 4)

    with pytest.raises(ValueError, match=r"aee\(masked=False\) was called with a mask"):
        find("aee")(flow, flow, torch.ones(1, 1, 4, 4))
    with pytest.raises(ValueError, match="without a mask"):
        find("aee[masked=true]")(flow, flow)
