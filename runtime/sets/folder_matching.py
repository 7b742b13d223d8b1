"""The samples of a set, from folders whose files are matched by name."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from framegauge.runtime.errors import ScoreError, UsageError
from framegauge.runtime.printable import printable
from framegauge.runtime.sets.samples import (
    OnMissing,
    Sample,
    Samples,
    samples_of,
    some,
)
from framegauge.runtime.sources.images import IMAGES

VIDEOS = frozenset(
    [
        ".264",
        ".265",
        ".266",
        ".3g2",
        ".3gp",
        ".asf",
        ".avi",
        ".divx",
        ".dv",
        ".f4v",
        ".flv",
        ".h264",
        ".h265",
        ".hevc",
        ".ivf",
        ".m1v",
        ".m2t",
        ".m2ts",
        ".m2v",
        ".m4v",
        ".mjpeg",
        ".mjpg",
        ".mkv",
        ".mov",
        ".mp4",
        ".mpeg",
        ".mpg",
        ".mts",
        ".mxf",
        ".nut",
        ".obu",
        ".ogv",
        ".qt",
        ".ts",
        ".vob",
        ".webm",
        ".wmv",
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

    The ending does not count: ``a/1.png`` is matched with ``a/1.jpg``. Files with other endings
    are passed over and counted; what begins with a dot is not there.

    Args:
        reference: Folder of the references.
        distorted: Folder of each method, by its name.
        on_missing: What to do about files without a partner: ``error``, or ``skip`` to leave
            their sample out for every method.
        group_folders: How many of the leading folders of a file's path name its group; files
            above have none.

    Raises:
        UsageError: One is no folder.
        ScoreError: Files have no partner, or several; or there are none; or a folder cannot be
            read.
    """
    others: Counter[str] = Counter()
    found = {
        role: _in_folder(Path(where), others)
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
    passed_over = dict(others.most_common())
    notes = [f"files with other endings that were not looked at: {_counted(passed_over)}"]
    inputs = {
        "reference": str(reference),
        "distorted": {method: str(where) for method, where in distorted.items()},
        "files_passed_over": passed_over,
    }
    return samples_of(rows, list(distorted), left_out, inputs, notes if passed_over else [])


def _in_folder(folder: Path, others: Counter[str]) -> dict[str, Path]:
    """Images and videos under a folder, by their path in it without its ending.

    Other files are counted by their endings.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder. Give a folder, or a list of samples.")
    found: dict[str, Path] = {}
    for path in files_under(folder):
        ending = path.suffix.lower()
        if ending not in IMAGES | VIDEOS:
            others[printable(ending)] += 1
            continue
        name = printable(path.relative_to(folder).with_suffix("").as_posix())
        if name in found:
            raise ScoreError(
                f"{found[name]} and {path} differ by their ending only: samples are matched "
                "without it. Move one away, or give a list."
            )
        found[name] = path
    return found


def files_under(folder: Path, above: tuple[str, ...] = ()) -> Iterator[Path]:
    """Files under a folder, behind links too, but for those that lead back to where they are."""
    real = os.path.realpath(folder)
    if real in above:
        return
    try:
        with os.scandir(folder) as found:
            entries = [(each.name, each.is_dir()) for each in found]
    except OSError as error:
        raise ScoreError(
            f"The folder {error.filename} cannot be read: {error.strerror}. Change its "
            "permissions, take it out, or give a list."
        ) from error
    for name, is_folder in sorted(entries):
        if name.startswith("."):
            continue
        if is_folder:
            yield from files_under(folder / name, (*above, real))
        else:
            yield folder / name


def _counted(endings: Mapping[str, int]) -> str:
    """Such as ``3 .txt, 1 without``."""
    return some(f"{count} {ending or 'without'}" for ending, count in endings.items())
