import json
from functools import reduce
from operator import getitem
from typing import Any

import pytest

from framegauge.export.contract.manifest import Manifest, ManifestError


def half(errors: Any, allowed: Any) -> Any:
    """What a manifest says of a score in half precision."""
    return {"name": "mse", "half": True, "errors": errors, "allowed": allowed}


@pytest.fixture
def text(pixel_model: Any) -> Any:
    return pixel_model.manifest.to_json()


def test_a_manifest_survives_its_json(pixel_model: Any, text: Any) -> None:
    assert Manifest.from_json(text, file="model.onnx") == pixel_model.manifest
    assert Manifest.from_json(text, file="model.onnx").to_json() == text


def test_a_manifest_with_planes_and_colours_survives_its_json(models: Any) -> None:
    manifest = models(["psnr"], "yuv420p").manifest

    again = Manifest.from_json(manifest.to_json(), file="model.onnx")

    assert again == manifest
    assert again.self_test.colour is not None
    assert again.chroma == "linear, left-sited"


def test_a_model_of_others_is_refused_by_name() -> None:
    with pytest.raises(ManifestError, match=r"other\.onnx is not a framegauge model"):
        Manifest.from_json(None, file="other.onnx")


@pytest.mark.parametrize("damaged", ["", "{", "[]", "{}", '{"schema": "1"}', '{"schema": null}'])
def test_a_damaged_manifest_is_refused_by_name(damaged: str) -> None:
    with pytest.raises(ManifestError, match=r"manifest of torn\.onnx cannot be read"):
        Manifest.from_json(damaged, file="torn.onnx")


def test_a_newer_schema_is_refused_by_name(text: Any) -> None:
    newer = json.dumps({**json.loads(text), "schema": 2, "surprise": True})

    with pytest.raises(ManifestError, match=r"new\.onnx has a manifest of schema 2.*up to 1"):
        Manifest.from_json(newer, file="new.onnx")


@pytest.mark.parametrize("key", ["inputs", "outputs", "self_test", "format", "aggregates"])
def test_a_manifest_that_lacks_something_is_refused_by_name(text: Any, key: str) -> None:
    facts = json.loads(text)
    del facts[key]

    with pytest.raises(ManifestError, match=r"manifest of half\.onnx lacks something"):
        Manifest.from_json(json.dumps(facts), file="half.onnx")


@pytest.mark.parametrize("key", ["inputs", "outputs", "aggregates", "self_test"])
def test_a_manifest_with_nonsense_in_a_part_is_refused_by_name(text: Any, key: str) -> None:
    facts = {**json.loads(text), key: [{"name": "x"}] if key != "self_test" else {"sizes": []}}

    with pytest.raises(ManifestError, match=r"manifest of odd\.onnx lacks something"):
        Manifest.from_json(json.dumps(facts), file="odd.onnx")


def test_a_manifest_with_too_much_is_refused_by_name(text: Any) -> None:
    facts = {**json.loads(text), "surprise": True}

    with pytest.raises(ManifestError, match=r"manifest of odd\.onnx lacks .* too much"):
        Manifest.from_json(json.dumps(facts), file="odd.onnx")


@pytest.mark.parametrize("schema", [0, -3, 1.0, True])
def test_a_schema_that_never_was_is_refused(text: Any, schema: Any) -> None:
    facts = {**json.loads(text), "schema": schema}

    with pytest.raises(ManifestError, match=rf"manifest of odd\.onnx cannot be read.*{schema}"):
        Manifest.from_json(json.dumps(facts), file="odd.onnx")


@pytest.mark.parametrize(
    ("part", "key", "value", "said"),
    [
        ("outputs", "kind", "banana", "kind is 'banana', and should be one of score, moment, map"),
        ("outputs", "better", "best", "better is 'best', and should be one of higher, lower"),
        ("aggregates", "moment", "psnr", r"moment is 'psnr', and should be one of psnr\.mse"),
        ("aggregates", "peak", 0, "the peak of apsnr is 0, and should be above 0"),
    ],
)
def test_a_word_or_number_that_means_nothing_is_refused(
    text: Any, part: str, key: str, value: Any, said: str
) -> None:
    facts = json.loads(text)
    facts[part][0][key] = value

    with pytest.raises(ManifestError, match=said):
        Manifest.from_json(json.dumps(facts), file="odd.onnx")


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (["outputs", 0, "tolerance"], True, "tolerance is True, and should be of type"),
        (["outputs", 0, "tolerance"], -0.1, "should have at least 0"),
        (["outputs", 2, "tolerance"], 1e9, "from 0.0 to .* too little for a tolerance of 1000000"),
        (["outputs", 0, "relative"], 1e9, "and up to 0.1 relative"),
        (["outputs", 0, "least"], -5, "takes frames from -5 pixels"),
        (["outputs", 0, "high"], "x", "high is 'x', and should be of type"),
        (["outputs", 0, "options"], [], "options is .*, and should be of type"),
        (["outputs", 0, "options"], {"a": [1]}, "options is .*, and should be of type"),
        (["outputs", 1, "name"], "mse", "each should be there once"),
        (["outputs", 0, "ideal"], 10**400, "int too large to convert to float"),
        (["inputs", 0, "dims"], ["N", "H", "W", 4], "and should be uint8 .*'W', 3"),
        (["inputs", 0, "dtype"], "float32", "is float32 .* and should be uint8"),
        (["inputs", 0, "part"], "y", "reference is a plane that rgb24 has not: 'y'"),
        (["inputs", 0, "role"], "mood", "No input has the role 'mood'"),
        (["inputs"], [], "the inputs are none"),
        (["crop_border"], -4, "crop_border is -4 .* should be at least 0"),
        (["crop_border"], "x", "crop_border is 'x', and should be of type"),
        (["quantise"], 7, "quantise 7, and should be .* 8 or null"),
        (["versions"], ["torch"], "versions is .*, and should be of type"),
        (["missing"], [{"name": 1, "needs": []}], "name is 1, and should be of type"),
        (["rounding"], [half({"dark": 1.0}, {})], "errors of dark, and tolerances above 0 of "),
        (["rounding"], [half({"dark": 1.0}, {"dark": 0.0})], "errors of dark, and tolerances"),
        (["self_test", "sizes"], [], "has scores for each of its sizes, this has 2 for 0"),
        (["self_test", "scores", 0], {}, "has {} values, and should have {'mse': 2"),
        (["self_test", "scores", 1, "mse"], [0.5], "has {'mse': 1.* should have {'mse': 2"),
        (["self_test", "scores", 0, "mse"], ["x", "y"], "scores is .*, and should be of type"),
        (["self_test", "colour"], [[1.0, 2.0]], "the self-test's colours are"),
    ],
    ids=str,
)
def test_what_no_export_writes_is_refused(
    text: Any, place: list[Any], value: Any, said: str
) -> None:
    facts = json.loads(text)
    *folders, name = place
    reduce(getitem, folders, facts)[name] = value

    with pytest.raises(ManifestError, match=rf"manifest of odd\.onnx lacks something .*{said}"):
        Manifest.from_json(json.dumps(facts), file="odd.onnx")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_numbers_that_json_has_not_are_refused(text: Any, number: str) -> None:
    odd = text.replace('"low":0.0', f'"low":{number}')

    with pytest.raises(ManifestError, match=f"{number} is no number"):
        Manifest.from_json(odd, file="odd.onnx")


def test_a_number_beyond_all_is_refused(text: Any) -> None:
    with pytest.raises(ManifestError, match="low is inf, and should be of type"):
        Manifest.from_json(text.replace('"low":0.0', '"low":1e999'), file="odd.onnx")


def test_a_manifest_nested_without_end_is_refused() -> None:
    with pytest.raises(ManifestError, match=r"manifest of deep\.onnx cannot be read"):
        Manifest.from_json("[" * 100_000, file="deep.onnx")


def test_a_model_of_colours_has_colours_in_its_self_test(models: Any) -> None:
    facts = json.loads(models(["psnr"], "yuv420p").manifest.to_json())
    facts["self_test"]["colour"] = None

    with pytest.raises(ManifestError, match="the self-test's colours are None"):
        Manifest.from_json(json.dumps(facts), file="odd.onnx")


def test_an_unknown_format_is_refused_with_those_there_are(text: Any) -> None:
    facts = {**json.loads(text), "format": "bgr24"}

    with pytest.raises(ManifestError, match=r"format is one of rgb24, .* says 'bgr24'"):
        Manifest.from_json(json.dumps(facts), file="odd.onnx")


def test_a_manifest_without_scores_is_refused(text: Any) -> None:
    facts = {**json.loads(text), "outputs": []}

    with pytest.raises(ManifestError, match="names no scores"):
        Manifest.from_json(json.dumps(facts), file="empty.onnx")


def test_every_output_has_its_facts(pixel_model: Any) -> None:
    outputs = {output.name: output for output in pixel_model.manifest.outputs}

    psnr, moment = outputs["psnr"], outputs["psnr.mse"]
    assert (psnr.kind, psnr.better, psnr.ideal, psnr.unit) == ("score", "higher", 100.0, "dB")
    assert (psnr.entry, psnr.options) == ("psnr", {"cap": 100.0, "epsilon": 0.0})
    assert (moment.kind, moment.better, moment.ideal) == ("moment", "lower", 0.0)
    assert outputs["l1.map"].kind == "map"
    assert outputs["l1.map"].grid.stride == 1


def test_aggregates_name_their_moments(pixel_model: Any) -> None:
    moments = {output.name for output in pixel_model.manifest.outputs if output.kind == "moment"}
    aggregates = {each.name: each for each in pixel_model.manifest.aggregates}

    assert aggregates.keys() == {"apsnr", "apsnr_luma"}
    assert {each.moment for each in aggregates.values()} == moments
