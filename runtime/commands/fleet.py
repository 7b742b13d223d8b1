"""The commands about a fleet's engines: which one a run takes, and which to make again."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from framegauge.engines.build import Result, build
from framegauge.engines.fleet import Export, Fleet
from framegauge.engines.machine import Gpu, flavours, gpu
from framegauge.engines.modelfile import ModelFile
from framegauge.engines.profile import Profile, Size
from framegauge.engines.regenerate import Step, Wanted, plan, wanted_again
from framegauge.engines.resolution import Candidate, Resolution
from framegauge.engines.resolve import resolve
from framegauge.engines.store import Store
from framegauge.engines.target import parse_targets
from framegauge.export.spec import find_listing, parse_entries
from framegauge.runtime.commands.store import SHORT, json_option, refusals, store_option
from framegauge.runtime.commands.terminal import wide_console
from framegauge.runtime.commands.verify import models_option
from framegauge.runtime.errors import BackendError, ScoreError, UsageError
from framegauge.runtime.exports import Order, cached
from framegauge.runtime.shelf import catalogue, pick

_COLOURS = {"chosen": "green", "usable": "", "refused": "red"}
_DONE = {"build": "to build", "keep": "kept", "cannot": "cannot"}


@click.command("resolve")
@click.argument("model")
@click.option("--size", metavar="WxH[xN]", help="Frames that it shall take, N at a time.")
@click.option("--gpu", "architecture", metavar="sm89", help="In place of the GPU here.")
@click.option("--device", type=int, default=0, help="Which GPU.")
@click.option("--explain", is_flag=True, help="Show every engine, and why not the others.")
@json_option
@store_option
@refusals()
def resolve_command(
    model: str,
    size: str | None,
    architecture: str | None,
    device: int,
    explain: bool,
    as_json: bool,
    store: str | None,
) -> int:
    """Print the file of the engine that a run of MODEL takes; exit code 4 if there is none."""
    read = ModelFile.read(model)
    where = _named(architecture) if architecture else gpu(device)
    found = resolve(
        read.sha256,
        Store(store).entries(),
        gpu=where,
        flavours=flavours(),
        size=_size(size) if size else None,
    )
    if as_json:
        click.echo(json.dumps(_resolved(found, where), indent=2))
    elif explain:
        wide_console().print(_table(found))
    elif found.best is not None:
        click.echo(found.best.held.path)
        Console(stderr=True).print(Text(found.best.reason), soft_wrap=True)
    if found.chosen is None:
        raise BackendError(
            f"None of {len(found.candidates)} engines serves {read.path.name} on "
            f"{where.architecture}{f' at {size}' if size else ''}"
            + ("" if explain or as_json else "; --explain says why not each")
            + f". Build one: framegauge engines build {model} --target {where.architecture}"
        )
    return 0


@click.command("regenerate")
@click.argument("fleet", required=False, metavar="[FLEET.toml]")
@click.option("--target", metavar="TARGETS", help="Also for these GPUs: rtx, local, sm120, ...")
@models_option
@click.option("--dry-run", is_flag=True, help="Only show what would be built, and why.")
@click.option("--workers", type=click.IntRange(min=1), help="Builds side by side.")
@json_option
@store_option
@refusals()
def regenerate_command(
    fleet: str | None,
    target: str | None,
    models: tuple[str, ...],
    dry_run: bool,
    workers: int | None,
    as_json: bool,
    store: str | None,
) -> int:
    """Build again what a new GPU, a new TensorRT or a changed model needs, and say why.

    What there shall be is listed in FLEET.toml, or else is what the store has, of the models as
    they lie on disk now. Models that FLEET.toml names by their entries are made first.
    """
    talk = Console(stderr=True)
    if fleet is not None:
        if target is not None or models:
            raise UsageError("--target and --model go without FLEET.toml, which lists both.")
        listed = Fleet.read(Path(fleet))
        opened = Store(store if store is not None else listed.store)
        wanted = list(listed.wanted(lambda each: _files(each, talk.print)))
    else:
        opened = Store(store)
        targets = parse_targets(target) if target else []
        wanted, notes = wanted_again(
            opened, models=list(map(ModelFile.read, models)), targets=targets
        )
        for note in notes:
            talk.print(Text(f"note: {note}"), soft_wrap=True)
    steps = plan(wanted, opened)
    todo = [step.job for step in steps if step.job is not None]
    results = [] if dry_run else build(todo, opened, workers=workers)
    made = {result.job.recipe.key: result for result in results}
    rows = [_row(step, made) for step in steps]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    else:
        _print(rows)
        if not todo and all(step.action == "keep" for step in steps):
            click.echo(f"Nothing to do: {len(steps)} engines are up to date.")
    return 0 if dry_run else _finish(steps, results)


def _finish(steps: Sequence[Step], results: Sequence[Result]) -> int:
    """Fail with a list of what could not be done."""
    failed = [f"{each.job}: {each.why}" for each in results if each.outcome == "failed"]
    failed += [f"{_name(each.wanted)}: {each.why}" for each in steps if each.action == "cannot"]
    if failed:
        words = f"{len(failed)} of {len(steps)} engines could not be made:"
        raise ScoreError("\n".join([words, *failed]))
    return 0


def _files(export: Export, tell: Callable[[str], Any]) -> Sequence[Path]:
    """The models that `framegauge score` takes for these entries; in half, one made for all."""
    if export.precision == "fp32":
        return pick(export.entries, export.format, progress=tell).files
    entries = parse_entries(export.entries)
    weights = {name for each in entries for name in find_listing(each, catalogue()).spec.weights}
    order = Order(entries=export.entries, format=export.format, precision=export.precision)
    return (cached(order, sorted(weights), tell),)


def _named(architecture: str) -> Gpu:
    (target, *more) = parse_targets(architecture, find_gpu=lambda: _any(architecture))
    if more or len(target.architectures) > 1:
        raise UsageError(f"--gpu takes one architecture, such as sm89; got {architecture!r}.")
    return _any(target.architectures[0])


def _any(architecture: str) -> Gpu:
    return Gpu(index=0, name=architecture, architecture=architecture, driver="")


def _size(text: str) -> Size:
    try:
        profile = Profile.parse(text)
    except ValueError:
        profile = None
    if profile is None or profile.least != profile.most:
        raise UsageError(f"--size takes WxH or WxHxN, such as 1920x1080x2; got {text!r}.")
    return profile.most


def _table(found: Resolution) -> Table:
    table = Table("key", "model", "target", "version", "fit", "", "why", box=None, pad_edge=False)
    for each in found.candidates:
        sidecar = each.held.sidecar
        recipe = sidecar.recipe if sidecar else None
        table.add_row(
            each.held.key[:SHORT],
            Text(sidecar.file if sidecar else ""),
            str(recipe.target) if recipe else "",
            f"{recipe.target.flavour} {recipe.version}" if recipe else "",
            each.fit or "",
            Text(each.verdict, _COLOURS[each.verdict]),
            Text(each.reason),
        )
    return table


def _resolved(found: Resolution, where: Gpu) -> dict[str, Any]:
    def facts(each: Candidate) -> dict[str, Any]:
        return {
            "key": each.held.key,
            "store": str(each.held.folder),
            "fit": each.fit,
            "verdict": each.verdict,
            "reason": each.reason,
            "profile": each.profile,
        }

    return {
        "gpu": where.architecture,
        "chosen": found.chosen.key if found.chosen else None,
        "path": str(found.chosen.path) if found.chosen else None,
        "candidates": [facts(each) for each in found.candidates],
    }


def _row(step: Step, made: dict[str, Result]) -> dict[str, Any]:
    wanted, result = step.wanted, made.get(step.job.recipe.key) if step.job else None
    return {
        "model": str(wanted.model.path),
        "format": wanted.model.manifest.format,
        "precision": wanted.model.manifest.precision,
        "target": str(wanted.target),
        "flavour": wanted.target.flavour,
        "profiles": [str(each) for each in wanted.profiles],
        "options": dict(wanted.options),
        "key": step.job.recipe.key if step.job else None,
        "outcome": result.outcome if result else _DONE[step.action],
        "seconds": round(result.seconds, 1) if result else None,
        "why": step.why,
        "error": result.why if result and result.outcome == "failed" else None,
    }


def _print(rows: Sequence[dict[str, Any]]) -> None:
    columns = ("model", "format", "target", "profile", "precision", "outcome", "why")
    table = Table(*columns, box=None, pad_edge=False)
    for row in rows:
        took = f" in {row['seconds']} s" if row["outcome"] == "built" else ""
        table.add_row(
            Text(Path(row["model"]).name),
            row["format"],
            row["target"],
            ", ".join(row["profiles"]),
            row["precision"],
            row["outcome"] + took,
            Text(row["why"]),
        )
    wide_console().print(table)


def _name(wanted: Wanted) -> str:
    return f"{wanted.model.path.name} for {wanted.target}"
