"""Hostile inputs: every reader of ours says what is wrong in its own words, and comes to an end."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from rich.console import Console

from framegauge.engines.fleet.fleet import Fleet
from framegauge.engines.identity.header import Header, HeaderError
from framegauge.engines.identity.machine import Platform, TargetError
from framegauge.engines.identity.options import parse_options
from framegauge.engines.identity.profile import Profile
from framegauge.engines.identity.sidecar import NewerError, Recipe, Sidecar, SidecarError
from framegauge.engines.identity.target import Target, parse_targets
from framegauge.export.contract.interface import Aggregate
from framegauge.export.contract.manifest import KEY, Manifest, ManifestError
from framegauge.export.contract.model_bytes import DamagedError
from framegauge.export.contract.model_file import ModelFile
from framegauge.runtime.errors import ScoreError, UsageError
from framegauge.runtime.models.model_files import checked
from framegauge.runtime.pooling.gate import Gate
from framegauge.runtime.reports.report import Report
from framegauge.runtime.reports.series import Frames, LabelFacts
from framegauge.runtime.reports.summary import print_summary
from framegauge.runtime.scoring.requests import FrameRequest
from framegauge.runtime.sets.journal import Journal
from framegauge.runtime.sets.samples import read_list
from framegauge.runtime.sources.flow_files import read_flow

Fuzz = Callable[..., None]

SHIPPED = Path(__file__).parents[2] / "runtime" / "models"
FLEET = Path(__file__).parents[1] / "examples" / "fleet.toml"
SETTINGS = {"metrics": "psnr", "models": [], "protocol": None}


@pytest.fixture(scope="module")
def model() -> onnx.ModelProto:
    return onnx.load(SHIPPED / "yuv420p" / "default.onnx")


@pytest.fixture(scope="module")
def manifest(model: onnx.ModelProto) -> Any:
    (entry,) = (entry for entry in model.metadata_props if entry.key == KEY)
    return json.loads(entry.value)


@pytest.fixture(scope="module")
def report() -> Any:
    labels = {"psnr_y": LabelFacts(better="higher", unit="dB", ideal=60.0, low=0.0, high=60.0)}
    whole = Report(
        frames=Frames(np.arange(4), {"psnr_y": [30.5, 31, 32, np.nan], "vmaf": [1, 2, 3, 4]}),
        outputs=labels | {"vmaf": LabelFacts()},
        aggregates=(Aggregate(name="a", of=("m",), finish="psnr", peak=255, cap=60),),
        moments={"m": np.array([1.0, 2, 3, 4])},
        aggregate={"a": 40.0},
        inputs={"reference": {"name": "a", "frame_rate": "25"}, "distorted": {"name": "b"}},
        alignment={"factor": 3},
        flows={"flow": {"source": "files", "pattern": "f"}},
        missing={"psnr_y": ("flow",)},
    )
    whole = whole.with_gates([Gate("vmaf", "p5", ">=", 0.5)])
    return json.loads(whole.to_json())


def shown(path: Path) -> None:
    """Reads a report, and writes all that is made of one but the page."""
    found = Report.read(path)
    found.to_json()
    found.to_csv()
    print_summary(found, Console(file=io.StringIO()))
    assert found.frame_rate is None or found.frame_rate > 0


def test_reports(fuzz: Fuzz, report: Any) -> None:
    fuzz(lambda mutator: json.dumps(mutator.document(report)), shown, ScoreError)


def test_texts_of_reports(fuzz: Fuzz, report: Any) -> None:
    fuzz(lambda mutator: mutator.text(json.dumps(report)), shown, ScoreError)


def test_bytes_of_reports(fuzz: Fuzz, report: Any) -> None:
    content = json.dumps(report).encode("utf-16")

    fuzz(lambda mutator: mutator.content(content), shown, ScoreError)


def test_reports_of_libvmaf(fuzz: Fuzz) -> None:
    rows = [{"frameNum": n, "metrics": {"vmaf": n / 3, "psnr_y": 40}} for n in range(3)]
    document = {"version": "3.0.0", "fps": 3.5, "frames": rows, "aggregate_metrics": {"a": 1.5}}

    fuzz(lambda mutator: json.dumps(mutator.document(document)), shown, ScoreError)
    fuzz(lambda mutator: mutator.text(json.dumps(document)), shown, ScoreError)


def test_xml_of_libvmaf(fuzz: Fuzz) -> None:
    text = (
        '<VMAF version="3"><fyi fps="12.5"/><frames><frame frameNum="0" vmaf="1.5" psnr_y="nan"/>'
        '<frame frameNum="2" vmaf="9"/></frames><aggregate_metrics apsnr_y="41"/></VMAF>'
    )

    fuzz(lambda mutator: mutator.text(text), shown, ScoreError)


def test_manifests(fuzz: Fuzz, manifest: Any) -> None:
    def read(path: Path) -> None:
        text = path.read_bytes().decode("utf-8", "replace")
        found = Manifest.from_json(text, file="x")
        assert Manifest.from_json(found.to_json(), file="x") == found

    fuzz(lambda mutator: json.dumps(mutator.document(manifest)), read, ManifestError)
    fuzz(lambda mutator: mutator.text(json.dumps(manifest)), read, ManifestError)


def test_model_files(fuzz: Fuzz, model: onnx.ModelProto, resealed: Callable[..., bytes]) -> None:
    content = model.SerializeToString()

    def changed(mutator: Any) -> bytes:
        try:
            return resealed(mutator.content(content))
        except ManifestError:  # there is no place for the digest any more
            return content[:-1]

    fuzz(changed, ModelFile.read, ManifestError, DamagedError)


def test_graphs(fuzz: Fuzz, model: onnx.ModelProto, resealed: Callable[..., bytes]) -> None:
    def changed(mutator: Any) -> bytes:
        other = onnx.ModelProto()
        other.CopyFrom(model)
        other.graph.ParseFromString(other.graph.SerializeToString())
        node = other.graph.node[0]
        try:
            node.MergeFromString(mutator.content(node.SerializeToString()))
        except Exception:  # protobuf's own reader refuses it
            node.op_type = "Loop"
        return resealed(other)

    fuzz(changed, ModelFile.read, ManifestError, DamagedError)


def test_lists_of_samples(fuzz: Fuzz, tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        (tmp_path / name).touch()
    table = "name,reference,distorted,group\nx,a.png,b.png,g\ny,a.png,a.png,\n"
    line = json.dumps({"name": "x", "reference": "a.png", "distorted": "b.png", "time": 0.5})

    fuzz(lambda mutator: mutator.text(table), read_list, UsageError, ScoreError, name="x.csv")
    fuzz(
        lambda mutator: mutator.text(f"{line}\n{line}"),
        read_list,
        *(UsageError, ScoreError),
        name="x.jsonl",
    )
    fuzz(
        lambda mutator: mutator.content(table.encode()),
        read_list,
        *(UsageError, ScoreError),
        name="x.csv",
    )


@pytest.fixture
def journal(tmp_path: Path) -> list[Any]:
    Journal(tmp_path / "kept", SETTINGS)
    score = {"format": "rgb24", "size": [3, 2], "frames": {"psnr": [30.0, None]}, "moments": {}}
    line = {"name": "x", "method": "y", "files": {"a": [1, 2]}, "sha256": ["0"]}
    score |= {"inputs": {}, "left_out": None, "error": None}
    return [json.loads((tmp_path / "kept").read_text()), {**line, "score": score}]


def resumed(path: Path) -> None:
    for kept in Journal(path, SETTINGS)._kept.values():
        assert kept.score.score.count > 0 or kept.score.left_out is not None


def test_journals(fuzz: Fuzz, journal: list[Any]) -> None:
    def lines(mutator: Any) -> str:
        document = mutator.document(journal)
        return "".join(json.dumps(each) + "\n" for each in document) if document else ""

    fuzz(lines, resumed, UsageError, ScoreError)
    text = "".join(json.dumps(each) + "\n" for each in journal)
    fuzz(lambda mutator: mutator.text(text), resumed, UsageError, ScoreError)


def test_lines_of_journals(fuzz: Fuzz, journal: list[Any]) -> None:
    head, line = journal

    fuzz(
        lambda mutator: f"{json.dumps(head)}\n{json.dumps(mutator.document(line))}\n",
        resumed,
        *(UsageError, ScoreError),
    )


def test_sidecars(fuzz: Fuzz, manifest: Any) -> None:
    recipe = Recipe(
        model="0" * 64,
        profiles=(Profile.parse("16x16/64x64/256x256x2"),),
        target=Target(flavour="tensorrt_rtx", architectures=("sm89",)),
        version="1.7.1.116",
        options={"tf32": "false"},
        platform=Platform(system="linux", machine="x86_64"),
    )
    sidecar = Sidecar(
        recipe=recipe,
        file="x.onnx",
        manifest=Manifest.from_json(json.dumps(manifest), file="x"),
        engine="1" * 64,
        size=3,
        created="2026-01-02T03:04:05+00:00",
    )
    text = sidecar.to_json()

    def read(path: Path) -> None:
        Sidecar.from_json(path.read_bytes().decode("utf-8", "replace"), file="x")

    def changed(mutator: Any) -> str:
        return json.dumps(mutator.document(json.loads(text)))

    fuzz(changed, read, SidecarError, NewerError)
    fuzz(lambda mutator: mutator.text(text), read, SidecarError, NewerError)


def test_fleets(fuzz: Fuzz) -> None:
    text = FLEET.read_text(encoding="utf-8")

    fuzz(lambda mutator: mutator.text(text), Fleet.read, ValueError, TargetError)


def test_headers_of_engines(fuzz: Fuzz) -> None:
    head = struct.pack("<4sIQQ4B4sI", b"vtrt", 0, 2, 40, 1, 7, 1, 116, b"vtrt", 8) + b"body"

    fuzz(
        lambda mutator: mutator.content(head),
        lambda path: Header.read(path.read_bytes(), file="x"),
        HeaderError,
    )


@pytest.mark.parametrize("kind", ["flo", "pfm", "npy"])
def test_flows(fuzz: Fuzz, kind: str) -> None:
    samples = np.arange(12, dtype="<f4").reshape(2, 3, 2)
    array = io.BytesIO()
    np.save(array, samples)
    content = {
        "flo": b"PIEH" + struct.pack("<ii", 3, 2) + samples.tobytes(),
        "pfm": b"PF\n3 2\n-1.0\n" + bytes(72),
        "npy": array.getvalue(),
    }[kind]

    fuzz(lambda mutator: mutator.content(content), read_flow, ScoreError, name=f"x.{kind}")


def words(read: Callable[[str], object]) -> Callable[[Path], None]:
    """Reads the text of a file, as it could be an argument."""
    return lambda path: void(read(path.read_bytes().decode("utf-8", "surrogateescape")))


def void(_: object) -> None:
    pass


def test_gates(fuzz: Fuzz) -> None:
    def judged(text: str) -> None:
        gate = Gate.parse(text, labels=["psnr_y", "a.b"], methods=["my method", "x"])
        again = Gate.parse(str(gate), labels=["psnr_y", "a.b"], methods=["my method", "x"])
        assert again == gate
        gate.judge(np.array([1.0, 2.0]))

    for text in ("psnr_y.p5>=38.5", "my method.samples.a.b.mean<3", "x.psnr_y>1e-3"):
        fuzz(lambda mutator, text=text: mutator.text(text), words(judged), UsageError)


def test_entries(fuzz: Fuzz) -> None:
    text = "psnr,mine=census[patch=5;scale=255],psnr[cap=60]"

    fuzz(lambda mutator: mutator.text(text), words(checked), UsageError)


@pytest.mark.parametrize("name", ["scale", "convert", "frame_rate"])
def test_requests(fuzz: Fuzz, name: str) -> None:
    text = {"scale": "64x48:bicubic", "convert": "yuv420p", "frame_rate": "30000/1001"}[name]

    fuzz(
        lambda mutator: mutator.text(text),
        words(lambda said: FrameRequest(**{name: said})),
        UsageError,
    )


def test_profiles_targets_and_options(fuzz: Fuzz) -> None:
    fuzz(
        lambda mutator: mutator.text("64x64/1280x720x2/1920x1920x4"),
        words(Profile.parse),
        ValueError,
    )
    fuzz(
        lambda mutator: mutator.text("rtx,sm86+sm89"), words(parse_targets), ValueError, TargetError
    )
    fuzz(
        lambda mutator: mutator.text("tf32=false"),
        words(lambda said: parse_options([said])),
        ValueError,
    )
