"""Clips whose maker writes every frame into the memory of the one before."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from framegauge.runtime import Scorer, score
from framegauge.runtime.pairing.alignment import Alignment
from framegauge.runtime.scoring.batches_in_flight import batch_size
from framegauge.runtime.sources.source import open_source

Frame = NDArray[Any]
View = Callable[[Frame], Frame]

# Several frames to a batch, and one.
SMALL, LARGE = (48, 64), (480, 640)
COUNT = 6

# ONNX Runtime computes in float32; decibels of these sizes keep five decimals.
DECIBELS = 1e-5

VIEWS: dict[str, tuple[tuple[int, ...], View]] = {
    "packed": ((0, 0, 3), lambda buffer: buffer),
    "bottom up": ((0, 0, 3), lambda buffer: buffer[::-1]),
    "mirrored": ((0, 0, 3), lambda buffer: buffer[:, ::-1]),
    "padded": ((2, 16, 3), lambda buffer: buffer[2:, 16:]),
    "rgba": ((0, 0, 4), lambda buffer: buffer[..., :3]),
    "bgra": ((0, 0, 4), lambda buffer: buffer[..., 2::-1]),
    "bgra bottom up, padded": ((0, 8, 4), lambda buffer: buffer[::-1, 8:, 2::-1]),
}


def pictures(seed: int, size: tuple[int, int], count: int = COUNT) -> list[Frame]:
    generator = np.random.default_rng(seed)
    # Every frame is noisier than the one before, so that none scores as another.
    return [
        generator.integers(0, 40 * (1 + number), (*size, 3), np.uint8) for number in range(count)
    ]


def buffer_of(name: str, size: tuple[int, int]) -> tuple[Frame, Frame]:
    """Memory to write frames into, and the view of it that is a frame."""
    (above, before, channels), view = VIEWS[name]
    buffer = np.zeros((size[0] + above, size[1] + before, channels), np.uint8)
    return buffer, view(buffer)


def refilled(frames: Sequence[Frame], view: Frame) -> Iterator[Frame]:
    for frame in frames:
        view[...] = frame
        yield view


def decibels(reference: Sequence[Frame], distorted: Sequence[Frame]) -> list[float]:
    errors = [
        np.mean((one.astype(float) - other) ** 2)
        for one, other in zip(reference, distorted, strict=True)
    ]
    return [float(10 * np.log10(255**2 / error)) for error in errors]


@pytest.fixture
def fed(monkeypatch: pytest.MonkeyPatch) -> list[Mapping[str, Any]]:
    """What the models are given, batch by batch."""
    batches: list[Mapping[str, Any]] = []
    run = Scorer.run

    def seen(self: Scorer, frames: Any, *others: Any) -> Any:
        batches.append(frames)
        return run(self, frames, *others)

    monkeypatch.setattr(Scorer, "run", seen)
    return batches


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("name", VIEWS)
def test_frames_in_one_buffer_each_have_their_own_score(name: str, size: tuple[int, int]) -> None:
    reference, distorted = pictures(1, size), pictures(2, size)
    buffers = [buffer_of(name, size)[1] for _ in range(2)]

    report = score(refilled(reference, buffers[0]), refilled(distorted, buffers[1]), metrics="psnr")

    scores = report.frames.scores["psnr"]
    assert_allclose(scores, decibels(reference, distorted), atol=DECIBELS)


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("name", ["packed", "bgra bottom up, padded"])
def test_two_clips_may_share_one_buffer(name: str, size: tuple[int, int]) -> None:
    reference, distorted = pictures(1, size), pictures(2, size)
    _, view = buffer_of(name, size)

    report = score(refilled(reference, view), refilled(distorted, view), metrics="psnr")

    scores = report.frames.scores["psnr"]
    assert_allclose(scores, decibels(reference, distorted), atol=DECIBELS)


@pytest.mark.parametrize("offset", [-2, 0, 2])
def test_frames_that_wait_for_their_partners_are_kept(offset: int) -> None:
    reference, distorted = pictures(1, LARGE), pictures(2, LARGE)
    _, view = buffer_of("packed", LARGE)

    report = score(
        refilled(reference, view),
        refilled(distorted, view),
        metrics="psnr",
        offset=offset,
        on_length_mismatch="shortest",
    )

    ends = slice(max(0, -offset), COUNT - max(0, offset))
    late = slice(max(0, offset), COUNT - max(0, -offset))
    wanted = decibels(reference[ends], distorted[late])
    assert_allclose(report.frames.scores["psnr"], wanted, atol=DECIBELS)


@pytest.mark.parametrize(
    ("format", "type"),
    [("yuv420p", np.uint8), ("nv12", np.uint8), ("yuv420p10le", np.uint16), ("gray8", np.uint8)],
)
@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["small", "large"])
def test_planes_in_one_buffer_each_have_their_own_score(
    format: str, type: Any, size: tuple[int, int]
) -> None:
    height, width = size
    chroma = {"nv12": [(height // 2, width // 2, 2)], "gray8": []}
    shapes = [size, *chroma.get(format, [(height // 2, width // 2)] * 2)]

    def clip(step: int) -> Iterator[list[Frame]]:
        planes = [np.zeros(shape, type) for shape in shapes]
        for number in range(COUNT):
            for plane in planes:
                plane[...] = 100 + step * (number + 1)
            yield planes

    metrics = "psnr" if format == "gray8" else "psnr_y,psnr_cb,psnr_cr"
    report = score(clip(0), clip(5), metrics=metrics, pixel_format=format)

    peak = 1023 if type is np.uint16 else 255
    wanted = [20 * np.log10(peak / (5 * (number + 1))) for number in range(COUNT)]
    for values in report.frames.scores.values():
        assert_allclose(values, wanted, atol=DECIBELS)


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize(
    "options",
    [
        {"metrics": "mse", "factor": 2},
        {"metrics": "warping_error", "flow_estimator": "dis:ultrafast"},
        {"metrics": "epe", "flow_estimator": "dis:ultrafast"},
        {"metrics": "psnr", "stills": 2},
        {"metrics": "psnr", "subsample": 2, "start": 1},
        {"metrics": "psnr", "scale": "80x60"},
        {"metrics": "psnr", "threads": 4},
        {"metrics": "psnr", "convert": "rgbf32"},
    ],
    ids=lambda options: ", ".join(f"{name}={value}" for name, value in options.items()),
)
def test_whatever_holds_frames_holds_them_as_a_list_does(
    options: dict[str, Any], size: tuple[int, int]
) -> None:
    reference, distorted = pictures(1, size, 5), pictures(2, size, 5)
    _, view = buffer_of("rgba", size)

    of_lists = score(reference, distorted, **options)
    of_one_buffer = score(refilled(reference, view), refilled(distorted, view), **options)

    assert str(of_one_buffer.frames.scores) == str(of_lists.frames.scores)
    assert of_one_buffer.stills == of_lists.stills


def test_frames_that_nobody_holds_are_not_copied(fed: list[Mapping[str, Any]]) -> None:
    frames = pictures(1, LARGE)
    buffer, view = buffer_of("packed", LARGE)

    score(frames, refilled(frames, view), metrics="psnr", threads=1)

    assert batch_size(LARGE[::-1]) == 1
    assert len(fed) == COUNT
    # The first is copied, as it waits while models are loaded.
    assert [np.shares_memory(each["distorted"][0], buffer) for each in fed] == [
        False,
        *[True] * (COUNT - 1),
    ]
    assert all(
        np.shares_memory(each["reference"][0], frame)
        for each, frame in zip(fed, frames, strict=True)
    )


def test_of_two_clips_made_as_they_go_the_one_that_waits_is_copied(
    fed: list[Mapping[str, Any]],
) -> None:
    frames = pictures(1, LARGE)
    buffers = [buffer_of("packed", LARGE) for _ in range(2)]

    score(*(refilled(frames, view) for _, view in buffers), metrics="psnr", threads=1)

    shared = [
        [np.shares_memory(each[role][0], buffer) for each in fed[1:]]
        for role, (buffer, _) in zip(("reference", "distorted"), buffers, strict=True)
    ]
    assert shared == [[False] * (COUNT - 1), [True] * (COUNT - 1)]


def test_frames_that_are_passed_over_are_not_copied() -> None:
    class Counted(np.ndarray[Any, Any]):
        copies = 0

        def copy(self, order: Any = "C") -> Any:
            Counted.copies += 1
            return super().copy(order)

    frames = [(np.full((2, 2), number, np.uint8).view(Counted),) for number in range(7)]
    alignment = Alignment(subsample=3)

    pairs = list(alignment.pairs(iter(frames), iter(frames), copied={"reference"}))

    assert [number for number, *_ in pairs] == [0, 3, 6]
    assert [int(reference[0][0, 0]) for _, reference, _ in pairs] == [0, 3, 6]
    assert Counted.copies == 3


def test_frames_are_made_in_the_callers_thread_as_they_are_needed() -> None:
    frames = pictures(1, LARGE)
    made: list[int] = []
    threads = set()
    done_when_made: list[int] = []
    done = 0

    def clip() -> Iterator[Frame]:
        for number, frame in enumerate(frames):
            made.append(number)
            threads.add(threading.get_ident())
            done_when_made.append(done)
            yield frame

    def progress(so_far: int, total: int | None) -> None:
        nonlocal done
        done = so_far

    score(frames, clip(), metrics="psnr", threads=1, progress=progress)

    assert made == done_when_made == list(range(COUNT))
    assert threads == {threading.get_ident()}


@pytest.mark.parametrize(
    ("given", "is_borrowed"),
    [
        (lambda frames: list(frames), False),
        (lambda frames: tuple(frames), False),
        (lambda frames: np.stack(frames), False),
        (lambda frames: frames[0], False),
        (lambda frames: memoryview(frames[0]), False),
        (lambda frames: iter(frames), True),
        (lambda frames: map(np.flipud, frames), True),
        (lambda frames: dict(enumerate(frames)).values(), True),
    ],
)
def test_clips_that_are_there_at_once_are_not_borrowed(given: Any, is_borrowed: bool) -> None:
    with open_source(given(pictures(1, SMALL))) as source:
        assert source.is_borrowed is is_borrowed


def test_a_file_is_not_borrowed(reference: str) -> None:
    with open_source(reference) as source:
        assert not source.is_borrowed


def test_the_first_frame_is_kept_from_the_opening_on() -> None:
    frames = pictures(1, SMALL)
    buffer, view = buffer_of("rgba", SMALL)

    with open_source(refilled(frames, view)) as source:
        buffer[...] = 0
        (first,) = next(source.frames(format="rgb24"))

    assert_array_equal(first, frames[0])
