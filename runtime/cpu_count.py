"""How many CPUs this process may really use, for the size of thread pools.

Libraries that count the host's cores are blind to a container's share of them, and then run far
more threads than can make progress.
"""

from __future__ import annotations

import math
import os
from pathlib import Path

MOST_THREADS = 1024
"""More are a slip of the pen, and would take all memory before they are made."""


def usable_cpus(*, cgroups: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self")) -> int:
    """The smaller of the CPU affinity and the control group's quota, at least 1.

    Args:
        cgroups: Where the control groups are mounted.
        own: This process in the ``/proc`` file system; its ``cgroup`` file names its groups.

    Returns:
        Whole CPUs; a quota of one and a half counts as two.
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    quotas = [_quota(folder) for folder in _folders(cgroups, own)]
    return max(1, min([allowed or 1, *(math.ceil(quota) for quota in quotas if quota)]))


def _folders(cgroups: Path, own: Path) -> list[Path]:
    """Every folder that may limit this process: its groups and all that hold them."""
    try:
        lines = (own / "cgroup").read_text().splitlines()
    except OSError:
        lines = []
    folders = [cgroups, cgroups / "cpu", cgroups / "cpu,cpuacct"]
    for line in lines:
        _, controllers, group = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        mount = cgroups / controllers
        path = mount / group.strip("/")
        while path != mount:
            folders.append(path)
            path = path.parent
        folders.append(mount)
    return folders


def _quota(folder: Path) -> float | None:
    """CPUs that the files of one group allow, ``None`` if they set no limit."""
    try:
        if (folder / "cpu.max").exists():
            quota, period = (folder / "cpu.max").read_text().split()
        else:
            quota = (folder / "cpu.cfs_quota_us").read_text().strip()
            period = (folder / "cpu.cfs_period_us").read_text().strip()
        return None if quota in ("max", "-1") else int(quota) / int(period)
    except (OSError, ValueError):
        return None
