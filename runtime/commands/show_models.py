"""The commands about models: what there is, what a file holds, whether it is right."""

from __future__ import annotations

import json
from collections.abc import Sequence
from fnmatch import fnmatch

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from framegauge.export.contract.entry import Listing
from framegauge.export.contract.roles import NEIGHBOURS
from framegauge.runtime.backends.apart import checks_apart
from framegauge.runtime.backends.model import Model
from framegauge.runtime.backends.request import BackendRequest
from framegauge.runtime.commands.doctor import findings
from framegauge.runtime.commands.options import device_options
from framegauge.runtime.commands.terminal import say, wide_console
from framegauge.runtime.errors import ScoreError, UsageError
from framegauge.runtime.models.model_files import SHIPPED, catalogue, costs, index

# Entries that `list` explains one by one, when it finds no more and none is called so.
_DETAILED = 3


@click.command("list")
@click.argument("pattern", default="*")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_command(pattern: str, as_json: bool) -> int:
    """List the metrics whose name, alias or title matches PATTERN."""
    wanted = pattern.lower()
    found = [
        listing
        for listing in catalogue()
        if any(
            fnmatch(word.lower(), wanted) or (wanted in word.lower())
            for word in (listing.spec.name, *listing.spec.aliases, listing.spec.title)
        )
    ]
    if not found:
        raise UsageError(f"No metric matches {pattern!r}. `framegauge list` shows all of them.")
    if as_json:
        names = [listing.spec.name for listing in found]
        rows = [
            each | {"cost": costs().get(each["spec"]["name"])}
            for each in index()["listings"]
            if each["spec"]["name"] in names
        ]
        say(json.dumps(rows, indent=2))
        return 0
    console = wide_console()
    table = Table(
        "entry",
        "what it is",
        "better",
        "ideal",
        "unit",
        "least size",
        "cost",
        "shipped",
        box=None,
        pad_edge=False,
    )
    for spec in (listing.spec for listing in found):
        table.add_row(
            ", ".join((spec.name, *spec.aliases)),
            spec.title,
            spec.better,
            "" if spec.ideal is None else f"{spec.ideal:g}",
            "" if spec.unit == "1" else spec.unit,
            f"{spec.least}x{spec.least}",
            f"{costs()[spec.name]:g}" if spec.name in costs() else "",
            _shipped(spec.name),
        )
    console.print(table)
    named = [each for each in found if wanted in (each.spec.name, *each.spec.aliases)]
    for listing in named or (found if len(found) <= _DETAILED else ()):
        _print_listing(listing, console)
    if len(found) > _DETAILED and not named:
        console.print(
            "\ncost: time of a frame, psnr's being 1. `framegauge list NAME` explains one entry, "
            "with its options and their defaults.",
            highlight=False,
        )
    return 0


def _shipped(name: str) -> str:
    """For which frames a model of an entry comes with the package."""
    formats = [each for each in index()["formats"] if (SHIPPED / each / f"{name}.onnx").is_file()]
    if not formats:
        return ""
    return "yes" if formats == index()["formats"] else "planes"


def _print_listing(listing: Listing, console: Console) -> None:
    spec = listing.spec
    console.print()
    console.print(Text(spec.name, style="bold"))
    reads = {"rgb": "RGB", "luma": "luma", "plane": _planes(spec.planes)}[spec.reads]
    high = "no bound" if spec.high is None else f"{spec.high:g}"
    ideal = "no one ideal" if spec.ideal is None else f"{spec.ideal:g} is ideal"
    console.print(
        f"  reads {reads}; from {spec.low:g} to {high}, {ideal}; {spec.source}",
        highlight=False,
    )
    for option in listing.options:
        choices = f", one of {', '.join(map(str, option.choices))}" if option.choices else ""
        facts = f"{option.type}{choices}; default {option.default}"
        console.print(Text(f"  {spec.name}[{option.name}=...]  {facts}"))


def _planes(names: Sequence[str]) -> str:
    return f"the {names[0]} plane" if len(names) == 1 else f"the planes {', '.join(names)}"


@click.command("show")
@click.argument("model")
@click.option("--json", "as_json", is_flag=True, help="Print the manifest as it is.")
def show_command(model: str, as_json: bool) -> int:
    """Show what a model file says about itself."""
    loaded = Model(model, backend="cpu", self_test=False)
    manifest = loaded.manifest
    if as_json:
        say(json.dumps(json.loads(manifest.to_json()), indent=2))
        return 0
    console = wide_console()
    console.print(Text(f"{model}", style="bold"))
    console.print(
        f"format {manifest.format}, precision {manifest.precision}, frames from "
        f"{manifest.least}x{manifest.least}, sha256 {loaded.sha256}",
        highlight=False,
    )
    for words in (
        f"rounds distorted frames to {manifest.quantise} bits" if manifest.quantise else "",
        f"cuts {manifest.crop_border} pixels from every side" if manifest.crop_border else "",
        f"takes {manifest.matrix}, {manifest.range} range alone" if manifest.matrix else "",
        f"takes chroma sited {manifest.chroma_siting} alone" if manifest.chroma_siting else "",
        *(
            f"weights {each.name}: {each.origin}, sha256 {each.sha256}, {each.licence}"
            for each in manifest.weights
        ),
        ", ".join(f"{name} {version}" for name, version in manifest.versions.items()),
    ):
        if words:
            console.print(words, highlight=False)
    inputs = Table("input", "role", "part", "type", "axes", box=None, pad_edge=False)
    for each in manifest.inputs:
        inputs.add_row(
            each.name, each.role, each.part, each.dtype, "(" + ", ".join(map(str, each.dims)) + ")"
        )
    outputs = Table(
        "output",
        "kind",
        "entry",
        "better",
        "ideal",
        "unit",
        "least",
        "tolerance",
        "looks at",
        "ends",
        box=None,
        pad_edge=False,
    )
    for output in manifest.outputs:
        relative = f" + {output.relative:g} relative" if output.relative else ""
        outputs.add_row(
            output.name,
            output.kind,
            Text(output.entry),
            output.better,
            "" if output.ideal is None else f"{output.ideal:g}",
            "" if output.unit == "1" else output.unit,
            str(output.least),
            f"{output.tolerance:g}{relative}",
            ", ".join(output.inputs) + (", within the mask" if output.masked else ""),
            output.ends if {*NEIGHBOURS}.intersection(output.inputs) else "",
        )
    for table in (inputs, outputs):
        console.print()
        console.print(table)
    for aggregate in manifest.aggregates:
        console.print(
            f"{aggregate.name} of a clip: {aggregate.finish} of the mean {', '.join(aggregate.of)}",
            highlight=False,
        )
    for rounding in manifest.rounding:
        console.print(rounding.words, highlight=False)
    for missing in manifest.missing:
        console.print(f"{missing.name} is not given: it needs {', '.join(missing.needs)}")
    return 0


@click.command("verify")
@click.argument("model")
@device_options
def verify_command(model: str, backend: BackendRequest) -> int:
    """Run a model's self-test and show the error of each score."""
    checks, device = checks_apart(model, backend)
    table = Table(
        "size", "score", "wanted", "got", "error", "allowed", "", box=None, pad_edge=False
    )
    for check in checks:
        table.add_row(
            f"{check.size[1]}x{check.size[0]}",
            check.output.name,
            f"{check.wanted:.9g}",
            f"{check.got:.9g}",
            f"{check.error:.2g}",
            f"{check.allowed:.2g}",
            Text("ok", "green") if check.passed else Text("FAILED", "bold red"),
        )
    console = wide_console()
    console.print(table)
    failed = sum(not check.passed for check in checks)
    if failed:
        raise ScoreError(
            f"{failed} of {len(checks)} values are wrong on {device}. The file is damaged, "
            "or the backend computes wrongly: export the model again, or try another --backend."
        )
    console.print(f"{model}: all {len(checks)} values are right on {device}.")
    return 0


@click.command("doctor")
def doctor_command() -> int:
    """Show what this machine has, and what that allows."""
    table = Table(box=None, show_header=False, pad_edge=False)
    for name, words in findings():
        table.add_row(Text(name, style="bold"), Text(words))
    wide_console().print(table)
    return 0
