from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from framegauge.runtime import UsageError, score
from framegauge.runtime.sources.source import open_source

Clip = Callable[..., Path]

SOURCE = ("-f", "lavfi", "-i", "testsrc2=s=128x96:r=25:d=0.2", "-pix_fmt", "yuv420p")
GRAIN = "film-grain=30:film-grain-denoise=0"


@pytest.fixture(scope="session")
def grained(clip: Clip) -> Path:
    return clip(
        ".mkv", *SOURCE, "-c:v", "libsvtav1", "-preset", 10, "-svtav1-params", GRAIN, "-crf", 20
    )


@pytest.mark.parametrize(
    ("film_grain", "options", "word"),
    [("on", (), "applied"), ("off", ("-export_side_data", "film_grain"), "left out")],
)
def test_grain_is_drawn_or_left_out_as_ffmpeg_does(
    run_ffmpeg: Callable[..., bytes],
    grained: Path,
    film_grain: Any,
    options: tuple[str, ...],
    word: str,
) -> None:
    wanted = run_ffmpeg(*options, "-i", grained, "-f", "rawvideo", "-")

    with open_source(grained, film_grain=film_grain) as source:
        frames = b"".join(
            plane.tobytes() for frame in source.frames(format="yuv420p") for plane in frame
        )

    assert frames == wanted
    assert source.facts.film_grain == word


def test_the_report_says_what_became_of_grain(clip: Clip, grained: Path) -> None:
    reference = clip(".mkv", *SOURCE, "-c:v", "ffv1")
    lines: list[str] = []

    drawn = score(reference, grained, metrics="psnr_y", tell=lines.append)
    bare = score(reference, grained, metrics="psnr_y", film_grain="off")

    assert drawn.inputs["distorted"]["film_grain"] == "applied"
    assert bare.inputs["distorted"]["film_grain"] == "left out"
    assert drawn.inputs["reference"]["film_grain"] is None
    assert f"{grained} carries film grain: applied" in lines
    assert bare.pooled["psnr_y"]["mean"] > drawn.pooled["psnr_y"]["mean"] + 3


@pytest.mark.parametrize("codec", ["libsvtav1", "libx264", "libx265"])
def test_a_stream_without_grain_says_none(clip: Clip, codec: str) -> None:
    with open_source(clip(".mkv", *SOURCE, "-c:v", codec), film_grain="off") as source:
        assert source.facts.film_grain is None


def test_grain_is_on_or_off() -> None:
    with pytest.raises(UsageError, match="--film-grain takes on or off; got 'no'"):
        score("a.mkv", "b.mkv", film_grain="no")  # type: ignore[arg-type]
