"""What a sample gives beside its two frames: neighbouring frames, flows, masks, a time."""

from __future__ import annotations

import math
import os
from collections.abc import Container, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from framegauge.export.contract.formats import Format
from framegauge.export.contract.plain_numbers import real_number
from framegauge.export.contract.roles import FRAME_ROLES, NEIGHBOURS, PAIR
from framegauge.runtime.errors import ScoreError, UsageError
from framegauge.runtime.pairing.alignment import Alignment
from framegauge.runtime.pairing.case import Case
from framegauge.runtime.pairing.flow_validity import known_together, maskable
from framegauge.runtime.scoring.scorer import Scorer
from framegauge.runtime.sets.samples import Sample, Samples
from framegauge.runtime.sets.treatment import Treatment, treated
from framegauge.runtime.sources.conversion import ConversionPolicy, completed
from framegauge.runtime.sources.facts import Facts
from framegauge.runtime.sources.flow_files import read_flow
from framegauge.runtime.sources.planes import Planes
from framegauge.runtime.sources.source import open_source

OWN = frozenset((*NEIGHBOURS, "frame_rate"))
"""What a sample of two videos gives by itself."""

Further = Mapping[str, Planes | NDArray[np.float32]]
"""By role, planes of a frame, a flow ``(2, H, W)``, a mask ``(1, H, W)`` or a time ``()``."""


@dataclass(frozen=True)
class Columns:
    """What the list of a set can give models, for ``pick``.

    Attributes:
        roles: Further inputs that every sample names.
        methods: Names of the methods.
    """

    roles: frozenset[str]
    methods: tuple[str, ...]

    @classmethod
    def of(cls, samples: Samples) -> Columns:
        """What every sample of a set gives."""
        roles = set.intersection(*(set(sample.further) for sample in samples.rows))
        if any(role.startswith("flow") for role in roles):
            roles.add("mask")
        return cls(frozenset(roles), samples.methods)

    def lacking(self, inputs: Sequence[str], /) -> tuple[str, ...]:
        """Those of an entry's inputs that some sample does not name."""
        return tuple(role for role in inputs if role not in self.roles.union(PAIR, OWN))

    def refuse(self, name: str, inputs: Sequence[str], /) -> None:
        """Refuse an entry that lacks inputs, or could not tell methods apart.

        Raises:
            UsageError: The columns that are missing are named.
        """
        lacking = self.lacking(inputs)
        if lacking:
            raise UsageError(
                f"{name} needs {', '.join(lacking)}, which the set does not give. Give a list "
                f"with the {'columns' if len(lacking) > 1 else 'column'} {', '.join(lacking)}, "
                "filled in every row."
            )
        if len(self.methods) > 1 and "distorted" not in inputs:
            raise UsageError(
                f"{name} looks at {', '.join(inputs)}, which are the same for every method. Score "
                "one method at a time, with its own list."
            )


def further_inputs(
    scorer: Scorer,
    sample: Sample,
    policy: ConversionPolicy,
    reference: Facts,
    size: tuple[int, int],
) -> tuple[Further, dict[str, Treatment]]:
    """What the models take beside the pair, read from the files that a sample names.

    A mask that is wanted is where the flows are known, and within the mask that is named if one is.

    Args:
        scorer: The models.
        sample: What names the files.
        policy: What may be done to neighbouring frames that differ from the reference.
        reference: What the reference is.
        size: Width and height that is scored.

    Returns:
        The values by role, and what was done to neighbouring frames or assumed of them, and how
        many pixels of a flow are not known.

    Raises:
        UsageError: The sample does not name all that the models take.
        ScoreError: A file cannot be read, has another size, or a flow is not known everywhere
            and something that is scored looks there, or not known anywhere.
    """
    leaving_out = maskable(scorer.outputs, scorer.roles)
    further: dict[str, Planes | NDArray[np.float32]] = {}
    done: dict[str, Treatment] = {}
    known = {"mask": np.ones((1, size[1], size[0]), np.float32)}
    for role in scorer.roles:
        if role in PAIR or role == "mask":
            continue
        if role not in sample.further:
            raise UsageError(
                f"The model needs {role}, which sample {sample.name} does not name. Give a list "
                f"with a column {role}."
            )
        where = sample.further[role]
        if role in FRAME_ROLES:
            further[role], treatment = _neighbour(scorer, where, policy, reference)
            done |= {role: treatment} if treatment else {}
        elif role == "time":
            further[role] = np.array(_time(sample), np.float32)
        elif role.startswith("flow"):
            further[role], valid = _flow(where, size, may_lack=role in leaving_out)
            unknown = int(np.sum(valid == 0))
            done |= {role: {"unknown_pixels": unknown}} if unknown else {}
            known[role] = valid
        else:
            raise UsageError(f"The model needs {role}, which no file gives. Use Scorer in Python.")
    if "mask" in scorer.roles:
        if "mask" in sample.further:
            known["mask"] = read_mask(sample.further["mask"], size)[None].astype(np.float32)
        further["mask"] = known_together(known)
    return further, done


@dataclass(frozen=True)
class SampleCases:
    """The frames of a sample, each with what the models take beside the pair.

    Attributes:
        further: That, which is of one moment; empty if they take the pair alone.
    """

    further: Further
    holds_frames: ClassVar[bool] = False

    def expected(
        self, alignment: Alignment, reference: int | None, distorted: int | None
    ) -> int | None:
        """Cases that clips of these declared lengths have, ``None`` if one is not known."""
        return alignment.expected(reference, distorted)

    def samples(
        self,
        alignment: Alignment,
        reference: Iterator[Planes],
        distorted: Iterator[Planes],
        *,
        form: Format,
        frame_rate: Fraction | None = None,
        copied: Container[str] = (),
    ) -> Generator[Case, None, None]:
        """Every frame judged, in order; only one where there is more than the pair.

        Args:
            alignment: Which frames are compared.
            reference: The reference's frames.
            distorted: The distorted clip's frames.
            form: Their pixel format.
            frame_rate: Of no concern: nothing here depends on it.
            copied: As for :meth:`~framegauge.runtime.pairing.alignment.Alignment.pairs`.

        Raises:
            ScoreError: There is more than one pair, and further inputs of one moment.
        """
        pairs = alignment.pairs(reference, distorted, copied=copied)
        if not self.further:
            yield from (Case(*pair) for pair in pairs)
            return
        yield Case(*next(pairs), self.further)
        others = sum(1 for _ in pairs)
        if others:
            raise ScoreError(
                f"{', '.join(self.further)} are of one moment, and the sample has {1 + others} "
                "frames. Give images, or score the video by itself with `framegauge score`."
            )


def read_mask(path: str | os.PathLike[str], size: tuple[int, int]) -> NDArray[np.bool_]:
    """A mask, ``(H, W)``, from an image that is black where nothing counts and white where it does.

    Args:
        path: The image.
        size: Width and height that it must have.

    Raises:
        ScoreError: The file cannot be read, has another size, or grey pixels.
    """
    with open_source(path) as source:
        _check_size(path, source.facts.size, size)
        (plane,) = _only(path, source.frames(format="gray8", range="full"))
    grey = plane[(plane > 0) & (plane < 255)]
    if grey.size:
        raise ScoreError(
            f"The mask {path} has code values such as {int(grey[0])}: 0 and 255 were wanted. "
            "Threshold it."
        )
    white: NDArray[np.bool_] = plane > 0
    return white


def _flow(
    path: str, size: tuple[int, int], *, may_lack: bool
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """A flow, and where it is known."""
    flow, valid = read_flow(path)
    _check_size(path, (flow.shape[2], flow.shape[1]), size)
    if not (may_lack or valid.all()):
        raise ScoreError(
            f"The flow {path} is not known at {int(np.sum(valid == 0))} pixels, and something "
            "that is scored looks at all of them. Score only what takes a mask then, such as "
            "epe[masked=true]."
        )
    return flow, valid


def _neighbour(
    scorer: Scorer, path: str, policy: ConversionPolicy, reference: Facts
) -> tuple[Planes, Treatment]:
    """A frame, and what was done to it."""
    with open_source(path) as source:
        source.facts = completed(source.facts, reference)
        facts = {"reference": reference, "distorted": source.facts}
        renditions = policy.renditions(facts, scorer.form.name, reads_rgb=scorer.reads_rgb)
        rendition = renditions["distorted"]
        return _only(path, rendition.frames(source)), treated(rendition, source.facts)


def _only(path: str | os.PathLike[str], frames: Generator[Planes, None, None]) -> Planes:
    with closing(frames):
        first = next(frames)
        if next(frames, None) is not None:
            raise ScoreError(f"{path} has several frames: one was wanted. Give an image.")
    return first


def _time(sample: Sample) -> float:
    written = sample.further["time"]
    try:
        time = float(np.float32(real_number(written)))
    except ValueError:
        time = math.nan
    if not 0 < time < 1:
        raise UsageError(
            f"Sample {sample.name} has the time {written!r}: a number between 0, the frame before, "
            "and 1, the frame after, was wanted, such as 0.5."
        )
    return time


def _check_size(
    path: str | os.PathLike[str], got: tuple[int, int], wanted: tuple[int, int]
) -> None:
    if got != wanted:
        raise ScoreError(
            f"{path} is {got[0]}x{got[1]}, and the frames are {wanted[0]}x{wanted[1]}. Give it at "
            "their size."
        )
