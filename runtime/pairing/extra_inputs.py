"""What is given to models beside two frames: by an interpolation, by files, by an estimator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framegauge.export.contract.roles import (
    FRAME_ROLES,
    INTERPOLATED,
    NEIGHBOURS,
    PAIR,
    SEQUENCE_FLOWS,
    owner,
)
from framegauge.runtime.errors import UsageError
from framegauge.runtime.sources.flow_estimator import DIS
from framegauge.runtime.sources.flow_files import Array, FlowFiles

BETWEEN = {
    "flow_previous_next": ("previous", "next"),
    "flow_next_previous": ("next", "previous"),
}
TO = {
    "flow_to_previous": ("reference", "previous"),
    "flow_to_next": ("reference", "next"),
}
JUDGED = {
    "flow": ("distorted", "distorted_next"),
    "flow_reference": ("reference", "reference_next"),
}
ESTIMATED = BETWEEN | TO | JUDGED | SEQUENCE_FLOWS
"""Flows that can be estimated, and the frames that each begins and ends at."""

_OF_DISTORTED = frozenset(role for role in FRAME_ROLES if owner(role) == "distorted") | {
    role for role, ends in SEQUENCE_FLOWS.items() if "distorted" in ends
}


class ExtraInputs:
    """What the flags give, and which inputs of models that answers.

    With a factor, ``previous`` and ``next`` are the inputs around the frame made, as the reference
    has them, and ``time`` is where it lies between them. Neighbours in a video's own sequence are
    there whatever was asked for.

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
        return tuple(role for role in inputs if role not in self.there)

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
        if not {*_OF_DISTORTED, "flow", *self.files} & set(inputs):
            raise UsageError(
                f"{name} would look at the reference alone. Give the flows that it shall judge "
                "with --flow ROLE=PATTERN."
            )

    def check(self, roles: Sequence[str]) -> None:
        """Refuse models that are not given all they take, and flags that nothing needs.

        Args:
            roles: What the models take.

        Raises:
            UsageError: The flag to give or to leave out is named.
        """
        lacking = self.lacking(roles)
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

    @property
    def there(self) -> set[str]:
        """What models can be given."""
        there = {*PAIR, *NEIGHBOURS, "frame_rate", *self.files}
        if self.files:
            there.add("mask")
        if self.factor is not None:
            there |= {*INTERPOLATED, "time"}
        if self.estimator is not None:
            there |= JUDGED.keys() | SEQUENCE_FLOWS.keys()
            there |= BETWEEN.keys() | TO.keys() if self.factor is not None else set()
        return there

    def _lacks(self, name: str, lacking: Sequence[str]) -> UsageError:
        ways = ", and ".join(dict.fromkeys(self._way(role) for role in lacking))
        return UsageError(
            f"{name} needs {', '.join(lacking)}, which two videos do not give. Give {ways}."
        )

    def _way(self, role: str) -> str:
        """The flags that would give a role."""
        if role in (*INTERPOLATED, "time"):
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
