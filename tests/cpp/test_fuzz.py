"""Readers of strangers' bytes under libFuzzer, for a bounded time."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest

from framegauge.export.contract.manifest import KEY
from framegauge.runtime.models.model_files import SHIPPED

SECONDS = 5
TARGETS = ("fuzz_y4m", "fuzz_manifest", "fuzz_model_bytes")


@pytest.fixture(scope="session")
def fuzzers(
    host_source: Path, onnxruntime: Path, project: Callable[..., None], shared: Callable[..., Path]
) -> Any:
    """The build folder of the fuzz targets."""
    names = ("clang++", *(f"clang++-{version}" for version in range(22, 12, -1)))
    clang = next(filter(None, map(shutil.which, names)), None)
    if clang is None and os.environ.get("CI"):
        pytest.fail("clang is missing, and CI must fuzz the readers.")
    if clang is None:
        pytest.skip("libFuzzer comes with clang, which is not installed")
    options = (f"-DCMAKE_CXX_COMPILER={clang}", f"-DCMAKE_PREFIX_PATH={onnxruntime}")
    return shared("fuzzers", lambda new: project(host_source / "fuzz", new, *options))


@pytest.fixture
def seeds(tmp_path: Path, clip: Callable[..., Path]) -> Any:
    """Sound inputs of each target to begin from."""
    for target in TARGETS:
        (tmp_path / target).mkdir()
    content = clip("reference", ".y4m", "-vf", "scale=8:6", "-frames:v", "2").read_bytes()
    (tmp_path / "fuzz_y4m" / "good").write_bytes(content)
    for format in ("rgb24", "yuv420p10le"):
        path = SHIPPED / format / "psnr.onnx"
        (manifest,) = (entry.value for entry in onnx.load(path).metadata_props if entry.key == KEY)
        (tmp_path / "fuzz_manifest" / format).write_text(json.dumps(json.loads(manifest)))
        (tmp_path / "fuzz_model_bytes" / format).write_bytes(path.read_bytes())
    return tmp_path


def fuzz(fuzzers: Any, seeds: Any, target: Any, seconds: Any) -> Any:
    # Not a limit on the process: Linux counts what its parent, these tests, once took as its own.
    memory = ("-rss_limit_mb=0", "-malloc_limit_mb=256")
    limits = (f"-max_total_time={seconds}", *memory, "-timeout=60", "-seed=1")
    return subprocess.run(
        [fuzzers / target, seeds / target, *limits, f"-artifact_prefix={seeds}/"],
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds + 300,
    )


@pytest.mark.parametrize("target", TARGETS)
def test_any_bytes_are_read_or_refused(fuzzers: Any, seeds: Any, target: str) -> None:
    ran = fuzz(fuzzers, seeds, target, SECONDS)

    assert ran.returncode == 0, ran.stderr[-4000:]
    assert "Done" in ran.stderr


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
def test_any_bytes_are_read_or_refused_for_minutes(fuzzers: Any, seeds: Any, target: str) -> None:
    ran = fuzz(fuzzers, seeds, target, 180)

    assert ran.returncode == 0, ran.stderr[-4000:]
