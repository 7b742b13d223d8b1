"""The tables of a set's report: the means to read and publish, the samples to look into."""

from __future__ import annotations

import math

from rich.console import Console
from rich.text import Text

from framegauge.runtime.models.model_files import reads_colours
from framegauge.runtime.pooling.gate import Outcome
from framegauge.runtime.reports.number_format import told_apart
from framegauge.runtime.reports.score_tables import Column, Row, Table, latex_text
from framegauge.runtime.sets.set_report import SetReport
from framegauge.runtime.sets.treatment import in_words
from framegauge.runtime.sources.colour_mismatch import HEEDED_BY_PLANES

# Samples shown on a terminal; more are in the files only.
_SHOWN = 40


def means_table(report: SetReport) -> Table:
    """Means by method: of each group, of all samples, and of the groups.

    Without a protocol, scores of the whole set that moments make stand beside them, such as
    ``apsnr``, the PSNR of the mean squared error.
    """
    kinds = () if report.protocol else report.aggregates
    columns = _columns(report)
    columns += tuple(Column(name=kind.name, unit="dB", better="higher") for kind in kinds)

    def block(title: str, group: str | None) -> tuple[Row, ...]:
        return tuple(
            Row(
                (*([title] if report.groups else []), method),
                (
                    *(report.mean(method, label, group) for label in report.labels),
                    *(report.aggregate(method, kind, group) for kind in kinds),
                ),
            )
            for method in report.samples.methods
        )

    blocks = [block(group or "no group", group) for group in report.groups]
    blocks.append(block("mean of samples", None))
    if len(report.groups) > 1:
        blocks.append(
            tuple(
                Row(
                    ("mean of groups", method),
                    (
                        *(report.mean_of_groups(method, label) for label in report.labels),
                        *[None] * len(kinds),
                    ),
                )
                for method in report.samples.methods
            )
        )
    keys = ("group", "method") if report.groups else ("method",)
    return Table(keys=keys, columns=columns, blocks=tuple(blocks))


def samples_table(report: SetReport) -> Table:
    """The scores of every sample by every method."""
    grouped, several = bool(report.groups), len(report.samples.methods) > 1
    keys = ("sample", *(["group"] if grouped else []), *(["method"] if several else []))
    blocks: dict[str, list[Row]] = {}
    for sample, method, each in report.rows():
        about = [sample.name]
        about += [sample.group or ""] if grouped else []
        about += [method] if several else []
        values = tuple(each.scores.get(label, math.nan) for label in report.labels)
        blocks.setdefault(sample.name, []).append(Row(tuple(about), values))
    return Table(
        keys=keys, columns=_columns(report), blocks=tuple(tuple(rows) for rows in blocks.values())
    )


def to_markdown(report: SetReport) -> str:
    """The means in Markdown, with what was done in words below."""
    lines = [*_gates(report), *_words(report)]
    return means_table(report).to_markdown() + "\n" + "\n".join(lines) + "\n"


def to_latex(report: SetReport) -> str:
    r"""The means in LaTeX, for ``\usepackage{booktabs}``, what was done in comments above."""
    lines = [*_gates(report), *_words(report)]
    comments = "".join(f"% {latex_text(line)}\n" for line in lines)
    return comments + means_table(report).to_latex()


def print_set(report: SetReport, console: Console) -> None:
    """Print the samples if they are few, the means, and what a reader must know of them.

    Args:
        report: What was scored.
        console: Where to.
    """
    if 1 < len(report.samples.rows) <= _SHOWN:
        console.print(samples_table(report).to_rich())
    if report.labels:
        console.print(means_table(report).to_rich())
    for outcome in report.gates:
        verdict = Text("passed", "green") if outcome.passed else Text("FAILED", "bold red")
        console.print(Text.assemble(f"{_judged(outcome)} ", verdict), soft_wrap=True)
    for line in _words(report):
        console.print(Text(line), soft_wrap=True)
    for (name, method), error in report.failed.items():
        told = Text.assemble(("failed: ", "bold red"), f"{name} ({method}): {error}")
        console.print(told, soft_wrap=True)


def _gates(report: SetReport) -> list[str]:
    verdicts = {True: "passed", False: "FAILED"}
    return [f"Gate {_judged(each)} {verdicts[each.passed]}." for each in report.gates]


def _judged(outcome: Outcome) -> str:
    """A gate, what came of it, and what that is of."""
    value = told_apart(outcome.value, outcome.gate.bound)
    return f"{outcome.gate}: {value} over {outcome.gate.over}"


def _columns(report: SetReport) -> tuple[Column, ...]:
    return tuple(
        Column(name=label, unit=facts.unit, better=facts.better)
        for label, facts in report.outputs.items()
    )


def _words(report: SetReport) -> list[str]:
    """What was scored, by which protocol, and what does not count."""
    samples, protocol = report.samples, report.protocol
    counted = len(samples.rows)
    lines = [f"{_samples(counted)}."]
    if protocol is not None:
        lines.append(
            f"Protocol {protocol.name}: {protocol.title}; {protocol.averaging}; as "
            f"{protocol.source}."
        )
        lines += [f"Note: {note}" for note in protocol.notes]
        lines += [f"Departs from the protocol: {each}." for each in report.departures]
    lines += _treatments(report)
    if samples.left_out:
        lines.append(f"Samples left out for want of a file: {len(samples.left_out)}.")
    for method in samples.methods:
        scores = [report.scores[sample.name, method] for sample in samples.rows]
        excluded = sum(each.left_out is not None for each in scores)
        failed = sum(each.error is not None for each in scores)
        if excluded:
            lines.append(f"{method}: {excluded} of {counted} do not count, by the protocol.")
        if failed:
            lines.append(f"{method}: {failed} of {counted} samples failed, so it has no means.")
    return lines


def _treatments(report: SetReport) -> list[str]:
    """How many samples were not taken as they are, or do not say all of themselves."""
    names: dict[str, set[str]] = {}
    coloured = reads_colours(each.entry or "" for each in report.outputs.values())
    for sample, _method, each in report.rows():
        for clip in each.inputs.values():
            # What a code value means is nothing to planes that are compared as they are stored.
            matters = coloured or "converted" in clip
            assumed = {
                name: value
                for name, value in clip.get("assumed", {}).items()
                if matters or name in HEEDED_BY_PLANES
            }
            for words in in_words({**clip, "assumed": assumed}):
                names.setdefault(words, set()).add(sample.name)
    return [f"Note: {_samples(len(each))}: {words}." for words, each in names.items()]


def _samples(count: int) -> str:
    return f"{count:,} {'sample' if count == 1 else 'samples'}"
