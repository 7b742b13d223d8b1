"""What a metric says about itself. Tests, models, engines and reports all read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Value = float | int | bool | str
Plane = Literal["y", "u", "v"]
Reads = Literal["rgb", "luma", "plane"]
Ends = Literal["repeat", "zero", "not_judged"]
Transfer = Literal["any", "sdr", "pq", "hlg"]


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Where a map's samples lie on the frame: sample ``i`` is at ``offset + stride * i`` pixels."""

    offset: float = 0.0
    stride: float = 1.0
    further: Mapping[str, Any] = field(default_factory=dict)


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
            or named planes of code values.
        planes: The planes, where it reads some.
        transfer: The light that its frames have to be in, ``any`` if it takes code values
            whatever light they stand for.
        inputs: What it is given, by role, in order: frames, flows, masks, ...
        ends: What of a frame whose neighbours, such as ``reference_previous``, would lie beyond
            the clip's ends. ``repeat``: as in libvmaf the first frame stands for the one before it,
            and for the one after the last stands the one before it. ``zero``: its scores are 0.
            ``not_judged``: it has none, and is left out of the run.
        terms: Further scores that it gives, called ``label.term``.
        branches: Smallest sides from which on it computes in another way than below.
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
    reads: Reads = "rgb"
    planes: tuple[Plane, ...] = ()
    transfer: Transfer = "any"
    inputs: tuple[str, ...] = ("reference", "distorted")
    ends: Ends = "not_judged"
    terms: tuple[str, ...] = ()
    branches: tuple[int, ...] = ()
    symmetric: bool = True
    grid: Grid | None = None
    source: str
    aliases: tuple[str, ...] = ()
    weights: tuple[str, ...] = ()
