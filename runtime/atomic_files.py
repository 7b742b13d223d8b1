"""Output files that are there whole or not at all."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from framegauge.runtime.errors import UsageError

STDOUT = "-"

_TEXT: Any = {"encoding": "utf-8", "errors": "backslashreplace", "newline": ""}


def check_writable(path: str | os.PathLike[str]) -> None:
    """Refuse a path that could not be written at the end of a long run.

    Args:
        path: A file to be, or ``-`` for standard output.

    Raises:
        UsageError: It is a folder, its folder is missing or cannot be written to, or it is
            standard output and that is closed.
    """
    if str(path) == STDOUT:
        if sys.stdout is None:
            raise UsageError("Standard output is closed, so nothing can be written to -.")
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
    """Write text to one file, as :func:`write_texts` does."""
    write_texts({path: chunks})


def write_texts(texts: Mapping[str | os.PathLike[str], Iterable[str]]) -> None:
    r"""Write texts, UTF-8, to files that appear together, when all are complete and on the disk.

    What is from a file name that is not UTF-8 is written as ``\udcff``.

    Args:
        texts: By file, replaced if it is there, the text piece by piece; ``-`` for standard output.
            Pipes and devices are written to as they are, once the files are safe.

    Raises:
        UsageError: As :func:`check_writable`.
        OSError: The disk is full or failed, and which file; no file was made or replaced.
    """
    for path in texts:
        check_writable(path)
    with ExitStack() as left:
        files = []
        for path, chunks in texts.items():
            if not _is_stream(path):
                # A link stays a link: what it points to is replaced.
                target = Path(os.path.realpath(path))
                scratch = target.with_name(f".framegauge-{secrets.token_hex(8)}.part")
                left.callback(scratch.unlink, missing_ok=True)
                files.append((scratch, target))
                with _naming(path), scratch.open("x", **_TEXT) as file:
                    file.writelines(chunks)
                    file.flush()
                    os.fsync(file.fileno())
        for path, chunks in texts.items():
            if str(path) == STDOUT:
                sys.stdout.writelines(chunks)
                sys.stdout.flush()
            elif _is_stream(path):
                with _naming(path), Path(path).open("w", **_TEXT) as file:
                    file.writelines(chunks)
        for scratch, target in files:
            scratch.replace(target)


def write_bytes(path: str | os.PathLike[str], content: bytes) -> None:
    """Write bytes to a file that appears only when it is complete and on the disk.

    Raises:
        UsageError: As :func:`check_writable`.
        OSError: The disk is full or failed, and which file; nothing is left behind.
    """
    check_writable(path)
    target = Path(os.path.realpath(path))
    scratch = target.with_name(f".framegauge-{secrets.token_hex(8)}.part")
    with ExitStack() as left, _naming(path):
        left.callback(scratch.unlink, missing_ok=True)
        with scratch.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(target)


def _is_stream(path: str | os.PathLike[str]) -> bool:
    return str(path) == STDOUT or (Path(path).exists() and not Path(path).is_file())


@contextmanager
def _naming(path: str | os.PathLike[str]) -> Iterator[None]:
    """Say in an error of the system which file it is about."""
    try:
        yield
    except OSError as error:
        error.filename = os.fspath(path)
        raise
