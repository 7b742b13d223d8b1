"""Files read whole, where what is no file or is too large is refused before it fills memory."""

from __future__ import annotations

import errno
import os
import stat

MOST_MODEL = 2**31 - 1
"""Bytes of the largest model: protocol buffers, which ONNX files are, end there."""

MOST_DATA = 2**29
"""Bytes of the largest report, journal or list: ten hours of frames with ten scores each."""

MOST_SETTINGS = 2**24
"""Bytes of the largest file that says how something is to be done."""

_PIECE = 2**16


def read_bounded(path: str | os.PathLike[str], most: int) -> bytes:
    """The bytes of a regular file.

    Args:
        path: The file, or a link to it.
        most: Bytes that it may have.

    Raises:
        OSError: It cannot be read, is a device, pipe or folder, or is larger.
    """
    # Looked at first: opening a pipe that nobody writes to would wait without end.
    state = os.stat(path)
    if stat.S_ISDIR(state.st_mode):
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
    if not stat.S_ISREG(state.st_mode):
        raise OSError(errno.EINVAL, "it is a device or a pipe, and no file", os.fspath(path))
    parts: list[bytes] = []
    length = 0
    if state.st_size <= most:
        # Files of the kernel say that they have no bytes, and others may grow.
        asked = max(state.st_size, _PIECE) + 1
        with open(path, "rb") as file:
            while length <= most and (not parts or len(parts[-1]) == asked):
                parts.append(file.read(asked))
                length += len(parts[-1])
    if not parts or length > most:
        words = f"it is larger than {most / 2**20:.0f} MiB, the most that such a file may have"
        raise OSError(errno.EFBIG, words, os.fspath(path))
    return b"".join(parts)
