"""Entries that need flows, logits, neighbours or weights, as files against the float64 graph.

Those of two frames alone are in `test_laws.py`, which exports them for other tests too.
"""

from typing import Any

import pytest
import torch
from torch import Tensor

from framegauge.export.catalog import ENTRIES
from framegauge.export.contract.entry import parse_entries
from framegauge.export.contract.formats import find_format
from framegauge.export.graph import Graph
from framegauge.export.lowering.onnx import serialise, translate
from framegauge.export.lowering.proof import prove
from framegauge.export.lowering.trace import trace
from framegauge.export.networks.backbones import Weights

PAIR = ("reference", "distorted")
NAMES = [entry.SPEC.name for entry in ENTRIES if entry.SPEC.inputs != PAIR or entry.SPEC.weights]
# Options that leave another graph, not another constant.
VARIANTS = [
    "epe[masked=true]",
    "occlusion[form=range]",
    "flow_smoothness[form=unflow]",
    "flow_smoothness[form=unflow_second]",
    "edge_aware_smoothness[order=2;both=true]",
    "arflow_photometric[census=0;dssim=0.85;l1=0.15;visibility=range]",
]


@pytest.mark.slow
@pytest.mark.parametrize("text", NAMES + VARIANTS)
def test_a_file_gives_the_scores_of_the_float64_graph(text: Any, weights: Any) -> None:
    graph, exact = (
        Graph(parse_entries(text), find_format("rgb24"), dtype=dtype, weights=weights)
        for dtype in (torch.float32, torch.float64)
    )

    model = serialise(translate(trace(graph), graph))

    # At every parity of height and width, in batches of one and of three, and on a large frame.
    prove(model, graph, exact)


@pytest.fixture(scope="session")
def weights(
    deterministic: dict[str, dict[str, Tensor]], alexnet: dict[str, Tensor], linear: None
) -> Any:
    """All networks: AlexNet as trained, the others by a formula."""
    return Weights({**deterministic, "alexnet": alexnet}, offline=True)
