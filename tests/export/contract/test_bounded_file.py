"""Files that are read whole, up to a size."""

import os
from pathlib import Path

import pytest

from framegauge.export.contract.bounded_file import read_bounded


def test_a_file_of_the_largest_size_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 100)

    assert read_bounded(path, 100) == b"x" * 100


def test_a_larger_file_is_refused_with_the_bound(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * (2**20 + 1))

    with pytest.raises(OSError, match="larger than 1 MiB"):
        read_bounded(path, 2**20)


def test_a_file_that_says_nothing_of_its_size_is_bounded_too() -> None:
    path = Path("/proc/self/maps")
    if not path.exists():
        pytest.skip("the kernel's own files are of Linux")

    with pytest.raises(OSError, match="larger than"):
        read_bounded(path, 10)


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/null"])
def test_a_device_is_refused(path: str) -> None:
    with pytest.raises(OSError, match="a device or a pipe, and no file"):
        read_bounded(path, 100)


def test_a_pipe_that_nobody_writes_to_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(OSError, match="a device or a pipe, and no file"):
        read_bounded(tmp_path / "pipe", 100)


def test_a_folder_is_called_one(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        read_bounded(tmp_path, 100)
