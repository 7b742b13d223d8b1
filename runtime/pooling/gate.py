"""Gates: bounds on pooled scores, which a clip passes or fails."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Sequence
from dataclasses import dataclass

from framegauge.export.contract.entry import nearest
from framegauge.runtime.errors import UsageError
from framegauge.runtime.pooling.pool import POOLS, Scores, is_pool, pool_by

_OPERATORS = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}
_EXPRESSION = re.compile(r"\s*(?P<score>[^<>=\s]+)\s*(?P<op>>=|<=|>|<)\s*(?P<bound>[^<>=\s]+)\s*")


@dataclass(frozen=True)
class Gate:
    """A bound on a pooled score: ``label.pool op bound``."""

    label: str
    pool: str
    op: str
    bound: float

    def __str__(self) -> str:
        """The gate as it is written on the command line."""
        return f"{self.label}.{self.pool}{self.op}{self.bound:.15g}"

    @classmethod
    def parse(cls, text: str, *, labels: Sequence[str]) -> Gate:
        """The gate that ``text`` stands for; without a pool, it is on the mean.

        Args:
            text: ``ssim.p5>=0.95``, ``superslomo.total<3``, ``psnr_y.p0.1>30``, ...
            labels: Labels of the scores that a gate can be on.

        Raises:
            UsageError: The text is not a gate, or names a score or pool that there is not.

        Example:
            >>> Gate.parse("ssim.p5>=0.95", labels=["psnr", "ssim"])
            Gate(label='ssim', pool='p5', op='>=', bound=0.95)
        """
        match = _EXPRESSION.fullmatch(text)
        if match is None:
            raise UsageError(
                f"{text!r} is not a gate. Write LABEL.POOL, one of >= <= > <, and a number: "
                "ssim.p5>=0.95."
            )
        try:
            bound = float(match["bound"])
        except ValueError:
            bound = math.nan
        if not math.isfinite(bound):
            raise UsageError(
                f"The bound of gate {text!r} must be a finite number, got {match['bound']!r}. "
                "Write it like 0.95."
            )
        label, pool = _split(match["score"], labels, text)
        return cls(label, pool, match["op"], bound)

    def judge(self, values: Scores) -> Outcome:
        """Whether the scores of a clip's frames, ``(n,)``, meet the bound.

        They do not if there are no frames, or one of them has no finite score.
        """
        value = pool_by(values, self.pool)
        passed = math.isfinite(value) and bool(_OPERATORS[self.op](value, self.bound))
        return Outcome(self, value if math.isfinite(value) else None, passed)


@dataclass(frozen=True)
class Outcome:
    """What a gate made of a clip.

    Attributes:
        gate: The bound.
        value: The pooled score, ``None`` if the clip has none.
        passed: Whether it meets the bound.
    """

    gate: Gate
    value: float | None
    passed: bool


def _split(score: str, labels: Sequence[str], text: str) -> tuple[str, str]:
    # Labels and percentiles both may hold dots (superslomo.total, p99.9), so each dot is tried.
    if score in labels:
        return score, "mean"
    for dot in re.finditer(r"\.", score):
        label, pool = score[: dot.start()], score[dot.end() :]
        if label in labels and is_pool(pool):
            return label, pool
    owners = [label for label in labels if score.startswith(f"{label}.")]
    if owners:
        owner = max(owners, key=len)
        raise UsageError(
            f"Gate {text!r} asks for the pool {score.removeprefix(owner)[1:]!r}"
            f"{nearest(score.removeprefix(owner)[1:], POOLS)} "
            f"Pools: {', '.join(POOLS)}, and any pN from p0 to p100."
        )
    name = re.sub(rf"\.({'|'.join(POOLS)}|p\d+(\.\d+)?)$", "", score)
    raise UsageError(
        f"Gate {text!r} names no output: there is no {name!r}{nearest(name, labels)} "
        f"Outputs: {', '.join(labels) or 'none'}."
    )
