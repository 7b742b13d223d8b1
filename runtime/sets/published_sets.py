"""The samples of a published test set, from its own folders and what methods made for it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from framegauge.runtime.errors import ScoreError, UsageError
from framegauge.runtime.printable import printable
from framegauge.runtime.sets.folder_matching import files_under, match_folders
from framegauge.runtime.sets.protocols import find_protocol
from framegauge.runtime.sets.published_layouts import LAYOUTS, Scene
from framegauge.runtime.sets.samples import (
    OnMissing,
    Sample,
    Samples,
    samples_of,
    some,
)
from framegauge.runtime.sources.images import IMAGES


def match_published(
    protocol: str,
    reference: str | os.PathLike[str],
    distorted: Mapping[str, str | os.PathLike[str]],
    *,
    on_missing: OnMissing = "error",
    group_folders: int | None = None,
) -> Samples:
    """The set of a protocol from its published folder, and a folder of each method's frames.

    The frame that is judged is the protocol's affair: a method's folder need hold that one alone.
    Folders laid out otherwise are matched by name, as :func:`match_folders` does.

    Args:
        protocol: Its name.
        reference: The published folder; of SNU-FILM one of its lists too.
        distorted: Folder of each method, by its name.
        on_missing: What to do about frames that are not there: ``error``, or ``skip`` to leave
            their sample out for every method.
        group_folders: As for :func:`match_folders`, the protocol's if ``None``.

    Raises:
        UsageError: One is no folder.
        ScoreError: Frames are missing, or there several times; or a folder cannot be read.
    """
    asked = find_protocol(protocol)
    where = Path(reference)
    scenes = LAYOUTS[protocol](where)
    if not scenes:
        depth = asked.group_folders if group_folders is None else group_folders
        return match_folders(reference, distorted, on_missing=on_missing, group_folders=depth)
    rows: list[Sample] = []
    left_out: dict[str, str] = {}
    made = {method: _Frames(Path(folder)) for method, folder in distorted.items()}
    for scene in scenes:
        found = {method: frames.of(scene) for method, frames in made.items()}
        missing = [method for method, path in found.items() if path is None]
        missing += [] if scene.reference.is_file() else [f"reference, {scene.reference}"]
        if missing:
            left_out[scene.name] = f"missing: {', '.join(missing)}"
            continue
        further = {
            role: str(path)
            for role, path in scene.further.items()
            if path.is_file() and (role != "mask" or asked.masked)
        }
        rows.append(
            Sample(
                name=printable(scene.name),
                group=scene.group,
                reference=scene.reference,
                distorted={method: path for method, path in found.items() if path is not None},
                further=further,
            )
        )
    if left_out and on_missing == "error":
        raise ScoreError(
            f"{len(left_out)} of the {len(scenes)} frames that {protocol} judges are missing: "
            f"{some([f'{name} ({why})' for name, why in left_out.items()], '; ')}. A method's "
            f"frame is looked for in its folder as {_called(scenes[0])}. Make those missing, or "
            "leave their samples out with --on-missing skip."
        )
    notes = [
        f"images of {method} that are no frame judged, and were not looked at: {some(others)}"
        for method, frames in made.items()
        if (others := list(frames.others()))
    ]
    inputs = {
        "reference": str(reference),
        "distorted": {method: str(folder) for method, folder in distorted.items()},
        "layout": protocol,
    }
    return samples_of(rows, list(distorted), left_out, inputs, notes)


class _Frames:
    """The images in a method's folder, by what their paths say."""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise UsageError(f"{folder} is no folder. Give a folder, or a list of samples.")
        self._paths: dict[str, list[Path]] = {}
        self._taken: set[str] = set()
        self._folder = folder
        for path in files_under(folder):
            if path.suffix.lower() in IMAGES:
                name = path.relative_to(folder).with_suffix("").as_posix()
                self._paths.setdefault(_key(name), []).append(path)

    def of(self, scene: Scene) -> Path | None:
        """A scene's frame, ``None`` if there is none.

        Raises:
            ScoreError: There are several.
        """
        keys = {_key(name) for name in scene.called} & self._paths.keys()
        paths = [path for key in sorted(keys) for path in self._paths[key]]
        self._taken |= keys
        if len(paths) > 1:
            # DVF's own frames lie beside the references.
            paths = [path for path in paths if path.resolve() != scene.reference.resolve()]
        if len(paths) > 1:
            raise ScoreError(
                f"{' and '.join(map(str, paths[:2]))} are both called as the frame of {scene.name} "
                "may be. Move one away, or give a list."
            )
        return paths[0] if paths else None

    def others(self) -> Iterator[str]:
        """Images that were no scene's, by their path in the folder."""
        for key, paths in self._paths.items():
            if key not in self._taken:
                yield from (printable(str(path.relative_to(self._folder))) for path in paths)


def _key(name: str) -> str:
    """A path without what parts are joined by."""
    return re.sub(r"[/_-]+", "_", name)


def _called(scene: Scene) -> str:
    """Such as ``00001/0001/im2.png, 00001/0001.png or 00001_0001.png``."""
    first = [f"{name}.png" for name in scene.called[:2]]
    flat = [f"{name.replace('/', '_')}.png" for name in scene.called[:2] if "/" in name]
    *most, last = dict.fromkeys([*first, *flat])
    return f"{', '.join(most)} or {last}" if most else last
