"""The command that says which engine a run takes, and why not the others."""

from __future__ import annotations

import json
import shlex
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from framegauge.engines import (
    PRESETS,
    Candidate,
    Gpu,
    Profile,
    Resolution,
    Size,
    Store,
    flavours,
    gpu,
    resolve,
)
from framegauge.engines.identity.gpu_names import architecture_of
from framegauge.engines.identity.target import RTX_ARCHITECTURES
from framegauge.export.contract.model_file import ModelFile
from framegauge.runtime.commands.engine_store import SHORT, json_option, refusals, store_option
from framegauge.runtime.commands.options import WHOLE
from framegauge.runtime.commands.terminal import console, say, wide_console
from framegauge.runtime.errors import BackendError, UsageError

_COLOURS = {"chosen": "green", "usable": "", "refused": "red"}


@click.command("resolve")
@click.argument("model")
@click.option("--size", metavar="WxH[xN]", help="Frames that it shall take, N at a time.")
@click.option("--gpu", "architecture", metavar="sm89|L40S", help="In place of the GPU here.")
@click.option("--device", type=WHOLE, default=0, help="Which GPU.")
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
        say(json.dumps(_resolved(found, where), indent=2))
    elif explain:
        wide_console().print(_table(found))
    elif found.best is not None:
        say(found.best.held.path)
        console(stderr=True).print(Text(found.best.reason), soft_wrap=True)
    if found.chosen is None:
        raise BackendError(
            f"None of {len(found.candidates)} engines serves {read.path.name} on "
            f"{where.architecture}{f' at {size}' if size else ''}"
            + ("" if explain or as_json else "; --explain says why not each")
            + f". {_advice(model, where, size, store)}"
        )
    return 0


def _advice(model: str, where: Gpu, size: str | None, store: str | None) -> str:
    """The command that builds what was looked for, and where it works."""
    words = ["framegauge engines build", shlex.quote(model)]
    if where.architecture in RTX_ARCHITECTURES:
        words += ["--target", where.architecture]
        place = "Build one"
        if "tensorrt_rtx" not in flavours():
            place = "Build one, after `pip install '.[rtx]'`"
    else:
        words += ["--target local"]
        place = f"Build one with TensorRT on a machine with such a GPU ({where.name})"
    if size is not None:
        words += ["--profile", _profile(_size(size))]
    if store is not None:
        words += ["--store", shlex.quote(store)]
    return f"{place}: {' '.join(words)}"


def _profile(size: Size) -> str:
    """The tightest preset that holds frames, or else their own size."""
    held = [name for name in PRESETS if Profile.parse(name).holds(*size)]
    return min(held, key=lambda name: Profile.parse(name).looseness(*size), default=str(size))


def _named(text: str) -> Gpu:
    try:
        return _any(architecture_of(text))
    except ValueError as error:
        raise UsageError(
            f"--gpu takes one architecture or GPU, such as sm89 or L40S; got {text!r}. {error}"
        ) from error


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
