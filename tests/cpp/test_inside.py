"""Parts of the library against their Python twins: test frames, colours, digests, processors."""

import hashlib
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from framegauge.export.contract import selftest
from framegauge.export.contract.formats import FORMATS, subsampling
from framegauge.export.contract.roles import FRAME_ROLES, SITINGS, siting_of, tensor_dims
from framegauge.runtime.cpu_count import usable_cpus
from framegauge.runtime.sources.colour import colour_matrix

MATRICES = {"bt601": 1, "bt709": 2, "bt2020": 3}
RANGES = {"limited": 1, "full": 2}


@pytest.fixture(scope="session")
def probe(host_source: Path, here: Path, compiled: Callable[..., Path]) -> Any:
    inside = host_source / "source"
    program = compiled(
        "probe",
        here / "probe.cpp",
        *(inside / f"{name}.cpp" for name in ("pattern", "layout", "colour", "cpus", "sha256")),
        f"-I{inside}",
        f"-I{host_source / 'include'}",
    )

    def run(*words: Any) -> Any:
        command = [program, *map(str, words)]
        return subprocess.run(command, capture_output=True, check=True, timeout=300).stdout

    return run


@pytest.mark.parametrize("role", FRAME_ROLES)
@pytest.mark.parametrize("form", FORMATS.values(), ids=lambda form: form.name)
def test_frames_of_the_self_test_are_the_same_bytes(probe: Any, form: Any, role: Any) -> None:
    wanted = selftest.batch(form, role, (19, 37), 2)

    printed = probe("pattern", form.name, role, 37, 19)

    assert printed == b"".join(plane.tobytes() for plane in wanted.values())


@pytest.mark.parametrize(
    "role",
    [
        *("flow_previous_next", "flow_to_reference_previous", "mask", "time", "frame_rate"),
        *("logits_distorted", "merged_teacher"),
    ],
)
def test_other_inputs_of_the_self_test_are_the_same_bytes(probe: Any, role: str) -> None:
    wanted = selftest.tensor(role, tensor_dims(role), (19, 37), 2)

    printed = probe("pattern", "rgb24", role, 37, 19)

    assert printed == wanted.tobytes()


@pytest.mark.parametrize("depth", [8, 10, 12])
@pytest.mark.parametrize("range", RANGES)
@pytest.mark.parametrize("matrix", MATRICES)
def test_colours_are_the_same(probe: Any, matrix: str, range: str, depth: int) -> None:
    printed = probe("colour", MATRICES[matrix], RANGES[range], depth, 480)

    np.testing.assert_allclose(
        np.array(printed.split(), np.float32),
        colour_matrix(matrix, range, depth).ravel(),
        rtol=2e-7,  # the order of the last sum may differ
    )


@pytest.mark.parametrize(("height", "assumed"), [(719, "bt601"), (720, "bt709")])
def test_colours_nobody_names_follow_the_height(probe: Any, height: int, assumed: str) -> None:
    assert probe("colour", 0, 0, 8, height) == probe("colour", MATRICES[assumed], 1, 8, height)


@pytest.mark.parametrize("siting", SITINGS)
@pytest.mark.parametrize("form", FORMATS.values(), ids=lambda form: form.name)
def test_sitings_are_the_same(probe: Any, form: Any, siting: str) -> None:
    down, across = subsampling(form, "u")

    printed = probe("siting", form.name, 1 + list(SITINGS).index(siting))

    found = tuple(map(float, printed.split()))
    assert found == siting_of(siting, down=down, across=across)


def test_a_siting_nobody_names_is_left(probe: Any) -> None:
    assert probe("siting", "yuv420p", 0) == probe("siting", "yuv420p", 1) == b"0.5 0 "


@pytest.mark.parametrize("length", [0, 1, 55, 56, 63, 64, 65, 119, 120, 128, 1000])
@pytest.mark.parametrize("piece", [1, 7, 64, 1000])
def test_digests_are_those_of_hashlib(probe: Any, length: int, piece: int) -> None:
    text = "".join(chr(33 + (7 * i) % 90) for i in range(length))

    assert probe("sha256", text, piece).decode() == hashlib.sha256(text.encode()).hexdigest()


def test_processors_are_counted_as_in_python(probe: Any) -> None:
    assert int(probe("cpus", "/sys/fs/cgroup", "/proc/self")) == usable_cpus()


@pytest.mark.parametrize(
    ("cgroup", "files"),
    [
        ("0::/a/b\n", {"a/cpu.max": "100000 100000"}),
        ("0::/a/b\n", {"a/b/cpu.max": "50000 100000", "cpu.max": "max 100000"}),
        ("3:cpu,cpuacct:/x\n", {"cpu,cpuacct/x/cpu.cfs_quota_us": "100000"}),
        ("3:cpuset:/x\n", {"cpuset/x/cpu.max": "1 100000", "cpu.max": "max 100000"}),
        ("", {"cpu.max": "garbage"}),
        ("nonsense\n", {"cpu/cpu.cfs_quota_us": "-1"}),
    ],
)
def test_quotas_of_control_groups_are_read_as_in_python(
    probe: Any, tmp_path: Path, cgroup: str, files: dict[str, Any]
) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "cgroup").write_text(cgroup)
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        if name.endswith("quota_us"):
            path.with_name("cpu.cfs_period_us").write_text("100000")
    readable = "nonsense" not in cgroup  # Python takes a well-formed file for granted

    counted = int(probe("cpus", tmp_path, tmp_path / "own"))

    own = tmp_path / "own" if readable else tmp_path / "none"
    assert counted == usable_cpus(cgroups=tmp_path, own=own)
