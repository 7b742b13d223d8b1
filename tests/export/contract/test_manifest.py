import json
from functools import reduce
from operator import getitem
from typing import Any

import pytest

from framegauge.export.contract.clip_scores import clip_score, finished
from framegauge.export.contract.interface import Aggregate
from framegauge.export.contract.manifest import Manifest, ManifestError


def half(errors: Any, allowed: Any) -> Any:
    """What a manifest says of a score in half precision."""
    return {"name": "mse", "half": True, "errors": errors, "allowed": allowed}


MOOD = {"name": "mood", "role": "mood", "part": "", "dtype": "float32", "dims": ["N"]}
ODD_PLANE = {
    **{"name": "reference_y", "role": "reference", "part": "y"},
    **{"dtype": "uint8", "dims": ["N", "H", "W"]},
}


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
    assert again.self_test.siting == ((0.5, 0.0), (0.5, 0.5))


def test_a_model_of_others_is_refused_by_name() -> None:
    with pytest.raises(ManifestError, match=r"other\.onnx is not a framegauge model"):
        Manifest.from_json(None, file="other.onnx")


@pytest.mark.parametrize("damaged", ["", "{", "[]", "{}", '{"schema": "1"}', '{"schema": null}'])
def test_a_damaged_manifest_is_refused_by_name(damaged: str) -> None:
    with pytest.raises(ManifestError, match=r"manifest of torn\.onnx cannot be read"):
        Manifest.from_json(damaged, file="torn.onnx")


def test_a_newer_schema_is_refused_by_name(text: Any) -> None:
    newer = json.dumps({**json.loads(text), "schema": 3, "surprise": True})

    with pytest.raises(ManifestError, match=r"new\.onnx has a manifest of schema 3.*Update frame"):
        Manifest.from_json(newer, file="new.onnx")


def test_the_first_schema_is_refused_with_the_command_that_makes_the_file_again() -> None:
    outputs = [
        {"name": "psnr", "kind": "score", "entry": "psnr"},
        {"name": "psnr.mse", "kind": "moment", "entry": "psnr"},
        {"name": "mine", "kind": "score", "entry": "ssim"},
        {"name": "mine.map", "kind": "map", "entry": "ssim"},
        {"name": "census_patch_5", "kind": "score", "entry": "census[patch=5]"},
        {"name": "rife.total", "kind": "score", "entry": "rife"},
        {"name": "rife.laplacian", "kind": "score", "entry": "rife"},
    ]
    facts = {
        **{"schema": 1, "format": "yuv420p", "outputs": outputs},
        **{"quantise": 8, "crop_border": 4, "precision": "fp16"},
        "missing": [{"name": "rife.total", "needs": ["flow", "mask"]}],
    }

    with pytest.raises(ManifestError) as raised:
        Manifest.from_json(json.dumps(facts), file="old.onnx")

    assert str(raised.value) == (
        "old.onnx has a manifest of schema 1, and this release reads 2. Make the file again: "
        "`framegauge export --metrics 'psnr,mine=ssim,census[patch=5],rife' --format yuv420p "
        "--maps mine --without flow,mask --quantise 8 --crop-border 4 --precision fp16 -o FILE`."
    )


def test_no_command_holds_what_a_shell_would_run() -> None:
    outputs = [{"name": "psnr", "kind": "score", "entry": "psnr'; rm -rf ~; '"}]
    facts = {"schema": 1, "format": "rgb24", "outputs": outputs}

    with pytest.raises(ManifestError, match="`framegauge export --metrics ENTRIES -o FILE`"):
        Manifest.from_json(json.dumps(facts), file="old.onnx")


def test_a_field_that_a_reader_must_know_is_refused_where_it_is_not_known(text: Any) -> None:
    facts = {**json.loads(text), "required": ["outputs.better", "outputs.mood", "weather"]}

    with pytest.raises(ManifestError, match=r"knowing outputs\.mood, weather.*Update framegauge"):
        Manifest.from_json(json.dumps(facts), file="new.onnx")


def test_fields_that_are_not_known_are_kept_and_passed_on(text: Any) -> None:
    facts = json.loads(text)
    facts["required"] = ["outputs.better"]
    facts["weather"] = {"today": ["fair"]}
    facts["outputs"][0]["mood"] = "good"
    facts["inputs"][0]["owner"] = 7

    manifest = Manifest.from_json(json.dumps(facts), file="new.onnx")

    assert json.loads(manifest.to_json()) == facts
    assert manifest.outputs[0].further == {"mood": "good"}


def test_a_key_that_is_there_twice_is_refused(text: Any) -> None:
    twice = text.replace('"low":0.0', '"low":0.0,"low":-1.0', 1)

    with pytest.raises(ManifestError, match="'low' is there twice"):
        Manifest.from_json(twice, file="odd.onnx")


@pytest.mark.parametrize("key", ["inputs", "outputs", "self_test", "format"])
def test_a_manifest_that_lacks_something_is_refused_by_name(text: Any, key: str) -> None:
    facts = json.loads(text)
    del facts[key]

    with pytest.raises(
        ManifestError, match=rf"manifest of half\.onnx is not as it should be: it has no {key}"
    ):
        Manifest.from_json(json.dumps(facts), file="half.onnx")


@pytest.mark.parametrize("key", ["inputs", "outputs", "aggregates", "self_test"])
def test_a_manifest_with_nonsense_in_a_part_is_refused_by_name(text: Any, key: str) -> None:
    facts = {**json.loads(text), key: [{"name": "x"}] if key != "self_test" else {"sizes": []}}

    with pytest.raises(ManifestError, match=rf"odd\.onnx is not as it should be: {key}"):
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
        ("outputs", "better", "higher", "of the self-test is better than the ideal, 0"),
        ("outputs", "transfer", "dim", "transfer is 'dim', and should be one of any, sdr"),
        (
            "outputs",
            "ends",
            "loop",
            "ends is 'loop', and should be one of repeat, zero",
        ),
        ("outputs", "inputs", ["mask"], "mse looks at mask, and the model takes distorted, ref"),
        ("outputs", "inputs", [], "mse looks at nothing"),
        ("outputs", "masked", True, "mse is masked, and takes no mask"),
        ("outputs", "name", "PSNR", "'PSNR' is no label"),
        ("outputs", "name", "apsnr", "each should be there once"),
        (
            "aggregates",
            "of",
            ["psnr"],
            r"apsnr is of 'psnr', which is none of the moments",
        ),
        ("aggregates", "of", [], "apsnr is of 0 moments, and should be of 1"),
        (
            "aggregates",
            "finish",
            "sum",
            "finish is 'sum', and should be one of psnr, mean",
        ),
        ("aggregates", "finish", "mean", "the peak of apsnr is 1.0: psnr has one, others none"),
        ("aggregates", "peak", 0, "the peak of apsnr is 0, and should be above 0"),
        (
            "aggregates",
            "peak",
            1e9,
            "the peak of apsnr is 1000000000.0, and should be .* at most",
        ),
        ("aggregates", "cap", None, "the cap of apsnr is None: psnr has one"),
        ("aggregates", "cap", 1e6, "the cap of apsnr is 1000000.0, and should be .* at most 1000"),
        ("aggregates", "peak", 0.5, "apsnr of the self-test should be .*, and its moments make"),
        (
            "aggregates",
            "cap",
            99,
            "apsnr of the self-test should be 100.0, and its moments make",
        ),
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
        (["outputs", 0, "tolerance"], True, "tolerance is True, and should be a number"),
        (["outputs", 0, "tolerance"], -0.1, "should have at least 0"),
        (["outputs", 2, "tolerance"], 1e9, "from 0.0 to .* too little for a tolerance of 1000000"),
        (["outputs", 0, "relative"], 1e9, "and up to 0.1 relative"),
        (["outputs", 0, "least"], -5, "takes frames from -5 pixels"),
        (["outputs", 0, "high"], "x", "high is 'x', and should be"),
        (["outputs", 0, "options"], [], "options.* is .*, and should be"),
        (["outputs", 0, "options"], {"a": [1]}, "options.* is .*, and should be"),
        (["outputs", 1, "name"], "mse", "each should be there once"),
        (["outputs", 0, "ideal"], 10**400, "ideal is 1000.*, and should be a number"),
        (["outputs", 0, "least"], 2**60, "least is .*, and should be a whole number"),
        (["outputs", 0, "low"], -4e38, "low is -4e[+]38, and should be a number"),
        (["inputs", 0, "dims"], ["N", "H", "W", 4], "and should be uint8 .*'W', 3"),
        (["inputs", 0, "dtype"], "float32", "is float32 .* and should be uint8"),
        (["inputs", 0, "part"], "y", "reference is reference_y by its role and part"),
        (["inputs", 0, "role"], "mood", "reference is mood by its role and part"),
        (["inputs", 0], MOOD, "No input has the role 'mood'"),
        (["inputs", 0], ODD_PLANE, "reference_y is a plane that rgb24 has not: 'y'"),
        (["outputs", 0, "unit"], "\x1b[31m", "the unit of .* should be a word"),
        (["inputs"], [], "the inputs are none"),
        (["crop_border"], -4, "crop_border is -4 .* should be at least 0"),
        (["crop_border"], "x", "crop_border is 'x', and should be"),
        (["quantise"], 7, "quantise 7, and should be .* 8 or null"),
        (["versions"], ["torch"], "versions is .*, and should be"),
        (["missing"], [{"name": 1, "needs": []}], "name is 1, and should be"),
        (["rounding"], [half({"dark": 1.0}, {})], "errors of dark, and tolerances above 0 of "),
        (["rounding"], [half({"dark": 1.0}, {"dark": 0.0})], "errors of dark, and tolerances"),
        (["self_test", "sizes"], [], "each of its sizes, this has 2 and 2 for 0"),
        (["self_test", "scores", 0], {}, "has {} values, and should have {'mse': 2"),
        (["self_test", "scores", 1, "mse"], [0.5], "has {'mse': 1.* should have {'mse': 2"),
        (["self_test", "scores", 0, "mse"], ["x", "y"], "scores.* is 'x', and should be a number"),
        (["self_test", "clips", 0], {}, "has clips' scores \\[\\], not .*'apsnr'"),
        (["self_test", "clips", 1, "apsnr"], 12.0, "apsnr of the self-test should be 12.0"),
        (["self_test", "still"], {}, "does not say what apsnr is of moments of 0"),
        (["self_test", "share"], 0, "share of the tolerance is above 0 and at most 1, this is 0"),
        (["self_test", "share"], 1.5, "share of the tolerance is above 0 and at most 1"),
        (["self_test", "siting"], [[0.0, 0.0]], "the self-test's siting is not one for each"),
        (["matrix"], "bt709", "matrix is 'bt709', and frames of rgb24 have none"),
    ],
    ids=str,
)
def test_what_no_export_writes_is_refused(
    text: Any, place: list[Any], value: Any, said: str
) -> None:
    facts = json.loads(text)
    *folders, name = place
    reduce(getitem, folders, facts)[name] = value

    with pytest.raises(ManifestError, match=rf"odd\.onnx is not as it should be: .*{said}"):
        Manifest.from_json(json.dumps(facts), file="odd.onnx")


def made_to_fit(facts: dict[str, Any]) -> str:
    """The manifest with the clips' scores that it makes itself, whatever it was changed to."""
    test = facts["self_test"]
    kinds = [Aggregate(**{**each, "of": tuple(each["of"])}) for each in facts["aggregates"]]
    test["clips"] = [{each.name: clip_score(each, run) for each in kinds} for run in test["scores"]]
    test["still"] = {each.name: finished(each, [0.0] * len(each.of)) for each in kinds}
    return json.dumps(facts)


def test_a_manifest_that_was_not_changed_fits(text: Any) -> None:
    facts = json.loads(text)

    assert Manifest.from_json(made_to_fit(facts), file="x").to_json() == text


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("peak", 0.1, "apsnr of a frame of the self-test would be .*, which the graph computes"),
        ("cap", 12.0, "the cap of 12.0 is another's"),
        ("cap", 99.0, "the cap of apsnr is 99, and psnr goes up to 100"),
    ],
)
def test_a_clips_score_that_only_fits_itself_is_refused(
    text: Any, key: str, value: float, said: str
) -> None:
    facts = json.loads(text)
    facts["aggregates"][0][key] = value

    with pytest.raises(ManifestError, match=said):
        Manifest.from_json(made_to_fit(facts), file="odd.onnx")


@pytest.mark.parametrize(
    ("name", "changed", "said"),
    [
        ("psnr", {"kind": "moment"}, "psnr is a moment, and no clip's score is made of it"),
        ("psnr", {"kind": "map"}, "psnr is a map: maps have a grid"),
        ("psnr.mse", {"kind": "score"}, "apsnr is of 'psnr.mse', which is none of the moments"),
        ("mse.map", {"kind": "score"}, "mse.map is a score: maps have a grid"),
        ("mse", {"better": "higher", "high": None}, "better the higher it is, and has no greatest"),
        ("psnr", {"better": "lower"}, "of the self-test is better than the ideal, 100"),
        ("mse", {"high": None, "tolerance": 0.5}, "mse allows 0.5, too much for scores up to"),
    ],
)
def test_an_output_of_another_kind_is_refused(
    text: Any, name: str, changed: dict[str, Any], said: str
) -> None:
    facts = json.loads(text)
    (output,) = (each for each in facts["outputs"] if each["name"] == name)
    output.update(changed)

    with pytest.raises(ManifestError, match=said):
        Manifest.from_json(json.dumps(facts), file="odd.onnx")


@pytest.mark.parametrize("name", ["samples", "scenes", "baseline", "mean", "p5", "mse.p99"])
def test_a_label_that_gates_would_read_otherwise_is_refused(text: Any, name: str) -> None:
    facts = json.loads(text)
    facts["missing"] = [{"name": name, "needs": ["flow"]}]

    with pytest.raises(ManifestError, match="gates read samples, scenes, baseline and the names"):
        Manifest.from_json(json.dumps(facts), file="odd.onnx")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_numbers_that_json_has_not_are_refused(text: Any, number: str) -> None:
    odd = text.replace('"low":0.0', f'"low":{number}')

    with pytest.raises(ManifestError, match=f"{number} is no number"):
        Manifest.from_json(odd, file="odd.onnx")


def test_a_number_beyond_all_is_refused(text: Any) -> None:
    with pytest.raises(ManifestError, match="1e999 is too large a number"):
        Manifest.from_json(text.replace('"low":0.0', '"low":1e999'), file="odd.onnx")


def test_a_manifest_nested_without_end_is_refused() -> None:
    with pytest.raises(ManifestError, match=r"manifest of deep\.onnx cannot be read"):
        Manifest.from_json("[" * 100_000, file="deep.onnx")


def test_a_model_of_colours_has_colours_in_its_self_test(models: Any) -> None:
    facts = json.loads(models(["psnr"], "yuv420p").manifest.to_json())
    facts["self_test"]["colour"] = None

    with pytest.raises(ManifestError, match="the self-test's colour is not one for each frame"):
        Manifest.from_json(json.dumps(facts), file="odd.onnx")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"matrix": "bt709", "range": "full"},
            "matrix is bound to bt709, and there is an input of",
        ),
        (
            {"chroma_siting": "left"},
            "chroma_siting is bound to left, and there is an input",
        ),
        ({"matrix": "bt709"}, "matrix is bound to bt709, and there is an input of colour too"),
        ({"matrix": "bt470"}, "matrix is 'bt470', and should be one of bt601, bt709, bt2020"),
        ({"chroma_siting": "right"}, "chroma_siting is 'right', and should be one of left, cen"),
    ],
)
def test_colours_are_data_or_bound_and_never_both(
    models: Any, changes: dict[str, Any], said: str
) -> None:
    facts = json.loads(models(["psnr"], "yuv420p").manifest.to_json()) | changes

    with pytest.raises(ManifestError, match=said):
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
    assert {name for each in aggregates.values() for name in each.of} == moments
