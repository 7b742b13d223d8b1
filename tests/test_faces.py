"""What each package shows at its top, for people to import; the rest are rooms of its own."""

from importlib import import_module

import pytest

FACES = {
    "export": "export",
    "engines": (
        "FLAVOURS PRESETS BuildError Candidate Flavour Gpu ModelFile Profile Resolution Size Store "
        "StoreError StoredEngine Target TargetError Validity adopt build flavours gpu "
        "parse_targets resolve verify"
    ),
    "runtime": "BackendError Gate Report ScoreError Scorer UsageError score",
}


@pytest.mark.parametrize("package", FACES)
def test_a_package_shows_what_it_promises(package: str) -> None:
    face = import_module(f"framegauge.{package}")

    assert sorted(face.__all__) == sorted(FACES[package].split())
    assert all(hasattr(face, name) for name in face.__all__)
