"""What half precision does to a score, as a model's manifest says it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# Of a tolerance, what half precision may take on the CPU. A GPU adds in an order of its own, some
# of it in half, and has the rest.
SHARE = 0.5


@dataclass(frozen=True, kw_only=True)
class Rounding:
    """Errors of one score against float64, measured on the CPU: a GPU's are no smaller.

    Attributes:
        name: The score.
        half: Whether convolutions that it rests on are in half. If not, all of it is in float32.
        errors: By kind of frame, how far it is from float64 with its convolutions in half, in its
            unit; ``None`` where it is not finite. Empty if it has none that could be.
        allowed: By kind of frame, the score's tolerance there, in its unit.
    """

    name: str
    half: bool
    errors: dict[str, float | None]
    allowed: dict[str, float]
    further: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse errors that there is nothing to compare with."""
        if self.errors.keys() != self.allowed.keys() or not all(
            allowed > 0 for allowed in self.allowed.values()
        ):
            raise ValueError(
                f"{self.name} has errors of {', '.join(self.errors)}, and tolerances above 0 of "
                f"{', '.join(kind for kind, each in self.allowed.items() if each > 0)}"
            )

    @property
    def holds(self) -> bool:
        """Whether half precision takes no more of the tolerance than it may."""
        return all(self._taken(kind) <= SHARE for kind in self.errors)

    @property
    def words(self) -> str:
        """The same in a line for people."""
        if not self.errors:
            return f"{self.name} in float32: it has no network to put in half"
        if self.holds and not self.half:
            return f"{self.name} in float32: its network is also that of an output which needs it"
        kind = max(self.errors, key=self._taken)
        error = self.errors[kind]
        found = "not finite" if error is None else f"{error:.2g} off"
        limit = f"and may be {SHARE * self.allowed[kind]:.2g}"
        if self.half:
            return f"{self.name} in half: up to {found}, on {kind} frames, {limit}"
        return f"{self.name} in float32: in half it is {found} on {kind} frames, {limit}"

    def _taken(self, kind: str) -> float:
        error = self.errors[kind]
        return math.inf if error is None else error / self.allowed[kind]
