from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from framegauge.runtime.errors import ScoreError, UsageError
from framegauge.runtime.sources.images import image_paths
from framegauge.runtime.sources.source import open_source

Ffmpeg = Callable[..., bytes]


@pytest.fixture
def images(run_ffmpeg: Ffmpeg, clips: Path, tmp_path: Path) -> Path:
    """Twelve images whose names sort wrongly as text."""
    folder = tmp_path / "frames"
    folder.mkdir()
    run_ffmpeg("-i", clips / "reference.mp4", "-frames:v", 12, folder / "%d.png")
    return folder


def decoded(where: Path) -> bytes:
    with open_source(where) as source:
        return b"".join(planes[0].tobytes() for planes in source.frames(format="rgb24"))


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).touch()
    return folder


def test_a_folder_gives_its_images_in_natural_order(run_ffmpeg: Ffmpeg, images: Path) -> None:
    printed = run_ffmpeg("-i", images / "%d.png", "-f", "rawvideo", "-pix_fmt", "rgb24", "-")
    touch(images, "notes.txt", ".hidden.jpg")

    assert decoded(images) == printed


def test_a_pattern_gives_the_same(images: Path) -> None:
    assert decoded(images / "%d.png") == decoded(images)


def test_one_image_is_a_clip_of_one_frame(images: Path) -> None:
    with open_source(images / "3.png") as source:
        frames = list(source.frames(format="rgb24"))

    assert (len(frames), source.facts.frames, source.facts.frame_rate) == (1, 1, None)


def test_facts_tell_the_folder_and_the_count(images: Path) -> None:
    with open_source(images, frame_rate=24) as source:
        facts = source.facts

    assert (facts.name, facts.frames, facts.frame_rate) == (str(images), 12, 24)


def test_a_pattern_begins_at_the_least_number_and_heeds_the_width(tmp_path: Path) -> None:
    touch(tmp_path, "a0099.png", "a0100.png", "a101.png", "a0101.png", "b0102.png", "a10.png")

    paths = image_paths(tmp_path / "a%04d.png")

    assert [path.name for path in paths] == ["a0099.png", "a0100.png", "a0101.png"]


def test_a_gap_is_refused_by_its_number(images: Path) -> None:
    (images / "7.png").unlink()

    with pytest.raises(ScoreError, match="has a gap: images 1 to 12 were wanted, number 7"):
        open_source(images / "%d.png")


def test_a_pattern_that_matches_nothing_is_refused(images: Path) -> None:
    with pytest.raises(ScoreError, match=r"No file matches .*%05d\.png"):
        open_source(images / "%05d.png")


def test_a_pattern_has_one_number(images: Path) -> None:
    with pytest.raises(UsageError, match="needs one %d"):
        open_source(images / "%d-%d.png")


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    touch(tmp_path, "clip.txt")

    with pytest.raises(ScoreError, match="has no images"):
        open_source(tmp_path)


def test_a_folder_of_two_kinds_is_refused(images: Path) -> None:
    touch(images, "extra.jpg")

    with pytest.raises(ScoreError, match=r"mixes \.jpg and \.png"):
        open_source(images)


def test_an_image_of_another_size_is_refused_by_name(run_ffmpeg: Ffmpeg, images: Path) -> None:
    run_ffmpeg("-i", images / "1.png", "-vf", "scale=64:64", images / "4.png")

    with pytest.raises(ScoreError, match=r"4\.png is 64x64 rgb24, the first .* is 320x176 rgb24"):
        decoded(images)


def test_a_palette_in_the_middle_holds_the_same_colours(run_ffmpeg: Ffmpeg, images: Path) -> None:
    run_ffmpeg("-i", images / "1.png", "-pix_fmt", "pal8", images / "4.png")

    assert len(decoded(images)) == 12 * 320 * 176 * 3


@pytest.mark.parametrize("keep", [0.9, 0.5])
@pytest.mark.parametrize("name", ["5.png", "5.jpg", "5.tif", "5.ppm", "5.bmp", "5.webp"])
def test_a_cut_image_is_refused(run_ffmpeg: Ffmpeg, images: Path, name: str, keep: float) -> None:
    path = images.parent / name
    run_ffmpeg("-i", images / "1.png", "-frames:v", 1, path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])

    with pytest.raises(ScoreError, match=r"damaged|truncated|not a video"):
        open_source(path)


def test_a_png_with_one_wrong_byte_is_refused(images: Path) -> None:
    content = bytearray((images / "5.png").read_bytes())
    content[len(content) // 2] ^= 1
    (images / "5.png").write_bytes(content)

    with pytest.raises(ScoreError, match=r"5\.png is damaged"):
        decoded(images)


@pytest.mark.parametrize("suffix", [".tif", ".ppm", ".bmp", ".tga", ".jpg", ".dpx"])
def test_intact_images_of_every_kind_are_read(
    run_ffmpeg: Ffmpeg, images: Path, suffix: str
) -> None:
    path = images.parent / f"image{suffix}"
    run_ffmpeg("-i", images / "1.png", "-frames:v", 1, path)

    with open_source(path) as source:
        frames = list(source.frames(format=source.facts.format or ""))

    assert len(frames) == 1


def test_grey_images_are_full_range_without_assuming(run_ffmpeg: Ffmpeg, images: Path) -> None:
    path = images.parent / "grey.png"
    run_ffmpeg("-i", images / "1.png", "-pix_fmt", "gray", path)

    with open_source(path) as source:
        facts = source.facts

    assert (facts.format, facts.range, facts.assumed) == ("gray8", "full", ())


def test_a_name_with_a_percent_sign_is_only_a_name(images: Path) -> None:
    path = images / "5.png"
    odd = path.rename(images.parent / "100%05d.png")

    assert len(decoded(odd)) == 320 * 176 * 3


def test_a_name_that_looks_like_a_pattern_is_that_of_the_file_if_there_is_one(images: Path) -> None:
    first, second = decoded(images / "1.png"), decoded(images / "2.png")
    odd = (images / "2.png").rename(images / "%d.png")

    assert first != second
    assert decoded(odd) == second


def test_a_tiff_of_several_pages_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "pages.tif"
    pages = [np.full((24, 32, 3), level, np.uint8) for level in (0, 255)]
    assert cv2.imwritemulti(str(path), pages)

    with pytest.raises(ScoreError, match=r"pages\.tif holds several pictures: one was wanted"):
        decoded(path)


def test_a_folder_of_avif_is_a_clip(run_ffmpeg: Ffmpeg, clips: Path, tmp_path: Path) -> None:
    options = ["-frames:v", 1, "-c:v", "libaom-av1", "-cpu-used", 8, "-still-picture", 1]
    for number in range(2):
        run_ffmpeg("-i", clips / "reference.mp4", *options, tmp_path / f"{number}.avif")

    with open_source(tmp_path) as source:
        assert sum(1 for _ in source.frames(format="yuv420p")) == 2


def test_a_cut_exr_is_refused(run_ffmpeg: Ffmpeg, clips: Path, tmp_path: Path) -> None:
    path = tmp_path / "image.exr"
    run_ffmpeg("-i", clips / "reference.mp4", "-frames:v", 1, path)
    path.write_bytes(path.read_bytes()[:-20_000])

    with pytest.raises(ScoreError, match=r"block \d+ of 176 is missing or cut off"):
        open_source(path)


@pytest.mark.parametrize("ending", ["pgm", "pam", "sgi", "ras", "jls", "j2k", "xwd", "fits"])
def test_grey_images_of_any_kind_are_full_range(
    run_ffmpeg: Ffmpeg, tmp_path: Path, ending: str
) -> None:
    for code in (0, 16):
        plain = tmp_path / f"{code}.pgm"
        plain.write_bytes(b"P5\n64 64\n255\n" + bytes([code]) * 4096)
        if ending != "pgm":
            run_ffmpeg("-i", plain, "-pix_fmt", "gray", tmp_path / f"{code}.{ending}")

    with (
        open_source(tmp_path / f"0.{ending}") as black,
        open_source(tmp_path / f"16.{ending}") as grey,
    ):
        facts = black.facts, grey.facts
        values = [next(each.frames(format="rgb24"))[0].max() for each in (black, grey)]

    assert [(each.range, each.frames) for each in facts] == [("full", 1)] * 2
    assert values == [0, 16]
