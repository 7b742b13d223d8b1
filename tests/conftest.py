"""What several tests share: real pictures, and models that are exported once a run."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sysconfig
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from filelock import FileLock, Timeout

from framegauge.export.contract.entry import parse_entries
from framegauge.export.contract.formats import find_format
from framegauge.export.contract.manifest import KEY, Manifest
from framegauge.export.contract.model_bytes import BLANK, DIGEST_KEY, sealed
from framegauge.export.contract.onnx_runtime import import_onnxruntime
from framegauge.export.contract.roles import input_name
from framegauge.export.graph import Graph
from framegauge.export.lowering.model import export
from framegauge.export.lowering.proof import evaluate

# Before any test imports it, so that it keeps to itself in this process and its children.
onnxruntime = import_onnxruntime()

GOLDEN = Path(__file__).parent / "golden"
SHIPPED = Path(__file__).parents[1] / "runtime" / "models"

# Entries that are the finish of a mean over pixels: cheap to export, and to run at 4K.
PIXELS = ("mse", "l1", "psnr", "psnr_luma", "charbonnier", "huber", "interpolation_error", "sobel")
WINDOWS = ("ssim", "ssim_luma", "ssim_3d", "gmsd", "census", "laplacian")
VARIANTS = (
    "ssim[padding=replicate]",
    "ssim[padding=replicate;form=dssim]",
    "ssim[padding=reflect]",
    "ssim[window=uniform;size=7;covariance=sample]",
    "ssim[window=uniform;size=3;form=dssim]",
    "ssim_luma[matrix=bt709;padding=replicate]",
    "ms_ssim[form=rife]",
    "ms_ssim[form=rife_intended]",
    "interpolation_error[form=mae]",
    "interpolation_error[form=rms_all]",
    "interpolation_error[form=normalised]",
    "psnr[epsilon=1e-8]",
    "psnr[cap=60]",
    "psnr_luma[range=limited]",
    "psnr_luma[matrix=bt2020]",
    "charbonnier[epsilon=1e-6]",
    "huber[delta=0.1]",
    "gmsd[form=rgb]",
    "gmsd[form=multi_scale]",
    "gmsd[deviation=unbiased]",
    "census[patch=3;scale=255]",
    "census[patch=5;border=3]",
    "laplacian[levels=3]",
)
PLANES = ("psnr_y", "psnr_cb", "psnr_cr", "float_ssim", "float_ms_ssim")


# Whether these tests run in one of several processes.
IS_WORKER = "PYTEST_XDIST_WORKER" in os.environ

# Seconds after which another worker that makes what is shared is lost, and not only slow.
PATIENCE = 900


def shard(text: str) -> tuple[int, int]:
    """``I/K`` of the command line.

    Raises:
        argparse.ArgumentTypeError: It is none.
    """
    index, _, count = text.partition("/")
    if not (index.isdecimal() and count.isdecimal() and int(index) < int(count)):
        raise argparse.ArgumentTypeError(f"takes I/K with I from 0 to K - 1, got {text}")
    return int(index), int(count)


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--shard``."""
    parser.addoption(
        "--shard",
        metavar="I/K",
        type=shard,
        help="of K parts of the tests, which a hash of their names makes, that of number I",
    )


def pytest_configure(config: pytest.Config) -> None:
    """One thread a worker, in what it starts too."""
    if IS_WORKER:
        os.environ["OMP_NUM_THREADS"] = "1"
        torch.set_num_threads(1)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is of another shard."""
    wanted = config.getoption("--shard")
    if wanted is None:
        return
    index, count = wanted
    parts: dict[bool, list[pytest.Item]] = {True: [], False: []}
    for item in items:
        number = int.from_bytes(hashlib.sha256(item.nodeid.encode()).digest())
        parts[number % count == index].append(item)
    config.hook.pytest_deselected(items=parts[False])
    items[:] = parts[True]


@pytest.fixture(scope="session")
def threads() -> int:
    """Threads of what computes: of several workers each has one core."""
    return 1 if IS_WORKER else 2


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Makes a folder once a run, whichever worker asks first: its name, and what fills it."""
    place = tmp_path_factory.getbasetemp()
    # Each worker's folder lies in that of the run.
    place = (place.parent if IS_WORKER else place) / "shared"
    place.mkdir(exist_ok=True)

    def make(name: str, fill: Callable[[Path], object]) -> Path:
        folder, made = place / name, place / f"{name}.made"
        try:
            # The lock of a worker that dies goes with it, and its half of the work is made anew.
            with FileLock(place / f"{name}.lock", timeout=PATIENCE):
                if not made.exists():
                    shutil.rmtree(folder, ignore_errors=True)
                    folder.mkdir()
                    fill(folder)
                    made.touch()
        except Timeout:
            pytest.fail(f"Another worker has not made {folder} within {PATIENCE} s.")
        return folder

    return make


class Model:
    """An exported file, ready to run in ONNX Runtime, beside the float64 graph it was made of."""

    def __init__(self, path: Path, exact: Graph, threads: int) -> None:
        self.path, self.exact, self.threads = path, exact, threads

    @cached_property
    def proto(self) -> onnx.ModelProto:
        """The file as ONNX reads it."""
        return onnx.load(self.path)

    @cached_property
    def manifest(self) -> Manifest:
        """What the file says of itself."""
        held = {entry.key: entry.value for entry in self.proto.metadata_props}
        return Manifest.from_json(held.get(KEY), file=self.path.name)

    @cached_property
    def session(self) -> onnxruntime.InferenceSession:
        """The file in ONNX Runtime."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        return onnxruntime.InferenceSession(self.path, options, providers=["CPUExecutionProvider"])

    def run(self, feed: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The file's outputs by name."""
        names = [each.name for each in self.session.get_outputs()]
        return dict(zip(names, self.session.run(None, feed), strict=True))

    def score(self, **frames: np.ndarray) -> dict[str, np.ndarray]:
        """The file's outputs for frames of one plane, ``reference`` and ``distorted``."""
        return self.run(frames)

    def exactly(self, feed: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The float64 graph's outputs by name."""
        return evaluate(self.exact, feed)


@pytest.fixture(scope="session")
def models(shared: Callable[..., Path], threads: int) -> Callable[..., Model]:
    """Takes each suite that is asked for from the package, or exports it once."""
    made: dict[str, Model] = {}

    def model(entries: Sequence[str], format: str, **options: Any) -> Model:
        asked = repr((list(entries), format, sorted(options.items())))
        key = hashlib.sha256(asked.encode()).hexdigest()[:16]
        if key not in made:
            path = SHIPPED / format / f"{entries[0]}.onnx"
            if options or len(entries) > 1 or not path.exists():
                folder = shared(
                    f"model-{key}",
                    lambda new: export(entries, new / "model.onnx", format=format, **options),
                )
                path = folder / "model.onnx"
            exact = Graph(
                parse_entries(entries), find_format(format), dtype=torch.float64, **options
            )
            made[key] = Model(path, exact, threads)
        return made[key]

    return model


@pytest.fixture(scope="session")
def pixel_model(models: Callable[..., Model]) -> Model:
    """Entries that are means over pixels, on rgb24, with all their maps."""
    maps = [entry for entry in PIXELS if not entry.startswith("psnr")]
    return models(PIXELS, "rgb24", maps=maps)


@pytest.fixture(scope="session")
def window_model(models: Callable[..., Model]) -> Model:
    """Entries that look at neighbourhoods, on rgb24, with all their maps."""
    maps = [entry for entry in WINDOWS if entry != "laplacian"]
    return models(WINDOWS, "rgb24", maps=maps)


@pytest.fixture(scope="session")
def variant_model(models: Callable[..., Model]) -> Model:
    """Entries with options, on rgb24."""
    return models(VARIANTS, "rgb24")


@pytest.fixture(scope="session")
def large_model(models: Callable[..., Model]) -> Model:
    """The entry that takes large frames only, on rgb24."""
    return models(["ms_ssim"], "rgb24")


@pytest.fixture(scope="session")
def plane_model(models: Callable[..., Model]) -> Model:
    """libvmaf's entries on yuv420p."""
    return models(PLANES, "yuv420p")


@pytest.fixture(scope="session")
def flow_model(models: Callable[..., Model]) -> Model:
    """Entries that take neighbours and flows, on rgb24."""
    return models(["warping_error"], "rgb24")


@pytest.fixture(scope="session")
def float_model(models: Callable[..., Model]) -> Model:
    """Entries on float32 RGB; luma tells channels apart that have changed places."""
    return models(["psnr", "psnr_luma"], "rgbf32")


@pytest.fixture(scope="session")
def pictures() -> dict[str, np.ndarray]:
    """Real frames and their distortions, ``uint8 (H, W, 3)``, by name; see ``golden/README.md``."""
    with np.load(GOLDEN / "inputs.npz") as archive:
        return dict(archive)


@pytest.fixture(scope="session")
def expected() -> dict[str, dict[str, Any]]:
    """Values from other people's code, by case and key; see ``golden/README.md``."""
    return json.loads((GOLDEN / "expected.json").read_text())


@pytest.fixture(scope="session")
def pair_of(pictures: dict[str, np.ndarray]) -> Callable[[str], dict[str, np.ndarray]]:
    """The frames of a golden case by role, ``uint8 (1, H, W, 3)``."""

    def pair(case: str) -> dict[str, np.ndarray]:
        scene, _, name = case.partition("/")
        match scene, name:
            case "black_vs_white", _:
                distorted, reference = "black.img", "white.img"
            case "identical", identical:
                distorted = reference = f"{identical}.target"
            case _, "flow":
                distorted, reference = f"{scene}.blend", f"{scene}.target"
            case _:
                distorted, reference = f"{scene}.{name}", f"{scene}.target"
        return {"distorted": pictures[distorted][None], "reference": pictures[reference][None]}

    return pair


@pytest.fixture(scope="session")
def planar() -> Callable[[str, Sequence[np.ndarray]], dict[str, np.ndarray]]:
    """Names the planes of one frame as a yuv model's inputs."""

    def feed(role: str, planes: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        return {input_name(role, part): plane for part, plane in zip("yuv", planes, strict=True)}

    return feed


@pytest.fixture(scope="session")
def resealed() -> Callable[[onnx.ModelProto], bytes]:
    """Makes the file of a model that was changed, whose digest says that it was meant so."""

    def write(model: onnx.ModelProto) -> bytes:
        for entry in model.metadata_props:
            if entry.key == DIGEST_KEY:
                entry.value = BLANK.decode()
        return sealed(model.SerializeToString())

    return write


@pytest.fixture
def rewritten(tmp_path: Path, resealed: Callable[[onnx.ModelProto], bytes]) -> Callable[..., Path]:
    """Writes a model anew with its manifest changed; text stands for the whole manifest."""

    def write(path: Path, change: Callable[[dict[str, Any]], Any] | str | None) -> Path:
        model = onnx.load(path)
        (entry,) = (entry for entry in model.metadata_props if entry.key == KEY)
        if change is None:
            model.metadata_props.remove(entry)
        elif isinstance(change, str):
            entry.value = change
        else:
            manifest = json.loads(entry.value)
            change(manifest)
            entry.value = json.dumps(manifest)
        target = tmp_path / f"rewritten-{path.name}"
        target.write_bytes(resealed(model))
        return target

    return write


@dataclass(frozen=True)
class Watched:
    """What a command did, as the kernel saw it.

    Attributes:
        done: How it ended.
        network: System calls for a socket that leads off the machine, or of looking a name up.
        written: Files and folders opened for writing or made, outside those it was given.
        left: Files that are in its home and its temporary folder afterwards.
    """

    done: subprocess.CompletedProcess[str]
    network: list[str]
    written: list[str]
    left: list[Path]


_TRACED = "open,openat,creat,mkdir,mkdirat,socket,connect"
_WRITE = re.compile(
    r"(?:creat\(|open(?:at)?\(.*O_(?:WRONLY|RDWR|CREAT)).* = \d+<(?P<file>[^>]*)>"
    r'|mkdir(?:at)?\((?:AT_FDCWD<[^>]*>, )?"(?P<folder>[^"]*)".* = 0$'
)
_NETWORK = re.compile(
    r'socket\((?!AF_UNIX)|connect\(.*(?:sin6?_port|resolve)|open.*"/etc/(?:resolv\.conf|hosts)"'
)


@pytest.fixture
def watched(tmp_path: Path) -> Callable[..., Watched]:
    """Runs a command without a network, with a fresh home, and watches its system calls."""
    if shutil.which("strace") is None:
        say = pytest.fail if os.environ.get("CI") else pytest.skip
        say("System calls are watched with strace, which is not installed.")
    # Where the kernel allows it, what a failing test would send goes nowhere.
    alone = ["unshare", "--map-root-user", "--net"]
    if shutil.which("unshare") is None or subprocess.run([*alone, "true"], check=False).returncode:
        alone = []

    def run(*words: object, stdin: str = "", **variables: str) -> Watched:
        folders = {name: tmp_path / name for name in ("work", "home", "temporary", "calls")}
        for folder in folders.values():
            folder.mkdir()
        environment = {
            # No more of ours than this: ONNX Runtime is silent where it sees variables of a CI.
            "PATH": os.pathsep.join((sysconfig.get_path("scripts"), os.environ["PATH"])),
            "HOME": str(folders["home"]),
            "XDG_CACHE_HOME": str(folders["home"] / "cache"),
            "TMPDIR": str(folders["temporary"]),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        watch = ["strace", "-ff", "-y", "-qq", "-e", f"trace={_TRACED}"]
        done = subprocess.run(
            [*alone, *watch, "-o", str(folders["calls"] / "of"), *map(str, words)],
            cwd=folders["work"],
            env=environment | variables,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        # One file a thread, so that no call is cut in two by another's.
        calls = [
            call
            for file in sorted(folders["calls"].iterdir())
            for call in file.read_text(errors="replace").splitlines()
        ]
        given = ("/dev/null", *(f"{folders[name]}/" for name in ("work", "temporary")))
        changed = [
            os.path.join(folders["work"], found["file"] or found["folder"])
            for call in calls
            if (found := _WRITE.match(call))
        ]
        return Watched(
            done=done,
            network=[call for call in calls if _NETWORK.match(call)],
            written=[name for name in changed if not name.startswith(given)],
            left=[
                path
                for name in ("home", "temporary")
                for path in folders[name].rglob("*")
                if not path.is_dir()
            ],
        )

    return run
