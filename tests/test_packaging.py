import os
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("export", "engines", "runtime")
SETUPTOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]


@pytest.fixture(scope="session")
def built(shared: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A folder with the wheel and the sdist, built from a copy of what is under version control."""

    def build(folder: Any) -> None:
        source = tmp_path_factory.mktemp("source")
        # Built in place, setuptools would leave its `build` folder and metadata in the checkout.
        for top in (*ROOMS, "pyproject.toml", "README.md", "LICENSE"):
            subprocess.run(["cp", "-r", ROOT / top, source], check=True)
        python(["-m", "build", "--no-isolation", "--outdir", folder, source], cwd=folder)

    return shared("dist", build)


@pytest.fixture(scope="session")
def wheel(built: Any) -> Any:
    """The names in the wheel."""
    (path,) = built.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="session")
def installed(built: Any, shared: Callable[..., Path]) -> Any:
    """A folder that the wheel was installed into."""
    (path,) = built.glob("*.whl")
    command = ["-m", "pip", "install", "-q", "--no-deps", "--target"]
    return shared("installed", lambda new: python([*command, new, path], cwd=new))


def test_every_package_ships() -> None:
    folders = {
        f"framegauge.{'.'.join(init.parent.relative_to(ROOT).parts)}"
        for room in SETUPTOOLS["package-dir"].values()
        for init in (ROOT / room).rglob("__init__.py")
    }

    assert set(SETUPTOOLS["packages"]) == folders


def test_every_folder_with_modules_is_a_package() -> None:
    folders = {
        path.parent for room in ROOMS for path in (ROOT / room).rglob("*.py") if path.is_file()
    }

    assert not [folder for folder in folders if not (folder / "__init__.py").is_file()]


def test_the_wheel_has_the_files_of_the_tree_and_no_others(wheel: Any) -> None:
    held = {name for name in wheel if ".dist-info/" not in name}

    assert held == {f"framegauge/{path}" for path in sources()}


def test_the_sdist_has_the_files_of_the_tree(built: Any) -> None:
    (path,) = built.glob("*.tar.gz")

    with tarfile.open(path) as archive:
        names = {str(PurePosixPath(*PurePosixPath(n).parts[1:])) for n in archive.getnames()}

    assert names >= set(sources()) | {"pyproject.toml", "README.md", "LICENSE"}


def test_the_namespace_has_no_file_of_its_own(wheel: Any) -> None:
    assert not [name for name in wheel if PurePosixPath(name).parent == PurePosixPath("framegauge")]


def test_the_licence_travels_in_the_wheel(wheel: Any) -> None:
    assert [name for name in wheel if name.endswith(".dist-info/licenses/LICENSE")]
    assert "Apache License" in (ROOT / "LICENSE").read_text()


def test_types_travel_in_the_wheel(wheel: Any) -> None:
    assert {f"framegauge/{room}/py.typed" for room in ROOMS} <= wheel


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_are_importable_by_their_full_name_only(installed: Any, room: str) -> None:
    # -P keeps the working directory off the path; -S keeps out this environment's own copy.
    bare, full = (
        python(
            ["-P", "-S", "-c", f"from importlib.util import find_spec; print(find_spec('{name}'))"],
            cwd=installed,
            env={"PYTHONPATH": str(installed)},
        )
        for name in (room, f"framegauge.{room}")
    )

    assert bare == "None"
    assert str(installed / "framegauge" / room) in full


def test_the_command_is_installed(built: Any) -> None:
    (path,) = built.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        (points,) = (n for n in archive.namelist() if n.endswith("/entry_points.txt"))
        content = archive.read(points).decode()

    assert "framegauge = framegauge.runtime.cli:main" in content


def sources() -> Any:
    """Files of the tree that belong in a package, relative to the root."""
    found = {path for room in ROOMS for path in (ROOT / room).rglob("*.py")}
    for package, patterns in SETUPTOOLS["package-data"].items():
        folder = ROOT / SETUPTOOLS["package-dir"][package]
        found |= {path for pattern in patterns for path in folder.glob(pattern)}
    return {path.relative_to(ROOT).as_posix() for path in found}


def python(arguments: Any, *, cwd: Any, env: Any = None) -> Any:
    """What a Python of this environment prints, run from elsewhere."""
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=cwd,
        env=clean | (env or {}),
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()
