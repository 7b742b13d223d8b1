from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from framegauge.runtime import Report, ScoreError, UsageError, score
from framegauge.runtime.sources.conversion import ConversionPolicy
from framegauge.runtime.sources.facts import Facts, facts
from framegauge.runtime.sources.source import open_source

Picture = Callable[..., Path]

LIMITED = ("-colorspace", "smpte170m", "-color_range", "tv", "-pix_fmt", "yuv420p")
FULL = ("-vf", "scale=in_range=tv:out_range=pc", "-colorspace", "smpte170m", "-color_range", "pc")
BT709 = ("-vf", "scale=in_color_matrix=bt601:out_color_matrix=bt709", "-colorspace", "bt709")
SDR = ("-vf", "setparams=color_trc=bt709", "-color_trc", "bt709")
PQ = ("-vf", "setparams=color_trc=smpte2084", "-color_trc", "smpte2084")


def known(**options: Any) -> Facts:
    return facts("clip", **({"size": (96, 64), "pixel_format": "yuv420p", "codec": "x"} | options))


def mean(report: Report, label: str = "psnr_y") -> float:
    return report.pooled[label]["mean"]


@pytest.fixture
def limited(picture: Picture) -> Path:
    return picture(*LIMITED)


@pytest.fixture
def smaller(picture: Picture) -> Path:
    return picture("-vf", "scale=48:32:flags=area", *LIMITED)


def test_sizes_that_differ_are_refused_with_the_flag(limited: Path, smaller: Path) -> None:
    with pytest.raises(ScoreError, match=r"is 96x64 and the distorted video 48x32.*--scale ref"):
        score(limited, smaller)


@pytest.mark.parametrize(
    ("scale", "size", "scaler"),
    [
        ("reference", (96, 64), "bicubic"),
        ("reference:lanczos", (96, 64), "lanczos"),
        ("96x64:bilinear", (96, 64), "bilinear"),
    ],
)
def test_the_distorted_video_is_scaled_and_the_report_names_the_scaler(
    limited: Path, smaller: Path, scale: str, size: tuple[int, int], scaler: str
) -> None:
    report = score(limited, smaller, scale=scale, metrics="psnr_y")

    scaled = {"width": size[0], "height": size[1], "scaler": scaler}
    assert report.inputs["distorted"]["scaled"] == scaled
    assert report.inputs["distorted"]["width"] == 48
    assert report.inputs["reference"]["scaled"] is None
    assert report.inputs["reference"]["converted"] is report.inputs["distorted"]["converted"]
    assert 10 < mean(report) < 60


def test_scaling_down_by_area_what_was_scaled_down_by_area_gives_it_back(
    limited: Path, smaller: Path
) -> None:
    report = score(limited, smaller, scale="48x32:area", metrics="psnr_y")

    scaled = {"width": 48, "height": 32, "scaler": "area"}
    assert report.inputs["reference"]["scaled"] == scaled
    assert report.inputs["distorted"]["scaled"] is None
    # Both went through the same means of 2x2 samples, rounded once.
    assert mean(report) > 50


def test_scalers_differ(limited: Path, smaller: Path) -> None:
    scores = {
        scaler: mean(score(limited, smaller, scale=f"40x28:{scaler}", metrics="psnr_y"))
        for scaler in ("bicubic", "lanczos", "bilinear", "area")
    }

    assert len(set(scores.values())) == 4


def test_the_least_size_is_judged_after_scaling(limited: Path) -> None:
    with pytest.raises(UsageError, match=r"8x8 pixels.*psnr_y|float_ssim 11x11"):
        score(limited, limited, scale="8x8")
    report = score(limited, limited, scale="192x192", metrics="ms_ssim")

    assert mean(report, "ms_ssim") == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    ("other", "pixel_format", "target"),
    [
        (("-pix_fmt", "yuv420p10le"), "yuv420p10le", "yuv420p"),
        (("-pix_fmt", "yuv444p"), "yuv444p", "yuv420p"),
        (("-pix_fmt", "bgr0"), "bgr0", "yuv420p"),
    ],
)
def test_formats_that_differ_are_refused_and_converted_where_allowed(
    picture: Picture, limited: Path, other: tuple[str, ...], pixel_format: str, target: str
) -> None:
    second = picture(*other)

    report = score(limited, second, convert="reference")

    assert report.model["format"] == target
    converted = {"format": target, "matrix": "bt601", "range": "limited"}
    assert report.inputs["distorted"]["converted"] == converted
    assert report.inputs["distorted"]["pixel_format"] == pixel_format
    assert report.inputs["reference"]["converted"] is None
    # It is the same picture, rounded to the two formats.
    assert mean(report) > 40
    with pytest.raises(
        ScoreError, match=rf"is yuv420p and the distorted video {pixel_format}.*--convert ref"
    ):
        score(limited, second)


def test_both_videos_are_converted_to_a_format_that_is_named(
    picture: Picture, limited: Path
) -> None:
    report = score(limited, picture("-pix_fmt", "yuv444p"), convert="rgb24", metrics="psnr")

    assert report.model["format"] == "rgb24"
    assert report.labels == ("psnr",)
    converted = {"format": "rgb24", "matrix": None, "range": None}
    assert [each["converted"] for each in report.inputs.values()] == [converted] * 2
    assert mean(report, "psnr") > 25


def test_what_no_model_takes_is_refused_until_a_conversion_is_allowed(picture: Picture) -> None:
    video = picture("-pix_fmt", "yuv410p")

    with pytest.raises(ScoreError, match=r"yuv410p, which no model takes.*--convert FORMAT"):
        score(video, video)
    report = score(video, video, convert="yuv420p")

    assert mean(report) == 60
    assert report.inputs["reference"]["converted"]["format"] == "yuv420p"


def test_a_model_of_another_format_needs_a_conversion_to_it(
    shipped: Callable[..., Path], limited: Path
) -> None:
    model = shipped("psnr", "rgb24")

    with pytest.raises(ScoreError, match=r"is yuv420p, and the model takes rgb24.*--convert rgb24"):
        score(limited, limited, model=model)
    report = score(limited, limited, model=model, convert="rgb24")

    assert mean(report, "psnr") == 100
    assert report.inputs["reference"]["converted"]["format"] == "rgb24"


@pytest.mark.parametrize(
    ("pixel_format", "format"), [("nv12", "yuv420p"), ("p010le", "yuv420p10le")]
)
def test_interleaved_chroma_is_scored_as_planes_without_a_conversion(
    ffmpeg: Callable[..., str],
    picture: Picture,
    tmp_path: Path,
    pixel_format: str,
    format: str,
) -> None:
    planar = picture("-pix_fmt", format, "-colorspace", "smpte170m", "-color_range", "tv")
    worse = picture(
        "-pix_fmt", format, "-colorspace", "smpte170m", "-color_range", "tv", "-vf", "noise=alls=9"
    )
    packed = tmp_path / "packed.yuv"
    ffmpeg("-i", worse, "-pix_fmt", pixel_format, "-f", "rawvideo", packed)
    raw = {"size": (96, 64), "pixel_format": pixel_format, "frame_rate": 25}

    report = score(planar, packed, **raw)

    wanted = score(planar, worse)
    assert report.inputs["distorted"]["pixel_format"] == pixel_format
    assert report.inputs["distorted"]["converted"] is None
    assert report.model["format"] == format
    assert report.pooled == wanted.pooled
    assert mean(report, "psnr_cb") < 60


def test_a_range_that_differs_is_refused_and_converting_makes_code_values_comparable(
    picture: Picture, limited: Path
) -> None:
    full = picture(*FULL, "-pix_fmt", "yuv420p")

    report = score(limited, full, convert="reference")

    converted = {"format": "yuv420p", "matrix": "bt601", "range": "limited"}
    assert report.inputs["distorted"]["range"] == "full"
    assert report.inputs["distorted"]["converted"] == converted
    assert min(report.pooled[plane]["min"] for plane in ("psnr_y", "psnr_cb", "psnr_cr")) > 45
    with pytest.raises(ScoreError, match=r"bt601, limited.*bt601, full.*--convert ref.*--range"):
        score(limited, full)
    # Read as if they meant the same, the code values are far apart.
    assert mean(score(limited, full, range="limited")) < 35


def test_a_matrix_that_differs_is_refused_and_converting_makes_code_values_comparable(
    picture: Picture, limited: Path
) -> None:
    other = picture(*BT709, "-color_range", "tv", "-pix_fmt", "yuv420p")

    report = score(limited, other, convert="reference")

    assert report.inputs["distorted"]["converted"]["matrix"] == "bt601"
    assert mean(report) > 38
    with pytest.raises(ScoreError, match=r"bt601, limited range.*bt709, limited range.*--matrix"):
        score(limited, other)
    assert mean(score(limited, other, matrix="bt601")) < mean(report) - 3


@pytest.mark.parametrize("options", [{}, {"convert": "reference"}, {"convert": "rgb24"}], ids=str)
@pytest.mark.parametrize("hdr_first", [True, False])
def test_hdr_against_sdr_is_refused_whatever_is_allowed(
    picture: Picture, options: dict[str, Any], hdr_first: bool
) -> None:
    pair = [picture(*PQ, "-pix_fmt", "yuv420p10le"), picture(*SDR, "-pix_fmt", "yuv420p10le")]
    names = ["HDR (smpte2084)", "SDR (bt709)"]
    first, second = (0, 1) if hdr_first else (1, 0)

    with pytest.raises(ScoreError, match="Tone-map one of them first") as refused:
        score(pair[first], pair[second], **options)

    words = f"The reference is {names[first]} and the distorted video {names[second]}"
    assert words in str(refused.value)


def test_hdr_against_hdr_is_scored(picture: Picture) -> None:
    video = picture(*PQ, "-pix_fmt", "yuv420p10le")

    report = score(video, video)

    assert report.inputs["reference"]["hdr"] is True
    assert mean(report) == 72


def test_a_video_that_says_nothing_takes_what_the_other_says(
    clip: Callable[..., Path], reference: str
) -> None:
    words = "h264_metadata=matrix_coefficients=1:video_full_range_flag=1"
    spoken = clip(".mp4", "-i", reference, "-c", "copy", "-bsf:v", words)

    reports = [score(reference, spoken), score(spoken, reference)]

    told = [
        {role: (each["matrix"], each["range"]) for role, each in report.inputs.items()}
        for report in reports
    ]
    assert told == [{"reference": ("bt709", "full"), "distorted": ("bt709", "full")}] * 2
    assert [report.inputs["reference"]["assumed"] for report in reports] == [
        ["matrix", "range"],
        [],
    ]
    assert [report.inputs["distorted"]["assumed"] for report in reports] == [
        [],
        ["matrix", "range"],
    ]
    assert [report.inputs["reference"]["converted"] for report in reports] == [None, None]


def test_where_neither_says_anything_both_are_what_the_reference_is_assumed_to_be(
    clip: Callable[..., Path], reference: str
) -> None:
    first = ("-i", reference, "-frames:v", 1, "-c:v", "libx264", "-qp", 0)
    large, small = clip(".mp4", *first, "-vf", "scale=960:720"), clip(".mp4", *first)

    report = score(large, small, scale="reference", metrics="psnr_y")
    other = score(small, large, scale="reference", metrics="psnr_y")

    assert [each["matrix"] for each in report.inputs.values()] == ["bt709", "bt709"]
    assert [each["matrix"] for each in other.inputs.values()] == ["bt601", "bt601"]
    assert all(each["assumed"] == ["matrix", "range"] for each in report.inputs.values())


def test_what_was_assumed_is_told(reference: str) -> None:
    lines: list[str] = []

    score(reference, reference, metrics="psnr", tell=lines.append)

    assert lines == [f"{reference} does not say its matrix and range: taken as bt601, limited"]


def test_what_was_assumed_of_both_is_told_once(reference: str, distorted: str) -> None:
    lines: list[str] = []

    score(reference, distorted, metrics="psnr", tell=lines.append)

    assert lines == [
        f"{reference} and {distorted} do not say their matrix and range: taken as bt601, limited"
    ]


def test_what_changes_no_score_is_not_told(reference: str) -> None:
    lines: list[str] = []

    score(reference, reference, metrics="psnr_y,float_ssim", tell=lines.append)

    assert lines == []


def test_what_was_assumed_is_told_where_planes_are_converted(
    clip: Callable[..., Path], reference: str
) -> None:
    deep = clip(".mkv", "-i", reference, "-pix_fmt", "yuv420p10le", "-c:v", "ffv1")
    lines: list[str] = []

    score(deep, reference, metrics="psnr_y", convert="yuv420p", tell=lines.append)

    assert "does not say its matrix" in lines[0]


def test_what_is_given_is_not_assumed(reference: str) -> None:
    report = score(reference, reference, metrics="psnr", matrix="bt2020", range="full")

    assert report.inputs["reference"]["assumed"] == []
    assert report.inputs["reference"]["matrix"] == "bt2020"
    assert report.inputs["reference"]["range"] == "full"


def test_the_range_that_is_given_decides_what_planes_mean() -> None:
    grey = [(np.full((16, 16), 100, np.uint8), *[np.full((8, 8), 128, np.uint8)] * 2)]
    lighter = [(np.full((16, 16), 110, np.uint8), *grey[0][1:])]

    scores = [
        mean(score(grey, lighter, metrics="psnr", range=range), "psnr")
        for range in ("limited", "full")
    ]

    assert_allclose(scores, 20 * np.log10([21.9, 25.5]), atol=1e-4)


@pytest.mark.parametrize(
    ("scale", "convert", "words"),
    [
        ("720p", None, r"--scale takes reference or WxH.*got '720p'.*--scale reference:lanczos"),
        ("96x64:nearest", None, r"with :bicubic, :lanczos, :bilinear, :area.*got '96x64:nearest'"),
        ("distorted", None, "got 'distorted'"),
        ("0x64", None, "at least 1x1, .*got '0x64'"),
        ("-96x64", None, "got '-96x64'"),
        (None, "yuv411p", "--convert takes reference or one of rgb24.*got 'yuv411p'"),
        (None, "", "--convert takes reference or one of"),
        ("", None, "--scale takes reference or WxH"),
    ],
)
def test_flags_written_wrongly_are_refused(
    scale: str | None, convert: str | None, words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        ConversionPolicy.parse(scale, convert)


@pytest.mark.parametrize(
    ("first", "second", "convert", "wanted"),
    [
        ("yuv420p", "yuv420p", None, "yuv420p"),
        ("nv12", "yuv420p", None, "yuv420p"),
        ("yuv420p", "nv12", None, "yuv420p"),
        ("nv12", "nv12", None, "yuv420p"),
        ("p010le", "yuv420p10le", None, "yuv420p10le"),
        ("yuvj420p", "yuv420p", None, "yuv420p"),
        ("gbrp", "bgr0", None, "rgb24"),
        ("yuv420p", "rgba", "reference", "yuv420p"),
        ("rgba", "yuv420p", "yuv444p", "yuv444p"),
    ],
)
def test_the_format_of_both_follows_from_theirs(
    first: str, second: str, convert: str | None, wanted: str
) -> None:
    pair = {"reference": known(pixel_format=first), "distorted": known(pixel_format=second)}

    assert ConversionPolicy.parse(None, convert).format(pair) == wanted


def test_the_reference_must_have_a_format_of_models_to_be_converted_to() -> None:
    pair = {"reference": known(pixel_format="rgba"), "distorted": known()}

    with pytest.raises(ScoreError, match="rgba, which no model takes as it is"):
        ConversionPolicy.parse(None, "reference").format(pair)


@pytest.mark.parametrize(
    ("ending", "layout"),
    [
        (".y4m", "yuv411p"),
        *((".mkv", layout) for layout in ("yuv411p", "yuv410p", "yuv440p", "yuva420p")),
        *((".yuv", layout) for layout in ("yuv411p", "yuv410p", "yuv440p", "yuva420p", "nv16")),
    ],
)
@pytest.mark.parametrize("target", ["yuv420p10le", "yuv444p12le"])
def test_eight_bits_of_any_layout_become_more(
    ffmpeg: Callable[..., str], tmp_path: Path, layout: str, ending: str, target: str
) -> None:
    path = tmp_path / f"clip{ending}"
    coding = ("-c:v", "ffv1") if ending == ".mkv" else ()
    made = ("-f", "lavfi", "-i", "testsrc2=s=64x48:d=0.1")
    ffmpeg(*made, "-pix_fmt", layout, *coding, path)
    ffmpeg(*made, "-vf", f"format={layout}", "-f", "rawvideo", tmp_path / "planes.raw")
    luma = np.fromfile(tmp_path / "planes.raw", np.uint8)[: 64 * 48].reshape(48, 64)

    with open_source(path, size=(64, 48), pixel_format=layout, range="limited") as source:
        planes = next(iter(source.frames(format=target)))

    bits = 2 if target.endswith("10le") else 4
    assert np.array_equal(planes[0].copy().view("<u2")[..., 0], luma.astype(np.uint16) << bits)


@pytest.mark.parametrize("layout", ["yuv411p", "yuv410p", "yuva420p"])
def test_white_of_full_range_stays_white_in_any_layout(tmp_path: Path, layout: str) -> None:
    path = tmp_path / "white.yuv"
    path.write_bytes(b"\xff" * (64 * 48) + b"\x80" * (64 * 48 * 3))

    with open_source(path, size=(64, 48), pixel_format=layout, range="full") as it:
        planes = next(iter(it.frames(format="yuv420p10le")))

    assert (planes[0].copy().view("<u2") == 1023).all()
    assert (planes[1].copy().view("<u2") == 512).all()
