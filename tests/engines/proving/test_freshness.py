from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from framegauge.engines.identity.profile import Profile
from framegauge.engines.identity.sidecar import Sidecar
from framegauge.engines.proving.file_checks import Finding
from framegauge.engines.proving.freshness import beside_model
from framegauge.engines.store.store import Store
from framegauge.export.contract.model_file import ModelFile


@pytest.fixture
def finding(store: Store, made: Callable[..., tuple[bytes, Sidecar]], model: ModelFile) -> Any:
    """An engine of the small model, found sound so far; its sidecar changed as told."""

    def found(path: str | None = None, manifest: Any = None, **changes: Any) -> Finding:
        content, sidecar = made(**changes)
        about = {"path": path} if path else {}
        held = store.put(
            content, replace(sidecar, about=about, manifest=manifest or sidecar.manifest)
        )
        return Finding(held=held, problem=None, checked=("before",))

    return found


def test_a_model_that_is_what_it_was_is_given_back(finding: Any, model: ModelFile) -> None:
    standing = beside_model(finding(str(model.path)))

    assert standing.model == model
    assert standing.finding.problem is None
    assert standing.finding.checked == (
        "before",
        "every profile gives every input of the model a shape",
        f"{model.path} is still the model it was built from, manifest and all",
    )


def test_a_model_that_moved_is_found_by_its_name(finding: Any, model: ModelFile) -> None:
    standing = beside_model(finding("/nowhere/mse.onnx"), [model])

    assert standing.model == model


def test_a_model_nobody_knows_of_leaves_the_question_open(finding: Any) -> None:
    standing = beside_model(finding())

    assert standing.model is None
    assert standing.finding.problem is None
    assert standing.finding.unchecked == (
        "its model mse.onnx cannot be read (where it lay is not known). Say where it is with "
        "--model",
    )


def test_another_model_of_that_name_is_said_to_have_changed(
    finding: Any, shipped: Path, tmp_path: Path
) -> None:
    path = shutil.copy(shipped / "rgb24" / "l1.onnx", tmp_path / "mse.onnx")

    standing = beside_model(finding(), [ModelFile.read(path)])

    assert standing.model is None
    assert standing.finding.problem is None
    assert f"the model {path} has changed since" in standing.finding.unchecked[0]


def test_a_model_that_still_lies_where_it_lay_is_no_other_of_its_name(
    finding: Any, model: ModelFile, shipped: Path, tmp_path: Path
) -> None:
    stranger = ModelFile.read(shutil.copy(shipped / "rgb24" / "l1.onnx", tmp_path / "mse.onnx"))

    standing = beside_model(finding(str(model.path)), [stranger])

    assert standing.model == model


def test_a_model_is_told_by_its_hash_whatever_it_is_called(
    finding: Any, model: ModelFile, tmp_path: Path
) -> None:
    renamed = ModelFile.read(shutil.copy(model.path, tmp_path / "renamed.onnx"))

    standing = beside_model(finding("/nowhere/mse.onnx"), [renamed])

    assert standing.model == renamed


def test_a_name_that_two_models_of_a_store_have_tells_nothing(
    finding: Any,
    store: Store,
    made: Callable[..., tuple[bytes, Sidecar]],
    shipped: Path,
    tmp_path: Path,
) -> None:
    content, sidecar = made(version="1.6.0.27")
    store.put(content, replace(sidecar, about={"path": "/b/mse.onnx"}))
    stranger = ModelFile.read(shutil.copy(shipped / "rgb24" / "l1.onnx", tmp_path / "mse.onnx"))

    standing = beside_model(finding("/a/mse.onnx"), [stranger], store.entries())

    assert "there are several models of that name" in standing.finding.unchecked[0]


def test_a_path_that_no_system_takes_is_a_model_not_at_hand(finding: Any) -> None:
    standing = beside_model(finding("mse\0.onnx"))

    assert standing.model is None
    assert "cannot be read" in standing.finding.unchecked[0]


def test_a_model_of_that_name_for_other_frames_is_another(finding: Any, shipped: Path) -> None:
    other = ModelFile.read(shipped / "yuv420p" / "mse.onnx")

    standing = beside_model(finding(), [other])

    assert "where it lay is not known" in standing.finding.unchecked[0]


def test_a_manifest_that_is_not_the_models_is_refused(
    finding: Any, model: ModelFile, shipped: Path
) -> None:
    other = ModelFile.read(shipped / "rgb24" / "l1.onnx").manifest

    standing = beside_model(finding(str(model.path), manifest=other))

    assert standing.finding.problem == (
        f"Its sidecar's manifest is not that of {model.path}. Build it again."
    )


def test_profiles_below_what_the_model_takes_are_refused(finding: Any, shipped: Path) -> None:
    large = ModelFile.read(shipped / "rgb24" / "laplacian.onnx").manifest

    below = beside_model(finding(manifest=large, profiles=(Profile.parse("16x16"),)))
    across = beside_model(finding(manifest=large, profiles=(Profile.parse("1080p"),)))

    assert "laplacian needs frames of at least 64x64" in below.finding.problem
    assert "reach below the least frame" in across.finding.problem


def test_an_engine_that_is_refused_already_is_left_at_that(finding: Any) -> None:
    before = replace(finding(), problem="broken")

    assert beside_model(before).finding == before
