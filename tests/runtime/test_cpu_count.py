import os
from pathlib import Path

import pytest

from framegauge.runtime.cpu_count import usable_cpus


@pytest.fixture(autouse=True)
def eight_by_affinity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)), raising=False)


def group(tmp_path: Path, line: str, folder: str, **files: str) -> dict[str, Path]:
    own, cgroups = tmp_path / "proc", tmp_path / "cgroup"
    own.mkdir(exist_ok=True)
    (own / "cgroup").write_text(line)
    (cgroups / folder).mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (cgroups / folder / name.replace("__", ".")).write_text(text)
    return {"cgroups": cgroups, "own": own}


def test_affinity_counts_without_control_groups(tmp_path: Path) -> None:
    assert usable_cpus(cgroups=tmp_path / "none", own=tmp_path / "none") == 8


@pytest.mark.parametrize(
    ("text", "cpus"),
    [("200000 100000", 2), ("150000 100000", 2), ("50000 100000", 1), ("max 100000", 8)],
)
def test_the_quota_of_version_2_is_rounded_up(tmp_path: Path, text: str, cpus: int) -> None:
    places = group(tmp_path, "0::/app/worker\n", "app/worker", cpu__max=text)

    assert usable_cpus(**places) == cpus


def test_a_group_above_limits_those_in_it(tmp_path: Path) -> None:
    group(tmp_path, "0::/app/worker\n", "app/worker", cpu__max="max 100000")
    places = group(tmp_path, "0::/app/worker\n", "app", cpu__max="300000 100000")

    assert usable_cpus(**places) == 3


@pytest.mark.parametrize(("quota", "cpus"), [("400000", 4), ("-1", 8)])
def test_the_quota_of_version_1_is_read(tmp_path: Path, quota: str, cpus: int) -> None:
    places = group(
        tmp_path,
        "4:cpu,cpuacct:/docker/1\n3:memory:/docker/1\n",
        "cpu,cpuacct/docker/1",
        cpu__cfs_quota_us=quota,
        cpu__cfs_period_us="100000",
    )

    assert usable_cpus(**places) == cpus


def test_a_container_that_sees_its_own_root_is_limited(tmp_path: Path) -> None:
    places = group(tmp_path, "0::/\n", ".", cpu__max="100000 100000")

    assert usable_cpus(**places) == 1


def test_a_quota_above_the_affinity_changes_nothing(tmp_path: Path) -> None:
    places = group(tmp_path, "0::/\n", ".", cpu__max="6400000 100000")

    assert usable_cpus(**places) == 8
