"""The installed package, found by projects that know nothing of this one."""

import os
import platform
import re
import subprocess
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from framegauge.runtime.models.model_files import SHIPPED

README = Path(__file__).parents[2] / "runtime" / "cpp" / "README.md"
MODEL = SHIPPED / "rgb24" / "psnr.onnx"
WANTED = 28.1308036  # 20 log10(255 / 10), of a difference of ten everywhere


@pytest.fixture(scope="session")
def outside(
    here: Path, plain: Any, project: Callable[..., None], shared: Callable[..., Path]
) -> Any:
    """The build folder of a project of ten lines."""
    option = f"-DCMAKE_PREFIX_PATH={plain.prefix}"
    return shared("outside", lambda new: project(here / "outside", new, option))


@pytest.mark.parametrize("program", ["score_in_cpp", "score_in_c"])
def test_an_outside_program_scores_a_frame(outside: Any, program: str) -> None:
    ran = subprocess.run(
        [outside / program, MODEL], capture_output=True, text=True, check=False, timeout=300
    )

    assert ran.returncode == 0, ran.stderr
    (value,) = re.findall(r"\d+\.\d+", ran.stdout)
    assert float(value) == pytest.approx(WANTED, abs=1e-4)


@pytest.mark.parametrize("program", ["score_in_cpp", "score_in_c"])
def test_an_outside_program_is_told_what_is_wrong(outside: Any, program: str) -> None:
    ran = subprocess.run(
        [outside / program, "none.onnx"], capture_output=True, text=True, check=False, timeout=300
    )

    assert ran.returncode == 1
    assert "none.onnx cannot be read" in ran.stderr


def test_the_readmes_project_is_built_and_scores(
    plain: Any, project: Callable[..., None], command: Callable[..., str], tmp_path: Path
) -> None:
    readme = README.read_text(encoding="utf-8")
    for kind, name in (("cmake", "CMakeLists.txt"), ("cpp", "score.cpp")):
        (block,) = re.findall(rf"^```{kind}\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
        (tmp_path / name).write_text(block)

    project(tmp_path, tmp_path / "b", f"-DCMAKE_PREFIX_PATH={plain.prefix}")

    said = re.search(r"it prints `(psnr [^`]*)`", readme)
    assert said is not None
    assert command(tmp_path / "b" / "score", MODEL).strip() == said[1]


def test_pkg_config_knows_the_package(
    plain: Any, here: Path, tmp_path: Path, needs: Callable[..., None], command: Callable[..., str]
) -> None:
    needs("pkg-config", "c++")
    folder = plain.prefix / "lib"
    said = command(
        *("pkg-config", "--cflags", "--libs", "framegauge"),
        env=os.environ | {"PKG_CONFIG_PATH": str(folder / "pkgconfig")},
    )
    program = tmp_path / "program"

    command(
        *("c++", here / "outside" / "score.cpp", *said.split()),
        *(f"-Wl,-rpath,{folder}", "-o", program),
    )

    assert command(program, MODEL).startswith("psnr 28.13")


def test_the_library_shows_its_interface_and_nothing_else(
    plain: Any, needs: Callable[..., None], command: Callable[..., str]
) -> None:
    needs("nm", "readelf")
    path = plain.prefix / "lib" / "libframegauge.so"
    shown = command("nm", "-D", "--defined-only", path)
    header = (plain.prefix / "include" / "framegauge.h").read_text()
    declared = set(re.findall(r"FRAMEGAUGE_API [^;]*?(framegauge_\w+)\(", header))

    dynamic = command("readelf", "-d", path)

    names = {line.split()[-1] for line in shown.splitlines()}
    # Templates of the standard library are shared by every library of a process.
    assert {name for name in names if not name.startswith("_Z")} == declared
    assert not [name for name in names if "framegauge" in name and name not in declared]
    assert "soname: [libframegauge.so.2]" in dynamic
    needed = re.findall(r"NEEDED.*\[(.*?)\]", dynamic)
    assert {name.split(".so")[0] for name in needed} <= {
        *("libonnxruntime", "libstdc++", "libm", "libgcc_s", "libc", "ld-linux-x86-64"),
        "ld-linux-aarch64",
    }


@pytest.mark.parametrize(
    ("header", "library"),
    [
        ("include", "lib"),
        ("include/onnxruntime", "lib64"),
        ("usr/include/onnxruntime", f"usr/lib/{platform.machine()}-linux-gnu"),
        ("include/onnxruntime", "lib"),
    ],
    ids=["release", "lib64", "debian", "vcpkg"],
)
def test_onnx_runtime_is_found_in_every_layout(
    onnxruntime: Path,
    host_source: Path,
    command: Callable[..., str],
    tmp_path: Path,
    header: str,
    library: str,
) -> None:
    root = tmp_path / "root"
    (root / header).mkdir(parents=True)
    (root / library).mkdir(parents=True)
    (found,) = (onnxruntime / "include").rglob("onnxruntime_c_api.h")
    (root / header / found.name).symlink_to(found)
    (root / library / "libonnxruntime.so").symlink_to(onnxruntime / "lib" / "libonnxruntime.so.1")
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.20)\nproject(seek LANGUAGES CXX)\n"
        f"list(APPEND CMAKE_MODULE_PATH {host_source}/cmake)\n"
        "find_package(ONNXRuntime REQUIRED)\n"
        "get_target_property(place ONNXRuntime::ONNXRuntime IMPORTED_LOCATION)\n"
        'message("found ${place}, API ${ONNXRuntime_VERSION_API}")\n'
    )

    said = command("cmake", "-S", tmp_path, "-B", tmp_path / "b", f"-DONNXRUNTIME_ROOT={root}")

    assert re.search(f"found {root}/{library}/libonnxruntime.so, API \\d+", said)


def test_a_root_without_onnx_runtime_is_refused_with_what_to_do(
    host_source: Path, needs: Callable[..., None], tmp_path: Path
) -> None:
    needs("cmake", "c++")
    ran = subprocess.run(
        ["cmake", "-S", host_source, "-B", tmp_path / "b", f"-DONNXRUNTIME_ROOT={tmp_path}"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode != 0
    assert "set ONNXRUNTIME_ROOT to its folder" in " ".join(ran.stderr.split())


def test_an_onnx_runtime_too_old_is_refused(
    onnxruntime: Path, host_source: Path, needs: Callable[..., None], tmp_path: Path
) -> None:
    needs("cmake", "c++")
    (tmp_path / "include").mkdir()
    (tmp_path / "include" / "onnxruntime_c_api.h").write_text("#define ORT_API_VERSION 12\n")
    (tmp_path / "lib").symlink_to(onnxruntime / "lib")
    root = ("-DONNXRUNTIME_ROOT=" + str(tmp_path), f"-DCMAKE_PREFIX_PATH={onnxruntime}")

    ran = subprocess.run(
        ["cmake", "-S", host_source, "-B", tmp_path / "b", *root],
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode != 0
    assert '"1.12", but required is at least "1.17"' in " ".join(ran.stderr.split())


def test_a_root_may_be_relative(
    onnxruntime: Path, host_source: Path, command: Callable[..., str], tmp_path: Path
) -> None:
    (tmp_path / "ort").symlink_to(onnxruntime)
    found = f"-DCMAKE_PREFIX_PATH={onnxruntime}"

    said = command(
        *("cmake", "-S", host_source, "-B", "build", "-DONNXRUNTIME_ROOT=ort", found), cwd=tmp_path
    )

    assert f"Found ONNXRuntime: {tmp_path}/ort/lib/libonnxruntime.so" in said


def test_a_program_that_only_links_needs_no_headers_of_onnx_runtime(
    here: Path,
    plain: Any,
    onnxruntime: Path,
    project: Callable[..., None],
    command: Callable[..., str],
    tmp_path: Path,
) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "lib").symlink_to(onnxruntime / "lib")
    places = (f"-DCMAKE_PREFIX_PATH={plain.prefix}", f"-DONNXRUNTIME_ROOT={tmp_path / 'root'}")

    project(here / "outside", tmp_path / "b", *places)

    assert command(tmp_path / "b" / "score_in_c", MODEL).startswith("28.13")


def test_a_static_library_asks_a_project_in_c_for_cpp(
    onnxruntime: Path, host_source: Path, command: Callable[..., str], tmp_path: Path
) -> None:
    roots = (f"-DONNXRUNTIME_ROOT={onnxruntime}", f"-DCMAKE_PREFIX_PATH={onnxruntime}")
    command("cmake", "-S", host_source, "-B", tmp_path / "b", *roots, "-DBUILD_SHARED_LIBS=OFF")
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.20)\nproject(outside LANGUAGES C)\n"
        "find_package(framegauge)\n"
        'message("${framegauge_FOUND}: ${framegauge_NOT_FOUND_MESSAGE}")\n'
    )

    said = command(
        *("cmake", "-S", tmp_path, "-B", tmp_path / "c", f"-Dframegauge_DIR={tmp_path / 'b'}")
    )

    assert "built as a static library, which is linked as C++" in said


def test_the_fetching_script_says_what_it_wants(
    host_source: Path, needs: Callable[..., None]
) -> None:
    needs("bash")

    ran = subprocess.run(
        ["bash", host_source / "fetch_onnxruntime.sh"], capture_output=True, text=True, check=False
    )

    assert ran.returncode != 0
    assert "A folder is wanted" in ran.stderr


def test_the_program_has_the_version_of_the_package(
    plain: Any, command: Callable[..., str]
) -> None:
    said = command(plain.prefix / "bin" / "framegauge-score", "--version")

    assert said == f"framegauge-score {version('framegauge')}\n"
