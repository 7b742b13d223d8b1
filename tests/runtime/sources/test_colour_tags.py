from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from framegauge.runtime import ScoreError, UsageError, score
from framegauge.runtime.sources.code_points import MATRICES, PRIMARIES, TRANSFERS
from framegauge.runtime.sources.colour_tags import ColourTags
from framegauge.runtime.sources.source import open_source

Clip = Callable[..., Path]

FIVE = ("-f", "lavfi", "-i", "testsrc2=s=128x96:r=25:d=0.2")
TEN = ("-pix_fmt", "yuv420p10le")
PQ = (
    *("-color_primaries", "bt2020", "-color_trc", "smpte2084"),
    *("-colorspace", "bt2020nc", "-color_range", "tv"),
)
X265 = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params")


def hevc(clip: Clip, *, matrix: str, transfer: str, primaries: str, full: bool = False) -> Path:
    words = (
        f"log-level=none:repeat-headers=1:colormatrix={matrix}:transfer={transfer}:"
        f"colorprim={primaries}:range={'full' if full else 'limited'}"
    )
    return clip(".hevc", *FIVE, *TEN, *X265, words, "-f", "hevc")


@pytest.fixture(scope="session")
def joined(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Streams one after the other."""

    def made(*parts: Path) -> Path:
        path = tmp_path_factory.mktemp("joined") / "clip.hevc"
        path.write_bytes(b"".join(part.read_bytes() for part in parts))
        return path

    return made


@pytest.fixture(scope="session")
def sdr(clip: Clip) -> Path:
    return hevc(clip, matrix="bt709", transfer="bt709", primaries="bt709")


@pytest.fixture(scope="session")
def silent(clip: Clip) -> Path:
    return clip(".mkv", *FIVE, *TEN, *X265, "log-level=none")


@pytest.fixture(scope="session")
def pq(clip: Clip) -> Path:
    return hevc(clip, matrix="bt2020nc", transfer="smpte2084", primaries="bt2020")


@pytest.mark.parametrize(
    ("ending", "coding"),
    [
        (".mkv", (*TEN, *X265, "log-level=none")),
        (".mp4", (*TEN, *X265, "log-level=none")),
        (".mov", ("-pix_fmt", "yuv422p10le", "-c:v", "prores_ks")),
        (".webm", (*TEN, "-c:v", "libvpx-vp9", "-cpu-used", 8, "-deadline", "realtime")),
    ],
)
def test_what_only_the_container_says_counts(
    clip: Clip, ending: str, coding: tuple[object, ...]
) -> None:
    plain = clip(ending, *FIVE, *coding)

    with open_source(clip(ending, "-i", plain, "-c", "copy", *PQ)) as source:
        facts = source.facts

    assert (facts.matrix, facts.transfer, facts.primaries) == ("bt2020", "smpte2084", "bt2020")
    assert "matrix" in facts.from_container
    assert facts.assumed == ()


def test_hdr_of_the_container_is_not_scored_against_sdr(clip: Clip, silent: Path) -> None:
    hdr = clip(".mkv", "-i", silent, "-c", "copy", *PQ)
    bt709 = clip(".mkv", "-i", silent, "-c", "copy", "-color_trc", "bt709")

    with pytest.raises(ScoreError, match=r"HDR \(smpte2084\).*SDR \(bt709\)"):
        score(hdr, bt709, convert="reference", metrics="psnr_y")


@pytest.mark.parametrize("ending", [".mkv", ".mp4"])
def test_the_stream_counts_where_the_container_differs(
    clip: Clip, silent: Path, ending: str
) -> None:
    words = "hevc_metadata=matrix_coefficients=9:colour_primaries=9:transfer_characteristics=16"
    pq = clip(".mkv", "-i", silent, "-c", "copy", "-bsf:v", words)
    other = ("-color_trc", "arib-std-b67", "-colorspace", "bt709", "-color_primaries", "smpte432")
    lines: list[str] = []
    path = clip(ending, "-i", pq, "-c", "copy", *other)

    report = score(path, path, metrics="psnr_y", tell=lines.append)

    found = report.inputs["reference"]
    assert (found["matrix"], found["transfer"], found["primaries"]) == (
        *("bt2020", "smpte2084", "bt2020"),
    )
    assert found["container_differs"] == {
        "matrix": "bt709",
        "transfer": "arib-std-b67",
        "primaries": "smpte432",
    }
    said = f"{path} says transfer arib-std-b67 in its container and smpte2084 in its stream"
    assert any(line.startswith(said) for line in lines)


def test_what_is_given_stands_for_stream_and_container(clip: Clip, silent: Path) -> None:
    path = clip(".mkv", "-i", silent, "-c", "copy", *PQ)

    with open_source(path, transfer="hlg", matrix="bt709") as source:
        facts = source.facts

    assert (facts.matrix, facts.transfer, facts.primaries) == ("bt709", "arib-std-b67", "bt2020")
    assert facts.from_container == ("primaries",)


@pytest.mark.parametrize(
    ("other", "found"),
    [
        (
            {"matrix": "bt2020nc", "transfer": "smpte2084", "primaries": "bt2020", "full": True},
            "matrix bt2020, range full, transfer smpte2084, primaries bt2020",
        ),
        ({"matrix": "smpte170m"}, "frame 5 has matrix bt601. Split"),
        ({"full": True}, "frame 5 has range full. Split"),
        ({"transfer": "arib-std-b67"}, "frame 5 has transfer arib-std-b67. Split"),
        ({"primaries": "smpte432"}, "frame 5 has primaries smpte432. Split"),
    ],
)
def test_colours_that_change_are_refused_with_the_frame(
    clip: Clip, sdr: Path, joined: Callable[..., Path], other: dict[str, Any], found: str
) -> None:
    usual: dict[str, Any] = {"matrix": "bt709", "transfer": "bt709", "primaries": "bt709"}
    path = joined(sdr, hevc(clip, **usual | other))

    with pytest.raises(ScoreError, match="changes in the middle: it begins with") as refused:
        score(joined(sdr, sdr), path, metrics="psnr_y")

    assert found in str(refused.value)


@pytest.mark.parametrize("silent_first", [True, False])
def test_colours_that_begin_or_end_in_the_middle_are_refused(
    clip: Clip, pq: Path, joined: Callable[..., Path], silent_first: bool
) -> None:
    silent = clip(".hevc", *FIVE, *TEN, *X265, "log-level=none:repeat-headers=1", "-f", "hevc")
    path = joined(silent, pq) if silent_first else joined(pq, silent)

    with pytest.raises(ScoreError, match=r"changes in the middle: .*transfer") as refused:
        score(path, path, metrics="psnr_y")

    assert "matrix not said" in str(refused.value)


def test_an_av1_stream_that_becomes_sdr_is_refused(clip: Clip, tmp_path: Path) -> None:
    coding = ("-c:v", "libsvtav1", "-preset", 10, "-f", "obu")
    first, second = (
        clip(".obu", *FIVE, *TEN, "-vf", f"setparams={words}", *coding)
        for words in (
            "colorspace=bt2020nc:color_primaries=bt2020:color_trc=smpte2084",
            "colorspace=bt709:color_primaries=bt709:color_trc=bt709",
        )
    )
    path = tmp_path / "a.obu"
    path.write_bytes(first.read_bytes() + second.read_bytes())

    with pytest.raises(ScoreError, match=r"transfer smpte2084.*frame 5 has matrix bt709"):
        score(path, path, metrics="psnr_y")


def test_a_curve_of_the_same_light_may_follow(
    clip: Clip, sdr: Path, joined: Callable[..., Path]
) -> None:
    gamma = hevc(clip, matrix="bt709", transfer="smpte170m", primaries="bt709")

    report = score(joined(sdr, gamma), joined(gamma, sdr), metrics="psnr_y")

    assert report.pooled["psnr_y"]["mean"] == 72


def test_what_is_given_lifts_the_refusal_of_what_it_says(
    clip: Clip, sdr: Path, joined: Callable[..., Path]
) -> None:
    bt601 = hevc(clip, matrix="smpte170m", transfer="arib-std-b67", primaries="bt709")
    path = joined(sdr, bt601)

    report = score(path, path, metrics="psnr_y", matrix="bt709", transfer="bt709")

    assert len(report.frames.numbers) == 10
    with pytest.raises(ScoreError, match=r"frame 5 has transfer arib.*with --transfer"):
        score(path, path, metrics="psnr_y", matrix="bt709")


def test_a_turn_that_comes_later_is_refused(clip: Clip, joined: Callable[..., Path]) -> None:
    held = clip(".mkv", *FIVE, "-pix_fmt", "yuv420p", "-c:v", "libx264")
    bare = ("-c", "copy", "-f", "h264", "-bsf:v")
    turn = "h264_mp4toannexb,h264_metadata=display_orientation=insert:rotate=90"
    plain = clip(".h264", "-i", held, *bare, "h264_mp4toannexb")
    turned = clip(".h264", "-i", held, *bare, turn)
    once, later = joined(turned, plain), joined(plain, turned)

    # What is said once holds for the frames that follow.
    assert score(once, once, metrics="psnr_y").pooled["psnr_y"]["mean"] == 60
    with pytest.raises(ScoreError, match=r"turned by 0 degrees, frame 5 by 90"):
        score(later, later, metrics="psnr_y")


def test_images_of_one_clip_have_one_light(
    run_ffmpeg: Callable[..., bytes], tmp_path: Path
) -> None:
    source = ("-f", "lavfi", "-i", "testsrc2=s=32x32", "-frames:v", 1)
    for number, words in enumerate(("color_trc=iec61966-2-1", "color_trc=smpte2084")):
        tagged = ("-vf", f"format=rgb24,setparams={words}:color_primaries=bt2020")
        run_ffmpeg(*source, *tagged, tmp_path / f"{number}.png")

    with pytest.raises(ScoreError, match=r"1\.png is RGB, full range, transfer smpte2084"):
        score(tmp_path, tmp_path, metrics="psnr")


@pytest.mark.parametrize("alias", ["pq", "smpte2084"])
def test_a_clip_that_says_no_light_takes_the_others_or_what_is_given(
    clip: Clip, pq: Path, alias: str
) -> None:
    bare = clip(".y4m", "-i", pq, "-strict", -1)
    lines: list[str] = []

    report = score(pq, bare, metrics="psnr_y", tell=lines.append)
    given = score(pq, bare, metrics="psnr_y", transfer=alias, matrix="bt2020", range="limited")

    assert report.pooled["psnr_y"]["mean"] == given.pooled["psnr_y"]["mean"] == 72
    found = report.inputs["distorted"]
    assert (found["transfer"], found["primaries"], found["hdr"]) == ("smpte2084", "bt2020", True)
    assert {"transfer", "primaries"} <= set(found["assumed"])
    assert any("transfer and primaries: taken as" in line for line in lines)
    assert "transfer" not in given.inputs["distorted"]["assumed"]


def test_the_reference_may_be_the_silent_one(clip: Clip, pq: Path) -> None:
    bare = clip(".y4m", "-i", pq, "-strict", -1)

    report = score(bare, pq, metrics="psnr_y")

    assert report.inputs["reference"]["transfer"] == "smpte2084"
    assert "transfer" in report.inputs["reference"]["assumed"]


def test_a_transfer_that_there_is_not_is_refused_with_those_there_are() -> None:
    with pytest.raises(UsageError, match=r"--transfer takes one of pq, hlg, .*, bt709, .*got 'pg'"):
        score("a.mkv", "b.mkv", transfer="pg")


@pytest.mark.parametrize(("kind", "names"), [("colorspace", MATRICES), ("color_trc", TRANSFERS)])
def test_names_are_ffmpegs(ffmpeg: Callable[..., str], kind: str, names: dict[int, str]) -> None:
    own = {"bt601": "smpte170m", "bt2020": "bt2020nc", "gamma22": "bt470m", "gamma28": "bt470bg"}
    words = [own.get(name, name) for name in names.values()]

    shown = [
        ffmpeg(
            "-f",
            "lavfi",
            "-i",
            "color",
            "-vf",
            f"format=yuv444p,setparams={kind}={word},showinfo",
            "-frames:v",
            1,
            "-f",
            "null",
            "-",
        )
        for word in words
    ]

    label = "color_space" if kind == "colorspace" else "color_trc"
    assert [f"{label}:{word}" in text for word, text in zip(words, shown, strict=True)] == (
        [True] * len(words)
    )


def test_no_code_point_of_the_standard_is_unknown() -> None:
    # H.273 (07/2024): all values but those reserved and "unspecified".
    assert sorted(MATRICES) == [0, 1, *range(4, 18)]
    assert sorted(TRANSFERS) == [1, *range(4, 19), 256]
    assert sorted(PRIMARIES) == [1, *range(4, 13), 22, 256]


def test_a_matrix_that_changes_is_named_alone() -> None:
    first = ColourTags(matrix="bt709", range="limited")

    assert first.changed_in(ColourTags(matrix="bt601", range="limited")) == {"matrix"}


def test_luma_and_chroma_that_call_themselves_rgb_say_nothing(clip: Clip) -> None:
    # FFmpeg's FLV of HEVC has the matrix 0.
    source = ("-f", "lavfi", "-i", "testsrc2=s=128x96:r=25:d=0.2", "-pix_fmt", "yuv420p")
    flv = clip(".flv", *source, "-c:v", "libx265", "-x265-params", "log-level=none")

    report = score(flv, flv, metrics="psnr")

    assert report.inputs["reference"]["matrix"] == "bt601"
    assert "matrix" in report.inputs["reference"]["assumed"]
