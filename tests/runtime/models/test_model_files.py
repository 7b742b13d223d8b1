import errno
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from framegauge.export.contract.entry import Listing
from framegauge.export.networks.backbones import LAYERS
from framegauge.runtime import ScoreError, UsageError, score
from framegauge.runtime.models import export_cache as exports
from framegauge.runtime.models import model_files as shelf
from framegauge.runtime.models.export_cache import ExportRequest, cache_folder, cached
from framegauge.runtime.models.model_files import (
    Selection,
    catalogue,
    checked,
    default_metrics,
    pick,
    ready_file,
)

# Scores run while these cannot be imported, and what needs them says so.
WITHOUT_EXPORT = """
import sys
for name in ("torch", "onnx", "onnx_ir", "onnxscript"):
    sys.modules[name] = None
from framegauge.runtime.cli import main
main(sys.argv[1:])
"""


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("FRAMEGAUGE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def ordered(monkeypatch: pytest.MonkeyPatch, shipped: Callable[..., Path]) -> list[str]:
    """Puts a ready model where an export would be written, and notes what was asked for."""
    asked: list[str] = []

    def write(order: ExportRequest, path: Path, progress: Callable[[str], None]) -> None:
        asked.append(order.entries)
        shutil.copy(shipped("psnr_y"), path)

    monkeypatch.setattr(exports, "write", write)
    return asked


@pytest.fixture
def flat(tmp_path: Path) -> Callable[[str, float], dict[str, str]]:
    """Writes a file of a network whose every weight is one value."""

    def write(network: str, value: float) -> dict[str, str]:
        path = tmp_path / f"{network}-{value}.pth"
        tensors = {
            f"features.{layer.index}.{kind}": torch.tensor(value).expand(shape)
            for layer in LAYERS[network]
            if layer.kind == "conv"
            for kind, shape in (("weight", layer.shape), ("bias", layer.shape[:1]))
        }
        torch.save(tensors, path)
        return {network: str(path)}

    return write


def locked(path: Path) -> None:
    raise PermissionError(errno.EACCES, "Permission denied")


def names(picked: Selection) -> list[str]:
    return [path.stem for path in picked.files]


def frames() -> list[tuple[np.ndarray, ...]]:
    return [(np.zeros((16, 16), np.uint8), *[np.zeros((8, 8), np.uint8)] * 2)]


@pytest.mark.parametrize(
    ("metrics", "files", "labels", "scores"),
    [
        ("psnr_y", ["psnr_y"], {}, ("psnr_y",)),
        ("ssim,psnr_y", ["ssim", "psnr_y"], {}, ("ssim", "psnr_y")),
        (["ssim", "psnr"], ["ssim", "psnr"], {}, ("ssim", "psnr")),
        ("ie", ["interpolation_error"], {}, ("interpolation_error",)),
        ("mine=ssim_matlab", ["ssim_3d"], {"ssim_3d": "mine"}, ("mine",)),
        ("ssim[size=11;sigma=1.5]", ["ssim"], {}, ("ssim",)),
        (
            "psnr_y,psnr_cb,psnr_cr,float_ssim",
            ["default"],
            {},
            ("psnr_y", "psnr_cb", "psnr_cr", "float_ssim"),
        ),
        (
            "a=psnr_y,psnr_cb,psnr_cr,float_ssim",
            ["default"],
            {"psnr_y": "a"},
            ("a", "psnr_cb", "psnr_cr", "float_ssim"),
        ),
        (
            "psnr_cb,psnr_y,psnr_cr,float_ssim",
            ["psnr_cb", "psnr_y", "psnr_cr", "float_ssim"],
            {},
            ("psnr_cb", "psnr_y", "psnr_cr", "float_ssim"),
        ),
        (
            "psnr=ssim,ssim=psnr",
            ["ssim", "psnr"],
            {"ssim": "psnr", "psnr": "ssim"},
            ("psnr", "ssim"),
        ),
    ],
    ids=str,
)
def test_what_is_shipped_is_taken_from_the_package(
    metrics: Any, files: list[str], labels: dict[str, str], scores: tuple[str, ...]
) -> None:
    picked = pick(metrics, "yuv420p")

    assert names(picked) == files
    assert all(path.is_file() for path in picked.files)
    assert (picked.labels, picked.origin) == (labels, "shipped")
    assert picked.wanted is not None
    assert picked.wanted.labels == set(scores)


@pytest.mark.parametrize(
    ("metrics", "format", "options"),
    [
        ("census[patch=5]", "yuv420p", {}),
        ("psnr_y,twice=psnr_y", "yuv420p", {}),
        ("psnr_y", "yuv422p", {}),
        ("psnr_y", "yuv420p", {"quantise": 8}),
        ("psnr_y", "yuv420p", {"crop_border": 2}),
    ],
    ids=str,
)
def test_anything_else_is_exported_once_and_kept(
    cache: Path, ordered: list[str], metrics: str, format: str, options: dict[str, Any]
) -> None:
    told: list[str] = []

    first = pick(metrics, format, progress=told.append, **options)
    again = pick(metrics, format, progress=told.append, **options)

    assert ordered == [metrics]
    assert first == again
    assert first.origin == "exported"
    assert first.wanted is not None
    assert first.wanted.format == format
    assert first.files[0].parent == cache
    assert told == [f"making a model of {metrics} for {format} frames, once"]


def test_models_that_differ_in_anything_are_kept_apart(cache: Path, ordered: list[str]) -> None:
    picks = [
        pick("psnr_y", "yuv422p"),
        pick("psnr_cb", "yuv422p"),
        pick("a=psnr_y", "yuv422p"),
        pick("psnr_y", "gray8"),
        pick("psnr_y", "yuv422p", quantise=8),
        pick("psnr_y", "yuv422p", crop_border=1),
    ]

    assert len({picked.files for picked in picks}) == 6


@pytest.mark.parametrize(
    "change",
    [{"maps": ("mse",)}, {"quantise": 8}, {"crop_border": 2}, {"without": ("mask",)}],
    ids=str,
)
def test_orders_that_differ_in_anything_are_kept_apart(
    cache: Path, ordered: list[str], change: dict[str, Any]
) -> None:
    order = ExportRequest(entries="mse", format="rgb24")

    files = [cached(each, False, print) for each in (order, replace(order, **change))]

    assert files[0] != files[1]


@pytest.mark.parametrize(
    ("entry", "network"),
    [
        ("vgg", "vgg19"),
        ("vgg[network=vgg16;taps=relu2_2;factors=1]", "vgg16"),
        ("flavr[loss=1*VGG22]", "vgg19"),
    ],
)
def test_models_of_other_weights_are_kept_apart_whichever_option_asks_for_them(
    cache: Path,
    ordered: list[str],
    flat: Callable[[str, float], dict[str, str]],
    entry: str,
    network: str,
) -> None:
    picks = [pick(entry, "rgb24", weights=flat(network, value)) for value in (0.0, 0.5, 0.0)]

    assert picks[0].files == picks[2].files
    assert picks[0].files != picks[1].files


def test_weights_of_no_name_are_a_wrong_request(cache: Path, ordered: list[str]) -> None:
    with pytest.raises(UsageError, match="no weights called 'vgg_19'; did you mean 'vgg19'"):
        pick("vgg", "rgb24", weights={"vgg_19": "somewhere.pth"})


def test_what_is_in_a_cache_that_cannot_be_written_to_is_taken(
    cache: Path, ordered: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = pick("psnr_y", "yuv422p")
    monkeypatch.setattr(exports, "FileLock", locked)

    assert pick("psnr_y", "yuv422p") == first
    with pytest.raises(ScoreError, match=r"cannot be made or written to.*FRAMEGAUGE_CACHE"):
        pick("psnr_cb", "yuv422p")


def test_a_cache_that_cannot_be_made_is_an_error_that_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("FRAMEGAUGE_CACHE", str(tmp_path / "file" / "cache"))

    with pytest.raises(ScoreError, match=r"cannot be made or written to.*FRAMEGAUGE_CACHE"):
        pick("psnr_y", "yuv422p")


def test_the_cache_is_the_users_unless_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FRAMEGAUGE_CACHE", raising=False)

    assert "framegauge" in str(cache_folder())


def test_a_cached_model_exchanged_for_another_is_refused(cache: Path, ordered: list[str]) -> None:
    with pytest.raises(ScoreError, match=r"should score psnr_cb on yuv420p frames.*exchanged"):
        score(frames(), frames(), metrics="psnr_cb", crop_border=2)


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({"metrics": "psnr_y", "crop_border": 2}, "crop_border 0 for 2"),
        ({"metrics": "psnr_y", "quantise": 8}, "quantise None for 8"),
        ({"metrics": "psnr_y=census[patch=5]"}, "psnr_y computed as psnr_y with {}"),
    ],
)
def test_a_cached_model_is_what_was_asked_for_and_not_called_so(
    cache: Path, ordered: list[str], request_: dict[str, Any], words: str
) -> None:
    with pytest.raises(ScoreError, match=f"is another: {words}"):
        score(frames(), frames(), **request_)


@pytest.mark.parametrize(
    ("entry", "format"), [("ssim", "yuv420p"), ("psnr_y", "yuv444p"), ("default", "yuv420p")]
)
def test_a_shipped_model_exchanged_for_another_is_refused(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    shipped: Callable[..., Path],
    entry: str,
    format: str,
) -> None:
    (tmp_path / "yuv420p").mkdir()
    shutil.copy(shipped(entry, format), tmp_path / "yuv420p" / "psnr_y.onnx")
    monkeypatch.setattr(shelf, "SHIPPED", tmp_path)

    with pytest.raises(ScoreError, match=r"should score psnr_y on yuv420p frames.*exchanged"):
        score(frames(), frames(), metrics="psnr_y")


@pytest.mark.parametrize(
    ("metrics", "words"),
    [
        ("psnr_yy", "did you mean 'psnr_y'"),
        ("sim", "did you mean 'ssim'"),
        ("zzzzzzzz", "`framegauge list` shows all"),
        ("psnr_luma[matrix=bt470]", "takes one of bt601, bt709, bt2020, rgb2gray; got 'bt470'"),
        ("psnr_luma[matrx=bt709]", "did you mean 'matrix'"),
        ("psnr_y[peak=1]", "psnr_y has no option 'peak'"),
        ("census[patch=five]", "takes a value of type int, got 'five'"),
        ("census[patch]", "'patch' in 'census.*' is not option=value"),
        ("census[patch=5", "is not an entry"),
        ("Psnr=psnr", "'Psnr' cannot be a label"),
        ("psnr,,ssim", "'' is not an entry"),
        ("psnr,psnr", "Two entries would be called 'psnr'"),
        ("psnr,psnr=ssim", "Two entries would be called 'psnr'"),
    ],
)
def test_entries_written_wrongly_are_refused(metrics: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        checked(metrics)


def test_a_plane_is_never_made_from_rgb() -> None:
    with pytest.raises(UsageError, match=r"psnr_y reads a plane.*rgb24.*use psnr_luma"):
        pick("psnr,psnr_y", "rgb24")


@pytest.mark.parametrize(
    ("format", "wanted"),
    [
        ("yuv420p", "psnr_y,psnr_cb,psnr_cr,float_ssim"),
        ("p010le", "psnr_y,psnr_cb,psnr_cr,float_ssim"),
        ("rgbf32", "psnr,ssim"),
        ("gray8", "psnr_y,float_ssim"),
    ],
)
def test_the_default_suite_follows_from_the_format(format: str, wanted: str) -> None:
    assert default_metrics(format) == wanted


def test_the_catalogue_is_the_one_of_the_graphs() -> None:
    from framegauge.export.catalog import listings

    found: tuple[Listing, ...] = catalogue()

    assert list(found) == list(listings())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--metrics", "census[patch=5]"], "--metrics 'census[patch=5]' --format yuv420p"),
        (
            ["--metrics", "psnr,ssim", "--crop-border", "2", "--quantise", "8"],
            "'psnr,ssim' --format yuv420p --quantise 8 --crop-border 2 -o model.onnx",
        ),
        (["--convert", "yuv422p"], "psnr_y,psnr_cb,psnr_cr,float_ssim for yuv422p frames"),
    ],
    ids=str,
)
def test_without_pytorch_the_error_names_both_ways(
    python: Callable[..., Any],
    reference: str,
    distorted: str,
    tmp_path: Path,
    arguments: list[str],
    words: str,
) -> None:
    report = tmp_path / "report.json"
    places = {"FRAMEGAUGE_CACHE": str(tmp_path / "cache")}

    done = python(
        WITHOUT_EXPORT, "score", reference, distorted, *arguments, "--json", report, **places
    )

    assert done.returncode == 4, done.stderr
    assert words in done.stderr
    assert "pip install '.[export]'" in done.stderr
    assert "--model model.onnx" in done.stderr
    assert not report.exists()


def test_without_pytorch_export_says_what_it_needs(
    python: Callable[..., Any], tmp_path: Path
) -> None:
    metrics = "census[patch=5]"
    done = python(WITHOUT_EXPORT, "export", "--metrics", metrics, "-o", tmp_path / "m.onnx")

    assert done.returncode == 4
    assert "torch, onnx, onnxscript, onnx_ir, which makes one, is not installed" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_without_pytorch_the_shipped_entries_score(
    python: Callable[..., Any], reference: str, distorted: str
) -> None:
    done = python(
        WITHOUT_EXPORT, "score", reference, distorted, "--metrics", "psnr,ssim,ms_ssim,census"
    )

    assert done.returncode == 0, done.stderr
    assert "16 frames scored" in done.stdout


@pytest.mark.parametrize(
    ("order", "stem"),
    [
        ({"entries": "psnr", "format": "rgb24"}, "psnr"),
        ({"entries": "psnr,ssim", "format": "rgb24"}, "default"),
        ({"entries": "ie", "format": "yuv420p"}, "interpolation_error"),
        ({"entries": "ssim,psnr", "format": "rgb24"}, None),
        ({"entries": "mine=psnr", "format": "rgb24"}, None),
        ({"entries": "census[patch=5]", "format": "rgb24"}, None),
        ({"entries": "psnr", "format": "gray8"}, None),
        ({"entries": "psnr", "format": "rgb24", "quantise": 8}, None),
        ({"entries": "psnr", "format": "yuv420p", "chroma_siting": "left"}, None),
        ({"entries": "ssim", "format": "rgb24", "maps": ("ssim",)}, None),
        ({"entries": "lpips_alex", "format": "rgb24"}, None),
        ({"entries": "psnr", "format": "rgb24", "precision": "fp16"}, None),
    ],
)
def test_what_is_shipped_need_not_be_exported(order: dict[str, Any], stem: str | None) -> None:
    ready = ready_file(ExportRequest(**order))

    assert ready == (stem and shelf.SHIPPED / order["format"] / f"{stem}.onnx")


def test_a_shipped_entry_is_exported_without_pytorch(
    python: Callable[..., Any], shipped: Callable[..., Path], tmp_path: Path
) -> None:
    path = tmp_path / "psnr.onnx"

    done = python(WITHOUT_EXPORT, "export", "--metrics", "psnr", "--format", "rgb24", "-o", path)

    assert done.returncode == 0, done.stderr
    assert path.read_bytes() == shipped("psnr", "rgb24").read_bytes()
