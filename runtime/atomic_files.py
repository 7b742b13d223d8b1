"""Output files that are there whole or not at all."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from framegauge.runtime.errors import UsageError

STDOUT = "-"

_ERRORS = "backslashreplace"


def check_writable(path: str | os.PathLike[str]) -> None:
    """Refuse a path that could not be written at the end of a long run.

    Args:
        path: A file to be, or ``-`` for standard output.

    Raises:
        UsageError: It is a folder, or its folder is missing or cannot be written to.
    """
    if str(path) == STDOUT:
        return
    target = Path(path)
    try:
        target.lstat()
    except FileNotFoundError:
        pass
    except OSError as error:
        raise UsageError(
            f"{target} cannot be written to: {error.strerror}. Name another."
        ) from error
    if target.is_dir():
        raise UsageError(f"{target} is a folder. Name a file in it.")
    if target.exists() and not target.is_file():
        if not os.access(target, os.W_OK):
            raise UsageError(f"{target} cannot be written to. Change its permissions.")
        return
    folder = Path(os.path.realpath(target)).parent
    if not folder.is_dir():
        raise UsageError(f"There is no folder {folder} to write {target.name} to. Make it first.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UsageError(
            f"The folder {folder} cannot be written to, so {target.name} cannot be made there. "
            "Choose another, or change its permissions."
        )


def write_text(path: str | os.PathLike[str], chunks: Iterable[str]) -> None:
    r"""Write text, UTF-8, to a file that appears only when it is complete and on the disk.

    What is from a file name that is not UTF-8 is written as ``\udcff``.

    Args:
        path: The file, replaced if it is there; ``-`` for standard output. Pipes and devices
            are written to as they are.
        chunks: The text, piece by piece.

    Raises:
        UsageError: As :func:`check_writable`.
        OSError: The disk is full or failed; nothing is left behind.
    """
    check_writable(path)
    if str(path) == STDOUT:
        sys.stdout.writelines(chunks)
        sys.stdout.flush()
        return
    target = Path(path)
    if target.exists() and not target.is_file():
        with target.open("w", encoding="utf-8", errors=_ERRORS, newline="") as file:
            file.writelines(chunks)
        return
    # A link stays a link: what it points to is replaced.
    target = Path(os.path.realpath(target))
    scratch = target.with_name(f".framegauge-{secrets.token_hex(8)}.part")
    try:
        with scratch.open("x", encoding="utf-8", errors=_ERRORS, newline="") as file:
            file.writelines(chunks)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(target)
    except BaseException:
        with suppress(FileNotFoundError):
            scratch.unlink()
        raise
