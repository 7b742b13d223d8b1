"""Model files that are not what they seem: an error that names the file."""

import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper

from framegauge.export.contract.graph_soundness import OPERATORS
from framegauge.export.contract.manifest import ManifestError
from framegauge.export.contract.model_bytes import DIGEST_KEY
from framegauge.export.contract.model_file import ModelFile
from framegauge.runtime.models.model_files import SHIPPED

PSNR = SHIPPED / "yuv420p" / "psnr.onnx"


def refused(host: Any, model: Path) -> Any:
    """What a model is refused with, before any video is looked at."""
    ran = host.score("a.y4m", "b.y4m", "--model", model)
    said = ran.stderr.decode()

    assert ran.returncode in (1, 2)
    assert str(model) in said
    return said


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is not a framegauge model"),
        (b"\x08", "is not an ONNX file, or is cut short"),
        (b"\xff" * 11, "is not an ONNX file, or is cut short"),
        (b"\x72\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "is not an ONNX file, or is cut short"),
        (b"\x0b\x0c", "is not an ONNX file, or is cut short"),
        (b"not a model", "is not an ONNX file, or is cut short"),
        (PSNR.read_bytes()[:3000], "is not an ONNX file, or is cut short"),
        (PSNR.read_bytes()[:-1], "is not an ONNX file, or is cut short"),
    ],
)
def test_what_is_no_model_is_refused(
    builds: Any, tmp_path: Path, content: bytes, words: str
) -> None:
    path = tmp_path / "damaged.onnx"
    path.write_bytes(content)

    assert words in refused(builds("address"), path)


@pytest.mark.parametrize(
    "name",
    [
        "yuv420p/psnr.onnx",
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in (
                *("yuv420p/default.onnx", "yuv420p10le/ms_ssim.onnx"),
                *("yuv444p/gmsd.onnx", "rgb24/laplacian.onnx"),
            )
        ),
    ],
)
def test_a_bit_flipped_anywhere_is_refused(plain: Any, tmp_path: Path, name: str) -> None:
    content = (SHIPPED / name).read_bytes()
    places = random.Random(11).sample(range(8 * len(content)), 100)
    path = tmp_path / "flipped.onnx"

    for place in places:
        flipped = bytearray(content)
        flipped[place // 8] ^= 1 << place % 8
        path.write_bytes(flipped)

        assert refused(plain, path), f"bit {place}"


def test_a_bit_flipped_in_the_weights_is_refused_as_damage(plain: Any, tmp_path: Path) -> None:
    content = bytearray((SHIPPED / "rgb24" / "ssim.onnx").read_bytes())
    model = onnx.load_from_string(bytes(content))
    weights = max((each.raw_data for each in model.graph.initializer), key=len)
    content[content.index(weights)] ^= 1
    path = tmp_path / "flipped.onnx"
    path.write_bytes(content)

    ran = plain.score("a.y4m", "b.y4m", "--model", path)

    assert ran.returncode == 1
    assert "is damaged or was changed: its bytes are not those" in ran.stderr.decode()


@pytest.mark.parametrize(
    "digits", [b"0" * 64, b"", b"f" * 63, b"A" * 64], ids=["zeros", "none", "short", "capitals"]
)
def test_digits_that_are_not_the_files_are_refused(
    plain: Any, tmp_path: Path, digits: bytes
) -> None:
    model = onnx.load(PSNR)
    (entry,) = (entry for entry in model.metadata_props if entry.key == DIGEST_KEY)
    entry.value = digits.decode()
    onnx.save(model, tmp_path / "model.onnx")

    assert "is damaged or was changed" in refused(plain, tmp_path / "model.onnx")


def test_a_file_that_does_not_know_itself_is_refused(plain: Any, tmp_path: Path) -> None:
    model = onnx.load(PSNR)
    kept = [entry for entry in model.metadata_props if entry.key != DIGEST_KEY]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    onnx.save(model, tmp_path / "model.onnx")

    said = refused(plain, tmp_path / "model.onnx")

    assert 'has no "framegauge.sha256" entry in its metadata' in said


@pytest.mark.parametrize("key", ["framegauge", DIGEST_KEY, "other"])
def test_an_entry_that_is_there_twice_is_refused(plain: Any, tmp_path: Path, key: str) -> None:
    model = onnx.load(PSNR)
    for _ in range(2 if key == "other" else 1):
        model.metadata_props.add(key=key, value="{}")
    onnx.save(model, tmp_path / "model.onnx")

    assert f'has the metadata entry "{key}" twice' in refused(plain, tmp_path / "model.onnx")


def test_weights_beside_the_file_are_refused(
    plain: Any, resealed: Callable[..., bytes], tmp_path: Path
) -> None:
    model = onnx.load(SHIPPED / "rgb24" / "ssim.onnx")
    onnx.save(
        model, tmp_path / "apart.onnx", save_as_external_data=True, location="w", size_threshold=0
    )
    apart = onnx.load(tmp_path / "apart.onnx", load_external_data=False)

    (tmp_path / "model.onnx").write_bytes(resealed(apart))

    said = refused(plain, tmp_path / "model.onnx")

    assert "keeps weights in a file beside it" in said


def test_both_hosts_know_the_same_operators(host_source: Path) -> None:
    text = (host_source / "source" / "graph_soundness.cpp").read_text(encoding="utf-8")
    listed = text.partition("operators[] = {")[2].partition("};")[0]

    names = re.findall(r'"(\w+)"', listed)

    assert names == sorted(OPERATORS)


HOSTILE = {
    "a loop": (helper.make_node("Loop", [], []), "the operator 'Loop'"),
    "a graph within": (
        helper.make_node("Abs", ["x"], ["y"], body=helper.make_graph([], "b", [], [])),
        "graphs within its nodes",
    ),
    "an operator from elsewhere": (
        helper.make_node("Abs", ["x"], ["y"], domain="com.microsoft"),
        "operators of 'com.microsoft'",
    ),
    "a step beyond all frames": (
        helper.make_node("MaxPool", ["x"], ["y"], strides=[1, 65537]),
        "the whole number 65537",
    ),
    "a large constant": (
        helper.make_node("Constant", [], ["y"], value_ints=[1, 8388608]),
        "the whole number 8388608",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_graph_that_no_metric_needs_is_refused_as_in_python(
    plain: Any, resealed: Callable[..., bytes], tmp_path: Path, name: str
) -> None:
    node, words = HOSTILE[name]
    model = onnx.load(SHIPPED / "rgb24" / "mse.onnx")
    model.graph.node.append(node)
    path = tmp_path / "hostile.onnx"
    path.write_bytes(resealed(model))

    with pytest.raises(ManifestError, match=words):
        ModelFile.read(path)
    assert words in refused(plain, path)


@pytest.mark.parametrize("operator", ["Expand", "Tile", "Pad"])
def test_a_constant_that_makes_gigabytes_is_refused_as_in_python(
    plain: Any, resealed: Callable[..., bytes], tmp_path: Path, operator: str
) -> None:
    model = onnx.load(SHIPPED / "rgb24" / "mse.onnx")
    constant = onnx.numpy_helper.from_array(np.array([4096, 4096, 2]), "large")
    model.graph.initializer.append(constant)
    model.graph.node.append(helper.make_node(operator, ["x", "large"], ["y"]))
    path = tmp_path / "hostile.onnx"
    path.write_bytes(resealed(model))

    with pytest.raises(ManifestError, match=f"makes its {operator} too large"):
        ModelFile.read(path)
    assert f"makes its {operator} too large" in refused(plain, path)


def test_a_bent_weight_fails_the_self_test(
    plain: Any, resealed: Callable[..., bytes], tmp_path: Path
) -> None:
    model = onnx.load(SHIPPED / "rgb24" / "ssim.onnx")
    floats = [each for each in model.graph.initializer if each.data_type == 1]
    largest = max(floats, key=lambda each: onnx.numpy_helper.to_array(each).size)
    bent = onnx.numpy_helper.to_array(largest) * 1.01
    largest.CopyFrom(onnx.numpy_helper.from_array(bent.astype("float32"), largest.name))

    path = tmp_path / "bent.onnx"
    path.write_bytes(resealed(model))

    ran = plain.score("a.y4m", "b.y4m", "--model", path)

    assert ran.returncode == 1
    assert "failed its self-test: ssim" in ran.stderr.decode()
