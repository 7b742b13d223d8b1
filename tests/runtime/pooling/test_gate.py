import math

import numpy as np
import pytest

from framegauge.export.contract.entry import check_name, parse_entries
from framegauge.runtime.errors import UsageError
from framegauge.runtime.models.model_files import catalogue
from framegauge.runtime.pooling.gate import Gate
from framegauge.runtime.pooling.pool import POOLS

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


METHODS = ["mine", "v4", "v4.6", "superslomo", "x", "x.samples", "my own  method"]


@pytest.mark.parametrize(
    ("text", "gate"),
    [
        ("ssim.p5>=0.95", Gate("ssim", "p5", ">=", 0.95)),
        ("samples.ssim>1", Gate("ssim", "mean", ">", 1, "samples")),
        ("mine.ssim.p5>1", Gate("ssim", "p5", ">", 1, method="mine")),
        ("v4.6.samples.psnr_y.p5>1", Gate("psnr_y", "p5", ">", 1, "samples", "v4.6")),
        ("v4.superslomo.total>1", Gate("superslomo.total", "mean", ">", 1, method="v4")),
        ("superslomo.superslomo.p99.9<1", Gate("superslomo", "p99.9", "<", 1, method="superslomo")),
        ("superslomo.total<1", Gate("superslomo.total", "mean", "<", 1)),
        (" my own  method.ssim.p5 > 1 ", Gate("ssim", "p5", ">", 1, method="my own  method")),
    ],
)
def test_a_gate_of_a_set_may_name_a_method_and_what_it_is_over(text: str, gate: Gate) -> None:
    assert Gate.parse(text, labels=LABELS, methods=METHODS) == gate


@pytest.mark.parametrize(
    "text",
    [
        *("ssim.p0.1>=0.95", "psnr_y.mean<38.123456789", "ssim.mean>0.9999999999999999"),
        *("ssim.mean>1e-12", "ssim.mean>1e+22", "ssim.mean>=38"),
    ],
)
def test_a_gate_reads_back_from_its_text(text: str) -> None:
    assert str(Gate.parse(text, labels=LABELS)) == text


def test_a_gate_of_a_set_reads_back_from_its_text() -> None:
    text = "v4.6.samples.superslomo.total.p99.9<3"

    assert str(Gate.parse(text, labels=LABELS, methods=METHODS)) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("scenes.ssim>1", "no scenes are known here. Leave out `scenes.`"),
        ("mine.scenes.ssim>1", "no scenes are known here"),
        (
            "x.samples.ssim>1",
            "can be read in 2 ways: the mean over samples of 'ssim' of the method",
        ),
        ("mine.psnr>1", "there is no 'psnr'; did you mean 'psnr_y'"),
        ("mine.ssim.p5.5.5>1", "asks for the pool 'p5.5.5'"),
        ("yours.ssim>1", "there is no 'yours.ssim'"),
        ("samples.mine.ssim>1", "there is no 'mine.ssim'"),
    ],
)
def test_a_gate_of_a_set_that_makes_no_sense_is_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError) as error:
        Gate.parse(text, labels=LABELS, methods=METHODS)

    assert message in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("samples.ssim>1", "this is one pair of clips. Leave out `samples.`"),
        ("scenes.ssim>1", "no scenes are known here"),
        ("mine.ssim>1", "there is no 'mine.ssim'"),
    ],
)
def test_one_clip_has_no_samples_scenes_or_methods(text: str, message: str) -> None:
    with pytest.raises(UsageError) as error:
        Gate.parse(text, labels=LABELS)

    assert message in str(error.value)


@pytest.mark.parametrize(
    "word", [*POOLS, "samples", "scenes", "baseline", "p0", "p100", "p50", "p7"]
)
def test_words_that_gates_read_are_no_labels(word: str) -> None:
    with pytest.raises(ValueError, match=f"'{word}' cannot be a label: gates read"):
        parse_entries(f"{word}=psnr")


@pytest.mark.parametrize("word", ["psnr", "mean_1", "sample", "p", "p5_y", "scenes2"])
def test_other_words_are_labels(word: str) -> None:
    assert parse_entries(f"{word}=psnr")[0].label == word


def test_no_entry_is_called_as_a_word_that_gates_read() -> None:
    for listing in catalogue():
        for name in (listing.spec.name, *listing.spec.aliases):
            check_name(name, "an entry")


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
