import json
import math
import re
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from plotly.offline import get_plotlyjs

from framegauge.export.contract.formats import FORMATS
from framegauge.runtime.pooling.gate import Gate
from framegauge.runtime.reports import page
from framegauge.runtime.reports.report import Report
from framegauge.runtime.reports.series import Frames, LabelFacts
from framegauge.runtime.reports.stills import Still, Worst
from framegauge.runtime.sources.colour import Colour

GOLDEN = Path(__file__).parents[2] / "golden"
HOSTILE = (
    "<img src=x onerror=\"document.body.id='taken'\"></script><script>alert(1)</script> \udcff.mp4"
)


def report_of(frames: int, *, name: str = "b.mp4", labels: int = 2, less: float = 0.0) -> Report:
    generator = np.random.default_rng(frames)
    scores = {f"score_{n}": generator.normal(40 + n - less, 1, frames) for n in range(labels)}
    return Report(
        frames=Frames(np.arange(frames), scores),
        outputs={label: LabelFacts(better="higher", unit="dB") for label in scores},
        aggregate={"apsnr_y": 39.5},
        inputs={
            "reference": {"name": "a.mp4", "frame_rate": "24000/1001", "assumed": ["matrix"]},
            "distorted": {"name": name, "frame_rate": "24000/1001", "converted": {"to": "rgb24"}},
        },
        model={"sha256": "0123456789abcdef"},
        backend={"name": "cpu", "versions": {"onnxruntime": "1.20"}},
    )


@pytest.fixture(scope="module")
def still() -> Still:
    picture = np.random.default_rng(0).integers(0, 256, (36, 64, 3), np.uint8)
    colour = Colour("bt709", "limited")
    worst = Worst(
        1,
        label="score_0",
        better="higher",
        form=FORMATS["rgb24"],
        reference=colour,
        distorted=colour,
    )
    worst.offer(3, 31.25, (picture,), (picture // 2,))
    return worst.pictures()[0]


def without_library(html: str) -> str:
    return html.replace(get_plotlyjs(), "")


def words(html: str) -> str:
    text = re.sub(r"(?s)<(script|style).*?</\1>|<[^>]*>", " ", without_library(html))
    return re.sub(r"\s+", " ", unescape(text))


@pytest.fixture
def opened(browser: Callable[..., tuple[str, str]], tmp_path: Path) -> Callable[..., Any]:
    """Opens a page in a browser."""

    def show(html: str, *flags: str) -> tuple[str, str]:
        path = tmp_path / "page.html"
        path.write_text(html, encoding="utf-8")
        return browser(path, *flags)

    return show


def test_a_browser_draws_every_plot_without_a_complaint(
    opened: Callable[..., Any], still: Still
) -> None:
    report = report_of(400).with_gates([Gate("score_0", "p5", ">=", 38.0)])

    document, console = opened(replace(report, stills=(still,)).to_html())

    assert console == ""
    assert 'data-drawn="2"' in document
    assert document.count('class="plot js-plotly-plot"') == 2
    assert document.count('class="main-svg"') >= 2
    assert document.count("js-line") >= 2
    assert "p5 ≥ 38" in document


def test_a_browser_draws_reports_compared(opened: Callable[..., Any]) -> None:
    reports = [report_of(50, name="one.mp4"), report_of(60, name="two.mp4", labels=3)]

    document, console = opened(page.to_html(reports), "--window-size=600,900")

    assert console == ""
    assert 'data-drawn="3"' in document
    assert document.count('class="legendtext"') == 5


def test_a_hostile_file_name_is_only_text(opened: Callable[..., Any]) -> None:
    html = page.to_html([report_of(10, name=HOSTILE), report_of(10)], names=[HOSTILE, HOSTILE])

    document, console = opened(html)

    assert console == ""
    assert 'data-drawn="2"' in document
    assert 'id="taken"' not in document
    assert "alert(1)</script>" not in without_library(html)


def test_a_report_of_200_000_frames_opens(opened: Callable[..., Any]) -> None:
    html = report_of(200_000, labels=4).to_html()

    document, console = opened(html)

    assert console == ""
    assert 'data-drawn="4"' in document


@pytest.mark.parametrize("scores", [[], [1.0], [2.0] * 5, [1.0, math.nan, math.inf], [math.nan]])
def test_odd_clips_are_drawn_too(opened: Callable[..., Any], scores: list[float]) -> None:
    odd = Report(
        frames=Frames(np.arange(len(scores)), {"a": np.array(scores)}), outputs={"a": LabelFacts()}
    )

    document, console = opened(odd.with_gates([Gate("a", "min", ">", 0.5)]).to_html())

    assert console == ""
    assert 'data-drawn="1"' in document


def test_nothing_is_loaded_from_anywhere(still: Still) -> None:
    html = without_library(replace(report_of(20), stills=(still,)).to_html())
    without_pictures = re.sub(r'data:image/jpeg;base64,[^"]*', "", html)

    assert "default-src 'none'" in html
    assert not re.search(r"https?:|//[a-z]|@import|url\(", without_pictures)
    assert set(re.findall(r'(?:src|href)="([^"]{5})', html)) == {"data:"}


def test_a_film_of_two_hours_fits_ten_megabytes_with_its_worst_frame() -> None:
    film = report_of(172_800, labels=6)
    film.frames.scores["score_3"][123_456] = 12.345

    html = film.to_html()

    assert len(html.encode()) < 10_000_000
    assert "12.345" in without_library(html)
    assert "There are more frames than a page can draw" in words(html)


def test_the_page_says_what_was_found(still: Still) -> None:
    report = report_of(30).with_gates(
        [Gate("score_0", "p5", ">=", 60.0), Gate("score_1", "mean", ">", 1.0)]
    )

    text = words(replace(report, stills=(still,)).to_html())

    assert "Failed 1 of 2 gates do not hold. 30 frames scored." in text
    assert "score_0 p5" in text
    assert "≥ 60 ✗ failed" in text
    assert "> 1 ✓ passed" in text
    assert "score_1 ↑ higher dB" in text
    assert "assumed matrix" in text
    assert "converted to rgb24" in text
    assert "versions onnxruntime 1.20" in text
    assert "apsnr_y 39.500" in text
    assert "Frame 3 score_0 31.250 dB" in text
    assert f"Difference \u00d7 {still.gain}" in text
    assert "There are more frames" not in text


def test_the_page_tells_what_was_not_done_from_what_is_not_known() -> None:
    facts = {"converted": None, "scaled": None, "orientation": None, "transfer": None}
    report = replace(
        report_of(3),
        inputs={"reference": facts, "distorted": {**facts, "frame_rate": None}},
        alignment={"count": None},
        model={"quantise": None},
    )

    text = words(report.to_html())

    assert "converted no no" in text
    assert "scaled no no" in text
    assert "orientation as it is stored as it is stored" in text
    assert "transfer not said not said" in text
    assert "frame rate not known" in text
    assert "count all" in text
    assert "quantise no" in text


def test_the_page_of_a_clip_that_passes_says_so() -> None:
    report = report_of(30).with_gates([Gate("score_0", "mean", ">", 1.0)])

    assert "Passed The gate holds." in words(report.to_html())
    assert "Scored No gates were set." in words(report.with_gates([]).to_html())


def test_a_comparison_shows_differences_to_the_first() -> None:
    first = Report(
        frames=Frames(np.arange(2), {"a": np.array([1.0, 3.0]), "b": np.array([5.0, 5.0])}),
        outputs={"a": LabelFacts(better="lower"), "b": LabelFacts()},
    )
    second = Report(
        frames=Frames(np.arange(2), {"a": np.array([1.5, 3.5])}),
        outputs={"a": LabelFacts(better="lower")},
    )

    html = page.to_html([first, second], names=["one", "two"])

    assert "a ↓ mean 2.0000 2.5000 +0.5000" in words(html)
    assert "b mean 5.0000 n/a" in words(html)
    assert '<td class="number worse">+0.5000</td>' in html


def test_libvmafs_report_has_a_page() -> None:
    text = words(Report.read(GOLDEN / "libvmaf.json").to_html())

    assert "vmaf ↑ higher" in text
    assert "libvmaf" in text


def test_scores_in_the_page_are_strict_json() -> None:
    holed = Report(
        frames=Frames(np.arange(3), {"a": np.array([1.0, math.nan, math.inf])}),
        outputs={"a": LabelFacts()},
    )

    plots = series_of(holed.to_html())

    assert plots["plots"][0]["series"][0]["y"] == [1.0, None, None]


def series_of(html: str) -> Any:
    text = re.search(r'(?s)id="series">(.*?)</script>', without_library(html))
    assert text is not None
    return json.loads(text[1], parse_constant=pytest.fail)
