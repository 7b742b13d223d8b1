import errno
import os
import shutil
import stat
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from framegauge.export import export
from framegauge.export.catalog import listings
from framegauge.export.contract.entry import parse_entries
from framegauge.export.contract.formats import FORMATS, find_format
from framegauge.export.contract.spec import Spec
from framegauge.export.features import Features
from framegauge.export.graph import Graph
from framegauge.export.lowering import model
from framegauge.export.lowering.onnx import translate
from framegauge.export.lowering.proof import ExportError, feeds, prove
from framegauge.export.lowering.trace import trace
from framegauge.export.maths.reduction import pixel_mean
from framegauge.export.member import Member
from framegauge.export.metric import Metric

NAMES = [
    listing.spec.name
    for listing in listings()
    if listing.spec.inputs == ("reference", "distorted") and not listing.spec.weights
]
MODELS = ["pixel_model", "window_model", "variant_model", "large_model", "plane_model"]
every_model = pytest.mark.parametrize("name", MODELS)
every_format = pytest.mark.parametrize("format", FORMATS)

SPEC = Spec(
    name="frozen",
    title="A metric that does what a graph must not",
    kind="metric",
    better="lower",
    ideal=0.0,
    low=0.0,
    high=None,
    tolerance=1e-6,
    source="this test",
)


class Frozen(Metric):
    """Looks at the number behind the width, which becomes a constant of the graph."""

    SPEC = SPEC

    def score(self, features: Features) -> torch.Tensor:
        width = int(features.rgb("reference").shape[-1])
        return pixel_mean(features.rgb("distorted") * width)


@pytest.fixture
def private() -> Any:
    """Makes files that only their owner may read."""
    before = os.umask(0o077)
    yield
    os.umask(before)


@every_model
def test_the_opset_is_18(request: pytest.FixtureRequest, name: Any) -> None:
    proto = request.getfixturevalue(name).proto

    assert {(each.domain, each.version) for each in proto.opset_import} == {("", 18)}
    assert {node.domain for node in proto.graph.node} == {""}


@every_model
def test_samples_of_8_bits_go_straight_into_a_cast(
    request: pytest.FixtureRequest, name: Any
) -> None:
    assert_casts_come_first(request.getfixturevalue(name))


@every_model
def test_no_node_reduces_more_than_one_axis(request: pytest.FixtureRequest, name: Any) -> None:
    proto = request.getfixturevalue(name).proto
    constants = {each.name: numpy_helper.to_array(each) for each in proto.graph.initializer}

    reductions = [node for node in proto.graph.node if node.op_type.startswith("Reduce")]

    assert {constants[node.input[1]].size for node in reductions} == {1}


@every_model
def test_nothing_in_a_file_says_where_it_was_made(
    request: pytest.FixtureRequest, name: Any
) -> None:
    model = request.getfixturevalue(name)
    content = model.path.read_bytes()

    graph = model.proto.graph
    assert not [node for node in graph.node if node.doc_string or len(node.metadata_props)]
    assert not graph.doc_string
    assert not model.proto.doc_string
    assert not graph.metadata_props
    # The exporter's type of every intermediate value is most of a file; constants may have one.
    assert {value.name for value in graph.value_info} <= {each.name for each in graph.initializer}
    keys = sorted(entry.key for entry in model.proto.metadata_props)
    assert keys == ["framegauge", "framegauge.sha256"]
    for trace_of_place in (b".py", b"site-packages", b"Traceback", str(Path.cwd()).encode()):
        assert trace_of_place not in content


@every_model
def test_weights_are_inside_the_file(request: pytest.FixtureRequest, name: Any) -> None:
    model = request.getfixturevalue(name)

    onnx.checker.check_model(model.proto, full_check=True)
    assert not [each.name for each in model.proto.graph.initializer if each.external_data]
    assert not [each for each in model.path.parent.iterdir() if each.suffix != ".onnx"]


@every_model
def test_inputs_and_outputs_are_those_of_the_manifest(
    request: pytest.FixtureRequest, name: Any
) -> None:
    model = request.getfixturevalue(name)

    inputs = {each.name: (each.type, each.shape) for each in model.session.get_inputs()}
    outputs = [each.name for each in model.session.get_outputs()]

    types = {"uint8": "tensor(uint8)", "float32": "tensor(float)"}
    assert inputs == {
        each.name: (types[each.dtype], list(each.dims)) for each in model.manifest.inputs
    }
    assert outputs == [each.name for each in model.manifest.outputs]


@pytest.mark.slow
@every_format
def test_every_format_exports(models: Any, format: Any) -> None:
    entries = ["psnr"] if format.startswith("rgb") else ["psnr_y", "psnr"]

    model = models(entries, format)

    assert_casts_come_first(model)
    assert model.manifest.format == format
    feed = feeds(model.exact, (45, 61), batch=2)
    got, wanted = model.run(feed), model.exactly(feed)
    np.testing.assert_allclose(got["psnr"], wanted["psnr"], rtol=1e-5)


@pytest.mark.slow
def test_the_same_entries_give_the_same_bytes_in_any_folder(tmp_path: Path) -> None:
    for folder in ("one", "another/and deeper"):
        (tmp_path / folder).mkdir(parents=True)
        export("psnr", tmp_path / folder / "psnr.onnx")

    first, second = (path.read_bytes() for path in tmp_path.rglob("psnr.onnx"))
    assert first == second


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    def fail(line: str) -> None:
        if line.startswith("proving"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export("mse", tmp_path / "mse.onnx", progress=fail)

    assert not list(tmp_path.iterdir())


def test_progress_is_told_step_by_step(tmp_path: Path) -> None:
    lines = []

    path = export("mse", tmp_path / "mse.onnx", progress=lines.append)

    assert path == tmp_path / "mse.onnx"
    assert [line.split()[0] for line in lines] == ["tracing", "translating", "computing", "proving"]
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.slow
def test_an_export_warns_of_nothing(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        export("l1", tmp_path / "l1.onnx")

    assert (tmp_path / "l1.onnx").is_file()


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no folder .*nowhere to write m\.onnx in"):
        export("psnr", tmp_path / "nowhere" / "m.onnx")


def test_a_place_is_refused_before_weights_are_looked_for(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no folder"):
        export("vgg", tmp_path / "nowhere" / "m.onnx", offline=True)


@pytest.mark.parametrize("place", ["", "pipe"])
def test_what_is_no_file_is_left_as_it_is(tmp_path: Path, place: str) -> None:
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(ValueError, match="is no file that a model could replace"):
        export("psnr", tmp_path / place)
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def test_a_folder_that_cannot_be_written_to_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)

    with pytest.raises(ValueError, match=r"cannot be written to, so m\.onnx cannot be made there"):
        export("psnr", tmp_path / "m.onnx")


@pytest.mark.slow
def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)

    with pytest.raises(ExportError, match=r"m\.onnx could not be written: No space left on device"):
        export("mse", tmp_path / "m.onnx")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_link_stays_a_link_and_the_mask_of_permissions_holds(
    tmp_path: Path, private: Any
) -> None:
    (tmp_path / "m.onnx").symlink_to(tmp_path / "file.onnx")

    export("mse", tmp_path / "m.onnx")

    assert (tmp_path / "m.onnx").is_symlink()
    assert (tmp_path / "file.onnx").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("entry", ["laplacian[levels=12]", "census[border=5000]"])
def test_frames_that_no_model_is_proven_on_are_refused_at_once(tmp_path: Path, entry: str) -> None:
    with pytest.raises(ValueError, match=r"would need frames of at least .* up to 2048x2048"):
        export(entry, tmp_path / "m.onnx")


def test_an_option_beyond_all_numbers_is_a_wrong_request(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="ssim"):
        export("ssim[sigma=1e300]", tmp_path / "m.onnx")


def test_what_fails_in_the_making_is_no_wrong_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(suite: Any) -> None:
        raise ValueError("array is too big")

    monkeypatch.setattr(model, "trace", fail)

    with pytest.raises(ExportError, match="No model could be made of mse: array is too big"):
        export("mse", tmp_path / "m.onnx")


def test_a_model_whose_scores_are_not_finite_is_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model, "evaluate", lambda *_: {"mse": np.array([0.5, np.nan])})

    with pytest.raises(ExportError, match="mse is not finite on the frames of the self-test"):
        export("mse", tmp_path / "m.onnx")


def test_a_graph_that_fixes_a_size_is_refused() -> None:
    suite = frozen_suite()

    with pytest.raises(ExportError, match="could not trace frozen with open sizes"):
        trace(suite)


def test_an_axis_that_became_a_constant_is_refused() -> None:
    suite = Graph(parse_entries("mse"), find_format("rgb24"))
    example = tuple(torch.zeros(2, 24, 32, 3, dtype=torch.uint8) + k for k in range(2))

    program = torch.export.export(suite, example)

    with pytest.raises(ExportError, match="axis N of reference became the constant 2"):
        translate(program, suite)


@pytest.mark.parametrize("divisor", [250.0, 0.0])
def test_a_file_that_gives_other_scores_than_its_graph_is_refused(
    pixel_model: Any, divisor: float
) -> None:
    tampered = onnx.ModelProto()
    tampered.CopyFrom(pixel_model.proto)
    (peak,) = (
        each
        for each in tampered.graph.initializer
        if not each.dims and numpy_helper.to_array(each) == 255 and is_divisor(tampered, each.name)
    )
    peak.CopyFrom(numpy_helper.from_array(np.float32(divisor), peak.name))

    with pytest.raises(ExportError, match=r"of the file differs from the graph's on a batch of 3"):
        prove(tampered.SerializeToString(), pixel_model.exact, pixel_model.exact)


def test_an_untouched_file_is_proven(pixel_model: Any) -> None:
    prove(pixel_model.path.read_bytes(), pixel_model.exact, pixel_model.exact)

    assert pixel_model.path.is_file()


def test_small_constants_survive_the_export(variant_model: Any) -> None:
    flat = np.full((1, 64, 64, 3), 128, np.uint8)

    scores = variant_model.run({"reference": flat, "distorted": flat})

    # Rewriting rules take what is below 1e-8 for zero: 1e-12 in one root, 1e-8 in one logarithm.
    np.testing.assert_allclose(scores["charbonnier_epsilon_1e_06"], 1e-6, rtol=1e-5)
    np.testing.assert_allclose(scores["psnr_epsilon_1e_08"], 80, rtol=1e-6)


def test_the_self_test_is_met_by_the_file(pixel_model: Any) -> None:
    test = pixel_model.manifest.self_test
    outputs = {output.name: output for output in pixel_model.manifest.outputs}

    for size, wanted in zip(test.sizes, test.scores, strict=True):
        got = pixel_model.run(feeds(pixel_model.exact, size, batch=test.batch))
        for name, values in wanted.items():
            np.testing.assert_allclose(
                got[name], values, rtol=outputs[name].relative, atol=outputs[name].tolerance
            )


@pytest.mark.slow
def test_means_over_pixels_hold_at_3840x2160(pixel_model: Any) -> None:
    feed = feeds(pixel_model.exact, (2160, 3840), batch=1)

    got, wanted = pixel_model.run(feed), pixel_model.exactly(feed)

    np.testing.assert_allclose(got["psnr"], wanted["psnr"], rtol=1e-6)
    for output in pixel_model.manifest.scores:
        # Samples over 255 are rounded to float32; reducing several axes at once is off by 2e-3.
        np.testing.assert_allclose(
            got[output.name], wanted[output.name], rtol=1e-5, err_msg=output.name
        )


@pytest.mark.slow
@pytest.mark.parametrize("format", ["rgb24", "yuv420p"])
@pytest.mark.parametrize("name", NAMES)
def test_every_entry_exports_by_itself(tmp_path: Path, name: Any, format: str) -> None:
    if format == "rgb24" and spec_of(name).reads == "plane":
        pytest.skip("reads a plane, and rgb24 has none")

    path = export(name, tmp_path / "model.onnx", format=format)

    assert path.is_file()


@pytest.mark.slow
@every_format
@pytest.mark.parametrize("name", NAMES)
def test_every_entry_is_traced_from_every_format(name: Any, format: Any) -> None:
    parts = {plane.part for plane in find_format(format).planes}
    has = parts | {"u", "v"} if "uv" in parts else parts
    if not has.issuperset(spec_of(name).planes):
        pytest.skip(f"reads {', '.join(spec_of(name).planes)}, and {format} has not")

    program = trace(Graph(parse_entries(name), find_format(format)))

    assert program.range_constraints


@pytest.mark.slow
def test_every_entry_exports_in_one_file(tmp_path: Path) -> None:
    path = export(NAMES, tmp_path / "all.onnx", format="yuv420p")

    assert path.is_file()
    shutil.rmtree(tmp_path)


def assert_casts_come_first(model: Any) -> None:
    graph = model.proto.graph
    small = {each.name for each in model.manifest.inputs if each.dtype == "uint8"}
    takers = {name: [n.op_type for n in graph.node if name in n.input] for name in small}
    assert takers == {name: ["Cast"] for name in small}


def frozen_suite() -> Any:
    suite = Graph(parse_entries("mse"), find_format("rgb24"))
    suite.members = [Member(label="frozen", entry="frozen", metric=Frozen(), options={})]
    return suite


def is_divisor(proto: Any, name: Any) -> Any:
    return any(node.op_type == "Div" and name == node.input[1] for node in proto.graph.node)


def spec_of(name: Any) -> Any:
    (spec,) = (listing.spec for listing in listings() if listing.spec.name == name)
    return spec
