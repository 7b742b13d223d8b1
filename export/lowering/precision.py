"""What of a model half precision holds: measured on four kinds of frames, against float64."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_DOWN, ROUND_UP, Context

import numpy as np
import onnx_ir

from framegauge.export.contract.interface import Output, SelfTest
from framegauge.export.contract.rounding import Rounding
from framegauge.export.graph import Graph
from framegauge.export.lowering import measuring_frames
from framegauge.export.lowering.convolutions import convolutions, reach
from framegauge.export.lowering.half import halved
from framegauge.export.lowering.onnx import serialise
from framegauge.export.lowering.proof import Feed, evaluate, feeds, size_above, start
from framegauge.export.lowering.rounding_trial import rounded

SELF_TEST = "self-test"


@dataclass(frozen=True)
class Measurement:
    """Inputs, the float64 graph's outputs for them, and the kind of each frame of the batch."""

    kinds: Sequence[str]
    feed: Feed
    wanted: Feed


def in_half(
    model: onnx_ir.Model, suite: Graph, exact: Graph, test: SelfTest
) -> tuple[onnx_ir.Model, tuple[Rounding, ...]]:
    """The model with its convolutions in half, but for those that a score cannot bear in half.

    A convolution is in half if every output made from it then keeps as close to float64 as
    :attr:`Rounding.holds` says, on frames of all kinds and on the self-test's.

    Args:
        model: In float32.
        suite: What it was made of.
        exact: The same in float64.
        test: The self-test of the model.

    Returns:
        The model, and what half precision does to each score.
    """
    rests = reach(model)
    places = frozenset(range(len(convolutions(model))))
    trials = list(_trials(suite, exact, test)) if places else []
    found = {
        each.name: Rounding(name=each.name, half=False, errors={}, allowed={})
        for each in suite.outputs
    }
    while places:
        touched = [each for each in suite.outputs if rests[each.name] & places]
        measured = _measured(rounded(model, places), touched, trials)
        found |= {each.name: each for each in measured}
        failing = [each.name for each in measured if not each.holds]
        if not failing:
            break
        places = places.difference(*(rests[name] for name in failing))
    return halved(model, places), tuple(
        replace(found[each.name], half=bool(rests[each.name] & places))
        for each in suite.outputs
        if each.kind == "score"
    )


def _trials(suite: Graph, exact: Graph, test: SelfTest) -> Iterator[Measurement]:
    size = size_above(suite, 88, 120)
    feed = feeds(suite, size, batch=len(measuring_frames.KINDS), picture=measuring_frames.samples)
    yield Measurement(measuring_frames.KINDS, feed, evaluate(exact, feed))
    for size, scores in zip(test.sizes, test.scores, strict=True):
        wanted = {name: np.array(values) for name, values in scores.items()}
        yield Measurement([SELF_TEST] * test.batch, feeds(suite, size, batch=test.batch), wanted)


def _measured(
    model: onnx_ir.Model, outputs: Sequence[Output], trials: Sequence[Measurement]
) -> list[Rounding]:
    """How far the model's outputs are from what they should be."""
    session = start(serialise(model))
    names = [each.name for each in session.get_outputs()]
    runs = [dict(zip(names, session.run(None, trial.feed), strict=True)) for trial in trials]
    return [_rounding(output, trials, runs) for output in outputs]


def _rounding(output: Output, trials: Sequence[Measurement], runs: Sequence[Feed]) -> Rounding:
    """The worst value of each kind of frame, with two digits: processors differ in the third.

    Errors are rounded up and tolerances down, so that what holds as it is written holds.
    """
    worst: dict[str, tuple[float, float]] = {}
    for trial, run in zip(trials, runs, strict=True):
        if output.name not in trial.wanted:
            continue
        for kind, got, wanted in zip(
            trial.kinds, run[output.name], trial.wanted[output.name], strict=True
        ):
            errors = np.nan_to_num(np.abs(got - wanted), nan=np.inf).ravel()
            allowed = (output.tolerance + output.relative * np.abs(wanted)).ravel()
            place = int(np.argmax(errors / allowed))
            found = float(errors[place]), float(allowed[place])
            worst[kind] = max(
                worst.get(kind, (0.0, 1.0)), found, key=lambda pair: pair[0] / pair[1]
            )
    return Rounding(
        name=output.name,
        half=True,
        errors={
            kind: _two_digits(error, ROUND_UP) if math.isfinite(error) else None
            for kind, (error, _) in worst.items()
        },
        allowed={kind: _two_digits(allowed, ROUND_DOWN) for kind, (_, allowed) in worst.items()},
    )


def _two_digits(value: float, rounding: str) -> float:
    return float(Context(prec=2, rounding=rounding).create_decimal_from_float(value))
