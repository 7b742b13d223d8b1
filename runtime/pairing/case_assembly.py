"""What a model is given for each frame judged: frames, their neighbours, flows, masks and time."""

from __future__ import annotations

from collections.abc import Container, Generator, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framegauge.export.contract.formats import Format
from framegauge.export.contract.interface import Output
from framegauge.runtime.errors import ScoreError
from framegauge.runtime.pairing.alignment import Alignment
from framegauge.runtime.pairing.case import Case
from framegauge.runtime.pairing.extra_inputs import (
    AFTER,
    BETWEEN,
    ESTIMATED,
    NEIGHBOURS,
    ExtraInputs,
    is_sequence,
)
from framegauge.runtime.pairing.flow_validity import known_together, looked_at, maskable
from framegauge.runtime.pairing.neighbours import BetweenInputs, InSequence, Neighbourhood
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
        entries = {output.entry: looked_at(output.entry, roles) for output in outputs}
        for entry, inputs in entries.items():
            given.refuse(entry, inputs)
        looking = [inputs for inputs in entries.values() if {*NEIGHBOURS} & set(inputs)]
        given.check(roles, sequence=bool(looking) and all(map(is_sequence, looking)))
        self.left_out = 0
        self._given = given
        self._roles = tuple(roles)
        self._maskable = maskable(outputs, roles)
        self._around: BetweenInputs | InSequence
        if given.factor is not None:
            self._around = BetweenInputs(given.factor)
        else:
            after = AFTER.keys() & set(given.estimated(roles))
            self._around = InSequence(before=bool(looking), after=bool(after))
        self._kept: dict[str, tuple[tuple[int, int], Array]] = {}

    @property
    def holds_frames(self) -> bool:
        """Frames are held while the next are taken: the neighbours of those that are judged."""
        around = self._around
        return isinstance(around, BetweenInputs) or around.before or around.after

    def alignment(self) -> dict[str, Any]:
        """What the report's alignment says of neighbours; nothing where there are none."""
        if isinstance(self._around, BetweenInputs):
            return {"left_out": self.left_out}
        facts: dict[str, Any] = {}
        if self.holds_frames:
            facts |= {"left_out": self.left_out}
        if self._around.before:
            facts |= {"previous": "distorted frame before", "next": "distorted frame"}
        return facts

    def left_out_in_words(self) -> str:
        """What was not judged, for people."""
        count = "1 frame" if self.left_out == 1 else f"{self.left_out} frames"
        be = "is" if self.left_out == 1 else "are"
        between = isinstance(self._around, BetweenInputs)
        why = "after the last input" if between else "without the frame before or after"
        return f"{count} {why} {be} not judged"

    def to_json(self) -> dict[str, dict[str, Any]]:
        """Where each flow came from, by role, as the report has it."""
        return self._given.to_json(self._roles)

    def expected(
        self, alignment: Alignment, reference: int | None, distorted: int | None
    ) -> int | None:
        """Samples that videos of these declared lengths have, ``None`` if one is not known."""
        pairs = alignment.expected(reference, distorted)
        around = self._around
        if pairs is None or isinstance(around, BetweenInputs):
            return pairs
        every = replace(alignment, count=None, subsample=1, on_length_mismatch="shortest")
        seen = every.expected(reference, distorted)
        if seen is None:
            return None
        step = alignment.subsample
        lost = around.before and self._wider(alignment).first == alignment.first
        judged = -(-seen // step) - lost - (around.after and (seen - 1) % step == 0)
        return alignment.kept(max(0, judged))

    def samples(
        self,
        alignment: Alignment,
        reference: Iterator[Planes],
        distorted: Iterator[Planes],
        *,
        form: Format,
        copied: Container[str] = (),
    ) -> Generator[Case, None, None]:
        """Every frame judged with what the models take, in order.

        Args:
            alignment: Which frames are compared.
            reference: The reference's frames.
            distorted: The distorted video's frames.
            form: Their pixel format.
            copied: As for :meth:`~framegauge.runtime.pairing.alignment.Alignment.pairs`.

        Raises:
            ScoreError: The videos do not go together, nothing is to be judged, or a flow is
                missing, damaged or does not fit.
        """
        wide = self._wider(alignment)
        seen = 0
        for neighbourhood in self._around.neighbourhoods(
            wide.pairs(reference, distorted, copied=copied)
        ):
            place = (neighbourhood.number - alignment.first) // alignment.reference_step
            if place < 0 or place % alignment.subsample:
                continue
            pair = neighbourhood.frames["reference"], neighbourhood.frames["distorted"]
            yield Case(neighbourhood.number, *pair, self._further(neighbourhood, form))
            seen += 1
            if seen == alignment.count:
                break
        else:
            self.left_out = self._around.left_out
        if isinstance(self._around, InSequence) and self._around.before:
            self.left_out += wide.first == alignment.first
        if not seen:
            factor = self._given.factor
            why = "each needs the frame before or after it. Give longer videos."
            if factor is not None:
                why = (
                    f"none lies between two inputs, which are every {factor} frames from the "
                    "first. Change --factor, --start or --offset."
                )
            raise ScoreError(f"There is no frame to judge: {why}")
        alignment.kept(seen)

    def _wider(self, alignment: Alignment) -> Alignment:
        """The alignment with every frame that something judged needs."""
        if isinstance(self._around, BetweenInputs):
            return replace(alignment, start=alignment.first_input, count=None)
        if not (self._around.before or self._around.after):
            return alignment
        start = alignment.first - alignment.reference_step * self._around.before
        return replace(alignment, start=max(0, start), count=None, subsample=1)

    def _further(
        self, neighbourhood: Neighbourhood, form: Format
    ) -> dict[str, Planes | NDArray[np.float32]]:
        """Everything but the two frames, by role."""
        further: dict[str, Planes | NDArray[np.float32]] = {}
        known: dict[str, Array] = {}
        for role in self._roles:
            if role in NEIGHBOURS:
                further[role] = neighbourhood.frames[role]
            elif role == "time":
                further[role] = np.array(neighbourhood.time, np.float32)
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
        span = neighbourhood.span if role in BETWEEN else None
        if span is not None and role in self._kept and self._kept[role][0] == span:
            return self._kept[role][1]
        start, end = (luma8(neighbourhood.frames[name], form) for name in ESTIMATED[role])
        flow = self._given.estimate(start, end)
        if span is not None:
            self._kept[role] = span, flow
        return flow
