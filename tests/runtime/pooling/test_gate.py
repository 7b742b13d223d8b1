import math

import numpy as np
import pytest

from framegauge.runtime.errors import UsageError
from framegauge.runtime.pooling.gate import Gate

LABELS = ["psnr_y", "ssim", "superslomo.total", "superslomo"]


@pytest.mark.parametrize(
    ("text", "gate"),
    [
        ("ssim.p5>=0.95", Gate("ssim", "p5", ">=", 0.95)),
        ("ssim>0.95", Gate("ssim", "mean", ">", 0.95)),
        (" psnr_y.harmonic_mean >= 4e1 ", Gate("psnr_y", "harmonic_mean", ">=", 40)),
        ("ssim.p0.1<=1", Gate("ssim", "p0.1", "<=", 1)),
        ("superslomo.total.p99.9<-3", Gate("superslomo.total", "p99.9", "<", -3)),
        ("superslomo.total<3", Gate("superslomo.total", "mean", "<", 3)),
        ("superslomo.max<3", Gate("superslomo", "max", "<", 3)),
    ],
)
def test_an_expression_is_a_gate(text: str, gate: Gate) -> None:
    assert Gate.parse(text, labels=LABELS) == gate


@pytest.mark.parametrize("text", ["ssim.p0.1>=0.95", "psnr_y.mean<38.123456789"])
def test_a_gate_reads_back_from_its_text(text: str) -> None:
    assert str(Gate.parse(text, labels=LABELS)) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("psnry.p5>=38", "no 'psnry'; did you mean 'psnr_y'"),
        ("zzz>=38", "no 'zzz'. Outputs: psnr_y, ssim"),
        ("ssim.avg>=1", "asks for the pool 'avg'"),
        ("ssim.p5.1.2>=1", "asks for the pool 'p5.1.2'"),
        ("ssim.p101>=1", "asks for the pool 'p101'"),
        ("superslomo.total.av<3", "asks for the pool 'av'"),
        ("ssim=1", "is not a gate"),
        ("ssim==1", "is not a gate"),
        ("ssim>=", "is not a gate"),
        (">=1", "is not a gate"),
        ("", "is not a gate"),
        ("ssim>=high", "must be a finite number, got 'high'"),
        ("ssim>=nan", "must be a finite number"),
        ("ssim>=inf", "must be a finite number"),
    ],
)
def test_a_gate_that_makes_no_sense_is_refused_by_name(text: str, message: str) -> None:
    with pytest.raises(UsageError) as error:
        Gate.parse(text, labels=LABELS)

    assert message in str(error.value)


@pytest.mark.parametrize(
    ("op", "passed"), [(">=", (False, True, True)), (">", (False, False, True))]
)
def test_bounds_from_below(op: str, passed: tuple[bool, ...]) -> None:
    gate = Gate("ssim", "mean", op, 0.5)

    assert tuple(gate.judge(np.array([value])).passed for value in (0.4, 0.5, 0.6)) == passed


@pytest.mark.parametrize(
    ("op", "passed"), [("<=", (True, True, False)), ("<", (True, False, False))]
)
def test_bounds_from_above(op: str, passed: tuple[bool, ...]) -> None:
    gate = Gate("ssim", "mean", op, 0.5)

    assert tuple(gate.judge(np.array([value])).passed for value in (0.4, 0.5, 0.6)) == passed


def test_the_pool_is_the_one_that_is_named() -> None:
    outcome = Gate("ssim", "p10", ">", 0).judge(np.arange(11.0))

    assert outcome.value == 1
    assert outcome.passed


@pytest.mark.parametrize("op", [">=", "<=", ">", "<"])
@pytest.mark.parametrize("scores", [[], [math.nan, 1.0], [math.inf], [-math.inf]])
def test_nothing_finite_passes_no_gate(op: str, scores: list[float]) -> None:
    outcome = Gate("ssim", "min", op, 0.0).judge(np.array(scores, float))

    assert not outcome.passed
    assert outcome.value is None
