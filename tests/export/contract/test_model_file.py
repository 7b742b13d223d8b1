import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper

from framegauge.export.contract.manifest import KEY, ManifestError
from framegauge.export.contract.model_bytes import (
    DIGEST_KEY,
    DamagedError,
    metadata,
    read_manifest,
    sealed,
)
from framegauge.export.contract.model_file import ModelFile
from framegauge.runtime import models


@pytest.fixture
def shipped() -> Path:
    return Path(models.__file__).parent


@pytest.mark.parametrize("name", ["rgb24/psnr.onnx", "yuv420p10le/default.onnx"])
def test_metadata_is_what_onnx_itself_reads(shipped: Path, name: str) -> None:
    content = (shipped / name).read_bytes()
    wanted = {each.key: each.value for each in onnx.load_from_string(content).metadata_props}

    assert metadata(content, file=name) == wanted
    assert KEY in wanted


def test_a_model_is_known_by_the_hash_of_its_bytes(shipped: Path) -> None:
    path = shipped / "rgb24" / "ssim.onnx"

    model = ModelFile.read(path)

    assert model.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert [each.name for each in model.manifest.scores] == ["ssim"]


def test_a_file_knows_itself(shipped: Path) -> None:
    content = (shipped / "rgb24" / "psnr.onnx").read_bytes()
    digits = metadata(content, file="x")[DIGEST_KEY]

    blank = content.replace(digits.encode(), b"0" * 64)

    assert hashlib.sha256(blank).hexdigest() == digits
    assert sealed(blank) == content


@pytest.mark.parametrize(
    "name",
    [
        *("yuv420p/default.onnx", "yuv420p10le/ms_ssim.onnx", "yuv444p/gmsd.onnx"),
        *("rgb24/laplacian.onnx", "rgb24/psnr.onnx"),
    ],
)
def test_a_bit_turned_anywhere_is_refused(shipped: Path, name: str) -> None:
    content = (shipped / name).read_bytes()
    random = np.random.default_rng(7)

    for place in random.integers(0, 8 * len(content), 100).tolist():
        turned = bytearray(content)
        turned[place // 8] ^= 1 << place % 8
        with pytest.raises(ManifestError):
            read_manifest(bytes(turned), file="turned.onnx")


def test_a_byte_changed_in_the_graph_is_said_to_be_damage(shipped: Path) -> None:
    content = (shipped / "rgb24" / "psnr.onnx").read_bytes()

    with pytest.raises(DamagedError, match=r"x\.onnx is damaged or was changed.*Export the model"):
        read_manifest(content.replace(b'"\x03Add', b'"\x03Sub'), file="x.onnx")


def test_a_model_without_its_digest_is_refused(shipped: Path) -> None:
    model = onnx.load(shipped / "rgb24" / "psnr.onnx")
    (entry,) = (each for each in model.metadata_props if each.key == DIGEST_KEY)
    model.metadata_props.remove(entry)

    with pytest.raises(ManifestError, match=r"has no 'framegauge\.sha256' entry"):
        read_manifest(model.SerializeToString(), file="x.onnx")
    with pytest.raises(ManifestError, match="has no place for its digest"):
        sealed(model.SerializeToString())


def test_a_metadata_entry_that_is_there_twice_is_refused(shipped: Path) -> None:
    model = onnx.load(shipped / "rgb24" / "psnr.onnx")
    model.metadata_props.add(key=KEY, value="{}")

    with pytest.raises(ManifestError, match="has the metadata entry 'framegauge' twice"):
        read_manifest(model.SerializeToString(), file="x.onnx")


def test_metadata_is_found_behind_fields_of_every_kind() -> None:
    proto = helper.make_model(helper.make_graph([], "g", [], []))
    proto.model_version = 2**40
    helper.set_model_props(proto, {"a": "b", "empty": ""})
    # A field of four bytes and one of eight, that no ONNX file has yet.
    content = bytes([99 << 3 & 127 | 5 | 128, 6]) + b"1234"
    content += bytes([99 << 3 & 127 | 1 | 128, 6]) + b"12345678" + proto.SerializeToString()

    assert metadata(content, file="x") == {"a": "b", "empty": ""}


@pytest.mark.parametrize("damage", ["cut", "text", "endless"])
def test_what_is_no_onnx_file_is_refused(shipped: Path, damage: str) -> None:
    content = {
        "cut": (shipped / "rgb24" / "mse.onnx").read_bytes()[:-3],
        "text": b"This is not a model at all.",
        "endless": b"\xff" * 40,
    }[damage]

    with pytest.raises(ManifestError, match=r"x\.onnx is not an ONNX file"):
        metadata(content, file="x.onnx")


def test_a_model_of_somebody_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "foreign.onnx"
    onnx.save(helper.make_model(helper.make_graph([], "g", [], [])), path)

    with pytest.raises(ManifestError, match="not a framegauge model"):
        ModelFile.read(path)


def test_weights_beside_a_model_are_refused(
    shipped: Path, tmp_path: Path, resealed: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "beside.onnx"
    proto = onnx.load(shipped / "rgb24" / "ssim.onnx")
    onnx.save(proto, path, save_as_external_data=True, location="w.bin", size_threshold=0)
    path.write_bytes(resealed(path.read_bytes()))

    with pytest.raises(ManifestError, match=r"beside\.onnx keeps weights in a file beside it"):
        ModelFile.read(path)


@pytest.mark.parametrize(
    ("stem", "title"), [("mine", "mine.onnx"), ("0" * 64, "psnr,ssim (rgb24, fp32)")]
)
def test_a_model_is_called_by_what_it_computes_where_its_name_is_a_hash(
    shipped: Path, tmp_path: Path, stem: Any, title: str
) -> None:
    path = shutil.copy(shipped / "rgb24" / "default.onnx", tmp_path / f"{stem}.onnx")

    assert ModelFile.read(path).title == title
