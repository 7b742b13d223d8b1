"""What is given to models beside two frames: by an interpolation, by files, by an estimator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framegauge.runtime.errors import UsageError
from framegauge.runtime.models.model_files import PAIR
from framegauge.runtime.sources.flow_estimator import DIS
from framegauge.runtime.sources.flow_files import Array, FlowFiles

NEIGHBOURS = ("previous", "next")
BETWEEN = {
    "flow_previous_next": ("original_previous", "original_next"),
    "flow_next_previous": ("original_next", "original_previous"),
}
TO = {
    "flow_to_previous": ("reference", "original_previous"),
    "flow_to_next": ("reference", "original_next"),
}
AFTER = {
    "flow": ("distorted", "distorted_after"),
    "flow_reference": ("reference", "reference_after"),
}
ESTIMATED = BETWEEN | TO | AFTER
"""Flows that can be estimated, and the frames that each begins and ends at."""


class ExtraInputs:
    """What the flags give, and which inputs of models that answers.

    With a factor, ``previous`` and ``next`` are the inputs around the frame made, as the reference
    has them. Without one there are no inputs; an entry that looks at two neighbours and at neither
    ``reference`` nor ``distorted`` then judges the distorted video's own sequence: ``next`` is the
    frame judged, ``previous`` the one before it.

    Attributes:
        factor: Frames from one input to the next, ``None`` without interpolation.
        files: Flows that files give, by role.
        estimator: What gives the others, ``None`` if nothing does.
    """

    def __init__(
        self, *, factor: int | None, flows: Mapping[str, str], estimator: str | None
    ) -> None:
        """Check what was asked for; nothing is read yet.

        Args:
            factor: As :attr:`factor`.
            flows: Patterns of flow files by role.
            estimator: ``dis`` or ``dis:PRESET``.

        Raises:
            UsageError: A role takes no flow, or a pattern or an estimator is written wrongly.
            BackendError: The estimator is not installed.
        """
        for role in flows:
            if not role.startswith("flow"):
                raise UsageError(
                    f"--flow takes ROLE=PATTERN with a role such as {', '.join(ESTIMATED)}; got "
                    f"{role!r}."
                )
        self.factor = factor
        self.files = {role: FlowFiles(role, pattern) for role, pattern in flows.items()}
        self.estimator = DIS.parse(estimator) if estimator is not None else None

    def lacking(self, inputs: Sequence[str]) -> tuple[str, ...]:
        """Those of an entry's inputs that are not given."""
        there = self.there(sequence=is_sequence(inputs))
        return tuple(role for role in inputs if role not in there)

    def refuse(self, name: str, inputs: Sequence[str]) -> None:
        """Refuse an entry that is not given its inputs, or would not look at what is judged.

        Args:
            name: What to call it.
            inputs: Its inputs.

        Raises:
            UsageError: The flags that would give what it needs are named.
        """
        lacking = self.lacking(inputs)
        if lacking:
            raise self._lacks(name, lacking)
        judged = {"distorted", "flow", *self.files}
        if self.factor is None and is_sequence(inputs):
            judged |= {*NEIGHBOURS}
        if judged & set(inputs):
            return
        if self.factor is not None and is_sequence(inputs):
            raise UsageError(
                f"With --factor {name} looks at the inputs alone, whatever was made between them. "
                "Leave out --factor: it then judges each frame of the distorted video with the one "
                "before it. Or give the flows that it shall judge with --flow ROLE=PATTERN."
            )
        raise UsageError(
            f"{name} would look at the reference alone. Give the flows that it shall judge with "
            "--flow ROLE=PATTERN."
        )

    def check(self, roles: Sequence[str], *, sequence: bool) -> None:
        """Refuse models that are not given all they take, and flags that nothing needs.

        Args:
            roles: What the models take.
            sequence: Neighbours are frames of the distorted video.

        Raises:
            UsageError: The flag to give or to leave out is named.
        """
        there = self.there(sequence=sequence)
        lacking = [role for role in roles if role not in there]
        if lacking:
            raise self._lacks("The model", lacking)
        unused = [role for role in self.files if role not in roles]
        if unused:
            raise UsageError(
                f"No metric takes {', '.join(unused)}. Leave out --flow {unused[0]}=..., or name "
                "metrics that do with --metrics."
            )
        if self.estimator is not None and not self.estimated(roles):
            raise UsageError("No metric takes a flow to estimate. Leave out --flow-estimator.")

    def estimate(self, start: NDArray[np.uint8], end: NDArray[np.uint8]) -> Array:
        """The flow from one frame to another, as :class:`DIS` gives it.

        Raises:
            UsageError: There is no estimator, or the frames are too small for it.
        """
        if self.estimator is None:
            raise UsageError("No flow is given. Give --flow-estimator dis.")
        return self.estimator(start, end)

    def estimated(self, roles: Sequence[str]) -> list[str]:
        """Those of the roles that the estimator gives."""
        if self.estimator is None:
            return []
        return [role for role in roles if role in ESTIMATED and role not in self.files]

    def to_json(self, roles: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Where each flow among the roles comes from, as the report has it."""
        facts: dict[str, dict[str, Any]] = {
            role: {"source": "files", "pattern": self.files[role].pattern}
            for role in roles
            if role in self.files
        }
        for role in self.estimated(roles):
            if self.estimator is not None:
                start, end = ESTIMATED[role]
                facts[role] = {**self.estimator.to_json(), "from": start, "to": end}
        return facts

    def there(self, *, sequence: bool) -> set[str]:
        """What is given to an entry, which looks at neighbours alone or not."""
        there = {*PAIR, *self.files}
        if self.files:
            there.add("mask")
        if self.factor is not None:
            there |= {*NEIGHBOURS, "time"}
        elif sequence:
            there |= {*NEIGHBOURS}
        if self.estimator is not None:
            there |= AFTER.keys()
            there |= TO.keys() if self.factor is not None else set()
            there |= BETWEEN.keys() if self.factor is not None or sequence else set()
        return there

    def _lacks(self, name: str, lacking: Sequence[str]) -> UsageError:
        ways = ", and ".join(dict.fromkeys(self._way(role) for role in lacking))
        return UsageError(
            f"{name} needs {', '.join(lacking)}, which two videos do not give. Give {ways}."
        )

    def _way(self, role: str) -> str:
        """The flags that would give a role."""
        if role in (*NEIGHBOURS, "time"):
            return "--factor K for an interpolated video"
        if role == "mask":
            return "--flow ROLE=PATTERN with files that say which pixels are known"
        if role in ESTIMATED and self.estimator is None:
            return "--flow ROLE=PATTERN for each flow or --flow-estimator dis"
        if role in ESTIMATED:
            return "--factor K or --flow ROLE=PATTERN for each flow"
        if role.startswith("flow"):
            return f"--flow {role}=PATTERN"
        return f"{role} to a model by Scorer in Python"


def is_sequence(inputs: Sequence[str]) -> bool:
    """Whether an entry compares two neighbours with each other, and looks at no other frame."""
    return {*NEIGHBOURS} <= set(inputs) <= {*NEIGHBOURS, *BETWEEN, "mask"}
