"""What this machine has, for people who ask why something is or is not available."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

import av

from framegauge.runtime.backends.gpu.cuda import no_gpu
from framegauge.runtime.backends.onnx.onnx_session import providers
from framegauge.runtime.cpu_count import usable_cpus
from framegauge.runtime.errors import BackendError
from framegauge.runtime.models.export_cache import (
    CACHE_VARIABLE,
    MAKERS,
    cache_folder,
    is_installed,
)
from framegauge.runtime.models.model_files import SHIPPED, catalogue, index

PACKAGES = (
    "framegauge",
    "numpy",
    "av",
    "onnxruntime",
    "onnxruntime-gpu",
    "torch",
    "onnx",
    "onnxscript",
    "tensorrt",
    "tensorrt-rtx",
    "cuda-python",
    "cuda-core",
)


def findings() -> Iterator[tuple[str, str]]:
    """What was found: a name, and words on it."""
    yield "system", f"{platform.platform()}, Python {platform.python_version()}"
    yield "CPUs", f"{usable_cpus()} usable, {os.cpu_count()} in the machine"
    yield "GPU", _gpus()
    installed = {name: _version(name) for name in PACKAGES}
    yield "packages", ", ".join(f"{name} {number}" for name, number in installed.items() if number)
    missing = [name for name, number in installed.items() if not number]
    yield "not installed", ", ".join(missing) or "none of those framegauge can use"
    if installed["onnxruntime"] and installed["onnxruntime-gpu"]:
        yield (
            "conflict",
            "onnxruntime and onnxruntime-gpu are one module and overwrite each other: "
            "uninstall both, then install one",
        )
    try:
        yield "scoring", "runs on " + ", ".join(providers())
    except BackendError as error:
        yield "scoring", str(error)
    yield "engines", _engines()
    yield "exporting", _exporting()
    yield (
        "FFmpeg in PyAV",
        ", ".join(
            f"{name} {'.'.join(map(str, number))}" for name, number in av.library_versions.items()
        ),
    )
    names = {each.spec.name for each in catalogue()}
    shipped = names & {path.stem for path in SHIPPED.glob("*/*.onnx")}
    yield (
        "shipped models",
        f"{len(shipped)} of {len(names)} entries, for {', '.join(index()['formats'])}",
    )
    yield "model cache", f"{cache_folder()} ({_writable()}; {CACHE_VARIABLE} names another)"


def _exporting() -> str:
    """Whether models can be made and proven here."""
    wanted = {**dict.fromkeys(MAKERS, "export"), "onnxruntime": "cpu"}
    missing = {name: extra for name, extra in wanted.items() if not is_installed(name)}
    if not missing:
        return "possible"
    extras = ",".join(dict.fromkeys(missing.values()))
    return f"needs {', '.join(missing)}: pip install '.[{extras}]'"


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _gpus() -> str:
    """What the NVIDIA driver's own tool lists."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return "no NVIDIA driver found"
    query = [tool, "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]
    try:
        done = subprocess.run(query, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        return f"nvidia-smi failed ({error})"
    return "; ".join(done.stdout.strip().splitlines()) or "nvidia-smi lists none"


def _engines() -> str:
    """Whether engines can be run here, and from where."""
    absent = no_gpu()
    if absent is not None:
        return f"cannot run: no GPU ({absent}); RTX engines can be built for other machines"
    # Only a machine that may run engines loads what finds them.
    from framegauge.engines import Store, StoreError, TargetError, flavours, gpu

    try:
        found, store = gpu(), Store()
    except (TargetError, StoreError) as error:
        return f"cannot run: {error}"
    named = ", ".join(f"{name} {number}" for name, number in flavours().items())
    held = store.entries()
    sound = sum(each.problem is None for each in held)
    return (
        f"run on {found.name} ({found.architecture}) by {named or 'nothing installed'}; "
        f"{sound} of {len(held)} in {store.folder} are sound"
    )


def _writable() -> str:
    folder = cache_folder()
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return "writable" if os.access(folder, os.W_OK) else "cannot be written to"
