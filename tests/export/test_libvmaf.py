"""Scores of planes against those that FFmpeg and libvmaf give for the same video, run beside us."""

import json
import subprocess
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
import pytest

from framegauge.export.contract.formats import find_format
from framegauge.export.contract.roles import input_name

CLIPS = Path(__file__).parents[1] / "clips"
PLANES = ("psnr_y", "psnr_cb", "psnr_cr", "float_ssim", "float_ms_ssim")
DECIBELS, SIMILARITY = 1e-4, 1e-4
FRAMES = 4
CASES = [
    pytest.param("yuv420p", None, id="8-bit"),
    pytest.param("yuv420p10le", None, id="10-bit"),
    # From 384 rows on, libvmaf's SSIM reduces frames by round(min(H, W) / 256).
    pytest.param("yuv420p", (832, 480), id="reduced-by-2"),
    pytest.param("yuv420p", (1000, 562), id="reduced-by-2-uneven"),
    pytest.param("yuv420p", (960, 700), id="reduced-by-3"),
    pytest.param("yuv420p", (321, 179), id="odd"),
    pytest.param("yuv420p10le", (833, 481), id="10-bit-odd-reduced-by-2"),
]


@pytest.mark.parametrize(("format", "size"), CASES)
def test_every_frame_has_the_scores_of_ffmpeg_and_libvmaf(
    models: Any, tmp_path: Path, format: str, size: tuple[Any, ...] | None
) -> None:
    raw = {
        role: decoded(CLIPS / f"{role}.mp4", format, size, tmp_path / f"{role}.yuv")
        for role in ("reference", "distorted")
    }
    width, height = size or (320, 176)
    feed = {
        input_name(role, part): frames
        for role, path in raw.items()
        for part, frames in planes(path, format, height, width).items()
    }

    ours = {}
    for name in PLANES:
        model = models([name], format)
        ours |= model.run({each.name: feed[each.name] for each in model.session.get_inputs()})

    theirs = libvmaf(raw, format, width, height, tmp_path)
    if width % 2 or height % 2:
        # libvmaf leaves the last row and column of chroma out of odd frames; FFmpeg does not.
        del theirs["psnr_cb"], theirs["psnr_cr"]
    assert_close(ours, theirs)
    assert_close(ours, psnr(raw, format, width, height, tmp_path))


def assert_close(ours: Any, theirs: Any) -> None:
    """Both print six decimals."""
    for label, wanted in theirs.items():
        allowed = DECIBELS if label.startswith("psnr") else SIMILARITY
        assert len(wanted) == FRAMES
        np.testing.assert_allclose(ours[label], wanted, rtol=0, atol=allowed, err_msg=label)


def decoded(clip: Any, format: Any, size: Any, path: Any) -> Any:
    """The first frames of a clip as raw planes, in another format or size if asked for."""
    scale = f"scale={size[0]}:{size[1]}:flags=bicubic," if size else ""
    # Ten bits with content of their own, not eight bits shifted up: a blur leaves fractions.
    deepen = "format=yuv420p10le,gblur=sigma=0.6," if "10" in format else ""
    chain = f"{scale}{deepen}format={format}"
    ffmpeg("-i", clip, "-frames:v", str(FRAMES), "-vf", chain, "-f", "rawvideo", path)
    return path


def libvmaf(raw: Any, format: Any, width: Any, height: Any, folder: Any) -> Any:
    """libvmaf's scores by feature, one a frame."""
    features = "name=psnr|name=float_ssim|name=float_ms_ssim"
    graph = f"libvmaf=feature='{features}':log_fmt=json:log_path=scores.json"
    compare(raw, format, width, height, graph, folder)
    frames = json.loads((folder / "scores.json").read_text())["frames"]
    return {label: [frame["metrics"][label] for frame in frames] for label in PLANES}


def psnr(raw: Any, format: Any, width: Any, height: Any, folder: Any) -> Any:
    """Decibels of FFmpeg's own filter by plane, one a frame."""
    compare(raw, format, width, height, "psnr,metadata=print:file=decibels.txt", folder)
    lines = (folder / "decibels.txt").read_text().splitlines()
    return {
        label: [float(line.partition("=")[2]) for line in lines if f".psnr.{part}=" in line]
        for label, part in (("psnr_y", "y"), ("psnr_cb", "u"), ("psnr_cr", "v"))
    }


def compare(raw: Any, format: Any, width: Any, height: Any, graph: Any, folder: Any) -> None:
    """Runs one of FFmpeg's comparing filters, which take the distorted video first."""
    given = ("-f", "rawvideo", "-pix_fmt", format, "-s", f"{width}x{height}", "-i")
    pair = (*given, raw["distorted"], *given, raw["reference"])
    ffmpeg(*pair, "-lavfi", f"[0:v][1:v]{graph}", "-f", "null", "-", cwd=folder)


def ffmpeg(*arguments: Any, cwd: Any = None) -> None:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *map(str, arguments)]
    subprocess.run(command, check=True, cwd=cwd)


def planes(path: Any, format: Any, height: Any, width: Any) -> Any:
    """The planes of raw frames as a model takes them, ``uint8 (N, ...)``."""
    form = find_format(format)
    shapes = [form.shape(plane, height, width) for plane in form.planes]
    sizes = [int(np.prod(shape)) for shape in shapes]
    frames = np.fromfile(path, np.uint8).reshape(-1, sum(sizes))
    parts = np.split(frames, np.cumsum(sizes)[:-1], axis=1)
    return {
        plane.part: np.ascontiguousarray(part.reshape(-1, *shape))
        for plane, part, shape in zip(form.planes, parts, shapes, strict=True)
    }
