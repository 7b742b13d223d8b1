import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from framegauge.runtime.commands.output_files import check_outputs
from framegauge.runtime.errors import UsageError

CLIPS = Path(__file__).parents[2] / "clips"


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "imgs"
    folder.mkdir()
    for number in range(3):
        assert cv2.imwrite(str(folder / f"{number}.png"), np.full((16, 16, 3), number, np.uint8))
    return folder


@pytest.mark.parametrize("name", ["1.png", "3.png", "new.jpg"])
def test_no_output_goes_into_a_folder_of_frames(
    command: Callable[..., Any], images: Path, name: str
) -> None:
    before = {path: path.read_bytes() for path in images.iterdir()}

    done = command("score", images, images, "--json", images / name)

    assert done.code == 2
    assert f"{images / name} is an input, or would be one of {images}" in done.err
    assert {path: path.read_bytes() for path in images.iterdir()} == before


def test_an_output_of_another_kind_may_lie_beside_frames(
    command: Callable[..., Any], images: Path
) -> None:
    assert command("score", images, images, "--json", images / "report.json").code == 0


@pytest.mark.parametrize("name", ["1.png", "17.png"])
def test_no_output_goes_where_a_pattern_looks(images: Path, name: str) -> None:
    with pytest.raises(UsageError, match=r"is an input, or would be one of .*%d\.png"):
        check_outputs([str(images / name)], [images / "%d.png"])


def test_a_name_that_a_pattern_does_not_make_is_free(images: Path) -> None:
    check_outputs([str(images / "1.json")], [images / "%d.png"])


def test_no_output_goes_onto_a_model(
    command: Callable[..., Any], shipped: Callable[..., Path], tmp_path: Path
) -> None:
    model = Path(shutil.copy(shipped("psnr_y"), tmp_path / "model.onnx"))
    before = model.read_bytes()
    videos = CLIPS / "reference.mp4", CLIPS / "distorted.mp4"

    done = command("score", *videos, "--model", model, "--csv", model)

    assert done.code == 2
    assert "model.onnx is an input" in done.err
    assert model.read_bytes() == before


@pytest.mark.parametrize("flag", ["--json", "--csv", "--latex", "--resume"])
def test_no_output_goes_onto_a_file_that_a_list_names(
    command: Callable[..., Any], images: Path, tmp_path: Path, flag: str
) -> None:
    (tmp_path / "pairs.csv").write_text("reference,distorted\nimgs/0.png,imgs/1.png\n")
    before = (images / "1.png").read_bytes()

    done = command("score-set", tmp_path / "pairs.csv", flag, images / "1.png")

    assert done.code == 2
    assert "1.png is an input" in done.err
    assert (images / "1.png").read_bytes() == before


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is Linux's")
@pytest.mark.parametrize("order", [("--json", "--csv"), ("--csv", "--json")])
def test_a_run_that_cannot_write_one_of_its_files_leaves_none(
    command: Callable[..., Any], images: Path, tmp_path: Path, order: tuple[str, str]
) -> None:
    kept, full = order
    (tmp_path / "old").write_text("before")

    done = command("score", images, images, kept, tmp_path / "old", full, "/dev/full")

    assert done.code == 1
    assert "/dev/full cannot be read or written: No space left" in done.err
    assert (tmp_path / "old").read_text() == "before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["imgs", "old"]
