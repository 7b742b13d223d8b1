"""The folders and lists of test sets as their authors publish them, and the frames judged there.

Each layout looks at a folder, and gives its scenes, or none if the folder is laid out otherwise.
Lists are taken as they are: what they name is a scene, whether its files are there or not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from framegauge.runtime.errors import ScoreError, UsageError


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One frame of a published set that is judged.

    Attributes:
        name: What it is called, unique in its set.
        reference: The frame as it was filmed.
        called: Paths, without endings, that a method's frame may have in its folder, the most
            usual first. Folders may be written into the file's name: ``a/b`` is ``a_b`` too.
        group: What it belongs to, ``None`` for nothing.
        further: Files beside it by their role: the frames around it, or a mask. Not all need be
            there.
    """

    name: str
    reference: Path
    called: tuple[str, ...]
    group: str | None = None
    further: Mapping[str, Path] = field(default_factory=dict)


Layout = Callable[[Path], list[Scene]]


def vimeo_triplets(where: Path) -> list[Scene]:
    """Vimeo-90K: ``sequences/00001/0001/im1.png im2.png im3.png``, and ``tri_testlist.txt``.

    The test set by itself too, ``target/00001/0001/im2.png``; and without the list all there are.

    Raises:
        UsageError: There are septuplets instead.
    """
    found = _vimeo(where, "tri_testlist.txt", judged=2, inputs=(1, 3))
    if any(scene.reference.with_name("im4.png").exists() for scene in found[:1]):
        raise UsageError(
            f"{where} has sequences of seven frames, and the protocol judges the middle one of "
            "three. Give Vimeo-90K's triplets, or --protocol vimeo90k-septuplet."
        )
    return found


def vimeo_septuplets(where: Path) -> list[Scene]:
    """Vimeo-90K: ``sequences/00001/0001/im1.png`` to ``im7.png``, and ``sep_testlist.txt``."""
    return _vimeo(where, "sep_testlist.txt", judged=4, inputs=(3, 5))


def ucf101(where: Path) -> list[Scene]:
    """UCF101 as DVF has it: ``1/frame_00.png frame_01_gt.png frame_02.png``.

    Masks lie beside its folder, ``motion_masks_ucf101_interp/1/motion_mask.png``.
    """
    root = _first(where, ("", "ucf101_interp_ours"), "*/frame_01_gt.png")
    scenes = []
    for folder in _folders(root, "*/frame_01_gt.png"):
        masks = [
            each / "motion_masks_ucf101_interp" / folder.name / "motion_mask.png"
            for each in (root, root.parent)
        ]
        further = {"previous": folder / "frame_00.png", "next": folder / "frame_02.png"}
        further |= dict([("mask", mask) for mask in masks if mask.is_file()][:1])
        name = folder.name
        called = (name, *(f"{name}/frame_01{tail}" for tail in ("", "_gt", "_ours")))
        scenes.append(
            Scene(name=name, reference=folder / "frame_01_gt.png", called=called, further=further)
        )
    return scenes


def snu_film(where: Path) -> list[Scene]:
    """SNU-FILM: ``test-easy.txt`` and others, of lines of three paths, of which the second counts.

    ``where`` may be one of the lists. The paths begin with the folder that their authors had them
    in: leading parts that are not here are left out.

    Raises:
        ScoreError: A list cannot be read, or has a line of something else.
    """
    lists = [where]
    if not where.is_file():
        lists = [
            path
            for level in ("easy", "medium", "hard", "extreme")
            for folder in (where, where / "eval_modes")
            if (path := folder / f"test-{level}.txt").is_file()
        ]
    scenes = []
    for path in lists:
        level = path.stem.removeprefix("test-")
        for number, line in enumerate(_lines(path), 1):
            paths = line.split()
            if len(paths) != 3:
                raise ScoreError(
                    f"{path}, line {number}: three paths were wanted, of the frame before, the one "
                    f"that is judged and the one after; got {line[:80]!r}."
                )
            before, judged, after = (_here(path.parent, each) for each in paths)
            clip = Path(*Path(paths[1]).parts[-3:]).with_suffix("").as_posix()
            short = "/".join(clip.split("/")[-2:])
            called = (f"{level}/{clip}", f"{level}/{short}")
            scenes.append(
                Scene(
                    name=f"{level}/{clip}",
                    reference=judged,
                    # The levels judge the same frames, made from others.
                    called=called if len(lists) > 1 else (*called, clip, short),
                    group=level,
                    further={"previous": before, "next": after},
                )
            )
    return scenes


def x_test(where: Path) -> list[Scene]:
    """X4K1000FPS's X-TEST: ``Type1/TEST01_003_f0433/0000.png`` to ``0032.png``, every fourth."""
    root = _first(where, ("", "test"), "Type*/*/0000.png")
    scenes = []
    for folder in _folders(root, "Type*/*/0000.png"):
        for number in range(4, 32, 4):
            short = f"{folder.name}/{number:04}"
            kind = folder.parent.name
            scenes.append(
                Scene(
                    name=f"{kind}/{short}",
                    reference=folder / f"{number:04}.png",
                    called=(f"{kind}/{short}", short),
                    group=kind,
                    further={"previous": folder / "0000.png", "next": folder / "0032.png"},
                )
            )
    return scenes


def xiph(where: Path) -> list[Scene]:
    """Xiph as softmax splatting cuts it: ``Tango-001.png`` to ``Tango-100.png``, every second."""
    root = _first(where, ("", "netflix", "frames"), "*-001.png")
    scenes = []
    for first in sorted(root.glob("*-001.png")):
        clip = first.stem.removesuffix("-001")
        for number in range(2, 99, 2):
            before, judged, after = (root / f"{clip}-{number + n:03}.png" for n in (-1, 0, 1))
            scenes.append(
                Scene(
                    name=judged.stem,
                    reference=judged,
                    called=(judged.stem, f"{clip}/{number:03}"),
                    further={"previous": before, "next": after},
                )
            )
    return scenes


def middlebury(where: Path) -> list[Scene]:
    """Middlebury: ``other-gt-interp/NAME/frame10i11.png``, ``other-data/NAME/frame10.png``."""
    root = _first(where, ("other-gt-interp", ""), "*/frame10i11.png")
    scenes = []
    for folder in _folders(root, "*/frame10i11.png"):
        inputs = root.parent / "other-data" / folder.name
        scenes.append(
            Scene(
                name=folder.name,
                reference=folder / "frame10i11.png",
                called=(folder.name, f"{folder.name}/frame10i11"),
                further={"previous": inputs / "frame10.png", "next": inputs / "frame11.png"},
            )
        )
    return scenes


LAYOUTS: Mapping[str, Layout] = {
    "vimeo90k": vimeo_triplets,
    "vimeo90k-septuplet": vimeo_septuplets,
    "ucf101": ucf101,
    "ucf101-masked": ucf101,
    "snu-film": snu_film,
    "xtest-4k": x_test,
    "xtest-2k": x_test,
    "xiph-2k": xiph,
    "xiph-4k": xiph,
    "middlebury": middlebury,
}
"""What reads the published folder of each protocol's test set."""


def _vimeo(where: Path, listed: str, *, judged: int, inputs: tuple[int, int]) -> list[Scene]:
    frame = f"im{judged}.png"
    lists = [path for folder in (where, where.parent) if (path := folder / listed).is_file()]
    root = _first(where, ("sequences", "target", ""), f"*/*/{frame}")
    names = [line for path in lists[:1] for line in _lines(path)]
    if not lists:
        names = [folder.relative_to(root).as_posix() for folder in _folders(root, f"*/*/{frame}")]
    scenes = []
    for name in names:
        folder = root / name
        before, after = (folder / f"im{number}.png" for number in inputs)
        scenes.append(
            Scene(
                name=name,
                reference=folder / frame,
                called=(f"{name}/im{judged}", name, f"sequences/{name}/im{judged}"),
                further={"previous": before, "next": after},
            )
        )
    return scenes


def _first(where: Path, folders: tuple[str, ...], pattern: str) -> Path:
    """The first of some folders in which there is what a pattern asks for, else the last."""
    places = [where / each for each in folders]
    return next((place for place in places if any(place.glob(pattern))), places[-1])


def _folders(root: Path, pattern: str) -> Iterator[Path]:
    """Folders with the file that a pattern asks for, those that are numbered by their number."""
    found = [path.parent for path in root.glob(pattern)]
    yield from sorted(found, key=lambda folder: _natural(folder.relative_to(root).as_posix()))


def _natural(name: str) -> list[tuple[int, str]]:
    parts = re.split(r"(\d+)", name)
    return [(int(part) if part.isdecimal() else -1, part) for part in parts]


def _here(folder: Path, written: str) -> Path:
    """A path of a list, from the first of its parts on that is here."""
    parts = Path(written).parts
    bases = [folder, folder.parent, folder / "test", folder.parent / "test"]
    tried = [base.joinpath(*parts[start:]) for start in range(len(parts)) for base in bases]
    return next((path for path in tried if path.is_file()), tried[0])


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ScoreError(f"The list {path} cannot be read: {error}.") from error
    return [line.strip() for line in text.splitlines() if line.strip()]
