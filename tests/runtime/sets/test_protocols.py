import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from framegauge.runtime import ScoreError, UsageError
from framegauge.runtime.models.model_files import checked
from framegauge.runtime.sets.folder_matching import match_folders
from framegauge.runtime.sets.protocol_steps import fitted
from framegauge.runtime.sets.protocols import PROTOCOLS, departures, find_protocol
from framegauge.runtime.sets.samples import Samples, read_list
from framegauge.runtime.sets.score_set import score_set
from framegauge.runtime.sets.set_report import SetReport

GOLDEN = Path(__file__).parents[2] / "golden"
INPUTS = np.load(GOLDEN / "inputs.npz")
EXPECTED = json.loads((GOLDEN / "expected.json").read_text("utf-8"))
SCENE = "bikes_128x192"
ITEMS = ("blend", "noise", "shift", "blur")

# As golden values are met in float32; ssim_3d loses digits in differences of its moments.
DECIBEL, SIMILARITY, SIMILARITY_3D, CODE = 1e-4, 3e-5, 2e-4, 1e-4


def write(path: Path, rgb: NDArray[Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), rgb[..., ::-1] if rgb.ndim == 3 else rgb)


def psnr(reference: NDArray[Any], distorted: NDArray[Any]) -> float:
    mse = np.mean((reference.astype(np.float64) - distorted) ** 2)
    return float(10 * math.log10(255**2 / mse))


def noise(seed: int, *shape: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (*shape, 3), dtype=np.uint8)


@pytest.fixture
def matched(tmp_path: Path) -> Callable[[NDArray[Any], NDArray[Any]], Samples]:
    """A set of one pair of pictures in folders."""

    def make(reference: NDArray[Any], distorted: NDArray[Any]) -> Samples:
        write(tmp_path / "gt" / "a.png", reference)
        write(tmp_path / "mine" / "a.png", distorted)
        return match_folders(tmp_path / "gt", {"mine": tmp_path / "mine"})

    return make


@pytest.fixture
def masked(tmp_path: Path) -> Callable[..., SetReport]:
    """What the masked protocol makes of triples of reference, distorted and mask."""

    def score(
        triples: Sequence[tuple[NDArray[Any], ...]], metrics: str | None = "psnr"
    ) -> SetReport:
        lines = ["reference,distorted,mask"]
        for number, pictures in enumerate(triples):
            names = [f"{number}-{role}.png" for role in ("reference", "distorted", "mask")]
            for name, picture in zip(names, pictures, strict=True):
                write(tmp_path / name, picture)
            lines.append(",".join(names))
        path = tmp_path / "list.csv"
        path.write_text("\n".join(lines))
        return score_set(read_list(path), protocol="ucf101-masked", metrics=metrics)

    return score


@pytest.fixture
def bikes(tmp_path: Path) -> Samples:
    """The golden pictures, an item a sample."""
    for item in ITEMS:
        write(tmp_path / "gt" / f"{item}.png", INPUTS[f"{SCENE}.target"])
        write(tmp_path / "mine" / f"{item}.png", INPUTS[f"{SCENE}.{item}"])
    return match_folders(tmp_path / "gt", {"mine": tmp_path / "mine"})


@pytest.mark.parametrize("name", ["vimeo90k", "ucf101", "snu-film", "xtest-4k", "xtest-2k"])
def test_scores_are_the_means_of_what_the_authors_code_gives(bikes: Samples, name: str) -> None:
    report = score_set(bikes, protocol=name)

    wanted = [EXPECTED[f"{SCENE}/{item}"] for item in ITEMS]
    assert report.mean("mine", "psnr") == pytest.approx(
        np.mean([each["rife.psnr_vimeo"] for each in wanted]), abs=DECIBEL
    )
    assert report.mean("mine", "ssim_3d") == pytest.approx(
        np.mean([each["rife.ssim_matlab"] for each in wanted]), abs=SIMILARITY_3D
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "label", "key", "tolerance"),
    [
        ("xiph-2k", "ssim_skimage", "skimage.ssim_default", SIMILARITY),
        ("xiph-4k", "psnr", "skimage.psnr", DECIBEL),
        ("middlebury", "ie", "rife.ie_middlebury", CODE),
    ],
)
def test_scores_that_are_exported_are_the_authors_too(
    bikes: Samples, name: str, label: str, key: str, tolerance: float
) -> None:
    report = score_set(bikes, protocol=name)

    wanted = np.mean([EXPECTED[f"{SCENE}/{item}"][key] for item in ITEMS])
    assert report.mean("mine", label) == pytest.approx(wanted, abs=tolerance)


@pytest.mark.parametrize("name", ["xiph-2k", "xtest-2k"])
def test_a_reference_of_twice_the_size_is_reduced_as_opencv_does(
    matched: Callable[..., Samples], name: str
) -> None:
    reference, distorted = noise(1, 48, 64), noise(2, 24, 32)
    reduced = cv2.resize(reference, (32, 24), interpolation=cv2.INTER_AREA)

    report = score_set(matched(reference, distorted), protocol=name, metrics="psnr")

    assert np.array_equal(fitted(find_protocol(name), reference, (32, 24)), reduced)
    assert report.mean("mine", "psnr") == pytest.approx(psnr(reduced, distorted), abs=DECIBEL)


def test_the_centre_of_a_reference_is_cut_out(matched: Callable[..., Samples]) -> None:
    reference, distorted = noise(1, 48, 64), noise(2, 24, 32)

    report = score_set(matched(reference, distorted), protocol="xiph-4k", metrics="psnr")

    wanted = psnr(reference[12:-12, 16:-16], distorted)
    assert report.mean("mine", "psnr") == pytest.approx(wanted, abs=DECIBEL)


@pytest.mark.parametrize(
    ("name", "size", "words"),
    [
        ("xiph-4k", (48, 66), "takes a reference of that size, or 64x48; it is 66x48"),
        ("vimeo90k", (48, 64), "takes a reference of that size; it is 64x48"),
    ],
)
def test_frames_of_another_size_than_the_protocol_makes_are_refused(
    matched: Callable[..., Samples], name: str, size: tuple[int, int], words: str
) -> None:
    with pytest.raises(ScoreError, match=words):
        score_set(matched(noise(1, *size), noise(2, 24, 32)), protocol=name, metrics="psnr")


def test_deeper_pictures_are_rounded_to_8_bits_half_to_even(
    matched: Callable[..., Samples],
) -> None:
    deep = np.random.default_rng(3).integers(0, 1 << 16, (24, 32, 3), dtype=np.uint16)
    reference = noise(4, 24, 32)

    report = score_set(matched(reference, deep), protocol="vimeo90k", metrics="psnr")

    wanted = psnr(reference, np.rint(255 * (deep / 65535)))
    assert report.mean("mine", "psnr") == pytest.approx(wanted, abs=DECIBEL)


def test_only_what_is_within_the_mask_counts(masked: Callable[..., SetReport]) -> None:
    reference = np.full((24, 32, 3), 100, np.uint8)
    distorted = noise(5, 24, 32)
    distorted[6:12, 8:16] = 104
    mask = np.zeros((24, 32), np.uint8)
    mask[6:12, 8:16] = 255
    nothing = np.zeros_like(mask)

    report = masked(
        [
            (reference, distorted, mask),
            (reference, distorted, nothing),
            (reference, reference, mask),
        ]
    )

    assert report.column("distorted", "psnr") == (
        pytest.approx([20 * math.log10(255 / 4)], abs=DECIBEL)
    )
    reasons = [report.scores[f"{number}-reference", "distorted"].left_out for number in (1, 2)]
    assert reasons == ["its mask is empty", "the frames are equal within its mask"]


def test_frames_of_a_video_have_their_own_scores_within_the_mask(tmp_path: Path) -> None:
    mask = np.zeros((24, 32), np.uint8)
    mask[:6] = 255
    write(tmp_path / "mask.png", mask)
    reference = np.full((24, 32, 3), 100, np.uint8)
    write(tmp_path / "gt" / "1.png", reference)
    write(tmp_path / "gt" / "2.png", reference)
    write(tmp_path / "mine" / "1.png", reference + np.uint8(1))
    write(tmp_path / "mine" / "2.png", reference + np.uint8(10))
    path = tmp_path / "list.csv"
    path.write_text("reference,distorted,mask\ngt,mine,mask.png\n")

    report = score_set(read_list(path), protocol="ucf101-masked", metrics="psnr")

    # 48.131 and 28.131 dB; the PSNR of the mean squared error would be 31.098.
    wanted = 20 * math.log10(255) - 10
    assert report.mean("distorted", "psnr") == pytest.approx(wanted, abs=DECIBEL)


@pytest.mark.parametrize("metrics", ["psnr,ie", "psnr,ssim_luma"])
def test_scores_that_are_not_within_the_mask_are_refused(
    masked: Callable[..., SetReport], metrics: str
) -> None:
    picture, mask = noise(1, 24, 32), np.full((24, 32), 255, np.uint8)

    with pytest.raises(UsageError, match="over whole frames, black outside the mask"):
        masked([(picture, noise(2, 24, 32), mask)], metrics)


def test_other_kinds_of_psnr_are_within_the_mask(masked: Callable[..., SetReport]) -> None:
    reference = np.full((24, 32, 3), 100, np.uint8)
    mask = np.zeros((24, 32), np.uint8)
    mask[6:12, 8:16] = 255

    report = masked([(reference, reference + np.uint8(4), mask)], "psnr_luma")

    wanted = 20 * math.log10(255 / 4)
    assert report.mean("distorted", "psnr_luma") == pytest.approx(wanted, abs=DECIBEL)


@pytest.mark.slow
def test_the_masked_protocols_own_metrics_are_allowed(masked: Callable[..., SetReport]) -> None:
    picture, mask = noise(1, 24, 32), np.full((24, 32), 255, np.uint8)

    report = masked([(picture, noise(2, 24, 32), mask)], None)

    assert report.labels == ["psnr", "ssim_luma_padding_replicate"]


def test_alpha_that_a_protocol_drops_is_said(
    matched: Callable[[NDArray[Any], NDArray[Any]], Samples], tmp_path: Path
) -> None:
    samples = matched(noise(1, 24, 32), noise(1, 24, 32))
    transparent = np.dstack([noise(1, 24, 32), np.full((24, 32), 7, np.uint8)])
    assert cv2.imwrite(str(tmp_path / "mine" / "a.png"), transparent)

    report = score_set(samples, protocol="vimeo90k", metrics="psnr")

    assert "1 sample had an alpha channel, which was dropped" in report.departures


def test_samples_that_failed_are_not_counted_as_scored(bikes: Samples, tmp_path: Path) -> None:
    (tmp_path / "mine" / "blur.png").write_bytes(b"no picture")

    report = score_set(bikes, protocol="vimeo90k", metrics="psnr", keep_going=True)

    assert "3 samples were scored, the test set has 3782" in report.departures


def test_a_grey_mask_is_refused(masked: Callable[..., SetReport]) -> None:
    picture = noise(1, 24, 32)

    with pytest.raises(ScoreError, match="code values such as 7: 0 and 255 were wanted"):
        masked([(picture, picture, np.full((24, 32), 7, np.uint8))])


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda each: each.name)
def test_every_protocol_asks_for_metrics_there_are(protocol: Any) -> None:
    assert checked(protocol.metrics)
    assert find_protocol(protocol.name) is protocol


def test_a_protocol_that_is_not_there_is_refused() -> None:
    with pytest.raises(UsageError, match="did you mean 'vimeo90k'"):
        find_protocol("vimeo90")


def test_what_a_run_does_not_keep_to_is_said() -> None:
    vimeo = find_protocol("vimeo90k")

    assert departures(vimeo, metrics=vimeo.metrics, samples=3782, sizes=[(448, 256)]) == []
    assert departures(vimeo, metrics=None, samples=1, sizes=[(448, 256)]) == [
        "1 sample was scored, the test set has 3782"
    ]
    assert departures(vimeo, metrics="psnr", samples=2, sizes=[(448, 256), (32, 24)]) == [
        "other metrics than its own (psnr,ssim_3d) were asked for",
        "2 samples were scored, the test set has 3782",
        "frames of 32x24 were scored, the test set's are 448x256",
    ]


def test_the_protocol_is_printed_with_the_result(
    bikes: Samples, tmp_path: Path, command: Callable[..., Any]
) -> None:
    done = command(
        *("score-set", "-r", tmp_path / "gt", "-d", tmp_path / "mine"),
        *("--protocol", "vimeo90k", "--metrics", "psnr", "--json", tmp_path / "r.json"),
    )

    document = json.loads((tmp_path / "r.json").read_text("utf-8"))
    assert done.code == 0
    assert "Protocol vimeo90k: Vimeo-90K triplets, test list; mean of the samples'" in done.out
    assert "Departs from the protocol: 4 samples were scored" in done.out
    assert document["protocol"]["source"].startswith("RIFE's benchmark code")
    assert len(document["departures"]) == 3
