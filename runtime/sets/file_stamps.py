"""What the files of a sample look like from outside, so that one that changed is noticed."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from framegauge.runtime.errors import ScoreError, UsageError
from framegauge.runtime.sets.samples import Sample
from framegauge.runtime.sources.images import image_paths

Stamps = dict[str, list[str]]
"""By role, the file's path and a hash of its state."""


def stamps(sample: Sample, method: str) -> Stamps:
    """Where everything lies that a score depends on, and its state.

    The state of a file is its size, when it was written, and when it was last touched at all,
    which no program can set back. That of a folder or pattern of images is its images'.
    """
    files = {"reference": sample.reference, "distorted": sample.distorted[method]}
    files |= {role: Path(where) for role, where in sample.further.items() if role != "time"}
    found = {role: [os.path.realpath(path), _state(path)] for role, path in files.items()}
    return found | {role: [value] for role, value in sample.further.items() if role == "time"}


def _state(path: Path) -> str:
    states = hashlib.sha256()
    try:
        for each in image_paths(path):
            now = each.stat()
            line = f"{each.name!a} {now.st_size} {now.st_mtime_ns} {now.st_ctime_ns}\n"
            states.update(line.encode())
    except (ScoreError, UsageError, OSError):
        return "not there"
    return states.hexdigest()
