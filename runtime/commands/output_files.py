"""Files that a command writes, held against all that it reads."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from framegauge.runtime.atomic_files import STDOUT, check_writable
from framegauge.runtime.errors import UsageError
from framegauge.runtime.sources.images import IMAGES

_NUMBER = re.compile(r"%0?\d*d")


def check_outputs(paths: Sequence[str], inputs: Iterable[str | os.PathLike[str]]) -> None:
    """Refuse outputs that cannot be written, or would overwrite something that is read.

    Args:
        paths: Files to be written, ``-`` for standard output.
        inputs: Everything that is read: files, folders of images, patterns with a ``%d``.

    Raises:
        UsageError: There is one; it is named.
    """
    read = [os.fspath(each) for each in inputs]
    places = [path if path == STDOUT else os.path.realpath(path) for path in paths]
    for path, place in zip(paths, places, strict=True):
        check_writable(path)
        if places.count(place) > 1:
            raise UsageError(f"Two outputs cannot both go to {path}. Give each its own file.")
        for each in read if path != STDOUT else ():
            if _is_of(path, each):
                raise UsageError(
                    f"{path} is an input, or would be one of {each}; writing there would destroy "
                    "or change it. Choose another."
                )


def _is_of(path: str, read: str) -> bool:
    """Whether writing a file would change what is read."""
    if os.path.isdir(read):
        within = os.path.realpath(os.path.dirname(path) or ".") == os.path.realpath(read)
        return within and (os.path.exists(path) or Path(path).suffix.lower() in IMAGES)
    folder, name = os.path.split(read)
    if _NUMBER.search(name) and not os.path.exists(read):
        within = os.path.realpath(os.path.dirname(path) or ".") == os.path.realpath(folder or ".")
        numbered = "[0-9]+".join(map(re.escape, _NUMBER.split(name)))
        return within and re.fullmatch(numbered, os.path.basename(path)) is not None
    return os.path.exists(path) and os.path.exists(read) and os.path.samefile(path, read)
