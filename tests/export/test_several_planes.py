"""An entry that reads several planes, gives several scores and looks at neighbours."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from torch import Tensor

from framegauge.export import catalog
from framegauge.export.contract.entry import parse_entries
from framegauge.export.contract.formats import find_format
from framegauge.export.contract.interface import Aggregate
from framegauge.export.contract.spec import Spec
from framegauge.export.features import Features
from framegauge.export.graph import Graph
from framegauge.export.lowering.model import export
from framegauge.export.maths.reduction import pixel_mean
from framegauge.export.metric import Metric
from framegauge.runtime import Scorer, score
from framegauge.runtime.sources.planes import Planes

SPEC = Spec(
    name="changes",
    title="Mean change of each plane from the frame before",
    kind="metric",
    better="lower",
    ideal=None,
    low=0.0,
    high=None,
    tolerance=1e-3,
    relative=1e-4,
    reads="plane",
    planes=("y", "u", "v"),
    inputs=("reference", "distorted", "reference_previous"),
    ends="zero",
    terms=("u", "v"),
    source="closed form",
)
SHAPES = ((48, 64), (24, 32), (24, 32))


class Changes(Metric):
    SPEC = SPEC
    moment_names = ("y",)

    def change(self, features: Features, plane: str) -> Tensor:
        frame, before = (
            features.frame(role).plane(plane) for role in ("distorted", "reference_previous")
        )
        return pixel_mean((frame - before).abs())

    def score(self, features: Features) -> Tensor:
        return features.once(self.change, features, "y")

    def term_specs(self, depth: int) -> dict[str, Spec]:
        return {name: replace(self.spec, high=2.0**depth) for name in SPEC.terms}

    def term_scores(self, features: Features) -> list[Tensor]:
        return [self.change(features, name) for name in SPEC.terms]

    def moments(self, features: Features) -> list[Tensor]:
        return [features.once(self.change, features, "y")]

    def aggregates(self, label: str, depth: int) -> list[Aggregate]:
        return [Aggregate(name=f"{label}_root", of=(f"{label}.y",), finish="root")]


@pytest.fixture(scope="module")
def entry() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalog, "ENTRIES", (*catalog.ENTRIES, Changes))
        yield


@pytest.fixture(scope="module")
def model(entry: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export("changes", tmp_path_factory.mktemp("model") / "changes.onnx", format="yuv420p")


def flat(*values: int) -> Planes:
    return tuple(
        np.full(shape, value, np.uint8) for shape, value in zip(SHAPES, values, strict=True)
    )


def clip(rows: Sequence[tuple[int, int, int]]) -> list[Planes]:
    return [flat(*row) for row in rows]


def test_a_graph_takes_the_planes_and_gives_the_scores_that_a_spec_names(entry: None) -> None:
    graph = Graph(parse_entries("mine=changes"), find_format("yuv420p"))

    assert [each.name for each in graph.inputs] == [
        f"{role}_{part}" for role in SPEC.inputs for part in "yuv"
    ]
    assert [each.name for each in graph.outputs] == ["mine", "mine.u", "mine.v", "mine.y"]
    assert [each.kind for each in graph.outputs] == ["score", "score", "score", "moment"]
    assert {each.ends for each in graph.outputs} == {"zero"}
    assert [each.inputs for each in graph.outputs] == [SPEC.inputs] * 4


def test_a_plane_that_a_format_has_not_is_refused(entry: None) -> None:
    with pytest.raises(ValueError, match="changes reads the plane u, and gray8 has y"):
        Graph(parse_entries("changes"), find_format("gray8"))


@pytest.mark.slow
def test_a_scorer_gives_every_score_by_its_name(model: Path) -> None:
    with Scorer(model) as scorer:
        scores = scorer(
            reference=flat(0, 0, 0), distorted=flat(30, 50, 70), reference_previous=flat(10, 20, 40)
        )

    assert {name: values.tolist() for name, values in scores.items()} == {
        "changes": [20.0],
        "changes.u": [30.0],
        "changes.v": [30.0],
    }


@pytest.mark.slow
def test_two_plain_videos_are_scored_with_the_frame_before_and_no_flag(model: Path) -> None:
    reference = clip([(10, 10, 10), (20, 10, 10), (40, 10, 10), (80, 10, 10)])
    distorted = clip([(11, 10, 10), (14, 17, 10), (60, 10, 10), (80, 10, 19)])

    report = score(reference, distorted, model=model)

    # Frame 0 has none before it, and is 0 by the entry's own rule.
    assert report.frames.numbers.tolist() == [0, 1, 2, 3]
    assert_allclose(report.frames.scores["changes"], [0, 4, 40, 40])
    assert_allclose(report.frames.scores["changes.u"], [0, 7, 0, 0])
    assert_allclose(report.frames.scores["changes.v"], [0, 0, 0, 9])
    assert report.aggregate == {"changes_root": pytest.approx(21**0.5)}


@pytest.mark.slow
@pytest.mark.parametrize(("start", "subsample"), [(1, 1), (2, 1), (0, 2), (1, 2)])
def test_the_frame_before_is_the_videos_whatever_is_scored(
    model: Path, start: int, subsample: int
) -> None:
    reference = clip([(10, 10, 10), (20, 10, 10), (40, 10, 10), (80, 10, 10)])
    distorted = clip([(11, 10, 10), (14, 17, 10), (60, 10, 10), (80, 10, 19)])

    report = score(reference, distorted, model=model, start=start, subsample=subsample)

    wanted = np.array([0, 4, 40, 40])[start::subsample]
    assert report.frames.numbers.tolist() == list(range(start, 4, subsample))
    assert_allclose(report.frames.scores["changes"], wanted)
