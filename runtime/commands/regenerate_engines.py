"""The command that makes a fleet's engines again: those that have to be, and why."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import click
from rich.table import Table
from rich.text import Text

from framegauge.engines import Store, build, parse_targets
from framegauge.engines.building.build import Result
from framegauge.engines.fleet.fleet import Export, Fleet
from framegauge.engines.fleet.regenerate import Absent, Step, plan, wanted_again
from framegauge.export.contract.entry import parse_entries
from framegauge.export.contract.model_file import ModelFile
from framegauge.runtime.commands.build_progress import builds_shown
from framegauge.runtime.commands.engine_store import json_option, refusals, store_option
from framegauge.runtime.commands.judge_reports import NOT_AS_ASKED
from framegauge.runtime.commands.options import WholeNumber
from framegauge.runtime.commands.terminal import console, say, wide_console
from framegauge.runtime.commands.verify_engines import models_option
from framegauge.runtime.cpu_count import usable_cpus
from framegauge.runtime.errors import BackendError, ScoreError, UsageError
from framegauge.runtime.models.export_cache import ExportRequest, cached
from framegauge.runtime.models.model_files import learned, pick

_DONE = {
    "build": "to build",
    "keep": "kept",
    "cannot": "cannot",
    "export": "to export, then build",
}


class _NotMadeError(Exception):
    """A model that a dry run would have to make first."""


@click.command("regenerate")
@click.argument("fleet", required=False, metavar="[FLEET.toml]")
@click.option("--target", metavar="TARGETS", help="Also for these GPUs: rtx, local, sm120, ...")
@models_option
@click.option("--dry-run", is_flag=True, help="Only show what would be built, and why.")
@click.option(
    "--check", is_flag=True, help="Only show it, and exit with 3 if there is something to do."
)
@click.option("--workers", type=WholeNumber(min=1), help="Builds side by side.")
@json_option
@store_option
@refusals()
def regenerate_command(
    fleet: str | None,
    target: str | None,
    models: tuple[str, ...],
    dry_run: bool,
    check: bool,
    workers: int | None,
    as_json: bool,
    store: str | None,
) -> int:
    """Build again what a new GPU, a new TensorRT or a changed model needs, and say why.

    What there shall be is listed in FLEET.toml, or else is what the store has, of the models as
    they lie on disk now. Models that FLEET.toml names by their entries are made first. What fails
    stops nothing else, and is listed.
    """
    talk = console(stderr=True)
    dry_run = dry_run or check
    if fleet is not None:
        if target is not None or models:
            raise UsageError("--target and --model go without FLEET.toml, which lists both.")
        listed = Fleet.read(Path(fleet))
        opened = Store(store if store is not None else listed.store)
        tell: Callable[[str], Any] = talk.print
        if dry_run:
            tell = _stop
        wanted = list(listed.wanted(lambda each: _files(each, tell)))
    else:
        opened = Store(store)
        targets = parse_targets(target) if target else []
        wanted = wanted_again(opened, models=list(map(ModelFile.read, models)), targets=targets)
        if not wanted and store is not None:
            raise UsageError(f"There are no engines in {opened.folder}.")
    steps = plan(wanted, opened)
    todo = [step.job for step in steps if step.job is not None]
    results = []
    if not dry_run:
        with builds_shown() as progress:
            results = build(todo, opened, workers=workers, cpus=usable_cpus(), progress=progress)
    made = {result.job.recipe.key: result for result in results}
    rows = [_row(step, made) for step in steps]
    if as_json:
        say(json.dumps(rows, indent=2))
    else:
        _print(rows)
        if not todo and all(step.action == "keep" for step in steps):
            say(f"Nothing to do: {len(steps)} engines are up to date.")
    if check and any(step.action != "keep" for step in steps):
        return NOT_AS_ASKED
    return 0 if dry_run else _finish(steps, results)


def _finish(steps: Sequence[Step], results: Sequence[Result]) -> int:
    """Fail with a list of what could not be done."""
    failed = [f"{each.job}: {each.why}" for each in results if each.outcome == "failed"]
    failed += [f"{_name(each)}: {each.why}" for each in steps if each.action == "cannot"]
    if failed:
        words = f"{len(failed)} of {len(steps)} engines could not be made:"
        raise ScoreError("\n".join([words, *failed]))
    return 0


def _files(export: Export, tell: Callable[[str], Any]) -> Sequence[Path] | Absent:
    """The models that `framegauge score` takes for these entries, or why there are none."""
    name = f"{export.entries} ({export.format}, {export.precision})"
    try:
        return _picked(export, tell)
    except _NotMadeError:
        return Absent(name=name, why="its model was not made yet", action="export")
    except (UsageError, BackendError, ScoreError, ValueError, OSError) as error:
        return Absent(name=name, why=str(error))


def _stop(line: str) -> NoReturn:
    """End what only begins to make a model, which is when it first tells of it."""
    raise _NotMadeError(line)


def _picked(export: Export, tell: Callable[[str], Any]) -> Sequence[Path]:
    """The models of an export; in half, one made for all."""
    if export.precision == "fp32":
        return pick(export.entries, export.format, progress=tell).files
    order = ExportRequest(entries=export.entries, format=export.format, precision=export.precision)
    return (cached(order, learned(parse_entries(export.entries)), tell),)


def _row(step: Step, made: dict[str, Result]) -> dict[str, Any]:
    wanted, result = step.wanted, made.get(step.job.recipe.key) if step.job else None
    if isinstance(wanted, Absent):
        return {
            "model": wanted.name,
            "name": wanted.name,
            **{"format": None, "precision": None, "target": wanted.target, "flavour": None},
            **{"profiles": [], "options": {}, "key": None, "outcome": _DONE[step.action]},
            **{"seconds": None, "why": step.why, "error": None},
        }
    return {
        "model": str(wanted.model.path),
        "name": wanted.model.title,
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
            Text(row["name"]),
            row["format"],
            row["target"],
            ", ".join(row["profiles"]),
            row["precision"],
            row["outcome"] + took,
            Text(row["why"]),
        )
    wide_console().print(table)


def _name(step: Step) -> str:
    wanted = step.wanted
    if isinstance(wanted, Absent):
        return f"{wanted.name} for {wanted.target}" if wanted.target else wanted.name
    return f"{wanted.model.title} for {wanted.target}"
