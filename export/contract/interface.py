"""What a model takes and gives: its inputs, its outputs, and the scores that prove it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from framegauge.export.contract.formats import Dim
from framegauge.export.contract.spec import Ends, Grid, Transfer, Value

MOST_TEST_SIDE, _MOST_TEST_BATCH = 2048, 8

Finish = Literal["psnr", "mean", "root", "ratio"]
Kind = Literal["score", "moment", "map"]
Better = Literal["higher", "lower"]


@dataclass(frozen=True, kw_only=True)
class Input:
    """One input of the model.

    Attributes:
        name: Name in the graph.
        role: Whose data it is: ``reference``, ``distorted``, ...
        part: The plane of the frame (``""``, ``y``, ``u``, ``v``, ``uv``), or ``colour`` or
            ``siting``, which say what its samples mean; see
            :data:`~framegauge.export.contract.roles.FACTS`.
        dtype: Element type, by its NumPy name.
        dims: Axes: numbers, ``N`` (batch), ``H``, ``W``, or a formula of these.
        further: What the file says beside; kept and passed on, by every class here.
    """

    name: str
    role: str
    part: str
    dtype: Literal["uint8", "float32"]
    dims: tuple[Dim, ...]
    further: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Output:
    """One output of the model.

    Attributes:
        name: Name in the graph, and for a score its label in every report.
        kind: ``score``: one number a sample, ``(N,)``, for people. ``moment``: one number a
            sample that a clip's total is made of. ``map``: a picture, ``(N, 1, h, w)``.
        entry: The catalogue entry it belongs to, as it was asked for.
        options: Every option of that entry, defaults too.
        inputs: What it looks at, by role.
        masked: It looks at the other inputs only where ``mask`` counts.
        transfer: The light that its frames have to be in; ``any`` if that does not matter.
        ends: What of a frame whose neighbours would lie beyond the clip's ends; see
            :class:`~framegauge.export.contract.spec.Spec`.
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
    inputs: tuple[str, ...]
    masked: bool
    transfer: Transfer
    ends: Ends
    better: Better
    ideal: float | None
    low: float
    high: float | None
    unit: str
    least: int
    tolerance: float
    relative: float
    grid: Grid | None = None
    further: Mapping[str, Any] = field(default_factory=dict)

    def allowed(self, value: float) -> float:
        """How far from ``value`` another computation of it may be."""
        return self.tolerance + self.relative * abs(value)


@dataclass(frozen=True, kw_only=True)
class Aggregate:
    """A clip's score, from the means of moments over its frames.

    :mod:`framegauge.export.contract.clip_scores` has the rule.

    Attributes:
        name: What reports call it.
        of: The moments that it is made of, by name.
        finish: What makes it of their means.
        peak: Of ``psnr``: the greatest value of a sample. ``None`` otherwise.
        cap: Of ``psnr``: the greatest score, in dB. ``None`` otherwise.
    """

    name: str
    of: tuple[str, ...]
    finish: Finish
    peak: float | None = None
    cap: float | None = None
    further: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Missing:
    """An output that an entry has and the model has not, for want of inputs.

    Attributes:
        name: What the output would be called.
        needs: The roles of the inputs that the model is not given.
    """

    name: str
    needs: tuple[str, ...]
    further: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class WeightsFile:
    """A weights file that was made part of the model."""

    name: str
    sha256: str
    licence: str
    origin: str
    further: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class SelfTest:
    """Scores that the model must give on the frames of :mod:`framegauge.export.contract.selftest`.

    Attributes:
        pattern: Version of the formula.
        formula: The formula itself, for people and other implementations.
        batch: Frames in the batch.
        sizes: Height and width of each run.
        colour: What the colour inputs hold, ``(batch, 3, 4)``; ``None`` where there are none.
        siting: What the siting inputs hold, ``(batch, 2)``; ``None`` where there are none.
        scores: For each run, the value of each output but maps for each frame of the batch.
        clips: For each run, the value of each aggregate, as of a clip of these frames.
        still: The value of each aggregate of a clip whose moments are all 0; only those that have
            one.
        share: What part of an output's tolerance these scores may be off by, above 0, at most 1:
            less than all where float32 leaves more room than it needs.
    """

    pattern: int
    formula: str
    batch: int
    sizes: tuple[tuple[int, int], ...]
    colour: tuple[tuple[tuple[float, ...], ...], ...] | None = None
    siting: tuple[tuple[float, ...], ...] | None = None
    scores: tuple[dict[str, tuple[float, ...]], ...]
    clips: tuple[dict[str, float], ...]
    still: dict[str, float] = field(default_factory=dict)
    share: float = 1.0
    further: Mapping[str, Any] = field(default_factory=dict)

    @property
    def facts(self) -> dict[str, tuple[Any, ...]]:
        """What the inputs hold that say what samples mean, by their part."""
        return {"colour": self.colour or (), "siting": self.siting or ()}

    def __post_init__(self) -> None:
        """Refuse frames that no export makes, and that would fill a machine's memory."""
        if not self.sizes or not len(self.sizes) == len(self.scores) == len(self.clips):
            raise ValueError(
                f"a self-test has scores of frames and clips for each of its sizes, this has "
                f"{len(self.scores)} and {len(self.clips)} for {len(self.sizes)}"
            )
        for side in (side for size in self.sizes for side in size):
            if type(side) is not int or not 1 <= side <= MOST_TEST_SIDE:
                raise ValueError(f"a self-test's side is 1 to {MOST_TEST_SIDE}, this is {side!r}")
        if type(self.batch) is not int or not 1 <= self.batch <= _MOST_TEST_BATCH:
            raise ValueError(
                f"a self-test's batch is 1 to {_MOST_TEST_BATCH}, this is {self.batch!r}"
            )
        if not 0 < self.share <= 1:
            raise ValueError(
                f"a self-test's share of the tolerance is above 0 and at most 1, this is "
                f"{self.share!r}"
            )
