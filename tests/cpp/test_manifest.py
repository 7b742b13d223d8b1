"""Manifests that no export writes: refused as in Python, with the same exit code."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest

from framegauge.runtime import BackendError, ScoreError, Scorer, UsageError, score
from framegauge.runtime.models.model_files import SHIPPED

PSNR = SHIPPED / "yuv420p" / "psnr.onnx"

# The other formats hold the same entries, and are asked for in the slow run.
QUICK = ("rgb24", "yuv420p10le")
SOUND = onnx.load(PSNR).metadata_props[0].value
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


CHANGES = {
    "newer schema": (change("schema", to=2), "schema 2, and this release reads up to 1"),
    "schema that never was": (change("schema", to=0), "(schema is 0, and should be a whole"),
    "schema is true": (change("schema", to=True), "(schema is true, and should be a whole"),
    "schema is text": (change("schema", to="1"), 'cannot be read (schema is "1"'),
    "no manifest": (None, "is not a framegauge model"),
    "no JSON": ("{", "cannot be read"),
    "no object": ("[]", "cannot be read"),
    "nested without end": (f'{{"schema": {DEEP}}}', "(schema is an array, and should be a whole"),
    "chroma without end": (
        SOUND.replace('"linear, left-sited"', DEEP),
        "chroma is an array, and should be a string",
    ),
    "unknown format": (change("format", to="xyz12"), "says xyz12"),
    "another format": (change("format", to="gray8"), "reference_u is a plane that gray8 has not"),
    "other precision": (change("precision", to="int4"), "says int4"),
    "inputs are null": (change("inputs", to=None), "inputs is null, and should be an array"),
    "no inputs": (change("inputs", to=[]), "inputs are none: each should be there once"),
    "one input twice": (
        change("inputs", 1, "name", to="reference_y"),
        "reference_y, reference_y, reference_v, ",
    ),
    "other dims": (
        change("inputs", 0, "dims", to=["N", "H", "W", 4]),
        'is uint8 ("N", "H", "W", 4), and should be uint8 ("N", "H", "W")',
    ),
    "a length is text": (
        change("inputs", 6, "dims", to=["3", 4]),
        'is float32 ("3", 4), and should be float32 (3, 4)',
    ),
    "other type": (change("inputs", 0, "dtype", to="float32"), 'is float32 ("N", '),
    "unknown role": (change("inputs", 0, "role", to="witness"), "role witness"),
    "outputs missing": (without("outputs"), "outputs"),
    "no outputs": (change("outputs", to=[]), "no scores"),
    "no scores": (change("outputs", 0, "kind", to="moment"), "no scores"),
    "one output twice": (
        change("outputs", 1, "name", to="psnr"),
        "the outputs are psnr, psnr: each should be there once",
    ),
    "unknown kind": (
        change("outputs", 1, "kind", to="banana"),
        "kind is banana, and should be one of score, moment, map",
    ),
    "unknown direction": (
        change("outputs", 0, "better", to="best"),
        "better is best, and should be one of higher, lower",
    ),
    "ideal is text": (change("outputs", 0, "ideal", to="x"), 'ideal is "x", and should be a num'),
    "ideal is missing": (lambda manifest: manifest["outputs"][0].pop("ideal"), "'ideal' not found"),
    "low is NaN": (change("outputs", 0, "low", to=float("nan")), "cannot be read"),
    "high is infinite": (change("outputs", 0, "high", to=float("inf")), "cannot be read"),
    "low beyond all": (SOUND.replace('"low":0.0', '"low":-1e999'), "number overflow"),
    "least is 0": (
        change("outputs", 0, "least", to=0),
        "least is 0, and should be a whole number from 1 ",
    ),
    "least is negative": (change("outputs", 0, "least", to=-1), "least is -1, and should be"),
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
    "relative is negative": (change("outputs", 0, "relative", to=-0.1), "0.01 + -0.1 relative"),
    "relative of everything": (change("outputs", 1, "relative", to=0.11), "up to 0.1 relative"),
    "a score as a moment": (
        change("aggregates", 0, "moment", to="psnr"),
        "moment is psnr, and should be one of psnr.mse",
    ),
    "unknown moment": (
        change("aggregates", 0, "moment", to="psnr.x"),
        "moment is psnr.x, and should be one of psnr.mse",
    ),
    "no peak": (
        change("aggregates", 0, "peak", to=0),
        "the peak of apsnr is 0, and should be above 0",
    ),
    "aggregates are null": (change("aggregates", to=None), "aggregates is null, and should be"),
    "rounded to 7 bits": (change("quantise", to=7), "quantise is 7, and should be 8 or null"),
    "rounded to no bits": (change("quantise", to=0), "quantise is 0, and should be 8 or null"),
    "rounded to 8.0 bits": (change("quantise", to=8.0), "quantise is 8.0, and should be 8 or"),
    "border below 0": (change("crop_border", to=-4), "crop_border is -4, and should be a whole"),
    "border is null": (change("crop_border", to=None), "crop_border is null, and should be"),
    "newer test frames": (change("self_test", "pattern", to=2), "version 2"),
    "no test": (change("self_test", "sizes", to=[]), "this has 2 for 0"),
    "no tests at all": (
        lambda manifest: manifest["self_test"].update(sizes=[], scores=[]),
        "has scores for each of its sizes, this has 0 for 0",
    ),
    "a test without scores": (lambda manifest: manifest["self_test"]["scores"].pop(), "1 for 2"),
    "large test frames": (change("self_test", "sizes", 0, to=[2**30, 2**30]), "1073741824"),
    "test frames of three sides": (
        change("self_test", "sizes", 0, to=[45, 56, 3]),
        "size has 3 sides, and should have 2",
    ),
    "large test batch": (change("self_test", "batch", to=9), "batch is 9, and should be"),
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
        'psnr is "38.65", and should be a number',
    ),
    "no colours": (
        change("self_test", "colour", to=None),
        "the self-test has no colours, and should have some",
    ),
    "colours that nothing takes": (
        keep_inputs({"y", "u", "v"}),
        "the self-test has colours, and should have none",
    ),
    "two rows of colours": (
        lambda manifest: manifest["self_test"]["colour"].pop(),
        "colour has 2 rows, and should have 3",
    ),
    "a short row of colours": (
        change("self_test", "colour", 2, to=[1.0, 0.0, 0.0]),
        "a row of colour has 3 values, and should have 4",
    ),
    "renamed input": (change("inputs", 0, "name", to="other"), "belongs to another model"),
    "failed self-test": (
        change("self_test", "scores", 0, "psnr", to=[1.0, 1.0]),
        "psnr at 56x45 should be 1, and came out as 38.65",
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
        manifest["inputs"][0]["later"] = manifest["outputs"][0]["later"] = 1

    ran = builds("address").score("a.y4m", "b.y4m", "--model", rewritten(PSNR, add))

    assert "a.y4m cannot be read" in ran.stderr.decode()
