import math
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from numpy.typing import NDArray

from framegauge.export.contract.formats import FORMATS, find_format
from framegauge.runtime import ScoreError, Scorer, UsageError, score
from framegauge.runtime.models.model_files import catalogue, default_metrics, index

Planes = list[NDArray[Any]]

PLANAR = ("yuv420p", "yuv420p10le", "yuv422p10le", "yuv444p")
EVERY = (*PLANAR, "rgb24")

# ONNX Runtime computes in float32; decibels of these sizes keep five decimals.
DECIBELS = 1e-5


def shapes(format: str, height: int, width: int) -> list[tuple[int, ...]]:
    form = find_format(format)
    drop = 1 if form.depth in (10, 12) else 0
    return [
        form.shape(plane, height, width)[: len(plane.dims) - drop or None] for plane in form.planes
    ]


def flat(format: str, *values: int, height: int = 20, width: int = 24, batch: int = 1) -> Planes:
    kind = np.uint8 if find_format(format).depth == 8 else np.uint16
    return [
        np.full((batch, *shape), value, kind)
        for shape, value in zip(shapes(format, height, width), values, strict=True)
    ]


def noisy(
    format: str, seed: int, *, height: int = 20, width: int = 24, batch: int = 3
) -> Planes | NDArray[Any]:
    form = find_format(format)
    generator = np.random.default_rng(seed)
    kind = np.uint8 if form.depth == 8 else np.uint16
    planes = [
        generator.integers(0, form.peak + 1, (batch, *shape), kind)
        for shape in shapes(format, height, width)
    ]
    return planes[0] if len(planes) == 1 else planes


def psnr(reference: NDArray[Any], distorted: NDArray[Any], peak: int) -> NDArray[np.float64]:
    error = (reference.astype(float) - distorted.astype(float)) ** 2
    return -10 * np.log10(error.reshape(len(error), -1).mean(axis=1) / peak**2)


@pytest.mark.parametrize("format", EVERY)
def test_every_shipped_model_scores_equal_frames_as_ideal(
    shipped: Callable[..., Path], format: str
) -> None:
    names = sorted(path.stem for path in shipped("default", format).parent.glob("*.onnx"))
    frames = noisy(format, 1, height=177, width=182, batch=1)
    specs = [listing.spec for listing in catalogue()]
    offered = {
        spec.name
        for spec in specs
        if spec.inputs == ("reference", "distorted")
        and spec.kind != "system"
        and not spec.weights
        and (format != "rgb24" or spec.reads != "plane")
    }

    with Scorer([shipped(name, format) for name in names if name != "default"]) as scorer:
        scores = scorer(reference=frames, distorted=frames)
        ideal = {output.name: output.ideal for output in scorer.outputs if output.kind == "score"}

    assert set(names) == offered | {"default"}
    assert set(scores) == offered
    # float32 sums of squares leave this much of an SSIM's 1.
    assert_allclose([scores[name][0] for name in ideal], list(ideal.values()), atol=2e-6)


@pytest.mark.parametrize("format", EVERY)
def test_the_default_model_has_the_default_metrics(
    shipped: Callable[..., Path], format: str
) -> None:
    with Scorer(shipped("default", format)) as scorer:
        assert scorer.labels == default_metrics(format).split(",")


@pytest.mark.parametrize(("format", "peak"), list(zip(PLANAR, (255, 1023, 1023, 255), strict=True)))
def test_each_plane_has_a_score_of_its_own(
    shipped: Callable[..., Path], format: str, peak: int
) -> None:
    reference = flat(format, 100, 120, 140)
    distorted = flat(format, 101, 122, 136)

    with Scorer(shipped("default", format)) as scorer:
        scores = scorer(reference=reference, distorted=distorted)

    wanted = [20 * math.log10(peak / error) for error in (1, 2, 4)]
    got = [scores[name][0] for name in ("psnr_y", "psnr_cb", "psnr_cr")]
    assert_allclose(got, wanted, atol=DECIBELS)


@pytest.mark.parametrize(("format", "peak"), list(zip(PLANAR, (255, 1023, 1023, 255), strict=True)))
def test_noise_scores_as_numpy_computes_it(
    shipped: Callable[..., Path], format: str, peak: int
) -> None:
    reference, distorted = noisy(format, 1), noisy(format, 2)

    with Scorer(shipped("default", format)) as scorer:
        scores = scorer(reference=reference, distorted=distorted)

    assert_allclose(scores["psnr_y"], psnr(reference[0], distorted[0], peak), atol=DECIBELS)
    assert_allclose(scores["psnr_cb"], psnr(reference[1], distorted[1], peak), atol=DECIBELS)
    assert_allclose(scores["psnr_cr"], psnr(reference[2], distorted[2], peak), atol=DECIBELS)


def test_rgb_noise_scores_as_numpy_computes_it(shipped: Callable[..., Path]) -> None:
    reference, distorted = noisy("rgb24", 1), noisy("rgb24", 2)

    with Scorer(shipped("psnr", "rgb24")) as scorer:
        scores = scorer(reference=reference, distorted=distorted)

    assert scores["psnr"].dtype == np.float64
    assert scores["psnr"].shape == (3,)
    assert_allclose(scores["psnr"], psnr(reference, distorted, 255), atol=DECIBELS)


@pytest.mark.parametrize(
    ("range", "span"), [("limited", 219), ("full", 255)], ids=["limited", "full"]
)
def test_grey_planes_become_rgb_by_their_range(
    shipped: Callable[..., Path], range: Any, span: int
) -> None:
    reference, distorted = flat("yuv420p", 100, 128, 128), flat("yuv420p", 110, 128, 128)

    with Scorer(shipped("psnr")) as scorer:
        scores = scorer(reference=reference, distorted=distorted, range=range)

    assert_allclose(scores["psnr"], [20 * math.log10(span / 10)], atol=1e-4)


@pytest.mark.parametrize("format", PLANAR)
@pytest.mark.parametrize(
    ("matrix", "height", "red", "blue"),
    [
        ("bt601", 20, 0.299, 0.114),
        ("bt709", 20, 0.2126, 0.0722),
        ("bt2020", 20, 0.2627, 0.0593),
        (None, 719, 0.299, 0.114),
        (None, 720, 0.2126, 0.0722),
    ],
)
def test_chroma_becomes_rgb_by_its_matrix(
    shipped: Callable[..., Path],
    format: str,
    matrix: Any,
    height: int,
    red: float,
    blue: float,
) -> None:
    scale = 2 ** (find_format(format).depth - 8)
    reference = flat(format, 100 * scale, 128 * scale, 128 * scale, height=height)
    distorted = flat(format, 100 * scale, 138 * scale, 128 * scale, height=height)

    with Scorer(shipped("mse", format)) as scorer:
        scores = scorer(reference=reference, distorted=distorted, matrix=matrix)

    error_blue = 2 * (1 - blue) * 10 / 224
    error_green = error_blue * blue / (1 - red - blue)
    assert_allclose(scores["mse"], [(error_blue**2 + error_green**2) / 3], rtol=1e-4)


@pytest.mark.parametrize("format", EVERY)
def test_frames_score_alike_alone_and_in_a_batch(shipped: Callable[..., Path], format: str) -> None:
    reference, distorted = noisy(format, 1), noisy(format, 2)
    if format == "rgb24":
        alone = reference[1], distorted[1]
    else:
        alone = [plane[1] for plane in reference], [plane[1] for plane in distorted]

    with Scorer(shipped("default", format)) as scorer:
        together = scorer(reference=reference, distorted=distorted)
        single = scorer(reference=alone[0], distorted=alone[1])

    assert {name: values.shape for name, values in single.items()} == dict.fromkeys(together, (1,))
    for name, values in single.items():
        # Float32 kernels may add in another order for another batch.
        assert_allclose(values[0], together[name][1], rtol=1e-6)


@pytest.mark.parametrize(
    "view",
    [
        lambda frames: frames[:, ::2, 1:-1:3],
        lambda frames: frames[::-1, ::-1, ::-1],
        lambda frames: frames[..., ::-1],
        lambda frames: np.asfortranarray(frames),
        lambda frames: np.moveaxis(np.ascontiguousarray(np.moveaxis(frames, 3, 1)), 1, 3),
        lambda frames: np.broadcast_to(frames[:1], frames.shape),
    ],
    ids=["strided", "backwards", "bgr", "fortran", "planar", "broadcast"],
)
def test_views_score_as_their_copies(shipped: Callable[..., Path], view: Any) -> None:
    reference, distorted = (view(noisy("rgb24", seed, height=48, width=96)) for seed in (1, 2))

    with Scorer(shipped("default", "rgb24")) as scorer:
        scores = scorer(reference=reference, distorted=distorted)
        copies = scorer(reference=reference.copy("C"), distorted=distorted.copy("C"))

    assert {name: values.tolist() for name, values in scores.items()} == {
        name: values.tolist() for name, values in copies.items()
    }
    assert_allclose(scores["psnr"], psnr(reference, distorted, 255), atol=DECIBELS)


def test_strided_planes_of_words_score_as_numpy_computes_them(
    shipped: Callable[..., Path],
) -> None:
    reference, distorted = (
        [plane[:, ::2, ::-1] for plane in noisy("yuv444p10le", seed, height=40)] for seed in (1, 2)
    )

    with Scorer(shipped("psnr_y", "yuv422p10le")) as scorer:
        thin = [
            [planes[0], *(p[..., ::2] for p in planes[1:])] for planes in (reference, distorted)
        ]
        scores = scorer(reference=thin[0], distorted=thin[1])

    assert_allclose(scores["psnr_y"], psnr(reference[0], distorted[0], 1023), atol=DECIBELS)


@pytest.mark.parametrize(
    "view",
    [lambda buffer: buffer[..., :3], lambda buffer: buffer[..., 2::-1]],
    ids=["rgba", "bgra"],
)
@pytest.mark.parametrize("axis", [(), (None,)], ids=["frame", "batch"])
def test_colours_of_four_byte_pixels_score_as_numpy_computes_them(
    shipped: Callable[..., Path], view: Any, axis: tuple[None, ...]
) -> None:
    generator = np.random.default_rng(0)
    pair = [view(generator.integers(0, 256, (20, 24, 4), np.uint8)) for _ in range(2)]

    with Scorer(shipped("psnr", "rgb24")) as scorer:
        scores = scorer(reference=pair[0][axis], distorted=pair[1][axis])

    wanted = psnr(pair[0][None], pair[1][None], 255)
    assert_allclose(scores["psnr"], wanted, atol=DECIBELS)


def test_words_and_pairs_of_bytes_are_the_same_samples(shipped: Callable[..., Path]) -> None:
    words = [noisy("yuv420p10le", seed) for seed in (1, 2)]
    pairs = [[plane[..., None].view(np.uint8) for plane in planes] for planes in words]

    with Scorer(shipped("default", "yuv420p10le")) as scorer:
        from_words = scorer(reference=words[0], distorted=words[1])
        from_pairs = scorer(reference=pairs[0], distorted=pairs[1])
        mixed = scorer(reference=words[0], distorted=pairs[1])

    assert str(from_pairs) == str(from_words)
    assert str(mixed) == str(from_words)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("format", "place"), [("nv12", lambda plane: plane), ("p010le", lambda plane: plane << 6)]
)
def test_interleaved_chroma_scores_as_its_planes(
    models: Callable[..., Any], shipped: Callable[..., Path], format: str, place: Any
) -> None:
    planar = {"nv12": "yuv420p", "p010le": "yuv420p10le"}[format]
    reference, distorted = noisy(planar, 1), noisy(planar, 2)
    packed = [
        [place(planes[0]), place(np.stack(planes[1:], axis=-1))]
        for planes in (reference, distorted)
    ]

    with (
        Scorer(models(["psnr_y", "psnr_cb", "psnr_cr"], format).path) as scorer,
        Scorer([shipped(f"psnr_{name}", planar) for name in ("y", "cb", "cr")]) as other,
    ):
        scores = scorer(reference=packed[0], distorted=packed[1])
        wanted = other(reference=reference, distorted=distorted)

    assert list(scores) == list(wanted)
    assert_allclose(list(scores.values()), list(wanted.values()), atol=DECIBELS)


def test_odd_frames_have_chroma_rounded_up(shipped: Callable[..., Path]) -> None:
    reference = flat("yuv420p", 100, 120, 140, height=21, width=23)
    distorted = flat("yuv420p", 101, 122, 144, height=21, width=23)

    with Scorer(shipped("psnr_cr")) as scorer:
        scores = scorer(reference=reference, distorted=distorted)

    assert reference[1].shape == (1, 11, 12)
    assert_allclose(scores["psnr_cr"], [20 * math.log10(255 / 4)], atol=DECIBELS)


@pytest.mark.parametrize("format", EVERY)
def test_scores_are_those_of_score_on_the_same_frames(
    shipped: Callable[..., Path], format: str
) -> None:
    reference, distorted = noisy(format, 1), noisy(format, 2)
    frames = [
        list(each) if format == "rgb24" else list(zip(*each, strict=True))
        for each in (reference, distorted)
    ]

    with Scorer(shipped("default", format)) as scorer:
        scores = scorer(reference=reference, distorted=distorted)
    report = score(*frames, pixel_format=format)

    assert list(report.frames.scores) == list(scores)
    for name, values in report.frames.scores.items():
        # A batch of another length may differ in its last bit of float32.
        assert_allclose(values, scores[name], rtol=2e-7)


def test_several_models_score_the_same_frames_at_once(shipped: Callable[..., Path]) -> None:
    reference, distorted = noisy("yuv420p", 1), noisy("yuv420p", 2)
    files = [shipped(name) for name in ("psnr_cr", "ssim", "psnr_y")]

    with Scorer(files) as scorer:
        together = scorer(reference=reference, distorted=distorted)
    with Scorer(files[1]) as scorer:
        alone = scorer(reference=reference, distorted=distorted)

    assert list(together) == ["psnr_cr", "ssim", "psnr_y"]
    assert together["ssim"].tolist() == alone["ssim"].tolist()
    assert_allclose(together["psnr_cr"], psnr(reference[2], distorted[2], 255), atol=DECIBELS)


def test_scores_are_renamed_with_what_is_made_of_them(shipped: Callable[..., Path]) -> None:
    labels = {"psnr_y": "luma", "psnr_cb": "psnr_cr", "psnr_cr": "psnr_cb"}
    reference, distorted = flat("yuv420p", 100, 120, 140), flat("yuv420p", 101, 122, 144)

    with Scorer(shipped("default"), labels=labels) as scorer:
        scores = scorer(reference=reference, distorted=distorted)
        aggregates = {each.name: each.of for each in scorer.aggregates}

    assert list(scores) == ["luma", "psnr_cr", "psnr_cb", "float_ssim"]
    assert_allclose(scores["psnr_cr"], [20 * math.log10(255 / 2)], atol=DECIBELS)
    assert_allclose(scores["psnr_cb"], [20 * math.log10(255 / 4)], atol=DECIBELS)
    assert aggregates == {
        "aluma": ("psnr_y.mse",),
        "apsnr_cr": ("psnr_cb.mse",),
        "apsnr_cb": ("psnr_cr.mse",),
    }


def test_a_label_for_a_score_that_no_model_gives_is_refused(shipped: Callable[..., Path]) -> None:
    with pytest.raises(UsageError, match=r"No score is there to be called luma.*give psnr_y"):
        Scorer(shipped("psnr_y"), labels={"psnr": "luma"})


def test_what_is_not_asked_for_or_missing_is_refused(shipped: Callable[..., Path]) -> None:
    picture = noisy("rgb24", 1)

    with Scorer(shipped("psnr", "rgb24")) as scorer:
        with pytest.raises(UsageError, match="take reference, distorted; got reference"):
            scorer(reference=picture)
        with pytest.raises(UsageError, match="got reference, distorted, mask"):
            scorer(reference=picture, distorted=picture, mask=np.ones((1, 20, 24), np.float32))


def test_eight_threads_get_what_one_gets(shipped: Callable[..., Path]) -> None:
    pairs = [(noisy("rgb24", seed), noisy("rgb24", seed + 100)) for seed in range(40)]

    with Scorer(shipped("default", "rgb24"), threads=2) as scorer:

        def scored(pair: Sequence[Any]) -> str:
            return str(scorer(reference=pair[0], distorted=pair[1]))

        alone = [scored(pair) for pair in pairs]
        with ThreadPoolExecutor(8) as pool:
            together = list(pool.map(scored, pairs))

    assert len(set(alone)) == len(pairs)
    assert together == alone


def test_a_closed_scorer_says_so(shipped: Callable[..., Path]) -> None:
    with Scorer(shipped("psnr_y")) as scorer:
        pass

    with pytest.raises(UsageError, match="closed"):
        scorer(reference=flat("yuv420p", 1, 2, 3), distorted=flat("yuv420p", 1, 2, 3))


@pytest.mark.parametrize(
    ("format", "frames", "words"),
    [
        ("yuv420p", np.zeros((20, 24), np.uint8), "reference: give a sequence of planes"),
        ("yuv420p", None, "reference: give a sequence of planes, got NoneType"),
        ("yuv420p", flat("yuv420p", 1, 2, 3)[:2], "yuv420p has 3 planes, got 2"),
        ("yuv420p", flat("yuv444p", 1, 2, 3), r"shape (1, 10, 12), got (1, 20, 24)"),
        ("yuv420p", flat("yuv420p10le", 1, 2, 3), "yuv420p takes uint8, got uint16"),
        ("yuv420p", [p.astype(float) for p in flat("yuv420p", 1, 2, 3)], "uint8, got float64"),
        ("yuv420p", [p[None] for p in flat("yuv420p", 1, 2, 3)], "(H, W)"),
        ("yuv420p", [p[0, 0] for p in flat("yuv420p", 1, 2, 3)], "(H, W)"),
        ("yuv420p", flat("yuv420p", 1, 2, 3, batch=0), "the batch is empty"),
        (
            "yuv420p",
            [flat("yuv420p", 1, 2, 3)[0], *flat("yuv420p", 1, 2, 3, batch=2)[1:]],
            "(1, 10, 12), got (2, 10, 12)",
        ),
        ("yuv420p10le", flat("yuv420p", 1, 2, 3), "bytes, got uint8 of the shape (1, 20, 24)"),
        ("yuv420p10le", flat("yuv420p10le", 1024, 0, 0), "up to 1023, got 1024"),
        (
            "yuv420p10le",
            [p[..., None].view(np.uint8) for p in flat("yuv420p10le", 0, 4096, 0)],
            "up to 1023, got 4096",
        ),
        (
            "yuv420p10le",
            [p.astype(">u2") for p in flat("yuv420p10le", 1, 2, 3)],
            "uint16, or uint8 pairs of bytes, got >u2",
        ),
        (
            "yuv420p10le",
            [p.astype(np.int16) for p in flat("yuv420p10le", 1, 2, 3)],
            "uint16, or uint8 pairs of bytes, got int16",
        ),
        ("rgb24", np.zeros((20, 24), np.uint8), "(H, W, 3)"),
        ("rgb24", np.zeros((20, 24, 4), np.uint8), "has the shape (1, 20, 24, 3)"),
        ("rgb24", np.zeros((20, 24, 4), np.uint8), "Alpha is not scored: give frame[..., :3]"),
        ("rgb24", np.zeros((3, 20, 24), np.uint8), "has the shape (1, 3, 20, 3)"),
        ("rgb24", np.zeros((3, 20, 24), np.uint8), "give np.moveaxis(frame, -3, -1)"),
        ("rgb24", (np.zeros((20, 24), np.uint8),) * 3, "give np.moveaxis(frame, -3, -1)"),
        (
            "yuv444p",
            [tuple(np.zeros((20, 24), np.uint8) for _ in range(3)) for _ in range(3)],
            "could be 3 frames of 3 planes, or 3 planes of 3 frames",
        ),
        ("yuv444p", np.zeros((3, 20, 24), np.uint8), "give a sequence of planes, got ndarray"),
        ("rgb24", np.zeros((20, 24, 3), np.float32), "rgb24 takes uint8, got float32"),
        (
            "rgb24",
            [np.zeros((20, 24, 3), np.uint8), np.zeros((20, 25, 3), np.uint8)],
            "frames of a batch have one size",
        ),
        ("rgb24", "frame.png", "rgb24 takes uint8, got <U9"),
    ],
)
def test_frames_that_do_not_fit_are_refused(
    shipped: Callable[..., Path], format: str, frames: Any, words: str
) -> None:
    with (
        Scorer(shipped("default", format)) as scorer,
        pytest.raises(UsageError, match=re.escape(words)),
    ):
        scorer(reference=frames, distorted=frames)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("given", [lambda array: array, lambda array: [array]], ids=["one", "list"])
def test_a_frame_with_channels_is_no_batch_of_narrow_grey_frames(
    models: Callable[..., Any], channels: int, given: Any
) -> None:
    frame = np.zeros((20, 24, channels), np.uint8)

    with (
        Scorer(models(["psnr"], "gray8").path) as scorer,
        pytest.raises(UsageError, match=r"one frame with channels, .* or 20 frames .* as a list"),
    ):
        scorer(reference=given(frame), distorted=given(frame))


@pytest.mark.parametrize("batch", [1, 3, 4])
def test_grey_batches_score_as_numpy_computes_them(models: Callable[..., Any], batch: int) -> None:
    generator = np.random.default_rng(0)
    wide = [generator.integers(0, 256, (batch, 20, 24), np.uint8) for _ in range(2)]
    narrow = [each[..., :3] for each in wide]

    with Scorer(models(["psnr"], "gray8").path) as scorer:
        scores = scorer(reference=wide[0], distorted=wide[1], range="full")
        listed = scorer(reference=list(wide[0]), distorted=list(wide[1]), range="full")
        of_narrow = scorer(reference=list(narrow[0]), distorted=list(narrow[1]), range="full")

    assert_allclose(scores["psnr"], psnr(wide[0], wide[1], 255), atol=DECIBELS)
    assert listed["psnr"].tolist() == scores["psnr"].tolist()
    assert_allclose(of_narrow["psnr"], psnr(narrow[0], narrow[1], 255), atol=DECIBELS)


@pytest.mark.parametrize("batch", [2, 3, 4])
def test_lists_of_frames_are_planes_of_a_batch(shipped: Callable[..., Path], batch: int) -> None:
    reference, distorted = (noisy("yuv420p", seed, batch=batch) for seed in (1, 2))

    with Scorer(shipped("default")) as scorer:
        scores = scorer(
            reference=[list(plane) for plane in reference],
            distorted=[list(plane) for plane in distorted],
        )

    assert_allclose(scores["psnr_y"], psnr(reference[0], distorted[0], 255), atol=DECIBELS)
    assert_allclose(scores["psnr_cr"], psnr(reference[2], distorted[2], 255), atol=DECIBELS)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (noisy("rgb24", 1, height=21), "one size; reference is 24x20, distorted is 24x21"),
        (noisy("rgb24", 1, batch=2), "one batch size; reference has 3, distorted has 2"),
    ],
    ids=["size", "number"],
)
def test_frames_of_different_sizes_are_refused(
    shipped: Callable[..., Path], other: NDArray[Any], words: str
) -> None:
    with (
        Scorer(shipped("psnr", "rgb24")) as scorer,
        pytest.raises(UsageError, match=re.escape(words)),
    ):
        scorer(reference=noisy("rgb24", 1), distorted=other)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda frame: frame.astype(np.uint8), "takes float32 in [0, 1], got uint8"),
        (lambda frame: frame * np.nan, "not finite"),
        (lambda frame: frame / 0, "not finite"),
        (lambda frame: -frame, "from -1 to -0; rgbf32 takes [0, 1]. Divide by the peak first."),
        (lambda frame: frame * 255, "from 0 to 255; rgbf32 takes [0, 1]. Divide by the peak"),
        (
            lambda frame: frame.transpose(0, 2, 3, 1),
            "has the shape (1, 3, 24, 3), got (1, 20, 24, 3)",
        ),
    ],
    ids=["bytes", "nan", "infinity", "below 0", "above 1", "interleaved"],
)
def test_float_frames_that_mean_nothing_are_refused(
    float_model: Any, change: Any, words: str
) -> None:
    frame = np.linspace(0, 1, 3 * 20 * 24, dtype=np.float32).reshape(1, 3, 20, 24)
    with np.errstate(all="ignore"):
        wrong = change(frame)

    with (
        Scorer(float_model.path) as scorer,
        pytest.raises(UsageError, match="reference.*" + re.escape(words)),
    ):
        scorer(reference=wrong, distorted=frame)


def test_float_frames_score_as_numpy_computes_them(float_model: Any) -> None:
    reference = np.linspace(0, 0.9, 3 * 20 * 24).reshape(3, 20, 24)

    with Scorer(float_model.path) as scorer:
        scores = scorer(reference=reference, distorted=reference + 0.1)

    assert_allclose(scores["psnr"], [20], atol=DECIBELS)


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        ({"matrix": "bt470"}, "matrix is one of bt601, bt709, bt2020; got 'bt470'"),
        ({"range": "tv"}, "range is one of limited, full; got 'tv'"),
    ],
    ids=str,
)
def test_colours_that_are_not_known_are_refused(
    shipped: Callable[..., Path], keywords: dict[str, Any], words: str
) -> None:
    frames = flat("yuv420p", 1, 2, 3)

    with Scorer(shipped("psnr")) as scorer, pytest.raises(UsageError, match=words):
        scorer(reference=frames, distorted=frames, **keywords)


def test_frames_below_the_least_size_are_refused_by_name(shipped: Callable[..., Path]) -> None:
    frames = flat("yuv420p", 1, 2, 3, height=160, width=175)

    with (
        Scorer([shipped(name) for name in ("psnr_y", "ms_ssim", "float_ms_ssim")]) as scorer,
        pytest.raises(
            UsageError, match=r"175x160 pixels.*: ms_ssim 161x161, float_ms_ssim 176x176"
        ),
    ):
        scorer(reference=frames, distorted=frames)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ([], "at least one model file"),
        ([("psnr_y", "yuv420p"), ("psnr", "rgb24")], "different formats, rgb24, yuv420p"),
        ([("psnr_y", "yuv420p"), ("default", "yuv420p")], "Two of the models give apsnr_y, psnr_y"),
    ],
    ids=["none", "formats", "twice"],
)
def test_models_that_do_not_go_together_are_refused(
    shipped: Callable[..., Path], files: list[tuple[str, str]], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        Scorer([shipped(*each) for each in files])


def test_the_formats_shipped_are_formats_of_models() -> None:
    assert set(index()["formats"]) == set(EVERY)
    assert set(EVERY) <= set(FORMATS)


def test_a_scorer_of_entries_scores_as_their_models_do(shipped: Callable[..., Path]) -> None:
    generator = np.random.default_rng(0)
    frames = {
        role: generator.integers(0, 256, (32, 48, 3), np.uint8)
        for role in ("reference", "distorted")
    }

    with Scorer.of("mine=psnr,ssim", backend="cpu") as scorer:
        scores = scorer(**frames)

    with Scorer([shipped("psnr", "rgb24"), shipped("ssim", "rgb24")]) as known:
        wanted = known(**frames)
    assert list(scores) == ["mine", "ssim"]
    assert [each.item() for each in scores.values()] == [each.item() for each in wanted.values()]


def test_a_scorer_of_no_entries_has_the_default_suite() -> None:
    with Scorer.of(format="yuv420p", backend="cpu") as scorer:
        assert (scorer.form.name, scorer.labels) == (
            "yuv420p",
            default_metrics("yuv420p").split(","),
        )


@pytest.mark.slow
def test_a_scorer_of_entries_takes_whatever_they_look_at() -> None:
    with Scorer.of("aee[masked=true]", format="rgbf32", backend="cpu") as scorer:
        assert set(scorer.roles) == {"flow", "flow_reference", "mask"}


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        ({"metrics": "pnsr"}, "did you mean 'psnr'"),
        ({"metrics": "psnr", "format": "rgb"}, "format is one of rgb24, "),
        ({"metrics": "psnr_y"}, "reads a plane of code values, and the frames are rgb24"),
        ({"metrics": "psnr", "backend": "gpu"}, "--backend takes one of auto, cpu"),
        ({"metrics": "psnr", "threads": 0}, "--threads takes at least 1"),
    ],
)
def test_a_scorer_of_what_is_not_there_is_refused(keywords: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Scorer.of(**keywords)


@pytest.mark.parametrize(
    ("bound", "given", "said"),
    [
        (
            {"matrix": "bt709", "range": "limited"},
            {"matrix": "bt601"},
            "--matrix bt709, and the re",
        ),
        ({"matrix": "bt709", "range": "limited"}, {}, "--matrix bt709, and the reference's matrix"),
        (
            {"matrix": "bt601", "range": "full"},
            {"range": "limited"},
            "--range full, and the reference's range is limited",
        ),
        (
            {"chroma_siting": "topleft"},
            {"chroma_siting": "left"},
            "--chroma-siting topleft, and the reference's siting is left",
        ),
    ],
)
def test_a_model_made_for_some_colours_takes_no_others(
    shipped: Callable[..., Path],
    rewritten: Callable[..., Path],
    bound: dict[str, str],
    given: dict[str, Any],
    said: str,
) -> None:
    path = rewritten(shipped("psnr_y"), lambda manifest: manifest.update(bound))
    frames = {"reference": flat("yuv420p", 1, 2, 3), "distorted": flat("yuv420p", 1, 2, 3)}

    with Scorer(path) as scorer:
        with pytest.raises(ScoreError, match=said):
            scorer(**frames, **given)
        assert scorer(**frames, **bound)["psnr_y"].tolist() == [60.0]


def test_a_clip_of_other_colours_than_a_models_is_refused(
    shipped: Callable[..., Path], rewritten: Callable[..., Path], reference: str, distorted: str
) -> None:
    bound = {"matrix": "bt709", "range": "limited"}
    path = rewritten(shipped("psnr_y"), lambda manifest: manifest.update(bound))

    with pytest.raises(
        ScoreError, match="exported with --matrix bt709, and the reference's matrix"
    ):
        score(reference, distorted, model=path)
    assert score(reference, distorted, model=path, matrix="bt709").frames.numbers.size


def test_grey_frames_in_memory_are_full_range_to_a_scorer_and_to_score(
    shipped: Callable[..., Path], models: Any
) -> None:
    grey = np.random.default_rng(0).integers(60, 180, (64, 64), np.uint8)
    path = models(["psnr"], "gray8").path

    with Scorer(path) as scorer:
        alone = scorer(reference=grey, distorted=grey + np.uint8(6))["psnr"]
    report = score([grey], [grey + np.uint8(6)], model=path)

    # Six of 255 levels.
    assert_allclose(alone, 20 * math.log10(255 / 6), atol=1e-4)
    assert_allclose(report.frames.scores["psnr"], alone)


def test_a_name_that_is_a_clips_score_already_is_refused(shipped: Callable[..., Path]) -> None:
    files = [shipped("psnr_y"), shipped("float_ssim")]

    with pytest.raises(UsageError, match="Two of the models give apsnr_y"):
        Scorer(files, labels={"float_ssim": "apsnr_y"})
