"""Model files that are not what they seem: refused as Python does, with the same exit code."""

import onnx
import pytest

from framegauge.runtime import BackendError, ScoreError, Scorer, UsageError
from framegauge.runtime.shelf import SHIPPED

PSNR = SHIPPED / "yuv420p" / "psnr.onnx"
CODES = {ScoreError: 1, UsageError: 2, BackendError: 4}


def change(*path, to):
    """Sets one place of a manifest."""

    def apply(manifest):
        *way, last = path
        for step in way:
            manifest = manifest[step]
        manifest[last] = to

    return apply


def without(name):
    return lambda manifest: manifest.pop(name)


CHANGES = {
    "newer schema": (change("schema", to=2), "schema 2, and this release reads up to 1"),
    "schema that never was": (change("schema", to=0), "cannot be read (a whole number is 0)"),
    "schema is text": (change("schema", to="1"), "cannot be read"),
    "no manifest": (None, "is not a framegauge model"),
    "no JSON": ("{", "cannot be read"),
    "no object": ("[]", "cannot be read"),
    "unknown format": (change("format", to="xyz12"), "says xyz12"),
    "another format": (change("format", to="gray8"), "reference_u is a plane that gray8 has not"),
    "other precision": (change("precision", to="int4"), "says int4"),
    "no inputs": (change("inputs", to=[]), "names no inputs"),
    "no outputs": (without("outputs"), "outputs"),
    "no scores": (change("outputs", 0, "kind", to="moment"), "no scores"),
    "unknown kind": (change("outputs", 1, "kind", to="banana"), "there is banana"),
    "unknown direction": (change("outputs", 0, "better", to="best"), "higher, lower there is best"),
    "a score as a moment": (change("aggregates", 0, "moment", to="psnr"), "made of psnr"),
    "no peak": (change("aggregates", 0, "peak", to=0), "peak is 0"),
    "tolerance is text": (change("outputs", 0, "tolerance", to="0.01"), "damaged"),
    "least is negative": (change("outputs", 0, "least", to=-1), "damaged"),
    "unknown role": (change("inputs", 0, "role", to="witness"), "role witness"),
    "unknown moment": (change("aggregates", 0, "moment", to="psnr.x"), "made of psnr.x"),
    "newer test frames": (change("self_test", "pattern", to=2), "version 2"),
    "no colour": (change("self_test", "colour", to=None), "no colour"),
    "large test frames": (change("self_test", "sizes", 0, to=[2**30, 2**30]), "1073741824"),
    "renamed input": (change("inputs", 0, "name", to="other"), "belongs to another model"),
    "failed self-test": (
        change("self_test", "scores", 0, "psnr", to=[1.0, 1.0]),
        "psnr at 56x45 should be 1, and came out as 38.65",
    ),
}
# Python does not look at these.
STRICTER = {
    "no colour",
    "no inputs",
    "another format",
    "large test frames",
    "least is negative",
    "unknown role",
}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("build", ["plain", "address"])
def test_a_changed_manifest_is_refused_as_in_python(builds, rewritten, tmp_path, name, build):
    what, words = CHANGES[name]
    model = rewritten(PSNR, what)

    ran = builds(build).score("a.y4m", "b.y4m", "--model", model)

    assert words in ran.stderr.decode()
    if name in STRICTER:
        assert ran.returncode == 2
    else:
        with pytest.raises((ScoreError, UsageError)) as refusal:
            Scorer(model)
        assert ran.returncode == CODES[refusal.type]


@pytest.mark.parametrize("build", ["plain", "address"])
def test_unknown_fields_are_passed_over(builds, rewritten, build):
    def add(manifest):
        manifest |= {"later": {"a": [1]}}
        manifest["inputs"][0]["later"] = manifest["outputs"][0]["later"] = 1

    ran = builds(build).score("a.y4m", "b.y4m", "--model", rewritten(PSNR, add))

    assert "a.y4m cannot be read" in ran.stderr.decode()


@pytest.mark.parametrize("content", [b"", b"\x08", b"not a model", PSNR.read_bytes()[:3000]])
def test_what_is_no_model_is_refused(builds, tmp_path, content):
    path = tmp_path / "damaged.onnx"
    path.write_bytes(content)

    ran = builds("address").score("a.y4m", "b.y4m", "--model", path)

    assert ran.returncode in (1, 2)
    assert "damaged.onnx" in ran.stderr.decode()


def test_a_bent_weight_fails_the_self_test(plain, tmp_path):
    model = onnx.load(SHIPPED / "rgb24" / "ssim.onnx")
    floats = [each for each in model.graph.initializer if each.data_type == 1]
    largest = max(floats, key=lambda each: onnx.numpy_helper.to_array(each).size)
    bent = onnx.numpy_helper.to_array(largest) * 1.01
    largest.CopyFrom(onnx.numpy_helper.from_array(bent.astype("float32"), largest.name))
    onnx.save(model, tmp_path / "bent.onnx")

    ran = plain.score("a.y4m", "b.y4m", "--model", tmp_path / "bent.onnx")

    assert ran.returncode == 1
    assert "failed its self-test: ssim" in ran.stderr.decode()
