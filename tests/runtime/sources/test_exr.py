from collections.abc import Callable
from pathlib import Path

import pytest

from framegauge.runtime.sources.exr import exr_damage

Ffmpeg = Callable[..., bytes]


@pytest.fixture(scope="module", params=["none", "rle", "zip1", "zip16"])
def image(
    request: pytest.FixtureRequest,
    run_ffmpeg: Ffmpeg,
    clips: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> bytes:
    path = tmp_path_factory.mktemp("image") / "image.exr"
    options = ["-frames:v", 1, "-compression", request.param]
    run_ffmpeg("-i", clips / "reference.mp4", *options, path)
    return path.read_bytes()


def test_intact_images_are_intact(image: bytes) -> None:
    assert exr_damage(image) is None
    assert exr_damage(image + b"what follows") is None


@pytest.mark.parametrize("missing", [1, 100, 20_000])
def test_a_cut_image_lacks_a_block(image: bytes, missing: int) -> None:
    assert "missing or cut off" in str(exr_damage(image[:-missing]))


def test_a_cut_header_is_said(image: bytes) -> None:
    assert exr_damage(image[:100]) == "its header cannot be read"


@pytest.mark.parametrize("missing", [1, 188])
def test_bytes_lost_in_the_middle_are_noticed(image: bytes, missing: int) -> None:
    middle = len(image) // 2

    assert exr_damage(image[:middle] + image[middle + missing :]) is not None


@pytest.mark.parametrize("image", ["zip1", "zip16"], indirect=True)
def test_the_checksums_of_zip_are_verified(image: bytes) -> None:
    middle = len(image) // 2
    flipped = image[:middle] + bytes([image[middle] ^ 1]) + image[middle + 1 :]

    assert "checksum" in str(exr_damage(flipped))


def test_other_files_are_not_judged() -> None:
    assert exr_damage(b"\x89PNG" + bytes(100)) is None
