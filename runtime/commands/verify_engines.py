"""The command that checks engines: their files, their model, and their scores on a GPU."""

from __future__ import annotations

from collections.abc import Sequence

import click
from rich.table import Table
from rich.text import Text

from framegauge.engines import Gpu, Store, StoredEngine, StoreError, flavours
from framegauge.engines.finding.resolve import loads
from framegauge.engines.proving.file_checks import examine
from framegauge.engines.proving.freshness import beside_model
from framegauge.engines.proving.verify import ProofRun, record
from framegauge.export.contract.model_file import ModelFile
from framegauge.runtime.commands.engine_store import SHORT, chosen, gpu_here, refusals, store_option
from framegauge.runtime.commands.terminal import say, wide_console
from framegauge.runtime.errors import BackendError, ScoreError, UsageError

models_option = click.option(
    "--model",
    "models",
    multiple=True,
    metavar="FILE",
    help="Where a model lies now, if it has moved since.",
)


@click.command("verify")
@click.argument("keys", nargs=-1, metavar="[KEY...]")
@models_option
@click.option("--files-only", is_flag=True, help="No self-test, even where there is a GPU.")
@store_option
@refusals()
def verify_command(
    keys: tuple[str, ...], models: tuple[str, ...], files_only: bool, store: str | None
) -> int:
    """Check engines, all or those whose KEY starts so, and say what could not be.

    Where there is a GPU that they are for, their self-test runs at the least, usual and most size
    of each profile, beside the model in ONNX Runtime and by Polygraphy's comparator; the outcome
    is kept beside the engine, and one that fails is not used on such a GPU again.
    """
    opened, here, console = Store(store), gpu_here(), wide_console()
    moved, stored = list(map(ModelFile.read, models)), opened.entries()
    if not stored:
        words = f"There are no engines in {opened.folder}."
        if keys or store is not None:
            raise UsageError(words)
        say(words)
        return 0
    found = [
        (held, beside_model(examine(opened, held, here), moved, stored))
        for held in chosen(opened, keys)
    ]
    bad = 0
    for held, standing in found:
        finding = standing.finding
        is_right = finding.problem is None
        tables: list[Table] = []
        lines = [f"checked: {words}" for words in finding.checked]
        lines += [f"not checked: {words}" for words in finding.unchecked]
        if is_right and here is not None and runs_on(held, here):
            if files_only:
                lines.append("not checked: its self-test, by --files-only")
            else:
                is_right, tables, more = prove(opened, held, standing.model, here)
                lines += more
        state = Text("sound", "green") if is_right else Text("REFUSED", "bold red")
        name = f" {held.sidecar.file} for {held.sidecar.recipe.target}" if held.sidecar else ""
        console.print(Text.assemble(held.key[:SHORT], name, ": ", state))
        for line in [finding.problem, *lines] if finding.problem else lines:
            console.print(Text(f"  {line}"), soft_wrap=True)
        for table in tables:
            console.print(table)
        bad += not is_right
    if bad:
        raise ScoreError(
            f"{bad} of {len(found)} engines are not to be used. Build them again, or remove "
            "them with `framegauge engines prune`."
        )
    return 0


def trial_table(trials: list[ProofRun]) -> Table:
    """Every number of a self-test: what was wanted, what came, and how far apart they may be."""
    table = Table(
        *("profile", "frames", "against", "score", "wanted", "got", "error", "allowed", "unit", ""),
        box=None,
        pad_edge=False,
    )
    verdicts = {True: Text("ok", "green"), False: Text("FAILED", "bold red")}
    for trial in trials:
        start = str(trial.profile), str(trial.size), trial.against
        if trial.unrun is not None or trial.problem is not None:
            verdict = Text("not run") if trial.problem is None else verdicts[False]
            table.add_row(*start, Text(trial.unrun or trial.problem or ""), *[""] * 5, verdict)
        for each in trial.comparisons:
            table.add_row(
                *start,
                each.output.name,
                f"{each.wanted:.9g}",
                f"{each.got:.9g}",
                f"{each.error:.2g}",
                f"{each.allowed:.2g}",
                "" if each.output.unit == "1" else each.output.unit,
                verdicts[each.passed],
            )
    return table


def runs_on(held: StoredEngine, here: Gpu) -> bool:
    """Whether an engine is for a GPU, and of a TensorRT that is installed."""
    recipe = held.facts.recipe
    installed = flavours().get(recipe.target.flavour)
    fits = recipe.target.fit(here.architecture) is not None
    return installed is not None and loads(recipe, installed) and fits


def prove(
    store: Store, held: StoredEngine, model: ModelFile | None, here: Gpu
) -> tuple[bool, list[Table], list[str]]:
    """Whether an engine computes rightly on a GPU; the numbers; and what else to say.

    The outcome is kept beside the engine.
    """
    from framegauge.runtime.backends.tensorrt.engine_runs import opinions, trials

    lines = [f"checked: its self-test on {here.name} ({here.architecture})"]
    try:
        found = list(trials(store, held, model, device=here.index))
    except (ScoreError, BackendError, StoreError, ImportError) as error:
        return False, [], [f"its self-test cannot be run on {here.name}: {error}"]
    # Kept before anybody else's code has a chance to fail.
    lines += _kept(store, held, found, here)
    doubts = []
    try:
        second = opinions(store, held, model) if model is not None else []
    # NVIDIA's code raises what it likes, and its opinion is a second one.
    except Exception as error:
        lines.append(f"not checked: Polygraphy's opinion ({str(error) or type(error).__name__})")
    else:
        lines += [f"checked: {each}" for each in second]
        doubts = [str(each) for each in second if not each.passed]
    if doubts:
        lines += _kept(store, held, found, here, doubts)
    is_right = not doubts and all(trial.passed for trial in found)
    return is_right, [trial_table(found)], lines


def _kept(
    store: Store, held: StoredEngine, found: list[ProofRun], here: Gpu, doubts: Sequence[str] = ()
) -> list[str]:
    """Write an outcome beside the engine, in place of one of this run; what to say of that."""
    version = flavours()[held.facts.recipe.target.flavour]
    try:
        record(store, held, found, here, version, doubts=doubts)
    except (OSError, StoreError) as error:
        return [f"not kept: the outcome of its self-test ({error})"]
    return []
