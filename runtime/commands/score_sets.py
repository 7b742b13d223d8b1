"""The command that scores a set of samples by one or several methods."""

from __future__ import annotations

from pathlib import Path

import click
from rich.text import Text

from framegauge.runtime.atomic_files import STDOUT, write_texts
from framegauge.runtime.backends.request import BackendRequest
from framegauge.runtime.commands.judge_reports import NOT_AS_ASKED
from framegauge.runtime.commands.options import (
    WholeNumber,
    backend_options,
    conversion_options,
    gate_option,
    model_options,
)
from framegauge.runtime.commands.output_files import check_outputs
from framegauge.runtime.commands.terminal import console, progress_of, tell_failed, wide_console
from framegauge.runtime.errors import UsageError
from framegauge.runtime.scoring.requests import FrameRequest, ModelRequest
from framegauge.runtime.sets.folder_matching import match_folders
from framegauge.runtime.sets.protocols import PROTOCOLS
from framegauge.runtime.sets.published_sets import match_published
from framegauge.runtime.sets.samples import OnMissing, Samples, read_list
from framegauge.runtime.sets.score_set import score_samples
from framegauge.runtime.sets.set_request import SetRequest
from framegauge.runtime.sets.set_tables import print_set, to_latex, to_markdown

_FAILED = 1


@click.command("score-set")
@click.argument("words", nargs=-1, metavar="[PAIRS.csv|PAIRS.jsonl]")
@click.option("-r", "--reference", metavar="DIR", help="Folder of references, in place of a list.")
@click.option(
    "-d",
    "--distorted",
    multiple=True,
    metavar="[NAME=]DIR",
    help="Folder of a method, and of others after it; with a list, a column.",
)
@click.option(
    "--protocol",
    type=click.Choice([each.name for each in PROTOCOLS]),
    help="Score as the field scores a test set, whose published folder --reference names.",
)
@model_options
@backend_options
@click.option("--json", "json_path", metavar="FILE", help="Write all; - for standard output.")
@click.option("--csv", "csv_path", metavar="FILE", help="Write the samples' scores.")
@click.option("--markdown", "markdown_path", metavar="FILE", help="Write the means in Markdown.")
@click.option("--latex", "latex_path", metavar="FILE", help="Write the means in LaTeX.")
@gate_option
@click.option(
    "--on-missing",
    type=click.Choice(["error", "skip"]),
    default="error",
    show_default=True,
    help="What to do about samples that lack a file.",
)
@click.option("--keep-going", is_flag=True, help="Go on after a sample fails; exit code 1 then.")
@click.option("--resume", metavar="FILE", help="Keep scores here as they come; take those it has.")
@click.option(
    "--group-folders",
    type=WholeNumber(min=0),
    help="Leading folders that name a sample's group; 1 if no protocol says otherwise.",
)
@conversion_options
@click.option("--quiet", is_flag=True, help="No progress, no notes, no tables.")
def score_set_command(
    words: tuple[str, ...],
    reference: str | None,
    distorted: tuple[str, ...],
    protocol: str | None,
    models: ModelRequest,
    backend: BackendRequest,
    json_path: str | None,
    csv_path: str | None,
    markdown_path: str | None,
    latex_path: str | None,
    gates: tuple[str, ...],
    on_missing: OnMissing,
    keep_going: bool,
    resume: str | None,
    group_folders: int | None,
    frames: FrameRequest,
    quiet: bool,
) -> int:
    """Score every sample of a set, by one or several methods, and their means.

    The set is a list with columns reference and distorted (or one for each method) and, if
    wished, name, group, mask and further inputs; or folders whose images and videos are matched
    by name.
    """
    # `--distorted a=A b=B` gives the option its first word only: the others come as arguments.
    listed = words[0] if words and reference is None else None
    methods = distorted + (words if listed is None else words[1:])
    outputs = [path for path in (json_path, csv_path, markdown_path, latex_path) if path]
    written = [*outputs, *([resume] if resume else [])]
    check_outputs(written, [*([listed] if listed else []), *models.reads])
    samples = _samples(listed, reference, methods, on_missing, protocol, group_folders)
    check_outputs(written, samples.reads)
    request = SetRequest(
        models=models,
        backend=backend,
        frames=frames,
        protocol=protocol,
        gates=gates,
        keep_going=keep_going,
        resume=Path(resume) if resume else None,
    )
    talk = console(stderr=True, quiet=quiet)
    for note in samples.notes:
        talk.print(Text(f"note: {note}"), soft_wrap=True)
    if samples.left_out:
        talk.print(Text(f"note: samples left out for want of a file: {len(samples.left_out)}"))
    with progress_of("samples", talk) as progress:
        report = score_samples(
            samples,
            request,
            progress=progress,
            tell=lambda line: talk.print(Text(f"note: {line}"), soft_wrap=True),
        )
    texts = (
        (json_path, report.to_json),
        (csv_path, report.to_csv),
        (markdown_path, lambda: to_markdown(report)),
        (latex_path, lambda: to_latex(report)),
    )
    write_texts({path: [text()] for path, text in texts if path is not None})
    if not quiet:
        print_set(report, wide_console(stderr=STDOUT in outputs))
    else:
        tell_failed(report.gates)
    if report.failed:
        return _FAILED
    return 0 if report.passed else NOT_AS_ASKED


def _samples(
    listed: str | None,
    reference: str | None,
    distorted: tuple[str, ...],
    on_missing: OnMissing,
    protocol: str | None,
    group_folders: int | None,
) -> Samples:
    if listed is not None:
        return read_list(listed, columns=distorted, on_missing=on_missing)
    if reference is None or not distorted:
        raise UsageError(
            "score-set takes a list, PAIRS.csv or PAIRS.jsonl, or folders: "
            "--reference DIR --distorted DIR, or --distorted NAME=DIR NAME=DIR."
        )
    folders = _methods(distorted)
    if protocol is not None:
        return match_published(
            protocol, reference, folders, on_missing=on_missing, group_folders=group_folders
        )
    depth = 1 if group_folders is None else group_folders
    return match_folders(reference, folders, on_missing=on_missing, group_folders=depth)


def _methods(distorted: tuple[str, ...]) -> dict[str, str]:
    """Folders by the name of their method: as given, or the folder's own."""
    methods: dict[str, str] = {}
    for each in distorted:
        name, equals, folder = each.partition("=")
        if not equals or Path(each).is_dir():
            name, folder = Path(each).resolve().name, each
        if not name or not folder or name in {*methods, "reference"}:
            raise UsageError(
                f"--distorted takes NAME=DIR, each name once, and not reference; got {each!r}, "
                f"which is called {name!r}. Name it differently: NAME={folder or 'DIR'}."
            )
        methods[name] = folder
    return methods
