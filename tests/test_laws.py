"""What every entry of the catalogue must obey, driven by what it says of itself."""

from typing import Any

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from framegauge.export.catalog import ENTRIES, find
from framegauge.export.contract.formats import find_format
from framegauge.export.contract.roles import input_name
from framegauge.export.contract.selftest import Picture, batch, hashed
from framegauge.export.contract.spec import Spec
from framegauge.export.eager import eager_features
from framegauge.export.lowering.proof import feeds
from framegauge.export.metric import MapMetric, PixelMetric

# Entries that judge a frame by its reference alone, without a network's weights.
PAIR = ("reference", "distorted")
DEFAULTS = [
    entry.SPEC.name for entry in ENTRIES if entry.SPEC.inputs == PAIR and not entry.SPEC.weights
]
# One of each kind: other formulas, borders, windows, ranges and least sizes than the defaults.
OPTIONS = [
    "ssim[padding=replicate;form=dssim]",
    "ssim[window=uniform;size=7;covariance=sample]",
    "ssim[padding=reflect]",
    "ms_ssim[form=rife]",
    "interpolation_error[form=mae]",
    "interpolation_error[form=rms_all]",
    "interpolation_error[form=normalised]",
    "psnr[epsilon=1e-8]",
    "psnr_luma[range=limited]",
    "charbonnier[epsilon=1e-6]",
    "gmsd[form=rgb]",
    "gmsd[form=multi_scale]",
    "gmsd[deviation=unbiased]",
    "gmsd[matrix=rgb2gray]",
    "ssim_luma[matrix=rgb2gray]",
    "census[patch=3;scale=255]",
    "laplacian[levels=3]",
]
ALL = DEFAULTS + OPTIONS
FAST_MODELS = ["pixel_model", "plane_model", "window_model", "variant_model", "large_model"]
PARITIES = [(0, 0), (0, 1), (1, 0), (1, 1)]


def flat(reference: int, distorted: int) -> Picture:
    """Two frames of one code value each."""

    def codes(role: str, n: Any, y: Any, x: Any, c: Any, *, depth: int, chroma: bool) -> Any:
        value = reference if role == "reference" else distorted
        return np.full(np.broadcast(y, x, c).shape, value << (depth - 8))

    return codes


def dark(role: str, n: Any, y: Any, x: Any, c: Any, *, depth: int, chroma: bool) -> Any:
    """Black with noise of one code, of which the distorted frame has lost a part."""
    noise = hashed(n, y, x, c, 0) % 3 * (1 if role == "reference" else y // 8 % 2)
    return 16 + noise << (depth - 8)


def sky(role: str, n: Any, y: Any, x: Any, c: Any, *, depth: int, chroma: bool) -> Any:
    """A bright slope, in steps of four codes where it is distorted."""
    slope = 180 + y // 4 + x // 8 + 0 * c
    return (slope if role == "reference" else slope // 4 * 4) << (depth - 8)


def title(role: str, n: Any, y: Any, x: Any, c: Any, *, depth: int, chroma: bool) -> Any:
    """White letters on black; where it is distorted, grey on a black less deep."""
    letters = (y // 12 % 3 == 1) & (x // 5 % 2 == 1) | (c < 0)
    black, white = (16, 235) if role == "reference" else (20, 225)
    return np.where(letters, white, black) << (depth - 8)


NEARLY_FLAT = {
    "a step": flat(16, 25),
    "far apart": flat(40, 200),
    "bright": flat(235, 240),
    "dark": dark,
    "sky": sky,
    "title": title,
}

every_flatness = pytest.mark.parametrize("kind", NEARLY_FLAT)
every_entry = pytest.mark.parametrize("text", ALL)
every_map = pytest.mark.parametrize(
    "text", [text for text in ALL if isinstance(find(text), MapMetric) and find(text).spec.grid]
)
every_pixel_map = pytest.mark.parametrize(
    "text", [text for text in ALL if isinstance(find(text), PixelMetric)]
)
every_model = pytest.mark.parametrize("name", FAST_MODELS)


@every_entry
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_identity_is_ideal(text: Any, dtype: Any, picture: Any) -> None:
    metric = find(text)
    frame = picture(metric.spec, dtype)

    score = metric(frame, frame).item()

    if metric.spec.ideal in (0.0, 1.0):
        assert score == metric.spec.ideal
    else:
        assert score == pytest.approx(metric.spec.ideal, rel=1e-6)


@every_entry
def test_exchanging_the_frames_matters_only_where_the_spec_says_so(text: Any, picture: Any) -> None:
    metric = find(text)
    reference = picture(metric.spec)
    distorted = noisy(reference, metric.spec, amount=0.1)

    there, back = metric(distorted, reference), metric(reference, distorted)

    assert (abs(there - back) <= 1e-9 * abs(there)) == metric.spec.symmetric


@every_entry
def test_more_noise_is_worse(text: Any, picture: Any) -> None:
    metric = find(text)
    reference = picture(metric.spec)

    scores = [
        metric(noisy(reference, metric.spec, amount=amount), reference).item()
        for amount in (0.0, 0.02, 0.08, 0.3)
    ]

    assert scores == sorted(scores, reverse=metric.spec.better == "higher")
    assert len(set(scores)) == 4


@every_entry
def test_a_score_does_not_depend_on_the_rest_of_the_batch(text: Any, picture: Any) -> None:
    metric = find(text)
    metric.reduction = "none"
    reference = picture(metric.spec)
    references = torch.cat([reference, reference.flip(-1), 0 * reference])
    distorted = noisy(references, metric.spec, amount=0.1)

    together = metric(distorted, references)
    alone = [
        metric(distorted[n : n + 1], references[n : n + 1]).item() for n in range(len(references))
    ]

    # Kernels may add in another order for another batch.
    assert together.tolist() == pytest.approx(alone, rel=1e-12, abs=1e-12)


@every_entry
@pytest.mark.parametrize(("down", "across"), PARITIES)
def test_frames_of_the_least_size_and_every_parity_are_scored(
    text: Any, down: int, across: int
) -> None:
    metric = find(text)
    least = metric.spec.least
    reference = random(metric.spec, least + down, least + across, seed=1)
    distorted = random(metric.spec, least + down, least + across, seed=2)

    score = metric(distorted, reference).item()

    assert metric.spec.low <= score <= highest(metric.spec)


@every_entry
def test_frames_below_the_least_size_are_refused_by_name(text: Any) -> None:
    metric = find(text)
    least = metric.spec.least
    if least == 1:
        pytest.skip("takes frames of one pixel")
    frame = random(metric.spec, least, least - 1)

    with pytest.raises(ValueError, match=rf"{metric.spec.name} needs .* {least}x{least} pixels"):
        metric(frame, frame)


@every_entry
def test_frames_of_two_shapes_are_refused_by_name(text: Any) -> None:
    metric = find(text)
    least = max(metric.spec.least, 8)

    with pytest.raises(ValueError, match=f"{metric.spec.name} takes inputs of one .* size"):
        metric(random(metric.spec, least, least), random(metric.spec, least, least + 1))


@every_entry
def test_frames_of_other_channels_are_refused_by_name(text: Any) -> None:
    metric = find(text)
    frame = torch.zeros(1, 2, 200, 200)

    with pytest.raises(ValueError, match=rf"{metric.spec.name} takes \w+ \(N, .*got \(1, 2,"):
        metric(frame, frame)


@every_entry
@pytest.mark.parametrize(
    ("distorted", "reference"),
    [("black", "white"), ("white", "black"), ("board", "white"), ("board", "inverse")],
)
def test_no_frames_leave_the_range(text: Any, distorted: str, reference: str) -> None:
    metric = find(text)
    size = max(metric.spec.least, 32)

    score = metric(
        extreme(metric.spec, distorted, size), extreme(metric.spec, reference, size)
    ).item()

    assert metric.spec.low - 1e-6 <= score <= highest(metric.spec) + 1e-6


@every_entry
@every_flatness
def test_nearly_flat_frames_lose_no_digits_in_float32(text: Any, kind: str) -> None:
    metric = find(text)
    form = find_format("gray8" if metric.spec.reads == "plane" else "rgbf32")
    side = max(metric.spec.least, 64)
    plane, size = form.planes[0].part, (side, side + 3)
    frames = {
        role: batch(form, role, size, 1, NEARLY_FLAT[kind])[input_name(role, plane)]
        for role in ("distorted", "reference")
    }
    distorted, reference = (torch.from_numpy(each) for each in frames.values())
    if metric.spec.reads == "plane":
        distorted, reference = distorted[:, None], reference[:, None]

    score = metric(distorted.float(), reference.float()).item()

    exact = metric(distorted.double(), reference.double()).item()
    assert score == pytest.approx(exact, rel=1e-6, abs=1e-6)


@every_entry
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_scores_keep_the_element_type(text: Any, dtype: Any) -> None:
    metric = find(text)
    size = max(metric.spec.least, 16)

    score = metric(
        random(metric.spec, size, size, dtype=dtype), random(metric.spec, size, size, dtype=dtype)
    )

    assert score.dtype == dtype


@every_entry
@pytest.mark.parametrize(
    ("distorted", "reference"),
    [
        ("random", "random"),
        ("random", "other"),
        ("grey", "grey"),
        ("black", "black"),
        ("black", "white"),
        ("grey", "random"),
        ("random", "grey"),
    ],
)
def test_gradients_are_finite(text: Any, distorted: str, reference: str) -> None:
    metric = find(text)
    size = max(metric.spec.least, 24)
    frames = {
        "random": random(metric.spec, size, size, dtype=torch.float32, seed=1),
        "other": random(metric.spec, size, size, dtype=torch.float32, seed=2),
        **{name: extreme(metric.spec, name, size).float() for name in ("grey", "black", "white")},
    }
    x = frames[distorted].clone().requires_grad_()
    y = frames[reference].clone().requires_grad_()

    metric(x, y).backward()

    assert bool(x.grad.isfinite().all())
    assert bool(y.grad.isfinite().all())


@every_entry
def test_reductions_are_those_of_the_samples(text: Any, picture: Any) -> None:
    metric = find(text)
    reference = picture(metric.spec).expand(3, -1, -1, -1)
    distorted = noisy(reference, metric.spec, amount=0.1)

    mean, total, samples = (
        reduced(metric, reduction)(distorted, reference) for reduction in ("mean", "sum", "none")
    )

    assert samples.shape == (3,)
    assert_close(mean, samples.mean())
    assert_close(total, samples.sum())


@every_map
def test_a_map_lies_on_the_grid_that_the_spec_gives(text: Any) -> None:
    metric = find(text)
    size = max(metric.spec.least, 20)
    frame = random(metric.spec, size, size + 1)

    values = metric.map(features_of(metric, frame, frame))

    # What the window leaves out is the same on both sides, but for the last half step.
    offset, stride = metric.spec.grid.offset, metric.spec.grid.stride
    last = [offset + stride * (side - 1) for side in values.shape[-2:]]
    assert values.shape[:2] == (1, 1)
    assert last == pytest.approx([size - 1 - offset, size - offset], abs=stride - 1)


@every_pixel_map
def test_a_mask_of_ones_changes_nothing(text: Any, picture: Any) -> None:
    metric = find(text)
    reference = picture(metric.spec)
    distorted = noisy(reference, metric.spec, amount=0.1)
    ones = torch.ones_like(metric.map(features_of(metric, distorted, reference)))

    assert_close(metric(distorted, reference, ones), metric(distorted, reference))


@every_pixel_map
def test_a_mask_weighs_the_map(text: Any, picture: Any) -> None:
    metric = find(text)
    reference = picture(metric.spec)
    distorted = noisy(reference, metric.spec, amount=0.1)
    values = metric.map(features_of(metric, distorted, reference))
    mask = torch.rand(values.shape, dtype=values.dtype, generator=torch.manual_seed(3)).round()

    score = metric(distorted, reference, mask)

    assert_close(score, (values * mask).sum() / mask.sum())


@every_pixel_map
def test_a_mask_of_another_shape_is_refused_by_name(text: Any, picture: Any) -> None:
    metric = find(text)
    frame = picture(metric.spec)

    with pytest.raises(ValueError, match=f"{metric.spec.name} takes a mask of the shape"):
        metric(frame, frame, torch.ones(1, 1, 2, 2))


def test_a_mask_of_zeros_gives_zero_and_no_gradient(picture: Any) -> None:
    metric = find("l1")
    reference = picture(metric.spec)
    distorted = (0 * reference).requires_grad_()

    score = metric(distorted, reference, torch.zeros_like(reference[:, :1]))
    score.backward()

    assert score.item() == 0
    assert distorted.grad.abs().max().item() == 0


@every_model
@pytest.mark.parametrize(("down", "across"), PARITIES)
def test_files_give_the_scores_of_the_float64_graph_at_every_parity(
    request: pytest.FixtureRequest, name: Any, down: int, across: int
) -> None:
    model = request.getfixturevalue(name)
    least = model.exact.least
    feed = feeds(model.exact, (least + down, least + 12 + across), batch=1 + down + across)

    assert_within_tolerance(model, feed)


@every_model
def test_files_score_an_identical_frame_as_ideal(request: pytest.FixtureRequest, name: Any) -> None:
    model = request.getfixturevalue(name)
    feed = identical(feeds(model.exact, (181, 192), batch=2))

    scores = model.run(feed)

    for output in model.manifest.scores:
        exact = 0.0 if output.ideal in (0.0, 1.0) else 1e-6 * output.ideal
        np.testing.assert_allclose(scores[output.name], output.ideal, rtol=0, atol=exact)


@every_model
def test_files_score_a_frame_apart_from_its_batch(
    request: pytest.FixtureRequest, name: Any
) -> None:
    model = request.getfixturevalue(name)
    feed = feeds(model.exact, (177, 190), batch=3)

    together = model.run(feed)
    alone = model.run({key: frames[1:2] for key, frames in feed.items()})

    for output in model.manifest.scores:
        # Float32 kernels may add in another order for another batch.
        np.testing.assert_allclose(
            together[output.name][1:2], alone[output.name], rtol=1e-5, atol=1e-6
        )


@every_model
def test_files_keep_to_their_own_range(request: pytest.FixtureRequest, name: Any) -> None:
    model = request.getfixturevalue(name)
    feed = feeds(model.exact, (192, 200), batch=4)

    scores = model.run(feed)

    for output in model.manifest.scores:
        high = np.inf if output.high is None else output.high
        assert np.all(scores[output.name] >= output.low)
        assert np.all(scores[output.name] <= high)


@pytest.mark.parametrize("name", ["pixel_model", "plane_model"])
def test_files_hold_their_tolerance_at_1920x1080(request: pytest.FixtureRequest, name: str) -> None:
    model = request.getfixturevalue(name)

    assert_within_tolerance(model, feeds(model.exact, (1080, 1920), batch=1))


@every_model
@every_flatness
def test_files_lose_no_digits_on_nearly_flat_frames(
    request: pytest.FixtureRequest, name: Any, kind: str
) -> None:
    model = request.getfixturevalue(name)
    side = model.exact.least
    feed = feeds(model.exact, (side, side + 3), batch=1, picture=NEARLY_FLAT[kind])

    got, wanted = model.run(feed), model.exactly(feed)

    for output in model.manifest.scores:
        np.testing.assert_allclose(
            got[output.name],
            wanted[output.name],
            rtol=1e-6,
            atol=1e-6,
            err_msg=output.name,
        )


@pytest.mark.slow
@pytest.mark.parametrize("name", ["window_model", "variant_model", "large_model"])
def test_heavier_files_hold_their_tolerance_at_1920x1080(
    request: pytest.FixtureRequest, name: str
) -> None:
    model = request.getfixturevalue(name)

    assert_within_tolerance(model, feeds(model.exact, (1080, 1920), batch=1))


@pytest.fixture
def picture(pictures: dict[str, np.ndarray]) -> Any:
    """A real frame as a metric reads it."""

    def frame(spec: Spec, dtype: torch.dtype = torch.float64) -> torch.Tensor:
        rgb = torch.from_numpy(pictures["bikes_192x256.target"]).permute(2, 0, 1)[None]
        side = max(spec.least, 40)
        rgb = rgb[..., 5 : 5 + side, 60 : 61 + side]
        return rgb[:, 1:2].to(dtype) if spec.reads == "plane" else rgb.to(dtype) / 255

    return frame


def features_of(metric: Any, distorted: Any, reference: Any) -> Any:
    return eager_features(metric.spec, {"distorted": distorted, "reference": reference})


def noisy(reference: Any, spec: Any, *, amount: Any) -> Any:
    """The frame with ``amount`` of uniform noise, within its range."""
    noise = torch.rand(reference.shape, dtype=reference.dtype, generator=torch.manual_seed(5))
    peak = 255 if spec.reads == "plane" else 1
    return (reference + 2 * amount * peak * (noise - 0.5)).clamp(0, peak)


def random(spec: Any, height: Any, width: Any, *, dtype: Any = torch.float64, seed: Any = 0) -> Any:
    channels, peak = (1, 255) if spec.reads == "plane" else (3, 1)
    shape = 1, channels, height, width
    return peak * torch.rand(shape, dtype=dtype, generator=torch.manual_seed(seed))


def extreme(spec: Any, name: Any, size: Any) -> Any:
    channels, peak = (1, 255.0) if spec.reads == "plane" else (3, 1.0)
    board = (torch.arange(size)[:, None] + torch.arange(size)) % 2
    value = {
        "black": torch.zeros(size, size),
        "grey": torch.full((size, size), 0.5),
        "white": torch.ones(size, size),
        "board": board,
        "inverse": 1 - board,
    }[name]
    return (peak * value.double()).expand(1, channels, size, size)


def reduced(metric: Any, reduction: Any) -> Any:
    metric.reduction = reduction
    return metric


def highest(spec: Any) -> Any:
    return np.inf if spec.high is None else spec.high


def identical(feed: Any) -> Any:
    return {
        name: feed[name.replace("distorted", "reference")] if name.startswith("dist") else frames
        for name, frames in feed.items()
    }


def assert_within_tolerance(model: Any, feed: Any) -> None:
    got, wanted = model.run(feed), model.exactly(feed)
    for output in model.manifest.outputs:
        np.testing.assert_allclose(
            got[output.name],
            wanted[output.name],
            rtol=output.relative,
            atol=output.tolerance,
            err_msg=output.name,
        )
