"""What this machine has that engines depend on: its platform, TensorRT, and a GPU."""

from __future__ import annotations

import importlib
import importlib.util
import platform
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal, get_args

Flavour = Literal["tensorrt", "tensorrt_rtx"]

FLAVOURS: tuple[Flavour, ...] = get_args(Flavour)
_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}


class TargetError(RuntimeError):
    """What was asked for is not available on this machine: a GPU, or a flavour of TensorRT."""


@dataclass(frozen=True, kw_only=True)
class Platform:
    """The operating system and processor that an engine runs on, in lower case."""

    system: str
    machine: str

    @classmethod
    def here(cls) -> Platform:
        """This machine's."""
        machine = platform.machine().lower()
        return cls(system=platform.system().lower(), machine=_MACHINES.get(machine, machine))


@dataclass(frozen=True, kw_only=True)
class Gpu:
    """A GPU of this machine.

    Attributes:
        index: CUDA's number of it.
        name: What its maker calls it.
        architecture: Its compute capability, ``sm89``.
        driver: Highest CUDA version that the driver takes, ``13.0``.
    """

    index: int
    name: str
    architecture: str
    driver: str


@cache
def flavours() -> dict[Flavour, str]:
    """Full versions of the flavours installed here, found without loading them."""
    return {name: number for name in FLAVOURS if (number := _installed(name))}


def gpu(index: int = 0) -> Gpu:
    """The GPU that CUDA numbers ``index``.

    Raises:
        TargetError: There is none, no driver, or cuda-python is not installed.
    """
    try:
        from cuda.bindings import driver
    except ImportError as error:
        raise TargetError(
            "Finding the GPU needs cuda-python, which is not installed. pip install '.[rtx]' "
            "or '.[tensorrt]', or name an architecture: --target sm89."
        ) from error
    try:
        _asked(driver.cuInit(0))
        (device,) = _asked(driver.cuDeviceGet(index))
        (name,) = _asked(driver.cuDeviceGetName(128, device))
        kinds = driver.CUdevice_attribute
        (major,) = _asked(
            driver.cuDeviceGetAttribute(kinds.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, device)
        )
        (minor,) = _asked(
            driver.cuDeviceGetAttribute(kinds.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, device)
        )
        (cuda,) = _asked(driver.cuDriverGetVersion())
    except RuntimeError as error:
        raise TargetError(
            f"There is no GPU {index} to be used here ({str(error).splitlines()[0]}). Build for "
            "a named one with --target rtx or --target sm89, or run on a machine with a GPU."
        ) from error
    return Gpu(
        index=index,
        name=name.split(b"\0")[0].decode(errors="replace"),
        architecture=f"sm{major}{minor}",
        driver=f"{cuda // 1000}.{cuda % 1000 // 10}",
    )


def _asked(answer: tuple[Any, ...]) -> tuple[Any, ...]:
    """What a call of CUDA's driver gave beside its status."""
    status, *values = answer
    if int(status) != 0:
        raise RuntimeError(str(getattr(status, "name", status)))
    return tuple(values)


def _installed(flavour: Flavour) -> str | None:
    try:
        return version(flavour)
    except PackageNotFoundError:
        pass
    if importlib.util.find_spec(flavour) is None:
        return None
    # Installed without Python's metadata, as some system packages are: only it can say.
    module = importlib.import_module(flavour)
    return str(module.__version__)
