"""The samples of a set, from folders whose files are matched by name."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from framegauge.runtime.errors import ScoreError, UsageError
from framegauge.runtime.sets.samples import OnMissing, Sample, Samples, samples_of, some
from framegauge.runtime.sources.images import IMAGES

VIDEOS = frozenset(
    [
        ".264",
        ".265",
        ".avi",
        ".hevc",
        ".ivf",
        ".m2ts",
        ".m4v",
        ".mkv",
        ".mov",
        ".mp4",
        ".mpg",
        ".mxf",
        ".ts",
        ".webm",
        ".y4m",
    ]
)
"""Endings by which a file in a folder is taken for a video; a list may name any file."""


def match_folders(
    reference: str | os.PathLike[str],
    distorted: Mapping[str, str | os.PathLike[str]],
    *,
    on_missing: OnMissing = "error",
    group_folders: int = 1,
) -> Samples:
    """The set of images and videos that folders hold under the same names, subfolders too.

    The ending does not count: ``a/1.png`` is matched with ``a/1.jpg``. Other files are not looked
    at, nor is what begins with a dot.

    Args:
        reference: Folder of the references.
        distorted: Folder of each method, by its name.
        on_missing: What to do about files without a partner: ``error``, or ``skip`` to leave
            their sample out for every method.
        group_folders: How many of the leading folders of a file's path name its group; files
            above have none.

    Raises:
        UsageError: One is no folder.
        ScoreError: Files have no partner, or several; or there are none.
    """
    found = {
        role: _in_folder(Path(where))
        for role, where in (("reference", reference), *distorted.items())
    }
    names = sorted({name for files in found.values() for name in files})
    left_out = {
        name: "missing: " + ", ".join(role for role, files in found.items() if name not in files)
        for name in names
        if any(name not in files for files in found.values())
    }
    if left_out and on_missing == "error":
        raise ScoreError(
            f"{len(left_out)} of {len(names)} samples are not in every folder: "
            f"{some([f'{name} ({why})' for name, why in left_out.items()], '; ')}. Complete the "
            "folders, or leave these samples out with --on-missing skip."
        )
    rows = [
        Sample(
            name=name,
            group="/".join(name.split("/")[:-1][:group_folders]) or None,
            reference=found["reference"][name],
            distorted={method: found[method][name] for method in distorted},
        )
        for name in names
        if name not in left_out
    ]
    inputs = {
        "reference": str(reference),
        "distorted": {method: str(where) for method, where in distorted.items()},
    }
    return samples_of(rows, list(distorted), left_out, inputs)


def _in_folder(folder: Path) -> dict[str, Path]:
    """Images and videos under a folder, by their path in it without its ending."""
    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder. Give a folder, or a list of samples.")
    found: dict[str, Path] = {}
    for path in _files(folder):
        name = path.relative_to(folder).with_suffix("").as_posix()
        if name in found:
            raise ScoreError(
                f"{found[name]} and {path} differ by their ending only: samples are matched "
                "without it. Move one away, or give a list."
            )
        found[name] = path
    return found


def _files(folder: Path) -> Iterator[Path]:
    """Images and videos under a folder, behind links too, each folder once."""
    seen = set()
    for place, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        folders[:] = [] if real in seen else sorted(f for f in folders if not f.startswith("."))
        for name in sorted(names) if real not in seen else ():
            if Path(name).suffix.lower() in IMAGES | VIDEOS and not name.startswith("."):
                yield Path(place, name)
        seen.add(real)
