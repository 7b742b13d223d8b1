"""The models inside the package are those that the graphs make."""

import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

import framegauge.runtime
from framegauge.export.contract.formats import FORMATS
from framegauge.export.contract.manifest import KEY, Manifest
from framegauge.export.contract.model_bytes import DIGEST_KEY
from framegauge.export.contract.selftest import feed
from framegauge.export.lowering.model import export
from framegauge.export.lowering.shipped import FORMATS as SHIPPED_FORMATS
from framegauge.export.lowering.shipped import index, models, suites

AGAIN = "The catalogue or a graph has changed: run `python -m framegauge.export shipped`."
SHIPPED = Path(next(iter(framegauge.runtime.__path__))) / "models"


def manifest_of(content: bytes) -> Manifest:
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return Manifest.from_json(session.get_modelmeta().custom_metadata_map[KEY], file="model")


def scores_of(content: bytes) -> np.ndarray:
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    manifest = manifest_of(content)
    given = feed(FORMATS[manifest.format], manifest.inputs, (203, 181), 2, manifest.self_test.facts)
    return np.array(session.run(None, given))


def without_scores(content: bytes) -> bytes:
    """The file but for its self-test's scores: processors differ in the last digit of float64."""
    model = onnx.load_from_string(content)
    held = {entry.key: entry for entry in model.metadata_props}
    facts = json.loads(held[KEY].value)
    del facts["self_test"]["scores"], facts["self_test"]["clips"]
    held[KEY].value = json.dumps(facts)
    held[DIGEST_KEY].value = ""  # of the whole file, scores and all
    return model.SerializeToString(deterministic=True)


def self_test_of(content: bytes) -> list[float]:
    runs = manifest_of(content).self_test.scores
    return [value for run in runs for values in run.values() for value in values]


def assert_same_model(made: bytes, shipped: bytes) -> None:
    """The same bytes where the same versions made both, else the same scores."""
    if manifest_of(shipped).versions == manifest_of(made).versions:
        assert without_scores(made) == without_scores(shipped), AGAIN
        np.testing.assert_allclose(
            self_test_of(made), self_test_of(shipped), rtol=1e-12, err_msg=AGAIN
        )
    np.testing.assert_allclose(
        scores_of(made), scores_of(shipped), rtol=1e-5, atol=1e-6, err_msg=AGAIN
    )


def test_the_index_is_that_of_the_catalogue() -> None:
    assert (SHIPPED / "index.json").read_text() == index(), AGAIN


@pytest.mark.parametrize("format", SHIPPED_FORMATS)
def test_every_entry_is_there_and_nothing_else(format: str) -> None:
    assert {path.stem for path in (SHIPPED / format).iterdir()} == set(suites(format)), AGAIN


@pytest.mark.parametrize("path", sorted(SHIPPED.rglob("*.onnx")), ids=lambda path: path.stem)
def test_a_shipped_model_says_which_release_made_it(path: Path) -> None:
    manifest = manifest_of(path.read_bytes())

    assert manifest.format == path.parent.name
    assert manifest.versions["framegauge"] == version("framegauge")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("entry", "format"), [("psnr", "rgb24"), ("psnr_y", "yuv420p10le"), ("ssim_luma", "yuv444p")]
)
def test_an_export_gives_the_shipped_model(tmp_path: Path, entry: str, format: str) -> None:
    made = export(entry, tmp_path / "made.onnx", format=format).read_bytes()

    assert_same_model(made, (SHIPPED / format / f"{entry}.onnx").read_bytes())


@pytest.mark.slow
@pytest.mark.parametrize("format", SHIPPED_FORMATS)
def test_all_models_of_a_format_come_out_again(format: str) -> None:
    for stem, made in models(format, lambda _: None).items():
        assert_same_model(made, (SHIPPED / format / f"{stem}.onnx").read_bytes())
