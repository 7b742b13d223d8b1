"""Gates: bounds on pooled scores, which a clip passes or fails.

``[method.][samples.|scenes.]label[.term][.pool] OP bound``
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from framegauge.export.contract.entry import nearest
from framegauge.export.contract.plain_numbers import real_number
from framegauge.runtime.errors import UsageError
from framegauge.runtime.pooling.pool import POOLS, Scores, is_pool, pool_by

Over = Literal["frames", "samples"]

_OPERATORS = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}
# Of a method, the name may hold blanks.
_EXPRESSION = re.compile(
    r"\s*(?P<score>[^<>=\s](?:[^<>=]*[^<>=\s])?)\s*(?P<op>>=|<=|>|<)\s*(?P<bound>[^<>=\s]+)\s*"
)
_POOL = re.compile(rf"\.({'|'.join(POOLS)}|p[0-9]+(\.[0-9]+)?)$")


@dataclass(frozen=True)
class Gate:
    """A bound on a pooled score.

    Attributes:
        label: Of the score.
        pool: From many values to one, ``mean`` or ``p5`` for example.
        op: One of ``>= <= > <``.
        bound: What the pooled score is compared with.
        over: What is pooled: the scores of all frames, or of a set's samples.
        method: Of a set, whose scores; ``None`` for each method's, or where there are none.
    """

    label: str
    pool: str
    op: str
    bound: float
    over: Over = "frames"
    method: str | None = None

    def __str__(self) -> str:
        """The gate as it is written on the command line."""
        method = "" if self.method is None else f"{self.method}."
        over = "" if self.over == "frames" else f"{self.over}."
        return f"{method}{over}{self.label}.{self.pool}{self.op}{_shortest(self.bound)}"

    @classmethod
    def parse(
        cls, text: str, *, labels: Sequence[str], methods: Sequence[str] | None = None
    ) -> Gate:
        """The gate that ``text`` stands for: on the mean without a pool, over frames if not said.

        Args:
            text: ``ssim.p5>=0.95``, ``superslomo.total<3``, ``mine.samples.psnr_y.p0.1>30``, ...
            labels: Labels of the scores that a gate can be on.
            methods: Those of a set, ``None`` for the report of one clip.

        Raises:
            UsageError: The text is not a gate, or names a score or pool that there is not.

        Example:
            >>> str(Gate.parse("ssim.p5>=0.95", labels=["psnr", "ssim"]))
            'ssim.p5>=0.95'
            >>> Gate.parse("mine.samples.psnr>30", labels=["psnr"], methods=["mine"]).over
            'samples'
        """
        match = _EXPRESSION.fullmatch(text)
        if match is None:
            raise UsageError(
                f"{text!r} is not a gate. Write LABEL.POOL, one of >= <= > <, and a number, in "
                "quotes, since a shell takes > and < for files: 'ssim.p5>=0.95'."
            )
        try:
            bound = real_number(match["bound"])
        except ValueError:
            bound = math.nan
        if not math.isfinite(bound):
            raise UsageError(
                f"The bound of gate {text!r} must be a finite number, got {match['bound']!r}. "
                "Write it like 0.95."
            )
        readings = list(_readings(match["score"], labels, methods or ()))
        if not readings:
            raise _refused(match["score"], text, labels, methods or ())
        if len(readings) > 1:
            raise UsageError(
                f"Gate {text!r} can be read in {len(readings)} ways: "
                f"{'; '.join(map(str, readings))}. Call the method or the score something else."
            )
        (read,) = readings
        if read.over == "scenes":
            raise UsageError(
                f"Gate {text!r} is over scenes, and no scenes are known here. Leave out `scenes.` "
                "for all frames."
            )
        if read.over == "samples" and methods is None:
            raise UsageError(
                f"Gate {text!r} is over the samples of a set, and this is one pair of clips. "
                "Leave out `samples.` for its frames."
            )
        return cls(read.label, read.pool, match["op"], bound, read.over, read.method)

    def judge(self, values: Scores) -> Outcome:
        """Whether scores, ``(n,)``, meet the bound.

        They do not if there are none, or one of them is not finite.
        """
        value = pool_by(values, self.pool)
        passed = math.isfinite(value) and bool(_OPERATORS[self.op](value, self.bound))
        return Outcome(self, value if math.isfinite(value) else None, passed)


@dataclass(frozen=True)
class Outcome:
    """What a gate made of a clip, or of a method's samples.

    Attributes:
        gate: The bound.
        value: The pooled score, ``None`` if there is none.
        passed: Whether it meets the bound.
    """

    gate: Gate
    value: float | None
    passed: bool

    def to_json(self) -> dict[str, Any]:
        """What every report says of it; over frames, of one clip, goes without saying."""
        gate = self.gate
        return {
            "label": gate.label,
            "pool": gate.pool,
            "op": gate.op,
            "bound": gate.bound,
            "value": self.value,
            "passed": self.passed,
        }


def _shortest(bound: float) -> str:
    """The shortest form that reads back as the same bound."""
    return repr(float(bound)).removesuffix(".0")


@dataclass(frozen=True)
class _Reading:
    """What the left side of a gate can mean."""

    label: str
    pool: str
    over: Literal["frames", "samples", "scenes"]
    method: str | None

    def __str__(self) -> str:
        whose = "" if self.method is None else f" of the method {self.method!r}"
        return f"the {self.pool} over {self.over} of {self.label!r}{whose}"


def _readings(score: str, labels: Sequence[str], methods: Sequence[str]) -> Iterator[_Reading]:
    """Every way to read ``[method.][samples.|scenes.]label[.pool]``; methods may hold dots."""
    for method, rest in _without_method(score, methods):
        over, name = _without_over(rest)
        if name in labels:
            yield _Reading(name, "mean", over, method)
        # Labels and percentiles both may hold dots (superslomo.total, p99.9), so each is tried.
        for dot in re.finditer(r"\.", name):
            label, pool = name[: dot.start()], name[dot.end() :]
            if label in labels and is_pool(pool):
                yield _Reading(label, pool, over, method)


def _without_method(score: str, methods: Sequence[str]) -> Iterator[tuple[str | None, str]]:
    yield None, score
    for method in methods:
        if score.startswith(f"{method}."):
            yield method, score[len(method) + 1 :]


def _without_over(score: str) -> tuple[Literal["frames", "samples", "scenes"], str]:
    for over in ("samples", "scenes"):
        if score.startswith(f"{over}."):
            return over, score[len(over) + 1 :]
    return "frames", score


def _refused(score: str, text: str, labels: Sequence[str], methods: Sequence[str]) -> UsageError:
    """Why nothing is called so."""
    names = [_without_over(rest)[1] for _, rest in _without_method(score, methods)]
    for name in names:
        owners = [label for label in labels if name.startswith(f"{label}.")]
        if owners:
            pool = name.removeprefix(max(owners, key=len))[1:]
            return UsageError(
                f"Gate {text!r} asks for the pool {pool!r}{nearest(pool, POOLS)} "
                f"Pools: {', '.join(POOLS)}, and any pN from p0 to p100."
            )
    # Without the longest method that it begins with.
    name = _POOL.sub("", min(names, key=len))
    whose = f" Methods: {', '.join(methods)}." if methods else ""
    return UsageError(
        f"Gate {text!r} names no output: there is no {name!r}{nearest(name, labels)} "
        f"Outputs: {', '.join(labels) or 'none'}.{whose}"
    )
