import math
from typing import Any

import pytest
import torch
from torch.testing import assert_close

from framegauge.export.contract.entry import parse_entries
from framegauge.export.contract.formats import find_format
from framegauge.export.graph import Graph
from framegauge.export.lowering.onnx import serialise, translate
from framegauge.export.lowering.proof import prove
from framegauge.export.lowering.trace import trace
from framegauge.export.maths.splat import coverage
from framegauge.export.maths.visibility import uncovered
from framegauge.export.metrics.occlusion import Occlusion


def test_a_flow_at_rest_covers_every_pixel_once() -> None:
    assert_close(coverage(constant(0, 0)), torch.ones(1, 1, 5, 6).double())


def test_a_vector_is_shared_by_the_four_pixels_around_its_end() -> None:
    flow = constant(90, 90)  # out of the frame
    flow[0, :, 1, 2] = torch.tensor([1.25, -0.5])

    hits = coverage(flow)[0, 0]

    wanted = torch.zeros(5, 6).double()
    wanted[0, 3], wanted[0, 4] = 0.75 * 0.5, 0.25 * 0.5
    wanted[1, 3], wanted[1, 4] = 0.75 * 0.5, 0.25 * 0.5
    assert_close(hits, wanted)


def test_what_ends_beyond_the_frame_is_lost() -> None:
    hits = coverage(constant(2.5, 0))[0, 0]

    # The first two columns are reached by none, the third by half of one.
    assert_close(hits, torch.tensor([0, 0, 0.5, 1, 1, 1]).double().expand(5, 6))


def test_vectors_that_meet_add_up() -> None:
    flow = constant(0, 0)
    flow[0, 0, :, 0] = 1

    assert_close(coverage(flow)[0, 0], torch.tensor([0, 2, 1, 1, 1, 1]).double().expand(5, 6))


def test_unflows_vector_is_a_gaussian_of_nine_pixels_each_way() -> None:
    flow = torch.full((1, 2, 12, 13), 90.0).double()
    flow[0, :, 6, 5] = torch.tensor([0.5, 0])

    hits = coverage(flow, kernel="gaussian")[0, 0]

    # Ends at column 5.5 of row 6; from the pixel before it four each way, so columns 1 to 9.
    column = [math.exp(-((x - 5.5) ** 2) / 2) if 1 <= x <= 9 else 0.0 for x in range(13)]
    row = [math.exp(-((y - 6) ** 2) / 2) if 2 <= y <= 10 else 0.0 for y in range(12)]
    assert_close(hits, torch.outer(torch.tensor(row).double(), torch.tensor(column).double()))


def test_unflows_vectors_at_rest_add_up_to_the_gaussians_integral() -> None:
    hits = coverage(torch.zeros(1, 2, 20, 20).double(), kernel="gaussian")

    # Sums of a Gaussian of standard deviation 1 over whole numbers, cut at four.
    assert hits[0, 0, 10, 10].item() == pytest.approx(2 * math.pi, rel=1e-4)


@pytest.mark.parametrize(("form", "columns"), [("range", 3), ("disocclusion", 2)])
def test_a_frame_that_moves_off_leaves_its_edge_occluded(form: str, columns: int) -> None:
    back = torch.zeros(1, 2, 16, 16)
    back[:, 0] = 2.85

    score = Occlusion(form=form)(flow_next_previous=back)

    # Bilinear hits begin in the third column, 0.15 there. Gaussian ones: exp(-2.85^2 / 2) and less
    # make 0.045 in the first column, 0.50 in the second, 2.2 in the third and 1.6 at its ends.
    assert score.item() == columns / 16


def test_the_bounds_are_the_authors() -> None:
    flow = constant(90, 90)
    flow[0, :, 2, 3] = 0
    for share in (0.19, 0.21):
        flow[0, 0, 2, 3] = share

        hidden = uncovered(flow, kernel="bilinear", least=0.2)[0, 0, 2]

        assert hidden.tolist() == [1, 1, 1, 0, float(share < 0.2), 1]


def test_no_gradient_passes() -> None:
    flow = constant(0.3, 0.1).requires_grad_()

    assert not Occlusion(form="range")(flow_next_previous=flow).requires_grad


def test_the_other_flow_is_read_only_for_boundaries() -> None:
    flow = constant(0, 0)

    with pytest.raises(ValueError, match="occlusion with these options reads no flow_previous_nex"):
        Occlusion(form="range")(flow, flow)
    assert Occlusion(form="range", boundaries=True)(flow, flow).item() == 0


@pytest.mark.parametrize("entry", ["occlusion[form=range]"])
def test_a_file_counts_hits_as_the_graph_does(entry: str) -> None:
    graph, exact = (
        Graph(parse_entries(entry), find_format("rgb24"), dtype=dtype)
        for dtype in (torch.float32, torch.float64)
    )
    model = translate(trace(graph), graph)

    prove(serialise(model), graph, exact)

    added = [node for node in model.graph if node.op_type == "ScatterElements"]
    assert {node.attributes["reduction"].as_string() for node in added} == {"add"}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the extension's own types
def test_tensorrt_refuses_to_add_up_hits() -> None:
    tensorrt = pytest.importorskip("tensorrt_rtx")
    graph = Graph(parse_entries("occlusion[form=range]"), find_format("rgb24"))
    logger = tensorrt.Logger(tensorrt.Logger.INTERNAL_ERROR)
    network = tensorrt.Builder(logger).create_network()
    parser = tensorrt.OnnxParser(network, logger)

    accepted = parser.parse(serialise(translate(trace(graph), graph)))

    # The day it does not, the sentences about it in the docstrings go.
    assert not accepted
    assert "reduction" in parser.get_error(0).desc()


def constant(u: Any, v: Any) -> Any:
    return torch.tensor([u, v], dtype=torch.float64).view(1, 2, 1, 1).repeat(1, 1, 5, 6)
