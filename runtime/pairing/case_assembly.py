"""What a model is given for each frame judged: frames, their neighbours, flows, masks and time."""

from __future__ import annotations

from collections.abc import Container, Generator, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framegauge.export.contract.formats import Format
from framegauge.export.contract.interface import Output
from framegauge.export.contract.roles import FRAME_ROLES, NEIGHBOURS, PAIR
from framegauge.runtime.errors import ScoreError
from framegauge.runtime.pairing.alignment import Alignment
from framegauge.runtime.pairing.case import Case
from framegauge.runtime.pairing.extra_inputs import ESTIMATED, ExtraInputs
from framegauge.runtime.pairing.flow_validity import known_together, maskable
from framegauge.runtime.pairing.neighbours import Neighbourhood, Surroundings
from framegauge.runtime.sources.flow_estimator import luma8
from framegauge.runtime.sources.flow_files import Array
from framegauge.runtime.sources.planes import Planes


class Cases:
    """The frames judged, each with everything that some models take.

    Attributes:
        left_out: Frames seen that were not judged for want of neighbours, once all samples were
            taken.
    """

    def __init__(
        self, given: ExtraInputs, *, roles: Sequence[str], outputs: Sequence[Output]
    ) -> None:
        """Settle what the models are given.

        Args:
            given: What there is.
            roles: What the models take.
            outputs: What they give.

        Raises:
            UsageError: Something cannot be given, or was given and nothing takes it.
        """
        entries: dict[str, dict[str, None]] = {}
        for output in outputs:
            entries.setdefault(output.entry, {}).update(dict.fromkeys(output.inputs))
        for entry, inputs in entries.items():
            given.refuse(entry, tuple(inputs))
        given.check(roles)
        self.left_out = 0
        self._given = given
        self._roles = tuple(roles)
        self._outputs = tuple(outputs)
        self._maskable = maskable(outputs, roles)
        needed = {end for role in given.estimated(roles) for end in ESTIMATED[role]}
        self._strict = needed.union(
            *(each.inputs for each in outputs if each.ends == "not_judged")
        ).intersection(NEIGHBOURS)
        around = [away for role, (_, away) in NEIGHBOURS.items() if role in needed.union(roles)]
        self._around = Surroundings(
            before=max(0, *(-away for away in around), 0),
            after=max(0, *around, 0),
            factor=given.factor,
        )
        self._kept: dict[str, tuple[tuple[int, int], Array]] = {}

    @property
    def holds_frames(self) -> bool:
        """Frames are held while the next are taken: the neighbours of those that are judged."""
        return self._around.holds_frames

    def alignment(self) -> dict[str, Any]:
        """What the report's alignment says of frames left out; nothing where none can be."""
        return {"left_out": self.left_out} if self._given.factor or self._strict else {}

    def left_out_in_words(self) -> str:
        """What was not judged, for people."""
        count = "1 frame" if self.left_out == 1 else f"{self.left_out} frames"
        be = "is" if self.left_out == 1 else "are"
        why = "without the frame before or after"
        if self._given.factor:
            why = f"after the last input, or {why}," if self._strict else "after the last input"
        return f"{count} {why} {be} not judged"

    def to_json(self) -> dict[str, dict[str, Any]]:
        """Where each flow came from, by role, as the report has it."""
        return self._given.to_json(self._roles)

    def expected(
        self, alignment: Alignment, reference: int | None, distorted: int | None
    ) -> int | None:
        """Samples that videos of these declared lengths have, ``None`` if one is not known."""
        pairs = alignment.expected(reference, distorted)
        if pairs is None or not self._strict or self._given.factor:
            return pairs
        every = replace(alignment, count=None, subsample=1, on_length_mismatch="shortest")
        seen = every.expected(reference, distorted)
        if seen is None:
            return None
        # Places among the frames compared, of which the first is the first of the clip.
        start = self._place(alignment, alignment.first)
        away = [NEIGHBOURS[role][1] for role in self._strict]
        first, last = -min(0, *away, 0), start + seen - 1 - max(0, *away, 0)
        places = range(start, start + seen, alignment.subsample)
        return alignment.kept(sum(first <= place <= last for place in places))

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
        """Every frame judged with what the models take, in order.

        Args:
            alignment: Which frames are compared.
            reference: The reference's frames.
            distorted: The distorted video's frames.
            form: Their pixel format.
            frame_rate: Of the frames compared, ``None`` if it is not known.
            copied: As for :meth:`~framegauge.runtime.pairing.alignment.Alignment.pairs`.

        Raises:
            ScoreError: The videos do not go together, nothing is to be judged, or a flow is
                missing, damaged or does not fit.
        """
        seen = self.left_out = 0
        for neighbourhood in self._around.neighbourhoods(
            self._wider(alignment).pairs(reference, distorted, copied=copied)
        ):
            place = (neighbourhood.number - alignment.first) // alignment.reference_step
            if place < 0 or place % alignment.subsample:
                continue
            if neighbourhood.lacking & self._strict:
                self.left_out += 1
                continue
            yield self._case(neighbourhood, form, frame_rate)
            seen += 1
            if seen == alignment.count:
                break
        else:
            self.left_out += self._around.left_out
        if not seen:
            raise ScoreError(f"There is no frame to judge: {self._why_none()}")
        alignment.kept(seen)

    def _why_none(self) -> str:
        factor = self._given.factor
        if factor is None or (self.left_out and self._strict):
            return "each needs the frame before or after it. Give longer videos."
        return (
            f"none lies between two inputs, which are every {factor} frames from the first. "
            "Change --factor, --start or --offset."
        )

    def _wider(self, alignment: Alignment) -> Alignment:
        """The alignment with every frame that something judged needs."""
        if not self._around.holds_frames:
            return alignment
        first = alignment.first_input if self._given.factor else alignment.first
        start = max(0, first - alignment.reference_step * self._around.before)
        if self._given.factor:
            # From an input on, so that the one before the first frame judged is among them.
            start = start // self._given.factor * self._given.factor
        return replace(alignment, start=start, count=None, subsample=1)

    @staticmethod
    def _place(alignment: Alignment, number: int) -> int:
        """Frames that could be compared before one, whatever was asked for."""
        first = replace(alignment, start=0).first
        return (number - first) // alignment.reference_step

    def _case(
        self, neighbourhood: Neighbourhood, form: Format, frame_rate: Fraction | None
    ) -> Case:
        lacking = neighbourhood.lacking
        return Case(
            neighbourhood.number,
            neighbourhood.frames["reference"],
            neighbourhood.frames["distorted"],
            self._further(neighbourhood, form, frame_rate),
            frozenset(
                each.name
                for each in self._outputs
                if each.ends == "zero" and lacking.intersection(each.inputs)
            )
            if lacking
            else frozenset(),
        )

    def _further(
        self, neighbourhood: Neighbourhood, form: Format, frame_rate: Fraction | None
    ) -> dict[str, Planes | NDArray[np.float32]]:
        """Everything but the two frames, by role."""
        further: dict[str, Planes | NDArray[np.float32]] = {}
        known: dict[str, Array] = {}
        for role in self._roles:
            if role in PAIR:
                continue
            if role in FRAME_ROLES:
                further[role] = neighbourhood.frames[role]
            elif role == "time":
                further[role] = np.array(neighbourhood.time, np.float32)
            elif role == "frame_rate":
                further[role] = np.array(_known_rate(frame_rate), np.float32)
            elif role in self._given.files:
                further[role], known[role] = self._read(role, neighbourhood, form)
            elif role in self._given.estimated([role]):
                flow = further[role] = self._estimated(role, neighbourhood, form)
                known[role] = np.ones((1, *flow.shape[1:]), np.float32)
        if "mask" in self._roles:
            further["mask"] = known_together(known, where=f" of frame {neighbourhood.number}")
        return further

    def _read(self, role: str, neighbourhood: Neighbourhood, form: Format) -> tuple[Array, Array]:
        """A flow from its file, and where it is known."""
        height, width = form.size(neighbourhood.frames["reference"][0].shape)
        flow, valid = self._given.files[role].read(neighbourhood.number, width=width, height=height)
        unknown = int(valid.size - np.count_nonzero(valid))
        if unknown and role not in self._maskable:
            raise ScoreError(
                f"The {role} of frame {neighbourhood.number} is not known at {unknown} pixels, and "
                "something that is scored looks at all of them. Score only what takes a mask "
                "then, such as epe[masked=true]."
            )
        return flow, valid

    def _estimated(self, role: str, neighbourhood: Neighbourhood, form: Format) -> Array:
        """The flow, kept for as long as the frames it is between stay the same."""
        ends = ESTIMATED[role]
        span = neighbourhood.span if ends in (("previous", "next"), ("next", "previous")) else None
        if span is not None and role in self._kept and self._kept[role][0] == span:
            return self._kept[role][1]
        start, end = (luma8(neighbourhood.frames[name], form) for name in ends)
        flow = self._given.estimate(start, end)
        if span is not None:
            self._kept[role] = span, flow
        return flow


def _known_rate(frame_rate: Fraction | None) -> float:
    if frame_rate is None:
        raise ScoreError(
            "Something that is scored depends on the frame rate, and the reference does not say "
            "its own. Give it with --frame-rate."
        )
    return float(frame_rate)
