import pickle
from collections.abc import Callable
from dataclasses import fields, replace
from fractions import Fraction
from inspect import signature
from pathlib import Path
from typing import Any

import pytest

from framegauge.runtime import UsageError, score
from framegauge.runtime.backends.request import BackendRequest
from framegauge.runtime.commands import score_sets, score_videos
from framegauge.runtime.scoring import videos
from framegauge.runtime.scoring.requests import (
    FrameRequest,
    ModelRequest,
    PairRequest,
    ScoreRequest,
)
from framegauge.runtime.sets import score_set as sets
from framegauge.runtime.sets.samples import Sample, Samples
from framegauge.runtime.sets.set_request import SetRequest

# Nothing is as it would be if it was not asked for.
ASKED = ScoreRequest(
    models=ModelRequest(
        metrics="psnr,ssim",
        quantise=8,
        crop_border=3,
        weights={"vgg16": "w.pth"},
        offline=True,
    ),
    backend=BackendRequest(backend="cpu", device=1, threads=3, build_missing=True),
    frames=FrameRequest(
        size=(32, 24),
        pixel_format="rgb24",
        frame_rate="30000/1001",
        matrix="bt601",
        range="full",
        transfer="pq",
        film_grain="off",
        chroma_siting="centre",
        scale="reference:area",
        convert="rgb24",
        on_colour_mismatch="ignore",
    ),
    pairs=PairRequest(
        offset=1,
        start=2,
        count=3,
        on_length_mismatch="shortest",
        on_rate_mismatch="index",
        factor=4,
        flows={"flow_previous_next": "flows/%05d.flo"},
        flow_estimator="dis:fast",
    ),
    gates=("psnr.p5>=38",),
    stills=2,
)
KEYWORDS: dict[str, Any] = {
    **{field.name: getattr(ASKED.models, field.name) for field in fields(ModelRequest)},
    **{field.name: getattr(ASKED.backend, field.name) for field in fields(BackendRequest)},
    **{field.name: getattr(ASKED.frames, field.name) for field in fields(FrameRequest)},
    **{field.name: getattr(ASKED.pairs, field.name) for field in fields(PairRequest)},
    "gates": ["psnr.p5>=38"],
    "stills": 2,
}
KEYWORDS["model"] = KEYWORDS.pop("files")

# What is asked of frames of a set too.
OF_SETS = replace(
    ASKED.frames,
    size=None,
    pixel_format=None,
    frame_rate=None,
    matrix=None,
    range=None,
    chroma_siting=None,
)

# One command line for two videos and one for a set, with all that is asked of both.
LINE = (
    *("--metrics", "psnr,ssim", "--quantise", "8", "--crop-border", "3", "--offline"),
    *("--weights", "vgg16=w.pth", "--backend", "cpu", "--device", "1", "--threads", "3"),
    *("--build-missing", "--scale", "reference:area", "--convert", "rgb24", "--transfer", "pq"),
    *("--film-grain", "off", "--on-colour-mismatch", "ignore"),
    *("--gate", "psnr.p5>=38", "--quiet"),
)
VIDEOS = (
    *("--size", "32x24", "--pixel-format", "rgb24", "--frame-rate", "30000/1001"),
    *(
        "--matrix",
        "bt601",
        "--range",
        "full",
        "--chroma-siting",
        "centre",
        "--offset",
        "1",
        "--start",
        "2",
        "--count",
        "3",
    ),
    *("--on-length-mismatch", "shortest", "--on-rate-mismatch", "index", "--factor", "4"),
    *("--flow", "flow_previous_next=flows/%05d.flo", "--flow-estimator", "dis:fast"),
    *("--stills", "2"),
)


class AskedError(Exception):
    """Carries a request out of the function that would answer it."""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Gives the request that a call makes."""

    def answer(*given: Any, **_: Any) -> None:
        (request,) = (each for each in given if isinstance(each, ScoreRequest | SetRequest))
        raise AskedError(request)

    for module in (videos, score_videos):
        monkeypatch.setattr(module, "score_videos", answer)
    for module in (sets, score_sets):
        monkeypatch.setattr(module, "score_samples", answer)

    def made(call: Callable[..., Any], *given: Any, **keywords: Any) -> Any:
        with pytest.raises(AskedError) as caught:
            call(*given, **keywords)
        return caught.value.args[0]

    return made


def test_every_keyword_of_score_is_in_its_request(asked: Callable[..., Any]) -> None:
    taken = set(signature(score).parameters) - {"reference", "distorted", "progress", "tell"}

    request = asked(score, "r.mkv", "d.mkv", **{**KEYWORDS, "subsample": 1})

    assert taken == {*KEYWORDS, "subsample"}
    assert request == ASKED
    subsampled = asked(score, "r.mkv", "d.mkv", subsample=5)
    assert subsampled == ScoreRequest(pairs=PairRequest(subsample=5))


def test_every_keyword_of_score_set_is_in_its_request(asked: Callable[..., Any]) -> None:
    row = Sample(name="a", group=None, reference=Path("r"), distorted={"m": Path("d")})
    samples = Samples(rows=(row,), methods=("m",), left_out={}, inputs={})
    others = {"samples", "protocol", "progress", "tell"}
    taken = set(signature(sets.score_set).parameters) - others
    keywords = {name: KEYWORDS[name] for name in taken & set(KEYWORDS)}
    keywords |= {"keep_going": True, "resume": "kept"}

    request = asked(sets.score_set, samples, **keywords)

    assert taken == set(keywords)
    wanted = SetRequest(
        models=ASKED.models,
        backend=ASKED.backend,
        frames=OF_SETS,
        gates=ASKED.gates,
        keep_going=True,
        resume=Path("kept"),
    )
    assert request == wanted
    assert asked(sets.score_set, samples, protocol="xiph-2k") == SetRequest(protocol="xiph-2k")


def test_the_command_line_makes_the_same_requests(
    asked: Callable[..., Any], tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    listed = tmp_path / "list.csv"
    listed.write_text("reference,distorted\nlist.csv,list.csv\n")

    pair = asked(
        score_videos.score_command.main,
        ["r.mkv", "d.mkv", *LINE, *VIDEOS, "--html", str(page)],
        standalone_mode=False,
    )
    row = asked(score_sets.score_set_command.main, [str(listed), *LINE], standalone_mode=False)

    assert pair == ASKED
    assert (row.models, row.backend, row.gates) == (ASKED.models, ASKED.backend, ASKED.gates)
    assert row.frames == OF_SETS


@pytest.mark.parametrize(
    "request_",
    [
        ASKED,
        ScoreRequest(models=ModelRequest(files=(Path("model.onnx"),))),
        replace(ASKED, frames=FrameRequest(frame_rate=Fraction(24000, 1001))),
        SetRequest(protocol="xiph-2k", resume=Path("kept")),
    ],
)
def test_a_request_is_pickled_as_it_is(request_: Any) -> None:
    assert pickle.loads(pickle.dumps(request_)) == request_


def test_entries_and_files_may_come_one_by_one_or_together() -> None:
    assert ModelRequest.of(["psnr", "ssim"]) == ModelRequest(metrics="psnr,ssim")
    assert ModelRequest.of(None, "a.onnx") == ModelRequest(files=(Path("a.onnx"),))
    assert ModelRequest.of(None, ["a.onnx", Path("b.onnx")]).files == (
        Path("a.onnx"),
        Path("b.onnx"),
    )


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ModelRequest(metrics="psnr", files=(Path("m"),)), "not both"),
        (lambda: ModelRequest(files=(Path("m"),), quantise=8), "part of a model"),
        (lambda: ModelRequest(files=(Path("m"),), crop_border=1), "part of a model"),
        (lambda: ModelRequest(metrics="pnsr"), "did you mean 'psnr'"),
        (lambda: ModelRequest(metrics="mean=psnr"), "'mean' cannot be a label"),
        (lambda: BackendRequest.of("gpu"), "--backend takes one of auto, cpu"),
        (lambda: BackendRequest(threads=0), "--threads takes at least 1, got 0"),
        (lambda: BackendRequest.of("cpu", threads=10**6), "--threads takes at most 1024"),
        (lambda: FrameRequest(scale="huge"), "--scale takes reference or WxH"),
        (lambda: FrameRequest(convert="rgb"), "--convert takes reference or one of"),
        (lambda: PairRequest(start=-1), "--start takes at least 0"),
        (lambda: PairRequest(factor=4, subsample=2), "Give one of them"),
        (lambda: ScoreRequest(stills=-1), "--stills takes at least 0"),
        (lambda: SetRequest(protocol="xiph"), "There is no protocol 'xiph'"),
        (
            lambda: SetRequest(protocol="xiph-2k", models=ModelRequest(crop_border=1)),
            "settles size, format, rounding and cropping itself",
        ),
    ],
)
def test_a_request_that_makes_no_sense_is_refused_as_it_is_made(
    make: Callable[[], Any], words: str
) -> None:
    with pytest.raises(UsageError) as error:
        make()

    assert words in str(error.value)
