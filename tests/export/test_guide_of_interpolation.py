"""The guide's table of two ways to make frames: made again and scored."""

import re
import subprocess
from pathlib import Path

import imageio_ffmpeg
import pytest
import torch
from torch import Tensor

from framegauge.runtime import score

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "tests" / "clips" / "reference.mp4"
METRICS = ("psnr", "ssim", "lpips_alex", "interpolation_error", "warping")
ROW = re.compile(r"^\| (?P<name>motion compensation|blend) \|(?P<values>.*)\|$", re.MULTILINE)
ROWS = {
    found["name"]: found["values"]
    for found in ROW.finditer((ROOT / "runtime" / "README.md").read_text())
}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.mark.slow
@pytest.mark.parametrize(("name", "mode"), [("motion compensation", "mci"), ("blend", "blend")])
def test_the_table_is_what_the_commands_give(
    name: str,
    mode: str,
    cache: Path,
    alexnet: dict[str, Tensor],
    linear: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FRAMEGAUGE_CACHE", str(cache))
    torch.save(alexnet, tmp_path / "alexnet.pth")
    made = tmp_path / "made.mkv"
    # The filter is the one of the guide's command.
    filters = f"framestep=2,minterpolate=fps=25:mi_mode={mode}"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", REFERENCE, "-vf", filters]
    subprocess.run([*command, "-c:v", "ffv1", made], check=True)

    report = score(
        REFERENCE,
        made,
        metrics=",".join(METRICS),
        factor=2,
        flow_estimator="dis",
        on_length_mismatch="shortest",
        weights={"alexnet": str(tmp_path / "alexnet.pth")},
        offline=True,
    )

    means = [report.pooled[label]["mean"] for label in METRICS]
    shown = [cell.strip() for cell in ROWS[name].split("|")]
    wanted = [means[0], report.pooled["psnr"]["min"], *means[1:]]
    for text, value in zip(shown, wanted, strict=True):
        # Processors differ in the last digits of what DIS and float32 give.
        assert float(text) == pytest.approx(value, abs=10.0 ** -len(text.partition(".")[2]))


def test_both_ways_are_in_the_table() -> None:
    assert set(ROWS) == {"motion compensation", "blend"}
