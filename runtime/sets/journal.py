"""A file that keeps the scores of a set as they come, so that a run can go on where it stopped."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from framegauge.export.contract.bounded_file import MOST_DATA, read_bounded
from framegauge.export.contract.formats import FORMATS
from framegauge.export.contract.json_form import made, parsed
from framegauge.runtime.atomic_files import write_text
from framegauge.runtime.errors import ScoreError, UsageError
from framegauge.runtime.sets.file_stamps import Stamps
from framegauge.runtime.sets.sample_scores import SampleScore
from framegauge.runtime.sets.samples import Sample


@dataclass(frozen=True, kw_only=True)
class KeptScore:
    """A :class:`SampleScore` as a line has it: null where a number is not finite."""

    format: str
    size: tuple[int, int]
    frames: dict[str, tuple[float | None, ...]]
    moments: dict[str, float | None]
    inputs: dict[str, Any]
    left_out: str | None
    error: str | None

    def __post_init__(self) -> None:
        """Check that it can be a score.

        Raises:
            ValueError: It cannot.
        """
        counts = {len(each) for each in self.frames.values()}
        is_scored = self.left_out is None
        if (
            self.format not in FORMATS
            or self.error is not None
            or not all(side > 0 for side in self.size)
            or (is_scored and (len(counts) != 1 or 0 in counts))
        ):
            raise ValueError("a kept score has a format, a size, and frames of one number")

    @property
    def score(self) -> SampleScore:
        """The score."""
        # Where there is none, NumPy reads NaN.
        frames = {label: np.array(each, np.float64) for label, each in self.frames.items()}
        moments = {name: math.nan if each is None else each for name, each in self.moments.items()}
        return SampleScore(
            format=self.format,
            size=self.size,
            frames=frames,
            moments=moments,
            inputs=self.inputs,
            left_out=self.left_out,
            error=self.error,
        )


@dataclass(frozen=True, kw_only=True)
class KeptLine:
    """One line of a journal.

    Attributes:
        name: Of the sample.
        method: Whose score it is.
        files: The sample's files as they were before they were read.
        sha256: Of the models that scored it.
        score: What came of it.
    """

    name: str
    method: str
    files: dict[str, Any]
    sha256: tuple[str, ...]
    score: KeptScore


class Journal:
    """Scores by sample and method, a line of JSON each, behind a line that says how they were made.

    A score is used again only if its files are as they were, by their :func:`stamps`, and its
    models are the same. What failed is not kept, and is tried again; what an earlier release kept
    without the scores of frames is scored again.
    """

    def __init__(self, path: str | os.PathLike[str], settings: Mapping[str, Any]) -> None:
        """Read what is kept, or begin.

        Args:
            path: The file.
            settings: All that scores depend on beside the samples' files and the models.

        Raises:
            UsageError: The file is of a run with other settings, or no journal.
            ScoreError: It cannot be read or written.
        """
        self._path = Path(path)
        self._kept: dict[tuple[str, str], KeptLine] = {}
        head = {"journal": "framegauge score-set", "version": version("framegauge")}
        wanted = json.loads(json.dumps({**head, "settings": settings}))
        try:
            self._read(wanted)
        except OSError as error:
            raise ScoreError(
                f"{self._path} cannot be read or written: {error.strerror}."
            ) from error

    def __len__(self) -> int:
        return len(self._kept)

    def score(
        self, sample: Sample, method: str, files: Stamps
    ) -> tuple[SampleScore, list[str]] | None:
        """What is kept for a sample, with the hashes of its models, if its files are these."""
        kept = self._kept.get((sample.name, method))
        if kept is None or kept.files != files:
            return None
        return kept.score.score, list(kept.sha256)

    def keep(
        self, sample: Sample, method: str, files: Stamps, score: SampleScore, sha256: list[str]
    ) -> None:
        """Add a score, at once on its way to the disk.

        Args:
            sample: What was scored.
            method: Whose.
            files: Its files as they were before they were read.
            score: What came of it.
            sha256: Hashes of the models.

        Raises:
            ScoreError: The disk is full or failed.
        """
        values = asdict(score)
        values["frames"] = {
            label: [_finite(value) for value in each.tolist()]
            for label, each in score.frames.items()
        }
        values["moments"] = {name: _finite(value) for name, value in score.moments.items()}
        line = {
            "name": sample.name,
            "method": method,
            "files": files,
            "sha256": sha256,
            "score": values,
        }
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line, allow_nan=False) + "\n")
        except OSError as error:
            raise ScoreError(f"{self._path} cannot be written: {error.strerror}.") from error

    def _read(self, wanted: dict[str, Any]) -> None:
        data = read_bounded(self._path, MOST_DATA) if self._path.exists() else b""
        head_line = json.dumps(wanted) + "\n"
        if head_line.encode().startswith(data):
            write_text(self._path, [head_line])
            return
        # A run that was killed may have left half a line, which the next one must not follow.
        whole = data[: data.rfind(b"\n") + 1]
        first, *lines = whole.split(b"\n")
        head = _head(first, wanted)
        if head is None:
            raise UsageError(
                f"{self._path} is no journal of score-set: --resume takes a file that it made, or "
                "a new one. Name another."
            )
        for line in lines:
            # What an earlier release wrote otherwise, or somebody changed, is scored again.
            with suppress(ValueError):
                kept = made(KeptLine, parsed(line.decode()))
                self._kept[kept.name, kept.method] = kept
        differing = [
            name
            for name in {**wanted["settings"], **head["settings"]}
            if wanted["settings"].get(name) != head["settings"].get(name)
        ]
        if head["version"] != wanted["version"]:
            differing.append("version")
        if differing:
            raise UsageError(
                f"{self._path} is of a run that differs in {', '.join(differing)}. Resume with "
                "what that run had, or begin another file."
            )
        if whole != data:
            os.truncate(self._path, len(whole))


def _head(line: bytes, wanted: dict[str, Any]) -> dict[str, Any] | None:
    """How the scores of a journal were made, ``None`` if it is none."""
    try:
        head = parsed(line.decode())
    except ValueError:
        return None
    is_ours = (
        isinstance(head, dict)
        and head.keys() == wanted.keys()
        and head["journal"] == wanted["journal"]
        and isinstance(head["settings"], dict)
    )
    return head if is_ours else None


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
