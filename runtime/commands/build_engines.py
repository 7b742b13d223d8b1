"""The commands about engines: build them, see what there is, check it, and take others' in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import click
from rich.table import Table
from rich.text import Text

from framegauge.engines import (
    FLAVOURS,
    PRESETS,
    Flavour,
    Profile,
    Store,
    adopt,
    build,
    gpu,
    parse_targets,
)
from framegauge.engines.building.adopt import command
from framegauge.engines.building.build import Result, jobs
from framegauge.engines.identity.gpu_names import architecture_of
from framegauge.engines.identity.options import parse_options
from framegauge.engines.identity.target import (
    COMPATIBILITIES,
    LOCAL,
    PORTABLE,
    RTX_ARCHITECTURES,
    Compatibility,
    notes,
)
from framegauge.export.contract.model_file import ModelFile
from framegauge.runtime.commands.build_progress import builds_shown
from framegauge.runtime.commands.engine_store import (
    SHORT,
    gpu_here,
    list_command,
    prune_command,
    refusals,
    store_option,
)
from framegauge.runtime.commands.options import WholeNumber
from framegauge.runtime.commands.regenerate_engines import regenerate_command
from framegauge.runtime.commands.resolve_engine import resolve_command
from framegauge.runtime.commands.terminal import console, say, wide_console
from framegauge.runtime.commands.verify_engines import prove, runs_on, verify_command
from framegauge.runtime.cpu_count import usable_cpus
from framegauge.runtime.errors import ScoreError

_PROFILES = (
    f"{', '.join(PRESETS)}, upright too; or least/usual/most such as 64x64/1920x1080/3840x3840x4. "
    "Several go into one engine."
)

profile_option = click.option(
    "--profile",
    "profiles",
    multiple=True,
    default=("1080p",),
    show_default=True,
    metavar="P",
    help=_PROFILES,
)
compatibility_option = click.option(
    "--compatibility",
    type=click.Choice(COMPATIBILITIES),
    default="none",
    show_default=True,
    help="TensorRT's hardware compatibility level.",
)
builder_option = click.option(
    "--builder-option",
    "options",
    multiple=True,
    metavar="NAME=VALUE",
    help="Any option of the installed builder; an unknown name shows all of them.",
)


@click.group("engines")
def engines_commands() -> None:
    """Build TensorRT engines from models, keep them and look after them."""


@engines_commands.command("build")
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@click.option(
    "--target",
    required=True,
    metavar="rtx|sm75,L40S,...|local",
    help="One portable RTX engine, one for each architecture or GPU, or one for the GPU here.",
)
@click.option("--flavour", type=click.Choice(FLAVOURS), help="In place of the one that fits.")
@profile_option
@compatibility_option
@builder_option
@store_option
@click.option("--force", is_flag=True, help="Build what is there too.")
@click.option("--workers", type=WholeNumber(min=1), help="Builds side by side.")
@click.option("--quiet", is_flag=True, help="No progress, no table.")
@refusals()
def build_command(
    models: tuple[str, ...],
    target: str,
    flavour: str | None,
    profiles: tuple[str, ...],
    compatibility: str,
    options: tuple[str, ...],
    store: str | None,
    force: bool,
    workers: int | None,
    quiet: bool,
) -> int:
    """Build the engines of each MODEL that the store has not."""
    talk = console(stderr=True, quiet=quiet)
    targets = parse_targets(
        target,
        flavour=cast(Flavour | None, flavour),
        compatibility=cast(Compatibility, compatibility),
    )
    for line in (note for each in targets for note in notes(each)):
        talk.print(Text(f"note: {line}"), soft_wrap=True)
    sizes = [Profile.parse(text) for text in profiles]
    wanted = [
        job
        for model in models
        for job in jobs(ModelFile.read(model), targets, sizes, parse_options(options))
    ]
    with builds_shown(quiet=quiet) as progress:
        results = build(
            wanted,
            Store(store),
            force=force,
            workers=workers,
            cpus=usable_cpus(),
            progress=progress,
        )
    if not quiet:
        _print_results(results)
    failed = [result for result in results if result.outcome == "failed"]
    for result in failed[1:]:
        console(stderr=True).print(Text(f"{result.job}: {result.why}"), soft_wrap=True)
    if failed:
        count = f" ({len(failed)} of {len(results)} failed)" if len(results) > 1 else ""
        raise ScoreError(f"{failed[0].why}{count}")
    return 0


@engines_commands.command("command")
@click.argument("model")
@click.option("--tensorrt", type=click.Choice(["10", "11"]), default="11", show_default=True)
@profile_option
@compatibility_option
@click.option("-o", "--output", default="model.plan", show_default=True, metavar="PLAN")
@refusals()
def command_command(
    model: str, tensorrt: str, profiles: tuple[str, ...], compatibility: str, output: str
) -> int:
    """Print the trtexec line that builds an engine of MODEL where framegauge is not."""
    line = command(
        ModelFile.read(model),
        [Profile.parse(text) for text in profiles],
        plan=output,
        major=int(tensorrt),
        compatibility=cast(Compatibility, compatibility),
    )
    say(line)
    return 0


@engines_commands.command("adopt")
@click.argument("plan")
@click.option("--model", required=True, metavar="FILE", help="The model it was built from.")
@click.option("--target", default="", metavar="sm90|rtx|local", help="What it was built for.")
@click.option(
    "--profile", "profiles", multiple=True, required=True, metavar="P", help=f"Its own: {_PROFILES}"
)
@compatibility_option
@builder_option
@store_option
@click.option("--force", is_flag=True, help="Put it in the place of another for the same.")
@refusals()
def adopt_command(
    plan: str,
    model: str,
    target: str,
    profiles: tuple[str, ...],
    compatibility: str,
    options: tuple[str, ...],
    store: str | None,
    force: bool,
) -> int:
    """Take an engine that was built elsewhere, with those options, into the store."""
    read, opened = ModelFile.read(model), Store(store)
    held = adopt(
        Path(plan),
        read,
        opened,
        profiles=[Profile.parse(text) for text in profiles],
        architectures=_architectures(target),
        compatibility=cast(Compatibility, compatibility),
        options=parse_options(options),
        force=force,
    )
    recipe = held.facts.recipe
    trusted = held.facts.about.get("taken_on_trust", ())
    known = "" if "target" in trusted else f" for {recipe.target}"
    say(f"{held.key}")
    talk, here = console(stderr=True), gpu_here()
    talk.print(
        Text(
            f"{recipe.target.flavour} {recipe.version}{known}, by the file itself. "
            f"Taken on your word, and not proven: {', '.join(trusted) or 'nothing'}."
        ),
        soft_wrap=True,
    )
    if here is None or not runs_on(held, here):
        return 0
    is_right, tables, lines = prove(opened, held, read, here)
    talk.print(*tables, *map(Text, lines), sep="\n")
    if not is_right:
        raise ScoreError(f"{plan} fails its self-test on {here.name}, and is not used there.")
    return 0


for each in (list_command, resolve_command, verify_command, regenerate_command, prune_command):
    engines_commands.add_command(each)


def _architectures(text: str) -> Sequence[str]:
    """What an engine is said to be for, in the words of ``--target``."""
    word = text.strip().lower()
    if word == LOCAL:
        return [gpu().architecture]
    if word == PORTABLE:
        return RTX_ARCHITECTURES
    return [architecture_of(name) for name in word.replace("+", ",").split(",") if name]


def _print_results(results: Sequence[Result]) -> None:
    table = Table("model", "target", "key", "size", "outcome", "", box=None, pad_edge=False)
    colours = {"built": "green", "kept": "", "failed": "bold red"}
    for result in results:
        size = f"{result.held.facts.size / 2**20:.1f} MiB" if result.held else ""
        took = f" in {result.seconds:.1f} s" if result.outcome == "built" else ""
        table.add_row(
            Text(result.job.model.title),
            str(result.job.recipe.target),
            result.job.recipe.key[:SHORT],
            size,
            Text(result.outcome + took, colours[result.outcome]),
            Text(result.why if result.outcome == "built" else ""),
        )
    wide_console().print(table)
