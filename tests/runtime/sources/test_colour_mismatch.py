from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from framegauge.runtime import ScoreError, UsageError, score

Picture = Callable[..., Path]
Clip = Callable[..., Path]

TEN = ("-pix_fmt", "yuv420p10le")
FIVE = ("-f", "lavfi", "-i", "testsrc2=s=128x96:r=25:d=0.2")


@pytest.fixture
def tagged(picture: Picture) -> Callable[..., Path]:
    """The test picture, of whatever colours its tags say."""

    def made(**tags: str) -> Path:
        words = ":".join(f"{name}={value}" for name, value in tags.items())
        return picture("-vf", f"format=yuv420p10le,setparams={words}", *TEN)

    return made


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("smpte2084", "arib-std-b67"),
        ("linear", "bt709"),
        ("log100", "iec61966-2-1"),
        ("smpte428", "bt709"),
        ("log100", "log316"),
    ],
)
def test_other_light_is_refused(tagged: Callable[..., Path], first: str, second: str) -> None:
    pair = tagged(color_trc=first), tagged(color_trc=second)

    with pytest.raises(ScoreError, match=rf"\({first}\).*\({second}\).*mean different light"):
        score(*pair, metrics="psnr_y")


@pytest.mark.parametrize("second", ["bt470m", "bt470bg", "smpte170m", "iec61966-2-1", "unknown"])
def test_curves_of_sdr_are_one_light(tagged: Callable[..., Path], second: str) -> None:
    report = score(tagged(color_trc="bt709"), tagged(color_trc=second), metrics="psnr_y")

    assert report.pooled["psnr_y"]["mean"] == 72
    assert report.inputs["distorted"]["mismatch_ignored"] == []


def test_silence_stands_for_hdr_in_more_than_eight_bits(
    tagged: Callable[..., Path], picture: Picture
) -> None:
    hdr, deep = tagged(color_trc="smpte2084"), tagged(color_trc="unknown")
    eight = picture("-vf", "format=yuv420p,setparams=color_trc=unknown", "-pix_fmt", "yuv420p")

    report = score(hdr, deep, metrics="psnr_y")

    assert report.inputs["distorted"]["transfer"] == "smpte2084"
    assert "transfer" in report.inputs["distorted"]["assumed"]
    with pytest.raises(ScoreError, match=r"HDR .*smpte2084.* SDR \(unspecified\).*--transfer"):
        score(hdr, eight, metrics="psnr_y", convert="reference")
    said = score(hdr, eight, metrics="psnr_y", convert="reference", transfer="pq")
    assert "transfer" not in said.inputs["distorted"]["assumed"]


@pytest.mark.parametrize("light", ["linear", "log100", "smpte428"])
def test_silence_does_not_stand_for_other_light(tagged: Callable[..., Path], light: str) -> None:
    with pytest.raises(ScoreError, match="mean different light"):
        score(tagged(color_trc=light), tagged(color_trc="unknown"), metrics="psnr_y")


@pytest.mark.parametrize(
    ("first", "second"), [("bt709", "smpte432"), ("smpte431", "smpte432"), ("bt2020", "bt709")]
)
def test_other_primaries_are_refused(tagged: Callable[..., Path], first: str, second: str) -> None:
    pair = tagged(color_primaries=first), tagged(color_primaries=second)

    with pytest.raises(ScoreError, match=rf"primaries {first} and the distorted video {second}"):
        score(*pair, metrics="psnr_y")


def test_the_primaries_of_smpte_240m_and_170m_are_the_same(tagged: Callable[..., Path]) -> None:
    pair = tagged(color_primaries="smpte170m"), tagged(color_primaries="smpte240m")

    assert score(*pair, metrics="psnr_y").pooled["psnr_y"]["mean"] == 72


@pytest.mark.parametrize(
    ("first", "second", "ignored"),
    [
        ({"color_trc": "smpte2084"}, {"color_trc": "arib-std-b67"}, ["transfer"]),
        ({"color_trc": "smpte2084"}, {"color_trc": "bt709"}, ["transfer"]),
        ({"color_primaries": "bt709"}, {"color_primaries": "smpte432"}, ["primaries"]),
        ({"colorspace": "bt709"}, {"colorspace": "bt2020nc"}, ["matrix"]),
    ],
)
def test_what_differs_may_be_compared_as_it_is_by_planes(
    tagged: Callable[..., Path],
    first: dict[str, str],
    second: dict[str, str],
    ignored: list[str],
) -> None:
    lines: list[str] = []
    options: dict[str, Any] = {"on_colour_mismatch": "ignore"}

    report = score(
        tagged(**first), tagged(**second), metrics="psnr_y", tell=lines.append, **options
    )

    assert report.pooled["psnr_y"]["mean"] == 72
    assert [each["mismatch_ignored"] for each in report.inputs.values()] == [ignored] * 2
    assert [each["converted"] for each in report.inputs.values()] == [None] * 2
    assert any(line.startswith(f"the videos differ in {ignored[0]}, ") for line in lines)
    with pytest.raises(ScoreError, match="--metrics names one that reads RGB"):
        score(tagged(**first), tagged(**second), metrics="psnr", **options)


def test_ignoring_is_one_of_two_choices() -> None:
    with pytest.raises(UsageError, match=r"--on-colour-mismatch takes one of error, ignore; got"):
        score("a.mkv", "b.mkv", on_colour_mismatch="skip")  # type: ignore[arg-type]


@pytest.fixture
def of_matrix(clip: Clip) -> Callable[[int], Path]:
    """A stream that says this code point."""
    plain = clip(
        *(".hevc", *FIVE, "-pix_fmt", "yuv444p10le", "-c:v", "libx265", "-preset", "ultrafast"),
        *("-x265-params", "log-level=none", "-f", "hevc"),
    )

    def made(code: int) -> Path:
        words = f"hevc_metadata=matrix_coefficients={code}:colour_primaries=1"
        return clip(".hevc", "-i", plain, "-c", "copy", "-bsf:v", words, "-f", "hevc")

    return made


@pytest.mark.parametrize(
    ("code", "name"),
    [(4, "fcc"), (8, "ycgco"), (14, "ictcp"), (15, "ipt-c2"), (16, "ycgco-re"), (17, "ycgco-ro")],
)
def test_planes_of_any_matrix_are_scored_and_rgb_of_few(
    of_matrix: Callable[[int], Path], code: int, name: str
) -> None:
    video = of_matrix(code)

    lines: list[str] = []

    report = score(video, video, metrics="psnr_y,psnr_cb", stills=1, tell=lines.append)

    assert report.inputs["reference"]["matrix"] == name
    assert any(f"the matrix {name}: its planes are scored as they are" in line for line in lines)
    assert report.inputs["reference"]["assumed"] == []
    assert report.pooled["psnr_y"]["mean"] == 72
    with pytest.raises(ScoreError, match=rf"the matrix {name}; a metric that reads RGB takes"):
        score(video, video, metrics="psnr")
    with pytest.raises(ScoreError, match=rf"the matrix {name}; a conversion takes bt601"):
        score(video, video, metrics="psnr_y", convert="yuv420p")
    given = score(video, video, metrics="psnr", matrix="bt709")
    assert given.inputs["reference"]["matrix"] == "bt709"


def test_planes_of_any_matrix_may_be_scaled(of_matrix: Callable[[int], Path]) -> None:
    video = of_matrix(15)

    report = score(video, video, metrics="psnr_y", scale="64x48")

    assert report.pooled["psnr_y"]["mean"] == 72


def test_two_matrices_are_not_one(of_matrix: Callable[[int], Path]) -> None:
    with pytest.raises(ScoreError, match=r"is ipt-c2, limited range, and .* is ycgco-re"):
        score(of_matrix(15), of_matrix(16), metrics="psnr_y")
