import hashlib
import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from framegauge.engines.building.build import jobs
from framegauge.engines.identity.machine import Platform
from framegauge.engines.identity.profile import Profile
from framegauge.engines.identity.sidecar import NewerError, Recipe, Sidecar, SidecarError
from framegauge.engines.identity.target import Target, parse_targets
from framegauge.export.contract.model_file import ModelFile

KEY_OF = """
import sys
from framegauge.engines.building.build import jobs
from framegauge.export.contract.model_file import ModelFile
from framegauge.engines.identity.profile import Profile
from framegauge.engines.identity.target import parse_targets

(job,) = jobs(ModelFile.read(sys.argv[1]), parse_targets("sm89"), [Profile.parse("720p")])
print(job.recipe.key)
"""


def test_the_key_is_the_hash_of_what_decides_and_nothing_else(recipe: Recipe) -> None:
    facts = {
        "model": recipe.model,
        "profiles": [[[1, 16, 16], [1, 64, 64], [2, 256, 256]]],
        "flavour": "tensorrt_rtx",
        "version": "1.7.1.116",
        "capabilities": ["sm89"],
        "options": {"tf32": "false"},
        "system": "linux",
        "machine": "x86_64",
    }
    canonical = json.dumps(facts, sort_keys=True, separators=(",", ":"))

    assert recipe.key == hashlib.sha256(canonical.encode()).hexdigest()


def test_everything_that_decides_changes_the_key(recipe: Recipe) -> None:
    rtx = ("sm75", "sm80", "sm86", "sm89", "sm120", "sm121")
    changes = [
        {"model": "0" * 64},
        {"profiles": (Profile.parse("16x16/64x64/256x257x2"),)},
        {"profiles": recipe.profiles * 2},
        {"target": Target(flavour="tensorrt_rtx", architectures=("sm86",))},
        {"target": Target(flavour="tensorrt_rtx", architectures=rtx)},
        {"target": Target(flavour="tensorrt", architectures=("sm89",))},
        {
            "target": Target(
                flavour="tensorrt",
                architectures=("sm89",),
                compatibility="same_compute_capability",
            )
        },
        {"version": "1.7.1.117"},
        {"options": {"tf32": "false", "builder_optimization_level": "5"}},
        {"platform": Platform(system="windows", machine="x86_64")},
        {"platform": Platform(system="linux", machine="aarch64")},
    ]

    keys = {replace(recipe, **change).key for change in changes}

    assert len(keys | {recipe.key}) == len(changes) + 1


def test_an_engine_for_ampere_and_later_is_the_same_wherever_it_was_built(recipe: Recipe) -> None:
    one, other = (
        replace(
            recipe,
            target=Target(flavour="tensorrt", architectures=(name,), compatibility="ampere_plus"),
        )
        for name in ("sm86", "sm90")
    )

    assert one.key == other.key


def test_one_byte_of_the_model_changes_the_key(
    model: ModelFile, resealed: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    # In the manifest's text, so that the file is a model still.
    content = model.content.replace(b"torch", b"torcH", 1)
    (tmp_path / "other.onnx").write_bytes(resealed(content))
    target, profile = parse_targets("sm89"), [Profile.parse("720p")]

    (one,), (other,) = (
        jobs(each, target, profile) for each in (model, ModelFile.read(tmp_path / "other.onnx"))
    )

    assert one.recipe.key != other.recipe.key


def test_the_precision_of_a_model_changes_the_key(
    model: ModelFile, resealed: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    content = model.content.replace(b'"precision":"fp32"', b'"precision":"fp16"')
    (tmp_path / "half.onnx").write_bytes(resealed(content))
    half = ModelFile.read(tmp_path / "half.onnx")
    target, profile = parse_targets("sm89"), [Profile.parse("720p")]

    (one,), (other,) = (jobs(each, target, profile) for each in (model, half))

    assert half.manifest.precision == "fp16"
    assert one.recipe.key != other.recipe.key


def test_the_key_is_the_same_from_another_folder_home_and_name(
    shipped: Path, tmp_path: Path, python: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    (tmp_path / "elsewhere").mkdir()
    copy = tmp_path / "elsewhere" / "renamed.onnx"
    copy.write_bytes((shipped / "rgb24" / "mse.onnx").read_bytes())
    other = {**os.environ, "HOME": str(tmp_path), "USER": "nobody", "LANG": "C", "TZ": "Asia/Tokyo"}

    here = python(KEY_OF, shipped / "rgb24" / "mse.onnx")
    there = python(KEY_OF, "renamed.onnx", cwd=tmp_path / "elsewhere", env=other)

    assert here.stdout == there.stdout
    assert len(here.stdout.strip()) == 64


def test_a_sidecar_says_in_words_what_the_key_is_made_of(
    made: Callable[..., tuple[bytes, Sidecar]],
) -> None:
    _, sidecar = made()

    facts = json.loads(sidecar.to_json())

    assert facts["key"] == sidecar.key
    assert facts["model"] == {
        "file": "mse.onnx",
        "sha256": sidecar.recipe.model,
        "entries": ["mse"],
        "precision": "fp32",
    }
    assert facts["target"]["architectures"] == ["sm89"]
    assert facts["profiles"][0]["most"] == {"batch": 2, "height": 256, "width": 256}
    assert facts["options"] == {"tf32": "false"}
    assert facts["engine"] == {"sha256": sidecar.engine, "size": sidecar.size}


def test_a_number_too_large_for_json_is_refused(made: Callable[..., tuple[bytes, Sidecar]]) -> None:
    text = made()[1].to_json().replace('"about": {}', '"about": {"seconds": 1e999}')

    with pytest.raises(SidecarError, match="1e999 is too large a number"):
        Sidecar.from_json(text, file="x.json")


@pytest.mark.parametrize(
    ("old", "new"), [('"schema": 1', '"schema": 2'), ('\\"schema\\":', '\\"schema\\":9')]
)
def test_a_sidecar_of_a_newer_release_is_told_from_a_damaged_one(
    made: Callable[..., tuple[bytes, Sidecar]], old: str, new: str
) -> None:
    text = made()[1].to_json().replace(old, new)

    with pytest.raises(NewerError, match="Update framegauge"):
        Sidecar.from_json(text, file="x.json")


def test_profiles_are_read_back_as_they_were_asked_for(
    made: Callable[..., tuple[bytes, Sidecar]], model: ModelFile
) -> None:
    asked = (Profile.parse("540p"),)
    _, sidecar = made(profiles=asked)

    read = Sidecar.from_json(replace(sidecar, asked=asked).to_json(), file="x.json")

    assert read.profiles == asked


def test_a_sidecar_is_read_back_as_it_was(made: Callable[..., tuple[bytes, Sidecar]]) -> None:
    _, sidecar = made()
    known = replace(sidecar, about={"gpu": None, "seconds": 1.5}, verifications=({"passed": True},))

    assert Sidecar.from_json(known.to_json(), file="x.json") == known


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("profiles", 0, "most", "width"), 4096, "says what its own key"),
        (("model", "sha256"), "0" * 64, "says what its own key"),
        (("version",), "1.8.0.0", "says what its own key"),
        (("options",), {}, "says what its own key"),
        (("target", "architectures"), ["sm86"], "says what its own key"),
        (("model", "entries"), ["ssim"], "says what its own key or manifest"),
        (("model", "precision"), "fp16", "says what its own key or manifest"),
        (("key",), "1" * 64, "says what its own key"),
        (("schema",), 2, "schema 2, and this release reads up to 1"),
        (("schema",), "1", "not a sidecar"),
        (("profiles",), [], "it has no profiles"),
        (("profiles", 0, "least", "height"), "16", "should be whole numbers"),
        (("profiles", 0, "least", "height"), 999, "goes from least over usual"),
        (("engine", "size"), -1, "the engine's size is -1"),
        (("engine", "sha256"), "../../etc/passwd", "not a SHA-256"),
        (("target", "flavour"), "openvino", "A flavour is one of"),
        (("manifest",), "{}", "manifest"),
        (("surplus",), 1, "surplus"),
        (("asked",), ["540p"], "its profiles are not those that were asked for"),
        (("created",), "yesterday", "Invalid isoformat string"),
        (("created",), "2026-01-02T03:04:05", "should be a time in UTC"),
        (("created",), "2026-01-02T03:04:05+02:00", "should be a time in UTC"),
        (("profiles", 0, "most", "width"), 10**400, "whole numbers up to 2147483647"),
        (("engine", "size"), 2**63, "the engine's size is"),
        (("version",), "1." + "7" * 5000, "is not the version of a TensorRT"),
        (("version",), "\N{ARABIC-INDIC DIGIT SIX}.7.1.116", "is not the version of a TensorRT"),
        (("model", "file"), "\ud800.onnx", "surrogates not allowed"),
        (("about",), {"seconds": float("nan")}, "NaN is no number"),
        (("about",), {"seconds": float("inf")}, "Infinity is no number"),
    ],
)
def test_a_sidecar_that_lies_is_refused(
    made: Callable[..., tuple[bytes, Sidecar]], path: tuple[Any, ...], value: Any, message: str
) -> None:
    facts = json.loads(made()[1].to_json())
    held = facts
    for step in path[:-1]:
        held = held[step]
    held[path[-1]] = value

    with pytest.raises(SidecarError, match=message):
        Sidecar.from_json(json.dumps(facts), file="x.json")


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", "[" * 100_000, '{"schema":1}', "\0"])
def test_what_is_no_sidecar_is_refused(text: Any) -> None:
    with pytest.raises(SidecarError, match=r"x\.json is"):
        Sidecar.from_json(text, file="x.json")
