"""Models made on this machine: exported where PyTorch is installed, kept, made once."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock
from platformdirs import user_cache_path

from framegauge.export.contract.entry import parse_entries
from framegauge.export.contract.manifest import Precision
from framegauge.runtime.errors import BackendError, ScoreError, UsageError

if TYPE_CHECKING:
    from framegauge.export.member import Member
    from framegauge.export.networks.backbones import Weights

CACHE_VARIABLE = "FRAMEGAUGE_CACHE"

MAKERS = ("torch", "onnx", "onnxscript", "onnx_ir")


@dataclass(frozen=True, kw_only=True)
class ExportRequest:
    """What a model shall be.

    Attributes:
        entries: What it computes.
        format: Pixel format of the frames.
        maps: Labels of entries whose map is an output too.
        quantise: Bits to round the distorted frame to first.
        crop_border: Pixels to cut from every side first.
        without: Inputs that the model shall not take; terms of systems that need them are left
            out, and said to be missing.
        matrix: What code values mean, made a part of the model together with the range.
        range: The same for their range.
        chroma_siting: The same for where chroma lies.
        precision: ``fp32``, or ``fp16`` for networks in half where the scores bear it.
        weights: Files of weights by name; others are looked for.
        offline: Download no weights.
    """

    entries: str
    format: str
    maps: tuple[str, ...] = ()
    quantise: int | None = None
    crop_border: int = 0
    without: tuple[str, ...] = ()
    matrix: str | None = None
    range: str | None = None
    chroma_siting: str | None = None
    precision: Precision = "fp32"
    weights: Mapping[str, str] = field(default_factory=dict)
    offline: bool = False

    def command(self) -> str:
        """The command that makes the model on another machine."""
        words = ["framegauge export --metrics", f"'{self.entries}'", "--format", self.format]
        words += ["--maps", ",".join(self.maps)] if self.maps else []
        words += ["--quantise", str(self.quantise)] if self.quantise else []
        words += ["--crop-border", str(self.crop_border)] if self.crop_border else []
        words += ["--without", ",".join(self.without)] if self.without else []
        words += [f"--matrix {self.matrix}"] if self.matrix else []
        words += [f"--range {self.range}"] if self.range else []
        words += [f"--chroma-siting {self.chroma_siting}"] if self.chroma_siting else []
        words += ["--precision", self.precision] if self.precision != "fp32" else []
        words += [f"--weights {name}={path}" for name, path in self.weights.items()]
        return " ".join([*words, "-o model.onnx"])


def write(
    order: ExportRequest, path: str | os.PathLike[str], progress: Callable[[str], None]
) -> None:
    """Export a model to a file.

    Args:
        order: What it shall be.
        path: The file; it appears whole or not at all.
        progress: Called with a line of text at each step.

    Raises:
        UsageError: An entry or option is unknown, or does not fit the format.
        BackendError: PyTorch or weights are not available here.
        ScoreError: Weights are damaged, or the model could not be made or is not right.
    """
    _check_makers(order)
    from framegauge.export.lowering.model import export
    from framegauge.export.lowering.proof import ExportError
    from framegauge.export.networks.checkpoint import AbsentWeightsError, WeightsError

    try:
        export(
            order.entries,
            path,
            format=order.format,
            maps=order.maps,
            quantise=order.quantise,
            crop_border=order.crop_border,
            without=order.without,
            matrix=order.matrix,
            range=order.range,
            chroma_siting=order.chroma_siting,
            precision=order.precision,
            weights=order.weights,
            offline=order.offline,
            progress=progress,
        )
    except ValueError as error:
        raise UsageError(str(error)) from error
    except AbsentWeightsError as error:
        raise BackendError(str(error)) from error
    except (ExportError, WeightsError) as error:
        raise ScoreError(str(error)) from error


def cached(order: ExportRequest, learned: bool, progress: Callable[[str], None]) -> Path:
    """The file of a model in the user's cache, made if it is not there.

    Args:
        order: What it shall be.
        learned: Whether networks may be a part of it; PyTorch is loaded then to look at them.
        progress: Called with a line of text while it is made.

    Raises:
        UsageError, BackendError, ScoreError: As :func:`write`.
    """
    facts = {
        # Where its weights are looked for is nothing of a model, but what they are.
        **asdict(replace(order, offline=False)),
        "maps": sorted(order.maps),
        "without": sorted(order.without),
        "weights": _digests(order) if learned and is_installed("torch") else {},
        "graphs": _graphs(),
        **{name: version(name) if is_installed(name) else None for name in MAKERS},
    }
    key = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
    folder = cache_folder()
    file = folder / f"{key}.onnx"
    if file.is_file():
        return file
    try:
        folder.mkdir(parents=True, exist_ok=True)
        held = FileLock(folder / f"{key}.lock").acquire()
    except OSError as error:
        raise ScoreError(
            f"The cache {folder} cannot be made or written to ({error.strerror}). Name another in "
            f"{CACHE_VARIABLE}."
        ) from error
    # Two runs that want the same model make it once; the file itself appears whole either way.
    with held:
        if not file.is_file():
            progress(f"making a model of {order.entries} for {order.format} frames, once")
            write(order, file, progress)
    return file


def inputs_of(order: ExportRequest) -> tuple[str, ...]:
    """The inputs of an order's entries with the options they are asked for with.

    Raises:
        UsageError, BackendError, ScoreError: As :func:`write`.
    """
    _check_makers(order)
    found, _ = _members(order)
    return tuple(dict.fromkeys(role for each in found for role in each.metric.spec.inputs))


def cache_folder() -> Path:
    """Where exported models are kept: ``$FRAMEGAUGE_CACHE``, or the user's cache."""
    given = os.environ.get(CACHE_VARIABLE)
    return Path(given) if given else user_cache_path("framegauge") / "models"


def _digests(order: ExportRequest) -> dict[str, str]:
    """SHA-256 of each file of weights that the entries use with the options they have."""
    return {each.name: each.sha256 for each in _members(order)[1].used}


def _members(order: ExportRequest) -> tuple[list[Member], Weights]:
    """The modules of an order's entries, and the weights in them."""
    from framegauge.export.member import members
    from framegauge.export.networks.backbones import Weights
    from framegauge.export.networks.checkpoint import AbsentWeightsError, WeightsError

    try:
        weights = Weights(order.weights, offline=order.offline)
        return members(parse_entries(order.entries), weights), weights
    except ValueError as error:
        raise UsageError(str(error)) from error
    except AbsentWeightsError as error:
        raise BackendError(str(error)) from error
    except WeightsError as error:
        raise ScoreError(str(error)) from error


def _check_makers(order: ExportRequest) -> None:
    """Refuse to make a model where what makes it is not installed."""
    missing = [name for name in MAKERS if not is_installed(name)]
    if missing:
        raise BackendError(
            f"There is no ready model of {order.entries} for {order.format} frames, and "
            f"{', '.join(missing)}, which makes one, is not installed. Either pip install "
            f"'.[export]', or run `{order.command()}` on a machine that has it, and "
            "score with --model model.onnx."
        )


def is_installed(package: str) -> bool:
    """Whether a package can be imported."""
    return importlib.util.find_spec(package) is not None


@cache
def _graphs() -> str:
    """Hash of the code that models are made by."""
    package = importlib.util.find_spec("framegauge.export")
    folders = list(package.submodule_search_locations or []) if package else []
    digest = hashlib.sha256()
    for file in sorted(path for folder in folders for path in Path(folder).rglob("*.py")):
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()
