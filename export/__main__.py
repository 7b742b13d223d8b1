"""What is generated from the catalogue, made anew: ``python -m framegauge.export --help``."""

from __future__ import annotations

from pathlib import Path

import click

from framegauge.export.lowering.costs import FILE, costs
from framegauge.export.lowering.shipped import write

# In a checkout and where it is installed, the runtime lies beside the graphs.
_MODELS = Path(__file__).parents[1] / "runtime" / "models"


@click.group()
def main() -> None:
    """Make what is generated from the catalogue of entries."""


@main.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=_MODELS)
def shipped(folder: Path) -> None:
    """Make the models that ship with the runtime, and its index, in FOLDER.

    Eight minutes on two cores. The same bytes come of the same graphs and versions.
    """
    write(folder, lambda line: click.echo(line, err=True))


@main.command("costs")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=_MODELS)
def costs_command(folder: Path) -> None:
    """Measure what the entries cost, for the models that ship with the runtime, in FOLDER.

    A minute on a quiet core, and more for networks whose weights are at hand: they are exported.
    """
    text = costs(folder, lambda line: click.echo(line, err=True))
    (folder / FILE).write_text(text)


if __name__ == "__main__":
    main()
