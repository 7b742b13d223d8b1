"""Model files for the metrics asked for: shipped with the package, cached, or exported now."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from framegauge.export.contract.entry import Entry, Listing, find_listing, parse_entries
from framegauge.export.contract.formats import FORMATS
from framegauge.export.contract.json_form import made
from framegauge.export.contract.manifest import Manifest
from framegauge.export.contract.roles import PAIR
from framegauge.export.contract.spec import Value
from framegauge.runtime.errors import ScoreError, UsageError
from framegauge.runtime.models.export_cache import ExportRequest, cached, inputs_of

SHIPPED = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class PickedFor:
    """What model files were picked for.

    Attributes:
        entries: What they compute.
        format: Pixel format of the frames.
        quantise: Bits to round the distorted frame to first.
        crop_border: Pixels to cut from every side first.
    """

    entries: tuple[Entry, ...]
    format: str
    quantise: int | None
    crop_border: int

    @property
    def labels(self) -> set[str]:
        """What their scores are called, of systems the part before the dot."""
        return {find_listing(entry, catalogue()).label(entry) for entry in self.entries}

    def differences(self, manifest: Manifest) -> Iterator[str]:
        """What a model is that was not asked for, in words."""
        for name, found, wanted in (
            ("format", manifest.format, self.format),
            ("quantise", manifest.quantise, self.quantise),
            ("crop_border", manifest.crop_border, self.crop_border),
            ("precision", manifest.precision, "fp32"),
        ):
            if found != wanted:
                yield f"{name} {found} for {wanted}"
        asked = [_options(entry) for entry in self.entries]
        for output in manifest.scores:
            try:
                (entry,) = parse_entries(output.entry)
                name = find_listing(entry, catalogue()).spec.name
            except ValueError:
                name = output.entry
            if (name, output.options) not in asked:
                yield f"{output.name} computed as {output.entry} with {output.options}"


@dataclass(frozen=True)
class Selection:
    """Model files that together give the scores asked for.

    Attributes:
        files: The files.
        labels: Names for scores in place of the files'.
        origin: Where they are from, for the report: ``shipped``, ``exported`` or ``given``.
        wanted: What they were picked for, ``None`` if the files were given.
    """

    files: tuple[Path, ...]
    labels: dict[str, str]
    origin: str
    wanted: PickedFor | None = None

    def check(self, manifests: Sequence[Manifest], labels: Sequence[str]) -> None:
        """Refuse files that are right in themselves, but not those they are kept as.

        Args:
            manifests: What the files say of themselves.
            labels: What their scores are called.

        Raises:
            ScoreError: They are not what they were picked for.
        """
        if self.wanted is None:
            return
        for path, manifest in zip(self.files, manifests, strict=True):
            found = list(self.wanted.differences(manifest))
            if found:
                raise ScoreError(self._exchanged(f"{path} is another: {', '.join(found)}"))
        # A system's scores are called by its label, a dot and the term.
        if {label.partition(".")[0] for label in labels} != self.wanted.labels:
            raise ScoreError(self._exchanged(f"those found score {', '.join(labels)}"))

    def _exchanged(self, what: str) -> str:
        wanted = self.wanted
        entries = ", ".join(map(str, wanted.entries)) if wanted else ""
        return (
            f"The {self.origin} models should score {entries} on {wanted and wanted.format} "
            f"frames, and {what}. A file was exchanged: remove it if it is in the cache, else "
            "install framegauge again."
        )


class Supply(Protocol):
    """What says which inputs models can be given."""

    def lacking(self, inputs: Sequence[str], /) -> Sequence[str]:
        """Those of an entry's inputs that it cannot be given."""

    def refuse(self, name: str, inputs: Sequence[str], /) -> None:
        """Refuse an entry that is to be given these inputs.

        Raises:
            UsageError: It lacks some, or would look at nothing that is judged.
        """


class _Anything:
    """What whoever has frames in memory gives: whatever is asked for."""

    def lacking(self, inputs: Sequence[str], /) -> Sequence[str]:
        return ()

    def refuse(self, name: str, inputs: Sequence[str], /) -> None:
        pass


ANYTHING: Supply = _Anything()
"""Gives models every input that they take."""


@cache
def index() -> dict[str, Any]:
    """What the package ships: formats, default suites, and the catalogue."""
    facts: dict[str, Any] = json.loads((SHIPPED / "index.json").read_text(encoding="utf-8"))
    return facts


@cache
def costs() -> dict[str, float]:
    """Time of a frame by entry, that of ``psnr`` being 1; of those that were measured."""
    facts = json.loads((SHIPPED / "costs.json").read_text(encoding="utf-8"))
    return dict(facts["costs"])


@cache
def catalogue() -> tuple[Listing, ...]:
    """Every entry there is, without PyTorch."""
    return tuple(made(Listing, each) for each in index()["listings"])


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
    weights: Mapping[str, str] | None = None,
    offline: bool = False,
    supply: Supply | None = None,
    progress: Callable[[str], None] | None = None,
) -> Selection:
    """Model files that score ``metrics`` on frames of ``format``.

    What is not shipped is exported where PyTorch is installed, and kept in the user's cache.

    Args:
        metrics: Entries.
        format: Pixel format of the frames.
        quantise: Bits to round the distorted frame to first.
        crop_border: Pixels to cut from every side first.
        weights: Files of weights by name, for entries that need some.
        offline: Download no weights.
        supply: What gives models more than a pair of frames, ``None`` for nothing. Of a system
            only that is then made whose inputs are given.
        progress: Called with a line of text while an export is under way.

    Raises:
        UsageError: An entry is unknown, does not fit the format, or lacks inputs.
        BackendError: It is not shipped, and PyTorch or its weights are not available.
    """
    entries = checked(metrics)
    listings = [find_listing(entry, catalogue()) for entry in entries]
    for listing in listings:
        if listing.spec.reads == "plane" and FORMATS[format].kind == "rgb":
            raise UsageError(
                f"{listing.spec.name} reads a plane of code values, and the frames are {format}. "
                "Planes are never made from RGB; use psnr_luma or ssim_luma there."
            )
        further = [role for role in listing.spec.inputs if role not in PAIR]
        if further and supply is None:
            raise UsageError(
                f"{listing.spec.name} needs {', '.join(further)}, which two videos do not give. "
                "Export it with `framegauge export` and give its inputs to the model."
            )
    wanted = PickedFor(
        entries=tuple(entries), format=format, quantise=quantise, crop_border=crop_border
    )
    if quantise is None and not crop_border:
        ready = _shipped(entries, format)
        if ready is not None:
            return Selection(*ready, "shipped", wanted)
    order = ExportRequest(
        entries=",".join(map(_written, entries)),
        format=format,
        quantise=quantise,
        crop_border=crop_border,
        weights=weights or {},
        offline=offline,
    )
    # Of what is given everything nothing is left out, whatever its inputs are; only PyTorch knows
    # those of entries with options.
    if supply is not None and supply is not ANYTHING:
        order = replace(order, without=_lacking(entries, listings, order, supply))
    file = cached(order, learned(entries), progress or (lambda _: None))
    return Selection((file,), {}, "exported", wanted)


def ready_file(order: ExportRequest) -> Path | None:
    """The shipped file that is just what an export would make, ``None`` if there is none.

    Raises:
        UsageError: An entry is not known.
    """
    plain = ExportRequest(entries=order.entries, format=order.format, offline=order.offline)
    ready = _shipped(checked(order.entries), order.format) if order == plain else None
    if ready is None:
        return None
    files, labels = ready
    return files[0] if len(files) == 1 and not labels else None


def _shipped(
    entries: Sequence[Entry], format: str
) -> tuple[tuple[Path, ...], dict[str, str]] | None:
    """The shipped files that compute some entries, and names in place of theirs."""
    listings = [find_listing(entry, catalogue()) for entry in entries]
    names = [listing.spec.name for listing in listings]
    plain = len(set(names)) == len(names) and not any(
        not set(listing.spec.inputs) <= {*PAIR}
        or listing.spec.kind == "system"
        or listing.spec.weights
        or listing.read(entry)
        or (listing.spec.reads == "plane" and FORMATS[format].kind == "rgb")
        for entry, listing in zip(entries, listings, strict=True)
    )
    if not plain or format not in index()["formats"]:
        return None
    labels = {
        name: entry.label
        for name, entry in zip(names, entries, strict=True)
        if entry.label is not None and entry.label != name
    }
    stems = ["default"] if names == default_metrics(format).split(",") else names
    return tuple(SHIPPED / format / f"{stem}.onnx" for stem in stems), labels


def learned(entries: Sequence[Entry]) -> bool:
    """Whether networks may be a part of what computes some of the entries."""
    listings = [find_listing(entry, catalogue()) for entry in entries]
    # Which losses a system has, and so which networks, may be an option.
    return any(
        listing.spec.weights or (listing.spec.kind == "system" and entry.options)
        for entry, listing in zip(entries, listings, strict=True)
    )


def reads_colours(entries: Iterable[str]) -> bool:
    """Whether something looks at more than planes as they are stored: what their values mean."""
    try:
        asked = parse_entries(list(entries))
        listings = [find_listing(entry, catalogue()) for entry in asked]
    except ValueError:
        return True  # somebody's own, of which that is not known
    return any(listing.spec.reads != "plane" for listing in listings)


def _lacking(
    entries: Sequence[Entry], listings: Sequence[Listing], order: ExportRequest, supply: Supply
) -> tuple[str, ...]:
    """Inputs that systems are not given; what other entries lack is refused."""
    without: dict[str, None] = {}
    for entry, listing in zip(entries, listings, strict=True):
        inputs: Sequence[str] = listing.spec.inputs
        if listing.read(entry):
            inputs = inputs_of(replace(order, entries=_written(entry)))
        if listing.spec.kind == "system":
            lacking = supply.lacking(inputs)
            there = [role for role in inputs if role not in lacking]
            # Of the reference alone nothing can be computed: then all of it is wanted.
            if set(there) > {"reference"}:
                without |= dict.fromkeys(lacking)
                inputs = there
        supply.refuse(entry.name, inputs)
    return tuple(without)


def _options(entry: Entry) -> tuple[str, dict[str, Value]]:
    """Name of an entry's metric, and the value of every option that it is asked for with."""
    listing = find_listing(entry, catalogue())
    options = {option.name: option.default for option in listing.options}
    return listing.spec.name, {**options, **listing.read(entry)}


def _written(entry: Entry) -> str:
    """The entry as it is written, with its label if it has one."""
    return f"{entry.label}={entry}" if entry.label else str(entry)
