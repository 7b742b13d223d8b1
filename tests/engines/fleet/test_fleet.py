from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from framegauge.engines.fleet import fleet as module
from framegauge.engines.fleet.fleet import Export, Fleet
from framegauge.engines.fleet.regenerate import Absent
from framegauge.engines.identity.machine import Gpu, TargetError
from framegauge.engines.identity.profile import Profile
from framegauge.engines.identity.target import RTX_ARCHITECTURES

HOPPER = Gpu(index=0, name="NVIDIA H100", architecture="sm90", driver="13.0")


def no_gpu() -> Gpu:
    raise TargetError("There is no GPU")


def no_export(export: Export) -> list[Path]:
    raise AssertionError(f"{export} was not to be exported")


@pytest.fixture
def folder(tmp_path: Path, shipped: Path) -> Path:
    """A folder with two models."""
    for name in ("mse", "l1"):
        shutil.copy(shipped / "rgb24" / f"{name}.onnx", tmp_path)
    return tmp_path


@pytest.fixture
def fleet(folder: Path) -> Any:
    """Reads a fleet file of these lines."""

    def read(*lines: str) -> Fleet:
        path = folder / "fleet.toml"
        path.write_text("\n".join(lines))
        return Fleet.read(path)

    return read


TABLE = ("[[engines]]", 'models = ["mse.onnx"]', 'targets = ["sm89"]')


def test_every_combination_of_models_targets_and_profiles_is_wanted(fleet: Any) -> None:
    read = fleet(
        "[[engines]]",
        'models = ["mse.onnx", "l1.onnx"]',
        'targets = ["rtx", "sm86,sm120"]',
        'profiles = ["540p", ["720p", "2160p"]]',
    )

    wanted = list(read.wanted(no_export, find_gpu=no_gpu))

    assert len(wanted) == 2 * 3 * 2
    assert {each.model.path.name for each in wanted} == {"mse.onnx", "l1.onnx"}
    assert {each.target.architectures for each in wanted} == {
        RTX_ARCHITECTURES,
        ("sm86",),
        ("sm120",),
    }
    assert {each.profiles for each in wanted} == {
        (Profile.parse("540p"),),
        (Profile.parse("720p"), Profile.parse("2160p")),
    }


def test_files_are_found_beside_the_fleet_file_by_pattern(
    fleet: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")

    (group,) = fleet("[[engines]]", 'models = ["*.onnx"]', 'targets = ["sm89"]').groups

    assert group.models == (folder / "l1.onnx", folder / "mse.onnx")


def test_entries_are_exported_in_every_format_and_precision(fleet: Any, folder: Path) -> None:
    asked = []

    def export(what: Export) -> list[Path]:
        asked.append((what.entries, what.format, what.precision))
        return [folder / "mse.onnx"]

    read = fleet(
        "[[engines]]",
        'entries = ["psnr,ssim"]',
        'formats = ["rgb24", "yuv420p"]',
        'precisions = ["fp32", "fp16"]',
        'targets = ["sm89"]',
    )
    wanted = list(read.wanted(export, find_gpu=no_gpu))

    assert asked == [
        ("psnr,ssim", "rgb24", "fp32"),
        ("psnr,ssim", "rgb24", "fp16"),
        ("psnr,ssim", "yuv420p", "fp32"),
        ("psnr,ssim", "yuv420p", "fp16"),
    ]
    assert len(wanted) == 1


def test_builder_options_are_taken_as_the_command_line_takes_them(fleet: Any) -> None:
    (group,) = fleet(
        *TABLE, "options = { builder_optimization_level = 5, strip_plan = true }"
    ).groups

    assert group.options == {"builder_optimization_level": "5", "strip_plan": "true"}


def test_the_store_lies_beside_the_file(fleet: Any, folder: Path) -> None:
    assert fleet('store = "engines"', *TABLE).store == folder / "engines"
    assert fleet(*TABLE).store is None


def test_the_usual_profile_is_1080p(fleet: Any) -> None:
    (group,) = fleet(*TABLE).groups

    assert group.profiles == ((Profile.parse("1080p"),),)


def test_a_gpu_that_is_not_here_can_be_listed(fleet: Any) -> None:
    read = fleet("[[engines]]", 'models = ["mse.onnx"]', 'targets = ["sm90"]')

    (wanted,) = read.wanted(no_export, find_gpu=no_gpu)

    assert wanted.target.flavour == "tensorrt"
    assert wanted.target.architectures == ("sm90",)


def test_local_is_the_gpu_at_hand(fleet: Any) -> None:
    read = fleet("[[engines]]", 'models = ["mse.onnx"]', 'targets = ["local"]')

    (wanted,) = read.wanted(no_export, find_gpu=lambda: HOPPER)

    assert wanted.target.architectures == ("sm90",)


def test_a_target_that_is_not_here_stops_no_other(fleet: Any, folder: Path) -> None:
    read = fleet("[[engines]]", 'models = ["mse.onnx"]', 'targets = ["local", "sm89"]')

    absent, wanted = read.wanted(no_export, find_gpu=no_gpu)

    why = "There is no GPU"
    assert absent == Absent(name=str(folder / "mse.onnx"), why=why, target="local")
    assert wanted.target.architectures == ("sm89",)


def test_a_file_that_is_no_model_stops_no_other(fleet: Any, folder: Path) -> None:
    (folder / "cut.onnx").write_bytes((folder / "l1.onnx").read_bytes()[:-3])
    (folder / "a.onnx").mkdir()

    a, cut, *others = fleet("[[engines]]", 'models = ["*.onnx"]', 'targets = ["sm89"]').wanted(
        no_export
    )

    assert "Is a directory" in a.why
    assert "is cut short" in cut.why
    assert [each.model.path.name for each in others] == ["l1.onnx", "mse.onnx"]


def test_entries_that_cannot_be_exported_stop_no_others(fleet: Any, folder: Path) -> None:
    def export(what: Export) -> list[Path] | Absent:
        if what.entries == "psnr":
            return Absent(name="psnr", why="there is no torch")
        return [folder / "mse.onnx"]

    read = fleet("[[engines]]", 'entries = ["psnr", "mse"]', 'targets = ["rtx", "sm89"]')
    absent, *wanted = read.wanted(export)

    assert absent == Absent(name="psnr", why="there is no torch", target="rtx, sm89")
    assert len(wanted) == 2


@pytest.mark.parametrize("name", ["model.onnx", "model[1].onnx", "model?.onnx"])
def test_brackets_in_names_are_names(folder: Path, shipped: Path, name: str) -> None:
    inner = folder / "[2024]"
    inner.mkdir()
    shutil.copy(shipped / "rgb24" / "mse.onnx", inner / name)
    path = inner / "fleet.toml"
    path.write_text(f'[[engines]]\nmodels = ["{name}"]\ntargets = ["sm89"]')

    (group,) = Fleet.read(path).groups

    assert group.models == (inner / name,)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (['stores = "x"', *TABLE], r"unknown key 'stores'; did you mean 'store'\? Keys: store"),
        ([*TABLE, 'profile = ["1080p"]'], "number 1 has an unknown key 'profile'; did you mean"),
        ([*TABLE, *TABLE, 'target = ["rtx"]'], "number 2 has an unknown key 'target'; did you"),
        (["[[engines]"], "fleet.toml is not TOML"),
        (['store = "x"'], r"lists no engines: it needs \[\[engines\]\] tables"),
        (["[engines]", "x = 1"], "lists no engines"),
        (["engines = []"], "lists no engines"),
        (["store = 3", *TABLE], "store is the path of a folder, got 3"),
        (["[[engines]]", 'targets = ["sm89"]'], "needs either models, which are files, or entries"),
        ([*TABLE, 'entries = ["psnr"]'], "needs either models"),
        (
            ["[[engines]]", 'models = ["*.onx"]', 'targets = ["sm89"]'],
            r"no file is called '\*.onx'",
        ),
        (["[[engines]]", 'models = ["mse.onnx"]'], "targets is a list of texts, got None"),
        (
            ["[[engines]]", 'models = ["mse.onnx"]', 'targets = "sm89"'],
            "targets is a list of texts, got 'sm89'",
        ),
        (
            ["[[engines]]", 'models = ["mse.onnx"]', 'targets = ["gtx"]'],
            "--target takes rtx, local, or architectures",
        ),
        ([*TABLE, 'profiles = ["1081p"]'], "--profile takes 360p"),
        ([*TABLE, "profiles = [1080]"], "profiles holds texts or lists of them, got 1080"),
        ([*TABLE, "profiles = [[]]"], r"profiles holds texts or lists of them, got \[\]"),
        ([*TABLE, 'precisions = ["fp16"]'], "precisions go with entries"),
        (
            [*TABLE, 'flavour = "tensorrt-rtx"'],
            "has no 'tensorrt-rtx'; did you mean 'tensorrt_rtx'",
        ),
        ([*TABLE, 'compatibility = "ampere"'], "did you mean 'ampere_plus'"),
        ([*TABLE, "options = 5"], "options is a table of builder options, got 5"),
        (
            ["[[engines]]", 'entries = ["psnr"]', 'formats = ["rgb"]', 'targets = ["rtx"]'],
            r"formats has no 'rgb'; did you mean 'rgb",
        ),
        (
            ["[[engines]]", 'entries = ["psnr"]', 'precisions = ["int8"]', 'targets = ["rtx"]'],
            "It takes fp32, fp16",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(fleet: Any, lines: list[Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        fleet(*lines)


def test_the_example_of_the_module_can_be_read(fleet: Any, folder: Path) -> None:
    example = module.__doc__.partition("Such as::\n")[2].rpartition("\n\n")[0]
    (folder / "mine.onnx").touch()
    (folder / "models").mkdir()
    (folder / "models" / "other.onnx").touch()

    read = fleet(*(line.removeprefix("    ") for line in example.splitlines()))

    assert read.store == folder / "engines"
    assert [len(group.models) for group in read.groups] == [2, 0]
    assert [len(group.exports) for group in read.groups] == [0, 4]
    assert [len(profiles) for profiles in read.groups[0].profiles] == [1, 2]
