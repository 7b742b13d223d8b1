"""What the C++ host's tests share: its builds, clips, and changed models."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import onnx
import pytest

from framegauge.export.contract import selftest
from framegauge.export.contract.clip_scores import clip_score, finished
from framegauge.export.contract.colour_map import colour_map
from framegauge.export.contract.formats import FORMATS
from framegauge.export.contract.interface import Aggregate, Input, Output, SelfTest
from framegauge.export.contract.manifest import KEY, Manifest
from framegauge.export.contract.model_bytes import BLANK, DIGEST_KEY
from framegauge.export.contract.onnx_runtime import import_onnxruntime
from framegauge.export.contract.roles import FACTS, FRAME_ROLES, siting_of, tensor_dims

HERE = Path(__file__).parent
SOURCE = HERE.parents[1] / "runtime" / "cpp"
SHIPPED = HERE.parents[1] / "runtime" / "models"
CLIPS = HERE.parent / "clips"

# With what each build is instrumented. ThreadSanitizer excludes the others.
BUILDS = {"plain": "", "address": "address,undefined", "thread": "thread"}


def needed(*programs: str) -> None:
    """Skip where a program is missing, but never in CI: there it is a fault of the machine."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing and os.environ.get("CI"):
        pytest.fail(f"{', '.join(missing)} is missing, and CI must build the C++ host.")
    if missing:
        pytest.skip(f"the C++ host is built with {', '.join(missing)}, which is not installed")


def done(*command: object, **options: Any) -> str:
    """What a command that must succeed prints."""
    ran = subprocess.run(
        [str(word) for word in command],
        **{
            "stdout": subprocess.PIPE,
            "stderr": subprocess.STDOUT,
            "text": True,
            "check": False,
            "timeout": 600,
        }
        | options,
    )
    assert ran.returncode == 0, ran.stdout
    return ran.stdout


def cmake(source: Path, build: Path, *options: str) -> None:
    """Configure and build a project; warnings are errors."""
    needed("cmake", "c++", "make")
    done("cmake", "-S", source, "-B", build, "-DCMAKE_COMPILE_WARNING_AS_ERROR=ON", *options)
    done("cmake", "--build", build, "--parallel", "2")


@dataclass(frozen=True)
class Build:
    """An installed build of the host, and how to run its programs."""

    prefix: Path
    exercise: Path

    def run(self, program: Path, *words: object, **options: Any) -> subprocess.CompletedProcess:
        """Run a program of it; what a sanitizer finds ends it with an exit code of its own."""
        environment = {
            # ONNX Runtime is not instrumented: what it does in its own threads is out of sight.
            "TSAN_OPTIONS": f"suppressions={HERE / 'thread.supp'}:exitcode=66",
            "ASAN_OPTIONS": "exitcode=66",
            "UBSAN_OPTIONS": "print_stacktrace=1:exitcode=66",
        }
        return subprocess.run(
            [str(program), *map(str, words)],
            **{
                "capture_output": True,
                "check": False,
                "timeout": 600,
                "env": os.environ | environment,
            }
            | options,
        )

    def score(self, *words: object, **options: Any) -> subprocess.CompletedProcess:
        """Run framegauge-score."""
        return self.run(self.prefix / "bin" / "framegauge-score", *words, **options)


@pytest.fixture(scope="session")
def onnxruntime(shared: Callable[..., Path]) -> Path:
    """ONNX Runtime's headers and library, and nlohmann-json, in one folder."""
    given = os.environ.get("ONNXRUNTIME_ROOT")
    if given:
        return Path(given)
    needed("bash", "apt-get", "dpkg")
    return shared(
        "onnxruntime",
        lambda folder: done("bash", SOURCE / "fetch_onnxruntime.sh", folder, sys.executable),
    )


@pytest.fixture(scope="session")
def builds(onnxruntime: Path, shared: Callable[..., Path]) -> Callable[[str], Build]:
    """Builds and installs the host, once for each of the names in ``BUILDS``."""

    def fill(folder: Path, sanitizer: str) -> None:
        cmake(
            SOURCE,
            folder / "host",
            f"-DONNXRUNTIME_ROOT={onnxruntime}",
            f"-DCMAKE_PREFIX_PATH={onnxruntime}",
            f"-DFRAMEGAUGE_SANITIZE={sanitizer}",
            f"-DCMAKE_BUILD_TYPE={'Sanitized' if sanitizer else 'Release'}",
        )
        done("cmake", "--install", folder / "host", "--prefix", folder / "prefix")
        cmake(
            HERE / "exercise",
            folder / "exercise",
            f"-DCMAKE_PREFIX_PATH={folder / 'prefix'}",
            f"-DCMAKE_CXX_FLAGS={'-g1 -fsanitize=' + sanitizer if sanitizer else ''}",
        )

    @cache
    def build(name: str) -> Build:
        folder = shared(f"host-{name}", lambda new: fill(new, BUILDS[name]))
        return Build(folder / "prefix", folder / "exercise" / "exercise")

    return build


@pytest.fixture(scope="session")
def here() -> Path:
    """This folder."""
    return HERE


@pytest.fixture(scope="session")
def host_source() -> Path:
    """The host's sources."""
    return SOURCE


@pytest.fixture(scope="session")
def needs() -> Callable[..., None]:
    """Skips where a program is missing."""
    return needed


@pytest.fixture(scope="session")
def command() -> Callable[..., str]:
    """Runs a command that must succeed, and gives what it prints."""
    return done


@pytest.fixture(scope="session")
def project() -> Callable[..., None]:
    """Configures and builds a project: its folder, the build's, options."""
    return cmake


@pytest.fixture(scope="session")
def compiled(shared: Callable[..., Path]) -> Callable[..., Path]:
    """Compiles a program from sources and options."""

    def compile(name: str, *words: object) -> Path:
        needed("c++")
        command = ("c++", "-std=c++17", "-O1", *words)
        return shared(name, lambda new: done(*command, "-o", new / "program")) / "program"

    return compile


@pytest.fixture(scope="session")
def plain(builds: Callable[[str], Build]) -> Build:
    """The host as users build it."""
    return builds("plain")


def _input(form: Any, role: str, part: str) -> Input:
    name = f"{role}_{part}" if part else role
    if role not in FRAME_ROLES:
        return Input(name=name, role=role, part="", dtype="float32", dims=tensor_dims(role))
    if part in FACTS:
        return Input(name=name, role=role, part=part, dtype="float32", dims=FACTS[part])
    (dims,) = (plane.dims for plane in form.planes if plane.part == part)
    return Input(name=name, role=role, part=part, dtype=form.dtype, dims=("N", *dims))


@pytest.fixture
def handmade(tmp_path: Path, resealed: Callable[[onnx.ModelProto], bytes]) -> Callable[..., Path]:
    """A model that no export makes: of a graph as text, with the manifest that it needs.

    Its outputs are scores, but those that an aggregate is of are moments.
    """

    def make(
        format: str,
        parts: Sequence[tuple[str, str]],
        graph: str,
        *,
        aggregates: Sequence[Aggregate] = (),
        **facts: Any,
    ) -> Path:
        form = FORMATS[format]
        inputs = tuple(_input(form, role, part) for role, part in parts)
        model = onnx.parser.parse_model('<ir_version: 8, opset_import: ["": 18]>' + graph)
        moments = {name for each in aggregates for name in each.of}
        outputs = tuple(
            Output(
                name=each.name,
                kind="moment" if each.name in moments else "score",
                entry=each.name,
                options={},
                inputs=tuple(dict.fromkeys(each.role for each in inputs)),
                masked=False,
                transfer="any",
                ends="repeat",
                better="lower",
                ideal=None,
                low=-1e9,
                high=None,
                unit="1",
                least=1,
                tolerance=1e-6,
                relative=1e-6,
            )
            for each in model.graph.output
        )
        known = {
            "colour": tuple(colour_map(matrix, "full", 8) for matrix in ("bt601", "bt2020")),
            "siting": tuple(siting_of(name, down=2, across=2) for name in ("left", "bottom")),
        }
        taken = {part: known[part] for _, part in parts if part in FACTS}
        feed = selftest.feed(form, inputs, (16, 18), 2, taken)
        session = import_onnxruntime().InferenceSession(model.SerializeToString())
        values = session.run(None, feed)
        run = {
            each.name: tuple(map(float, value)) for each, value in zip(outputs, values, strict=True)
        }
        test = SelfTest(
            pattern=selftest.VERSION,
            formula=selftest.FORMULA,
            batch=2,
            sizes=((16, 18),),
            **taken,
            scores=(run,),
            clips=({each.name: clip_score(each, run) for each in aggregates},),
            still={
                each.name: finished(each, [0.0] * len(each.of))
                for each in aggregates
                if each.finish != "ratio"
            },
        )
        manifest = Manifest(
            format=format,
            inputs=inputs,
            outputs=outputs,
            aggregates=tuple(aggregates),
            self_test=test,
        )
        manifest = replace(manifest, **facts)
        model.metadata_props.add(key=KEY, value=manifest.to_json())
        model.metadata_props.add(key=DIGEST_KEY, value=BLANK.decode())
        path = tmp_path / f"handmade-{len(list(tmp_path.iterdir()))}.onnx"
        path.write_bytes(resealed(model))
        return path

    return make


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """A test clip as FFmpeg writes it: its name, the ending wanted, further options."""
    folder = tmp_path_factory.mktemp("clips")

    @cache
    def make(name: str, ending: str, *options: str) -> Path:
        path = folder / f"{len(list(folder.iterdir()))}{ending}"
        (source,) = CLIPS.glob(f"{name}.*")
        container = "yuv4mpegpipe" if ending == ".y4m" else "rawvideo"
        done(
            *(imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", source),
            *(*options, "-strict", "-1", "-f", container, path),
        )
        return path

    return make
