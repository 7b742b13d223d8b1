"""The commands about the store of engines: what is in it, whether it is sound, what may go."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from framegauge.engines import BuildError, Gpu, Store, StoredEngine, StoreError, TargetError, gpu
from framegauge.engines.store.prune import DAY, prune, set_aside
from framegauge.engines.store.superseded import superseded
from framegauge.runtime.commands.terminal import say, wide_console
from framegauge.runtime.errors import BackendError, ScoreError, UsageError

SHORT = 12

store_option = click.option(
    "--store",
    metavar="DIR",
    help="Where engines are kept; FRAMEGAUGE_STORE, or a folder in the user's cache.",
)
_COLOURS = {True: "green", False: "yellow"}
_DAYS = click.FloatRange(min=0)

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


class InterruptError(click.ClickException):
    """An interrupt of a command that keeps what it had finished by then."""

    exit_code = 130


@contextmanager
def refusals() -> Iterator[None]:
    """Turn what engines raise into what the command line knows, by who has to act."""
    try:
        yield
    except KeyboardInterrupt as error:
        raise InterruptError("interrupted; engines that were finished are kept") from error
    except TargetError as error:
        raise BackendError(str(error)) from error
    except (BuildError, StoreError) as error:
        raise ScoreError(str(error)) from error
    except (UsageError, BackendError, ScoreError, click.ClickException):
        raise
    except ValueError as error:
        raise UsageError(str(error)) from error


@click.command("list")
@json_option
@store_option
@refusals()
def list_command(as_json: bool, store: str | None) -> int:
    """List the engines of the store, and of the system's under it."""
    found = Store(store).entries()
    later = superseded(found)
    if as_json:
        rows = [facts_of(held) | {"superseded": later.get(held.key)} for held in found]
        say(json.dumps(rows, indent=2))
        return 0
    columns = "key model entries format target flavour precision profile size age used state"
    table = Table(*columns.split(), box=None, pad_edge=False)
    for held in found:
        table.add_row(*_row(held, later.get(held.key)))
    wide_console().print(table)
    return 0


@click.command("prune")
@click.option("--older-than", type=_DAYS, metavar="DAYS", help="Engines made longer ago.")
@click.option("--unused", type=_DAYS, metavar="DAYS", help="Engines not used for so long.")
@click.option("--other-versions", is_flag=True, help="Engines of versions not installed here.")
@click.option(
    "--superseded", "is_superseded", is_flag=True, help="Engines that a later one replaces."
)
@click.option("--dry-run", is_flag=True, help="Only tell.")
@store_option
@refusals()
def prune_command(
    older_than: float | None,
    unused: float | None,
    other_versions: bool,
    is_superseded: bool,
    dry_run: bool,
    store: str | None,
) -> int:
    """Remove engines that are broken, left over, or named by the options.

    Only files that a store itself makes are removed. Engines that cannot be read or are of a newer
    framegauge stay, and are named.
    """
    opened = Store(store)
    removals = prune(
        opened,
        older_than=older_than,
        unused=unused,
        other_versions=other_versions,
        superseded=is_superseded,
        dry_run=dry_run,
    )
    console = wide_console()
    for removal in removals:
        console.print(Text(f"{removal.key[:SHORT]}  {removal.why}"), soft_wrap=True)
        for file in removal.files if dry_run else ():
            console.print(Text(f"  {file}"), soft_wrap=True)
    for held in set_aside(opened):
        console.print(Text(f"{held.key[:SHORT]}  left alone: {held.problem}"), soft_wrap=True)
    total = sum(removal.size for removal in removals) / 2**20
    words = "would be removed" if dry_run else "removed"
    console.print(f"{len(removals)} {words}, {total:.1f} MiB", highlight=False)
    return 0


def chosen(store: Store, keys: Sequence[str]) -> list[StoredEngine]:
    """The engines whose keys start so, or all of them.

    Raises:
        UsageError: No engine's key, or more than one's, starts so.
    """
    held = store.entries()
    if not keys:
        return held
    found = []
    for key in keys:
        matches = [each for each in held if each.key.startswith(key.lower())]
        if len({each.key for each in matches}) != 1:
            raise UsageError(
                f"{len(matches)} engines have a key that starts with {key!r}. "
                "`framegauge engines list --json` shows whole keys."
            )
        found += matches
    return found


def gpu_here() -> Gpu | None:
    """The GPU of this machine, ``None`` if there is none to be used."""
    try:
        return gpu()
    except TargetError:
        return None


def facts_of(held: StoredEngine) -> dict[str, Any]:
    """What there is to say of an engine, as JSON has it."""
    facts: dict[str, Any] = {
        "key": held.key,
        "store": str(held.folder),
        "is_system": held.is_system,
        "used": held.used,
        "problem": held.problem,
    }
    if held.sidecar is None:
        return facts
    sidecar, recipe = held.sidecar, held.sidecar.recipe
    return facts | {
        "model": sidecar.file,
        "model_sha256": recipe.model,
        "entries": list(sidecar.entries),
        "format": sidecar.manifest.format,
        "precision": sidecar.manifest.precision,
        "target": str(recipe.target),
        "architectures": list(recipe.target.architectures),
        "flavour": recipe.target.flavour,
        "version": recipe.version,
        "profiles": [str(profile) for profile in sidecar.profiles],
        "options": dict(recipe.options),
        "size": sidecar.size,
        "created": sidecar.created,
        "about": dict(sidecar.about),
        "verifications": [dict(each) for each in sidecar.verifications],
    }


def _age(seconds: float) -> str:
    """How long ago that was, in the largest unit that fits."""
    passed = max(0.0, time.time() - seconds)
    for unit, length in (("d", DAY), ("h", 3600.0), ("min", 60.0)):
        if passed >= length:
            return f"{passed / length:.0f} {unit}"
    return f"{passed:.0f} s"


def _row(held: StoredEngine, later: str | None) -> Sequence[str | Text]:
    if held.sidecar is None:
        return (held.key[:SHORT], *[""] * 10, Text(held.problem or "", "red"))
    sidecar, recipe = held.sidecar, held.sidecar.recipe
    return (
        held.key[:SHORT],
        Text(sidecar.file),
        ", ".join(sidecar.entries),
        sidecar.manifest.format,
        str(recipe.target),
        f"{recipe.target.flavour} {recipe.version}",
        sidecar.manifest.precision,
        ", ".join(map(str, sidecar.profiles)),
        f"{sidecar.size / 2**20:.1f} MiB",
        _age(datetime.fromisoformat(sidecar.created).timestamp()),
        _age(held.used),
        Text(
            held.problem or later or "ok", "red" if held.problem else "yellow" if later else "green"
        ),
    )
