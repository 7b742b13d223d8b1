"""Manifests that no export writes: refused as in Python, with the same exit code."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest

from framegauge.export.contract.clip_scores import clip_score
from framegauge.export.contract.interface import Aggregate
from framegauge.export.contract.manifest import KEY
from framegauge.runtime import BackendError, ScoreError, Scorer, UsageError, score
from framegauge.runtime.models.model_files import SHIPPED

PSNR, LUMA = SHIPPED / "yuv420p" / "psnr.onnx", SHIPPED / "yuv420p" / "psnr_y.onnx"

# The other formats hold the same entries, and are asked for in the slow run.
QUICK = ("rgb24", "yuv420p10le")
(SOUND,) = (entry.value for entry in onnx.load(PSNR).metadata_props if entry.key == KEY)
DEEP = "[" * 100_000 + "]" * 100_000
CODES = {ScoreError: 1, UsageError: 2, BackendError: 4}


def change(*path: Any, to: Any) -> Any:
    """Sets one place of a manifest."""

    def apply(manifest: Any) -> None:
        *way, last = path
        for step in way:
            manifest = manifest[step]
        manifest[last] = to

    return apply


def without(name: Any) -> Any:
    return lambda manifest: manifest.pop(name)


def keep_inputs(kept: Any) -> Any:
    """Leaves the inputs whose part is among these."""

    def apply(manifest: Any) -> None:
        manifest["inputs"] = [each for each in manifest["inputs"] if each["part"] in kept]

    return apply


def fitting(key: str, value: float) -> Any:
    """Sets a parameter of the first clip's score, and makes the clips of the self-test anew."""

    def apply(manifest: Any) -> None:
        manifest["aggregates"][0][key] = value
        kind, test = Aggregate(**manifest["aggregates"][0]), manifest["self_test"]
        test["clips"] = [{kind.name: clip_score(kind, run)} for run in test["scores"]]
        test["still"] = {kind.name: kind.cap}

    return apply


def untrue(manifest: Any) -> None:
    """Says of the self-test what fits together, and is not what the graph computes."""
    manifest["self_test"]["scores"][0] |= {"psnr": [0.0, 0.0], "psnr.mse": [1.0, 1.0]}
    fitting("peak", 1.0)(manifest)


CHANGES = {
    "newer schema": (change("schema", to=3), "schema 3, and this release reads 2. Update framega"),
    "older schema": (
        change("schema", to=1),
        "Make the file again: `framegauge export --metrics 'psnr' --format yuv420p -o FILE`",
    ),
    "schema that never was": (change("schema", to=0), "(schema is 0, and should be from 1"),
    "schema is true": (change("schema", to=True), "(schema is true, and should be a whole"),
    "schema is text": (change("schema", to="2"), 'cannot be read (schema is "2"'),
    "schema is a fraction": (change("schema", to=2.0), "(schema is 2.0, and should be a whole"),
    "no manifest": (None, "is not a framegauge model"),
    "no JSON": ("{", "cannot be read"),
    "no object": ("[]", "cannot be read"),
    "nested without end": (f'{{"schema": {DEEP}}}', "(schema is a list, and should be a whole"),
    "a unit without end": (
        SOUND.replace('"unit":"dB"', f'"unit":{DEEP}'),
        "outputs[0].unit is a list, and should be a text",
    ),
    "a key twice": (
        SOUND.replace('"quantise":null', '"quantise":null,"quantise":null'),
        '("quantise" is there twice)',
    ),
    "a key twice in a list": (
        SOUND.replace('"kind":"score"', '"kind":"score","kind":"moment"'),
        '("kind" is there twice)',
    ),
    "a key twice in what is unknown": (
        SOUND.replace('"quantise":null', '"quantise":null,"later":[{"a":1,"b":2,"a":1}]'),
        '("a" is there twice)',
    ),
    "a field that is not known and required": (
        change("required", to=["outputs.better", "outputs.worse", "later"]),
        "without knowing outputs.worse, later, which this release does not. Update framegauge",
    ),
    "required is text": (change("required", to="later"), 'required is "later", and should be a l'),
    "required is a number": (change("required", to=[1]), ""),
    "unknown format": (change("format", to="xyz12"), 'says "xyz12"'),
    "another format": (change("format", to="gray8"), "reference_u is a plane that gray8 has not"),
    "other precision": (
        change("precision", to="int4"),
        'precision is "int4", and should be one of fp32, fp16',
    ),
    "inputs are null": (change("inputs", to=None), "inputs is null, and should be a list"),
    "inputs are an object": (change("inputs", to={}), "inputs is an object, and should be a list"),
    "no inputs": (change("inputs", to=[]), "inputs are none: each should be there once"),
    "one input twice": (
        change("inputs", 1, "name", to="reference_y"),
        "reference_y is reference_u by its role and part",
    ),
    "other dims": (
        change("inputs", 0, "dims", to=["N", "H", "W", 4]),
        'is uint8 ("N", "H", "W", 4), and should be uint8 ("N", "H", "W")',
    ),
    "colour without a batch": (
        change("inputs", 6, "dims", to=[3, 4]),
        'is float32 (3, 4), and should be float32 ("N", 3, 4)',
    ),
    "a length is text": (
        change("inputs", 6, "dims", to=["N", "3", 4]),
        'is float32 ("N", "3", 4), and should be float32 ("N", 3, 4)',
    ),
    "siting of three": (
        change("inputs", 8, "dims", to=["N", 3]),
        'is float32 ("N", 3), and should be float32 ("N", 2)',
    ),
    "an axis is a fraction": (change("inputs", 8, "dims", to=["N", 2.0]), "dims[1] is 2.0, and "),
    "other type": (
        change("inputs", 0, "dtype", to="float32"),
        'is float32 ("N", "H", "W"), and should be uint8',
    ),
    "type that never was": (
        change("inputs", 0, "dtype", to="int8"),
        'inputs[0].dtype is "int8", and should be one of uint8, float32',
    ),
    "unknown role": (
        change("inputs", 0, "role", to="witness"),
        "reference_y is witness_y by its role and part",
    ),
    "outputs missing": (without("outputs"), "it has no outputs"),
    "no outputs": (change("outputs", to=[]), "no scores"),
    "no scores": (change("outputs", 0, "kind", to="moment"), "no scores"),
    "one output twice": (
        change("outputs", 1, "name", to="psnr"),
        "the outputs are psnr, psnr: each should be there once",
    ),
    "an output and a clip's score of one name": (
        change("aggregates", 0, "name", to="psnr"),
        "what is missing are psnr, psnr.mse, psnr: each should be there once",
    ),
    **{
        f"the label {name}": (
            change("missing", to=[{"name": name, "needs": ["mask"]}]),
            f"cannot be a part of the label {name}: gates read samples, scenes, baseline and",
        )
        for name in ("samples", "mine.scenes", "baseline.a", "harmonic_mean", "psnr.p5")
    },
    "a moment of nothing": (
        lambda manifest: manifest.update(aggregates=[]),
        "psnr.mse is a moment, and no clip's score is made of it",
    ),
    "a map without a grid": (
        change("outputs", 1, "kind", to="map"),
        "psnr.mse is a map: maps have a grid, and numbers have none",
    ),
    "what is better the higher, without an end": (
        change("outputs", 0, "high", to=None),
        "psnr is better the higher it is, and has no greatest value",
    ),
    "a peak that only fits itself": (
        fitting("peak", 0.1),
        "apsnr of a frame of the self-test would be",
    ),
    "a cap that only fits itself": (
        fitting("cap", 99.0),
        "the cap of apsnr is 99, and psnr goes up to 100",
    ),
    "what is missing is there": (
        change("missing", to=[{"name": "apsnr", "needs": ["mask"]}]),
        "what is missing are psnr, psnr.mse, apsnr, apsnr: each should be there once",
    ),
    **{
        f"the label {name!r}": (change("outputs", 0, "name", to=name), f'"{name}" is no label')
        for name in ("PSNR", "1psnr", "_psnr", "psnr.", "psnr..mse", ".psnr", "ps nr", "psnr-y", "")
    },
    "unknown kind": (
        change("outputs", 1, "kind", to="banana"),
        'outputs[1].kind is "banana", and should be one of score, moment, map',
    ),
    "unknown direction": (
        change("outputs", 0, "better", to="best"),
        'outputs[0].better is "best", and should be one of higher, lower',
    ),
    "looks at nothing": (change("outputs", 0, "inputs", to=[]), "psnr looks at nothing, and the m"),
    "looks at what is not there": (
        change("outputs", 0, "inputs", to=["reference", "mask", "time"]),
        "psnr looks at mask, time, and the model takes ",
    ),
    "masked without a mask": (
        change("outputs", 0, "masked", to=True),
        "psnr is masked, and takes no mask",
    ),
    "masked is 1": (
        change("outputs", 0, "masked", to=1),
        "outputs[0].masked is 1, and should be true or false",
    ),
    "unknown light": (
        change("outputs", 0, "transfer", to="moon"),
        "should be one of any, sdr, pq,",
    ),
    "unknown ends": (
        change("outputs", 0, "ends", to="loose"),
        "be one of repeat, zero, not_judged",
    ),
    "options are a list": (change("outputs", 0, "options", to=[]), "options is a list, and should"),
    "an option is null": (change("outputs", 0, "options", "cap", to=None), "options.cap is null"),
    "ideal is text": (change("outputs", 0, "ideal", to="x"), 'ideal is "x", and should be a num'),
    "ideal is true": (change("outputs", 0, "ideal", to=True), "ideal is true, and should be a num"),
    "ideal is missing": (
        lambda manifest: manifest["outputs"][0].pop("ideal"),
        "outputs[0] has no ideal",
    ),
    "low is NaN": (change("outputs", 0, "low", to=float("nan")), "cannot be read"),
    "high is infinite": (change("outputs", 0, "high", to=float("inf")), "cannot be read"),
    "low beyond all": (SOUND.replace('"low":0.0', '"low":-1e999'), "number overflow"),
    "low beyond float32": (change("outputs", 0, "low", to=-1e39), "low is -1e+39, and should be"),
    "low beyond whole numbers": (
        change("outputs", 0, "low", to=-(2**53) - 1),
        "low is -9007199254740993, and should be a number",
    ),
    "high beyond whole numbers": (
        change("outputs", 0, "high", to=2**53 + 1),
        "high is 9007199254740993, and should be a number",
    ),
    "least is 0": (
        change("outputs", 0, "least", to=0),
        "least of psnr is 0, and should be from 1 ",
    ),
    "least is negative": (change("outputs", 0, "least", to=-1), "least of psnr is -1, and should"),
    "least is huge": (
        change("outputs", 0, "least", to=65537),
        "65537, and should be from 1 to 65536",
    ),
    "tolerance is text": (
        change("outputs", 0, "tolerance", to="0.01"),
        'tolerance is "0.01", and should be a number',
    ),
    "tolerance is negative": (
        change("outputs", 0, "tolerance", to=-0.01),
        "tolerance -0.01 + 0 relative, and should have at least 0",
    ),
    "tolerance of everything": (
        change("outputs", 0, "tolerance", to=10.1),
        "psnr goes from 0 to 100, too little for a tolerance of 10.1",
    ),
    "tolerance of all that the test has": (
        change("outputs", 1, "tolerance", to=0.002),
        "psnr.mse allows 0.002, too much for scores up to 0.0001",
    ),
    "relative is negative": (change("outputs", 0, "relative", to=-0.1), "0.01 + -0.1 relative"),
    "relative of everything": (change("outputs", 1, "relative", to=0.11), "up to 0.1 relative"),
    "a score as a moment": (
        change("aggregates", 0, "of", to=["psnr"]),
        'apsnr is of "psnr", and its moments are psnr.mse',
    ),
    "unknown moment": (
        change("aggregates", 0, "of", to=["psnr.x"]),
        'apsnr is of "psnr.x", and its moments are psnr.mse',
    ),
    "no moments": (
        change("aggregates", 0, "of", to=[]),
        "apsnr is of 0 moments, and should be of 1",
    ),
    "a moment too many": (
        change("aggregates", 0, "of", to=["psnr.mse", "psnr.mse"]),
        "apsnr is of 2 moments, and should be of 1",
    ),
    "a ratio of one": (
        change("aggregates", 0, "finish", to="ratio"),
        "apsnr is of 1 moments, and should be of 2",
    ),
    "a mean with a peak": (
        change("aggregates", 0, "finish", to="mean"),
        "the peak of apsnr is 1: psnr has one, others none",
    ),
    "unknown finish": (
        change("aggregates", 0, "finish", to="sum"),
        'finish is "sum", and should be one of psnr, mean, root, ratio',
    ),
    "a psnr without a peak": (
        change("aggregates", 0, "peak", to=None),
        "the peak of apsnr is null: psnr has one, others none",
    ),
    "a psnr without a cap": (
        lambda manifest: manifest["aggregates"][0].pop("cap"),
        "the cap of apsnr is null: psnr has one, others none",
    ),
    "no peak": (
        change("aggregates", 0, "peak", to=0),
        "the peak of apsnr is 0, and should be above 0 and at most 65535",
    ),
    "a high peak": (change("aggregates", 0, "peak", to=65536), "apsnr is 65536, and should be abo"),
    "a high cap": (
        change("aggregates", 0, "cap", to=1001),
        "1001, and should be above 0 and at mo",
    ),
    "another peak": (
        change("aggregates", 0, "peak", to=0.1),
        "apsnr of the self-test should be 39.2",
    ),
    "another cap": (
        change("aggregates", 0, "cap", to=99),
        "apsnr of the self-test should be 100, and its moments make 99",
    ),
    "aggregates are null": (change("aggregates", to=None), "aggregates is null, and should be"),
    "rounded to 7 bits": (change("quantise", to=7), "quantise is 7, and should be 8 or null"),
    "rounded to no bits": (change("quantise", to=0), "quantise is 0, and should be 8 or null"),
    "rounded to 8.0 bits": (change("quantise", to=8.0), "quantise is 8.0, and should be a whole"),
    "border below 0": (change("crop_border", to=-4), "crop_border is -4, and should be from 0"),
    "border is null": (change("crop_border", to=None), "crop_border is null, and should be"),
    "colours bound and given": (
        lambda manifest: manifest.update(matrix="bt709", range="limited"),
        "matrix is bound to bt709, and there is an input of colour too",
    ),
    "sitings bound and given": (
        change("chroma_siting", to="left"),
        "chroma_siting is bound to left, and there is an input of siting too",
    ),
    "unknown matrix": (
        change("matrix", to="bt2100"),
        "bt2100, and should be one of bt601, bt709, ",
    ),
    "unknown siting": (
        change("chroma_siting", to="right"),
        "one of left, centre, topleft, top, bo",
    ),
    "matrix is a number": (change("matrix", to=709), "matrix is 709, and should be a text"),
    "weights without a digest": (
        change("weights", to=[{"name": "alexnet", "licence": "none"}]),
        "weights[0] has no sha256, origin",
    ),
    "versions are numbers": (
        change("versions", "onnx", to=1.2),
        "versions.onnx is 1.2, and should",
    ),
    "half precision that nothing is allowed": (
        change(
            "rounding",
            to=[{"name": "psnr", "half": True, "errors": {"a": 1}, "allowed": {"a": 0.0}}],
        ),
        "the rounding of psnr has errors and tolerances of other kinds, or tolerances that",
    ),
    "half precision of other frames": (
        change(
            "rounding",
            to=[{"name": "psnr", "half": True, "errors": {"a": 1}, "allowed": {"b": 1.0}}],
        ),
        "the rounding of psnr has errors and tolerances of other kinds",
    ),
    "newer test frames": (change("self_test", "pattern", to=3), "version 3"),
    "no test": (change("self_test", "sizes", to=[]), "this has 2 and 2 for 0"),
    "no tests at all": (
        lambda manifest: manifest["self_test"].update(sizes=[], scores=[], clips=[]),
        "for each of its sizes, this has 0 and 0 for 0",
    ),
    "a test without scores": (
        lambda manifest: manifest["self_test"]["scores"].pop(),
        "this has 1 and 2 for 2",
    ),
    "a test without clips": (
        lambda manifest: manifest["self_test"]["clips"].pop(),
        "this has 2 and 1 for 2",
    ),
    "large test frames": (
        change("self_test", "sizes", 0, to=[2**30, 2**30]),
        "1073741824, and should be from 1 to 2048",
    ),
    "test frames of three sides": (
        change("self_test", "sizes", 0, to=[45, 56, 3]),
        "self_test.sizes[0] is a list, and should be a list of 2",
    ),
    "no share of the tolerance": (change("self_test", "share", to=0), "at most 1, this is 0"),
    "more than the tolerance": (change("self_test", "share", to=1.5), "at most 1, this is 1.5"),
    "a share that no score keeps to": (
        change("self_test", "share", to=1e-12),
        "failed its self-test: psnr at",
    ),
    "large test batch": (change("self_test", "batch", to=9), "9, and should be from 1 to 8"),
    "a test without an output": (
        lambda manifest: manifest["self_test"]["scores"][1].pop("psnr"),
        "values of psnr.mse: 2, and should have psnr: 2, psnr.mse: 2",
    ),
    "a test of another output": (
        change("self_test", "scores", 0, "ssim", to=[]),
        "values of psnr: 2, psnr.mse: 2, ssim: 0, and should have psnr: 2, psnr.mse: 2",
    ),
    "a test without a frame": (
        change("self_test", "scores", 0, "psnr", to=[38.65]),
        "values of psnr: 1, psnr.mse: 2, and should have psnr: 2",
    ),
    "a test of text": (
        change("self_test", "scores", 0, "psnr", to=["38.65", "39.24"]),
        'psnr[0] is "38.65", and should be a number',
    ),
    "a test better than the ideal": (
        change("self_test", "scores", 1, "psnr", to=[38.6, 100.1]),
        "psnr is better the higher it is, and 100.1 of the self-test is better than the ideal, 100",
    ),
    "a moment better than the ideal": (
        change("self_test", "scores", 1, "psnr.mse", to=[-0.01, 1e-4]),
        "psnr.mse is better the lower it is, and -0.01 of the self-test",
    ),
    "a test without a clip's score": (
        change("self_test", "clips", 0, to={}),
        "clips' scores none, and should have apsnr",
    ),
    "a test of another clip's score": (
        change("self_test", "clips", 0, "assim", to=1),
        "clips' scores apsnr, assim, and should have apsnr",
    ),
    "another clip's score": (
        lambda manifest: manifest["self_test"]["clips"][1].update(
            apsnr=manifest["self_test"]["clips"][1]["apsnr"] + 1e-9
        ),
        "apsnr of the self-test should be 39.2",
    ),
    "another score of a still clip": (
        change("self_test", "still", "apsnr", to=99.0),
        "apsnr of the self-test should be 99, and its moments make 100",
    ),
    "no score of a still clip": (
        change("self_test", "still", to={}),
        "does not say what apsnr is of moments of 0",
    ),
    "a score of another still clip": (
        change("self_test", "still", "assim", to=0.0),
        "clips' scores apsnr, assim, and should have apsnr",
    ),
    "no colours": (
        change("self_test", "colour", to=None),
        "the self-test has the colour of 0 frames, and should have that of 2",
    ),
    "one colour for all frames": (
        lambda manifest: manifest["self_test"]["colour"].pop(),
        "the self-test has the colour of 1 frames, and should have that of 2",
    ),
    "no sitings": (
        change("self_test", "siting", to=None),
        "the self-test has the siting of 0 frames, and should have that of 2",
    ),
    "a siting too many": (
        lambda manifest: manifest["self_test"]["siting"].append([0.5, 0.0]),
        "the self-test has the siting of 3 frames, and should have that of 2",
    ),
    "colours that nothing takes": (
        keep_inputs({"y", "u", "v", "siting"}),
        "the self-test has the colour of 2 frames, and should have that of 0",
    ),
    "two rows of colours": (
        lambda manifest: manifest["self_test"]["colour"][0].pop(),
        "colour has 2 rows, and should have 3",
    ),
    "a short row of colours": (
        change("self_test", "colour", 1, 2, to=[1.0, 0.0, 0.0]),
        "a row of the self-test's colour has 3 values, and should have 4",
    ),
    "a short siting": (
        change("self_test", "siting", 1, to=[0.5]),
        "a row of the self-test's siting has 1 values, and should have 2",
    ),
    "renamed input": (
        change("inputs", 0, "name", to="other"),
        "other is reference_y by its role and part",
    ),
    "failed self-test": (
        untrue,
        "psnr at 56x45 should be 0, and came out as 38.65",
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_manifest_is_refused_as_in_python(
    builds: Any, rewritten: Callable[..., Path], name: str
) -> None:
    what, words = CHANGES[name]
    model = rewritten(PSNR, what)

    with pytest.raises((ScoreError, UsageError)) as refusal:
        Scorer(model)
    ran = builds("address").score("a.y4m", "b.y4m", "--model", model)

    assert ran.returncode == CODES[refusal.type]
    assert words in ran.stderr.decode()


# Of models that take no colours, what frames have to be.
@pytest.mark.parametrize(
    ("model", "bound", "words"),
    [
        (LUMA, {"matrix": "bt709"}, "matrix and range are bound together or not at all"),
        (LUMA, {"range": "full"}, "matrix and range are bound together or not at all"),
        (LUMA, {"matrix": "bt709", "range": "tv"}, "tv, and should be one of limited, full"),
        (
            SHIPPED / "yuv444p" / "psnr_y.onnx",
            {"chroma_siting": "left"},
            "chroma_siting is left, and frames of yuv444p have none",
        ),
        (
            SHIPPED / "rgb24" / "psnr.onnx",
            {"matrix": "bt709", "range": "full"},
            "matrix is bt709, and frames of rgb24 have none",
        ),
    ],
)
def test_colours_that_no_frames_have_are_refused_as_in_python(
    plain: Any, rewritten: Callable[..., Path], model: Path, bound: Any, words: str
) -> None:
    changed = rewritten(model, lambda manifest: manifest.update(bound))

    with pytest.raises(UsageError):
        Scorer(changed)
    ran = plain.score("a.y4m", "b.y4m", "--model", changed)

    assert ran.returncode == 2
    assert words in ran.stderr.decode()


def test_a_peak_of_25_for_255_is_refused_as_in_python(
    plain: Any, rewritten: Callable[..., Path]
) -> None:
    model = rewritten(LUMA, change("aggregates", 0, "peak", to=25))

    with pytest.raises(UsageError, match="apsnr_y of the self-test should be"):
        Scorer(model)
    ran = plain.score("a.y4m", "b.y4m", "--model", model)

    assert ran.returncode == 2
    assert "apsnr_y of the self-test should be" in ran.stderr.decode()


@pytest.mark.parametrize(
    ("further", "command"),
    [
        ({"quantise": 8}, "--metrics 'psnr' --format yuv420p --quantise 8 -o FILE"),
        ({"crop_border": 4}, "--metrics 'psnr' --format yuv420p --crop-border 4 -o FILE"),
        ({"precision": "fp16"}, "--metrics 'psnr' --format yuv420p --precision fp16 -o FILE"),
        ({"format": "yuv420p; true"}, "--metrics ENTRIES -o FILE"),
        ({"outputs": None}, "--metrics ENTRIES -o FILE"),
        (
            {
                "outputs": [
                    {"name": "mine", "kind": "score", "entry": "psnr"},
                    {"name": "mine.mse", "kind": "moment", "entry": "psnr"},
                    {"name": "flavr.total", "kind": "score", "entry": "flavr"},
                    {"name": "flavr.l1", "kind": "score", "entry": "flavr"},
                    {"name": "census_patch_5", "kind": "score", "entry": "census[patch=5]"},
                ]
            },
            "--metrics 'mine=psnr,flavr,census[patch=5]' --format yuv420p -o FILE",
        ),
    ],
)
def test_the_first_schema_is_refused_with_what_makes_the_file_again(
    plain: Any, rewritten: Callable[..., Path], further: Any, command: str
) -> None:
    model = rewritten(PSNR, lambda manifest: manifest.update({"schema": 1, **further}))

    ran = plain.score("a.y4m", "b.y4m", "--model", model)

    assert ran.returncode == 2
    assert f"Make the file again: `framegauge export {command}`." in ran.stderr.decode()


def test_fields_that_are_required_and_known_are_no_hindrance(
    plain: Any, rewritten: Callable[..., Path]
) -> None:
    known = ["schema", "required", "outputs.grid.stride", "self_test.still", "aggregates.finish"]

    ran = plain.score("a.y4m", "b.y4m", "--model", rewritten(PSNR, change("required", to=known)))

    assert "a.y4m cannot be read" in ran.stderr.decode()


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(
            path,
            id=f"{path.parent.name}/{path.stem}",
            marks=() if path.parent.name in QUICK else pytest.mark.slow,
        )
        for path in sorted(SHIPPED.rglob("*.onnx"))
    ],
)
def test_every_shipped_model_is_sound(plain: Any, path: Any) -> None:
    ran = plain.score("a.y4m", "b.y4m", "--model", path)

    assert "a.y4m cannot be read" in ran.stderr.decode()


def test_an_ideal_that_depends_on_the_frame_is_null_as_in_python(
    plain: Any, clip: Callable[..., Path], rewritten: Callable[..., Path]
) -> None:
    model = rewritten(PSNR, change("outputs", 0, "ideal", to=None))
    videos = clip("reference", ".y4m"), clip("distorted", ".y4m")
    wanted = json.loads(score(*map(str, videos), model=model).to_json())

    ran = plain.score(*videos, "--model", model, "--json")

    outputs = json.loads(ran.stdout)["outputs"]
    assert outputs["psnr"]["ideal"] is None
    assert outputs == wanted["outputs"]


def test_an_ideal_that_depends_on_the_frame_is_not_a_number(
    plain: Any, rewritten: Callable[..., Path]
) -> None:
    model = rewritten(PSNR, change("outputs", 0, "ideal", to=None))

    ran = plain.run(plain.exercise, "has_no_ideal_where_the_frame_decides", model)

    assert ran.returncode == 0, ran.stderr.decode()


def test_unknown_fields_are_passed_over(builds: Any, rewritten: Callable[..., Path]) -> None:
    def add(manifest: Any) -> None:
        manifest |= {"later": {"a": [1]}}
        for name in ("inputs", "outputs", "aggregates"):
            manifest[name][0]["later"] = 1
        manifest["self_test"]["later"] = {"deeper": None}

    ran = builds("address").score("a.y4m", "b.y4m", "--model", rewritten(PSNR, add))

    assert "a.y4m cannot be read" in ran.stderr.decode()
