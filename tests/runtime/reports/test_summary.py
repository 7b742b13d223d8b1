import io
import math

import numpy as np
import pytest
from rich.console import Console

from framegauge.runtime.pooling.gate import Gate
from framegauge.runtime.reports.report import Report
from framegauge.runtime.reports.series import Frames, LabelFacts
from framegauge.runtime.reports.summary import print_summary


@pytest.fixture
def report() -> Report:
    return Report(
        frames=Frames(
            np.arange(3),
            {"psnr_y": np.array([30.0, 40.0, 50.0]), "mine[b]": np.array([1.0, math.nan, 2.0])},
        ),
        outputs={
            "psnr_y": LabelFacts(better="higher", unit="dB"),
            "mine[b]": LabelFacts(better="lower"),
        },
        aggregate={"apsnr_y": 34.5},
    )


def printed(report: Report) -> str:
    console = Console(file=io.StringIO(), width=80)
    print_summary(report, console)
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_the_summary_has_pooled_values_with_unit_and_direction(report: Report) -> None:
    lines = printed(report).splitlines()

    assert next(line.split() for line in lines if "psnr_y" in line) == [
        "psnr_y", "40.000", "30.000", "31.000", "38.341", "50.000", "dB", "higher",
    ]  # fmt: skip
    assert next(line.split() for line in lines if "apsnr_y" in line) == ["apsnr_y", "34.500"]
    assert lines[-1] == "3 frames scored."


def test_a_label_is_no_markup_and_a_clip_without_pooled_values_says_so(report: Report) -> None:
    text = printed(report)

    assert "mine[b]" in text
    assert text.count("n/a") == 5
    assert "mine[b] has no finite score on 1 of 3 frames." in text


def test_gates_have_a_line_each_and_a_verdict(report: Report) -> None:
    gates = [Gate("psnr_y", "min", ">=", 30.0), Gate("psnr_y", "max", "<", 49.5)]

    text = printed(report.with_gates(gates))

    assert "psnr_y.min>=30" in text
    assert "Failed: 1 of 2 gates, 3 frames scored." in text
    assert "Passed: every gate holds, 3 frames scored." in printed(report.with_gates(gates[:1]))
