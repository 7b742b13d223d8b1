"""Files that nobody else may have written, and files that appear whole or not at all."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

SCRATCH = ".part"

_OTHERS = stat.S_IWGRP | stat.S_IWOTH


class StoreError(RuntimeError):
    """A store, or a file in one, that cannot be trusted or is not what it should be."""


def check_folder(folder: Path) -> None:
    """Refuse a store that another user may write to; one that is not there yet is well.

    Raises:
        StoreError: It is no folder, belongs to another user, or is open to a group or to all.
    """
    try:
        state = folder.stat()
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise StoreError(f"The store {folder} cannot be read: {error.strerror}.") from error
    if not stat.S_ISDIR(state.st_mode):
        raise StoreError(f"The store {folder} is not a folder. Name another with --store.")
    _check_owner(folder, state)


@contextmanager
def open_checked(path: Path) -> Iterator[BinaryIO]:
    """A file of a store, open to be read.

    Raises:
        FileNotFoundError: It is not there.
        StoreError: It is a link or no file, belongs to another user, is open to others, or cannot
            be read.
    """
    try:
        # Not blocking: what lies there could be a pipe.
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise
    except OSError as error:
        words = "it is a link" if path.is_symlink() else error.strerror
        raise StoreError(f"{path} is not used: {words}.") from error
    state = os.fstat(handle)
    if not stat.S_ISREG(state.st_mode):
        os.close(handle)
        raise StoreError(f"{path} is not used: it is not a file.")
    with os.fdopen(handle, "rb") as file:
        _check_owner(path, state)
        yield file


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that appears when all of it is on the disk, readable by all, ours to write.

    Raises:
        OSError: The disk is full or failed; nothing is left behind.
    """
    scratch = path.with_name(f".{path.name}-{secrets.token_hex(8)}{SCRATCH}")
    try:
        handle = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        with os.fdopen(handle, "wb") as file:
            os.fchmod(handle, 0o644)
            file.write(content)
            file.flush()
            os.fsync(handle)
        scratch.replace(path)
    except BaseException:
        with suppress(OSError):
            scratch.unlink()
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _check_owner(path: Path, state: os.stat_result) -> None:
    if state.st_uid not in (0, os.geteuid()):
        raise StoreError(
            f"{path} belongs to another user (number {state.st_uid}), who could put anything into "
            "it. Name a store of your own with --store."
        )
    if state.st_mode & _OTHERS:
        raise StoreError(
            f"{path} may be written by others, who could put anything into it. "
            f"Close it with chmod go-w {path}, or name another store with --store."
        )
