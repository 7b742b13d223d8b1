"""A value that a model gave beside the value that it should have given."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from framegauge.export.contract.interface import Output


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One output for one frame.

    Attributes:
        output: Which.
        wanted: What it should be.
        got: What came.
    """

    output: Output
    wanted: float
    got: float

    @property
    def allowed(self) -> float:
        """How far apart they may be, in the output's unit."""
        return self.output.allowed(self.wanted)

    @property
    def error(self) -> float:
        """Absolute difference in the output's unit, NaN if there is no value."""
        return abs(self.got - self.wanted)

    @property
    def passed(self) -> bool:
        """Whether they are close enough."""
        return self.error <= self.allowed


Compared = TypeVar("Compared", bound=Comparison)


def worst(comparisons: Iterable[Compared]) -> Compared:
    """The one that speaks most against what was compared."""
    return max(comparisons, key=lambda each: (not each.passed, math.isnan(each.error), each.error))
