"""What a metric says about itself. Tests, models, engines and reports all read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Value = float | int | bool | str


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Where a map's samples lie on the frame: sample ``i`` is at ``offset + stride * i`` pixels."""

    offset: float = 0.0
    stride: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Spec:
    """The facts about a metric that tests, models, engines and reports all read.

    Attributes:
        name: Key on the command line, in files and in reports.
        title: One line for people: what is measured.
        kind: Judged by people, trained on, or a published combination of losses.
        better: Which way an improvement moves the score.
        ideal: Score of a frame against itself, or of one that stands still; ``None`` where that
            depends on the frame.
        low: Least score possible.
        high: Greatest score possible, ``None`` if there is no bound.
        unit: Unit of the score, ``"1"`` if it has none.
        least: Smallest height and width the graph accepts, in pixels.
        tolerance: Absolute difference, in the unit, below what people act on.
        relative: The same as a fraction of the score; both are allowed together.
        reads: What of a frame it looks at: colours, luma from colours or the Y plane as it is,
            or one named plane of code values.
        plane: The plane, where it reads one.
        inputs: What it is given, by role, in order: frames, flows, masks, ...
        symmetric: Exchanging the two frames leaves the score as it is.
        grid: Where its map lies, ``None`` if it has no map.
        source: Paper or code it follows.
        aliases: Other names it is found by.
        weights: Names of the weights it needs.
    """

    name: str
    title: str
    kind: Literal["metric", "loss", "system"]
    better: Literal["higher", "lower"]
    ideal: float | None
    low: float
    high: float | None
    unit: str = "1"
    least: int = 1
    tolerance: float
    relative: float = 0.0
    reads: Literal["rgb", "luma", "plane"] = "rgb"
    plane: Literal["y", "u", "v"] | None = None
    inputs: tuple[str, ...] = ("reference", "distorted")
    symmetric: bool = True
    grid: Grid | None = None
    source: str
    aliases: tuple[str, ...] = ()
    weights: tuple[str, ...] = ()
