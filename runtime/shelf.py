"""Model files for the metrics asked for: shipped with the package, cached, or exported now."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from filelock import FileLock
from platformdirs import user_cache_path

from framegauge.export.formats import FORMATS
from framegauge.export.spec import (
    Entry,
    Grid,
    Listing,
    Option,
    Spec,
    find_listing,
    parse_entries,
)
from framegauge.runtime.errors import BackendError, ScoreError, UsageError

SHIPPED = Path(__file__).parent / "models"

CACHE_VARIABLE = "FRAMEGAUGE_CACHE"


@dataclass(frozen=True)
class Pick:
    """Model files that together give the scores asked for.

    Attributes:
        files: The files.
        labels: Names for scores in place of the files'.
        origin: Where they are from, for the report: ``shipped``, ``exported`` or ``given``.
        format: Pixel format they were picked for, ``None`` if the files were given.
        scores: What they were picked to give.
    """

    files: tuple[Path, ...]
    labels: dict[str, str]
    origin: str
    format: str | None = None
    scores: tuple[str, ...] = ()

    def check(self, format: str, scores: Sequence[str]) -> None:
        """Refuse files that are right in themselves, but not those they are kept as.

        Raises:
            ScoreError: They take another format or give other scores than they were picked for.
        """
        if self.format is None or (format, set(scores)) == (self.format, set(self.scores)):
            return
        raise ScoreError(
            f"The {self.origin} models should score {', '.join(self.scores)} on {self.format} "
            f"frames, and those found score {', '.join(scores)} on {format} frames: a file was "
            f"exchanged among {', '.join(map(str, self.files))}. Remove it if it is in the "
            "cache, else install framegauge again."
        )


@cache
def index() -> dict[str, Any]:
    """What the package ships: formats, default suites, and the catalogue."""
    facts: dict[str, Any] = json.loads((SHIPPED / "index.json").read_text(encoding="utf-8"))
    return facts


@cache
def catalogue() -> tuple[Listing, ...]:
    """Every entry there is, without PyTorch."""
    return tuple(
        Listing(
            spec=Spec(
                **{
                    **each["spec"],
                    "grid": each["spec"]["grid"] and Grid(**each["spec"]["grid"]),
                    "aliases": tuple(each["spec"]["aliases"]),
                    "inputs": tuple(each["spec"]["inputs"]),
                    "weights": tuple(each["spec"]["weights"]),
                }
            ),
            options=tuple(
                Option(**{**option, "choices": tuple(option["choices"])})
                for option in each["options"]
            ),
        )
        for each in index()["listings"]
    )


def default_metrics(format: str) -> str:
    """The suite that is scored in a format when none is asked for."""
    kind = FORMATS[format].kind
    defaults: dict[str, str] = index()["defaults"]
    return "psnr_y,float_ssim" if kind == "gray" else defaults[kind]


def checked(metrics: str | Sequence[str]) -> list[Entry]:
    """The entries asked for, every one of them known and rightly spelled.

    Raises:
        UsageError: One is not.
    """
    try:
        entries = parse_entries(metrics)
        labels = [find_listing(entry, catalogue()).label(entry) for entry in entries]
    except ValueError as error:
        raise UsageError(str(error)) from error
    for label in labels:
        if labels.count(label) > 1:
            raise UsageError(
                f"Two entries would be called {label!r}. Leave one out, or name one: other=ENTRY."
            )
    return entries


def pick(
    metrics: str | Sequence[str],
    format: str,
    *,
    quantise: int | None = None,
    crop_border: int = 0,
    progress: Callable[[str], None] | None = None,
) -> Pick:
    """Model files that score ``metrics`` on frames of ``format``.

    What is not shipped is exported where PyTorch is installed, and kept in the user's cache.

    Args:
        metrics: Entries.
        format: Pixel format of the frames.
        quantise: Bits to round the distorted frame to first.
        crop_border: Pixels to cut from every side first.
        progress: Called with a line of text while an export is under way.

    Raises:
        UsageError: An entry is unknown, or does not fit the format.
        BackendError: It is not shipped, and PyTorch is not installed.
    """
    entries = checked(metrics)
    listings = [find_listing(entry, catalogue()) for entry in entries]
    for listing in listings:
        if listing.spec.reads == "plane" and FORMATS[format].kind == "rgb":
            raise UsageError(
                f"{listing.spec.name} reads a plane of code values, and the frames are {format}. "
                "Planes are never made from RGB; use psnr_luma or ssim_luma there."
            )
    names = [listing.spec.name for listing in listings]
    scores = tuple(listing.label(entry) for entry, listing in zip(entries, listings, strict=True))
    plain = len(set(names)) == len(names) and not any(
        listing.spec.weights or listing.read(entry)
        for entry, listing in zip(entries, listings, strict=True)
    )
    if plain and quantise is None and not crop_border and format in index()["formats"]:
        labels = {
            name: entry.label
            for name, entry in zip(names, entries, strict=True)
            if entry.label is not None and entry.label != name
        }
        stems = ["default"] if names == default_metrics(format).split(",") else names
        files = tuple(SHIPPED / format / f"{stem}.onnx" for stem in stems)
        return Pick(files, labels, "shipped", format, scores)
    file = _exported(entries, format, quantise, crop_border, progress or (lambda _: None))
    return Pick((file,), {}, "exported", format, scores)


def write_model(
    metrics: str | Sequence[str],
    path: str | os.PathLike[str],
    *,
    format: str,
    maps: Sequence[str] = (),
    quantise: int | None = None,
    crop_border: int = 0,
    progress: Callable[[str], None] | None = None,
) -> None:
    """Export entries as a model file, with this machine's PyTorch.

    Raises:
        UsageError: An entry or option is unknown, or does not fit the format.
        BackendError: PyTorch is not installed.
        ScoreError: The model could not be made, or is not right.
    """
    missing = [name for name in ("torch", "onnx", "onnxscript") if not _installed(name)]
    if missing:
        words = metrics if isinstance(metrics, str) else ",".join(metrics)
        raise BackendError(
            f"There is no ready model of {words} for {format} frames, and {', '.join(missing)}, "
            "which makes one, is not installed. Either pip install 'framegauge[export]', or run "
            f"`framegauge export --metrics '{words}' --format {format} -o model.onnx` on a "
            "machine that has it, and score with --model model.onnx."
        )
    from framegauge.export.model import ExportError, export

    try:
        export(
            metrics,
            path,
            format=format,
            maps=maps,
            quantise=quantise,
            crop_border=crop_border,
            progress=progress,
        )
    except ValueError as error:
        raise UsageError(str(error)) from error
    except ExportError as error:
        raise ScoreError(str(error)) from error


def _installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def _exported(
    entries: Sequence[Entry],
    format: str,
    quantise: int | None,
    crop_border: int,
    progress: Callable[[str], None],
) -> Path:
    """The file of a suite in the user's cache, made if it is not there."""
    words = ",".join(f"{entry.label}={entry}" if entry.label else str(entry) for entry in entries)
    facts = {
        "entries": words,
        "format": format,
        "quantise": quantise,
        "crop_border": crop_border,
        "graphs": _graphs(),
        **{name: _version(name) for name in ("torch", "onnx", "onnxscript")},
    }
    key = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ScoreError(
            f"The cache {folder} cannot be made ({error.strerror}). Name another in "
            f"{CACHE_VARIABLE}."
        ) from error
    file = folder / f"{key}.onnx"
    # Two runs that want the same model make it once; the file itself appears whole either way.
    with FileLock(folder / f"{key}.lock"):
        if not file.exists():
            progress(f"making a model of {words} for {format} frames, once")
            write_model(
                words,
                file,
                format=format,
                quantise=quantise,
                crop_border=crop_border,
                progress=progress,
            )
    return file


def _version(package: str) -> str | None:
    return version(package) if _installed(package) else None


def cache_folder() -> Path:
    """Where exported models are kept: ``$FRAMEGAUGE_CACHE``, or the user's cache."""
    given = os.environ.get(CACHE_VARIABLE)
    return Path(given) if given else user_cache_path("framegauge") / "models"


@cache
def _graphs() -> str:
    """Hash of the code that models are made by."""
    package = importlib.util.find_spec("framegauge.export")
    folders = list(package.submodule_search_locations or []) if package else []
    digest = hashlib.sha256()
    for file in sorted(path for folder in folders for path in Path(folder).rglob("*.py")):
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()
