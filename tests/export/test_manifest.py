import json

import pytest

from framegauge.export.manifest import Manifest, ManifestError


@pytest.fixture
def text(pixel_model):
    return pixel_model.manifest.to_json()


def test_a_manifest_survives_its_json(pixel_model, text):
    assert Manifest.from_json(text, file="model.onnx") == pixel_model.manifest
    assert Manifest.from_json(text, file="model.onnx").to_json() == text


def test_a_manifest_with_planes_and_colours_survives_its_json(models):
    manifest = models(["psnr_y", "psnr"], "yuv420p").manifest

    again = Manifest.from_json(manifest.to_json(), file="model.onnx")

    assert again == manifest
    assert again.self_test.colour is not None
    assert again.chroma == "linear, left-sited"


def test_a_model_of_others_is_refused_by_name():
    with pytest.raises(ManifestError, match=r"other\.onnx is not a framegauge model"):
        Manifest.from_json(None, file="other.onnx")


@pytest.mark.parametrize("damaged", ["", "{", "[]", "{}", '{"schema": "1"}', '{"schema": null}'])
def test_a_damaged_manifest_is_refused_by_name(damaged):
    with pytest.raises(ManifestError, match=r"manifest of torn\.onnx cannot be read"):
        Manifest.from_json(damaged, file="torn.onnx")


def test_a_newer_schema_is_refused_by_name(text):
    newer = json.dumps({**json.loads(text), "schema": 2, "surprise": True})

    with pytest.raises(ManifestError, match=r"new\.onnx has a manifest of schema 2.*up to 1"):
        Manifest.from_json(newer, file="new.onnx")


@pytest.mark.parametrize("key", ["inputs", "outputs", "self_test", "format", "aggregates"])
def test_a_manifest_that_lacks_something_is_refused_by_name(text, key):
    facts = json.loads(text)
    del facts[key]

    with pytest.raises(ManifestError, match=r"manifest of half\.onnx lacks something"):
        Manifest.from_json(json.dumps(facts), file="half.onnx")


@pytest.mark.parametrize("key", ["inputs", "outputs", "aggregates", "self_test"])
def test_a_manifest_with_nonsense_in_a_part_is_refused_by_name(text, key):
    facts = {**json.loads(text), key: [{"name": "x"}] if key != "self_test" else {"sizes": []}}

    with pytest.raises(ManifestError, match=r"manifest of odd\.onnx lacks something"):
        Manifest.from_json(json.dumps(facts), file="odd.onnx")


def test_a_manifest_with_too_much_is_refused_by_name(text):
    facts = {**json.loads(text), "surprise": True}

    with pytest.raises(ManifestError, match=r"manifest of odd\.onnx lacks .* too much"):
        Manifest.from_json(json.dumps(facts), file="odd.onnx")


def test_an_unknown_format_is_refused_with_those_there_are(text):
    facts = {**json.loads(text), "format": "bgr24"}

    with pytest.raises(ManifestError, match=r"format is one of rgb24, .* says 'bgr24'"):
        Manifest.from_json(json.dumps(facts), file="odd.onnx")


def test_a_manifest_without_scores_is_refused(text):
    facts = {**json.loads(text), "outputs": []}

    with pytest.raises(ManifestError, match="names no scores"):
        Manifest.from_json(json.dumps(facts), file="empty.onnx")


def test_every_output_has_its_facts(pixel_model):
    outputs = {output.name: output for output in pixel_model.manifest.outputs}

    psnr, moment = outputs["psnr"], outputs["psnr.mse"]
    assert (psnr.kind, psnr.better, psnr.ideal, psnr.unit) == ("score", "higher", 100.0, "dB")
    assert (psnr.entry, psnr.options) == ("psnr", {"cap": 100.0, "epsilon": 0.0})
    assert (moment.kind, moment.better, moment.ideal) == ("moment", "lower", 0.0)
    assert outputs["l1.map"].kind == "map"
    assert outputs["l1.map"].grid.stride == 1


def test_aggregates_name_their_moments(pixel_model):
    moments = {output.name for output in pixel_model.manifest.outputs if output.kind == "moment"}
    aggregates = {each.name: each for each in pixel_model.manifest.aggregates}

    assert aggregates.keys() == {"apsnr", "apsnr_luma"}
    assert {each.moment for each in aggregates.values()} == moments
