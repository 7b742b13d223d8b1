"""What a model takes and gives: its inputs, its outputs, and the scores that prove it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from framegauge.export.contract.formats import Dim
from framegauge.export.contract.spec import Grid, Value

MOST_TEST_SIDE, _MOST_TEST_BATCH = 2048, 8

Kind = Literal["score", "moment", "map"]
Better = Literal["higher", "lower"]


@dataclass(frozen=True, kw_only=True)
class Input:
    """One input of the model.

    Attributes:
        name: Name in the graph.
        role: Whose data it is: ``reference``, ``distorted``, ...
        part: The plane of the frame (``""``, ``y``, ``u``, ``v``, ``uv``) or ``colour``.
        dtype: Element type, by its NumPy name.
        dims: Axes: numbers, ``N`` (batch), ``H``, ``W``, or a formula of these.
    """

    name: str
    role: str
    part: str
    dtype: Literal["uint8", "float32"]
    dims: tuple[Dim, ...]


@dataclass(frozen=True, kw_only=True)
class Output:
    """One output of the model.

    Attributes:
        name: Name in the graph, and for a score its label in every report.
        kind: ``score``: one number a sample, ``(N,)``, for people. ``moment``: one number a
            sample that a clip's total is made of. ``map``: a picture, ``(N, 1, h, w)``.
        entry: The catalogue entry it belongs to, as it was asked for.
        options: Every option of that entry, defaults too.
        better: Which way an improvement moves it.
        ideal: Score of a frame against itself, ``None`` where that depends on the frame.
        low: Least value possible.
        high: Greatest value possible, ``None`` if there is no bound.
        unit: Unit, ``"1"`` if none.
        least: Smallest height and width of the frame, in pixels.
        tolerance: Absolute difference that does not matter, in the unit.
        relative: The same as a fraction of the value; both are allowed together.
        grid: Where a map lies on the frame; ``None`` for numbers.
    """

    name: str
    kind: Kind
    entry: str
    options: dict[str, Value]
    better: Better
    ideal: float | None
    low: float
    high: float | None
    unit: str
    least: int
    tolerance: float
    relative: float
    grid: Grid | None = None

    def allowed(self, value: float) -> float:
        """How far from ``value`` another computation of it may be."""
        return self.tolerance + self.relative * abs(value)


@dataclass(frozen=True, kw_only=True)
class Aggregate:
    """A clip's score from the mean of a moment: ``min(cap, 10 log10(peak**2 / mean))``."""

    name: str
    moment: str
    peak: float
    cap: float


@dataclass(frozen=True, kw_only=True)
class Missing:
    """An output that an entry has and the model has not, for want of inputs.

    Attributes:
        name: What the output would be called.
        needs: The roles of the inputs that the model is not given.
    """

    name: str
    needs: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class WeightsFile:
    """A weights file that was made part of the model."""

    name: str
    sha256: str
    licence: str
    origin: str


@dataclass(frozen=True, kw_only=True)
class SelfTest:
    """Scores that the model must give on the frames of :mod:`framegauge.export.contract.selftest`.

    Attributes:
        pattern: Version of the formula.
        formula: The formula itself, for people and other implementations.
        batch: Frames in the batch.
        sizes: Height and width of each run.
        colour: What the colour inputs hold, where the model has them.
        scores: For each run, the value of each output but maps for each frame of the batch.
    """

    pattern: int
    formula: str
    batch: int
    sizes: tuple[tuple[int, int], ...]
    colour: tuple[tuple[float, ...], ...] | None
    scores: tuple[dict[str, tuple[float, ...]], ...]

    def __post_init__(self) -> None:
        """Refuse frames that no export makes, and that would fill a machine's memory."""
        if not self.sizes or len(self.sizes) != len(self.scores):
            raise ValueError(
                f"a self-test has scores for each of its sizes, this has {len(self.scores)} for "
                f"{len(self.sizes)}"
            )
        for side in (side for size in self.sizes for side in size):
            if type(side) is not int or not 1 <= side <= MOST_TEST_SIDE:
                raise ValueError(f"a self-test's side is 1 to {MOST_TEST_SIDE}, this is {side!r}")
        if type(self.batch) is not int or not 1 <= self.batch <= _MOST_TEST_BATCH:
            raise ValueError(
                f"a self-test's batch is 1 to {_MOST_TEST_BATCH}, this is {self.batch!r}"
            )
