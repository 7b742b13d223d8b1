"""The command line. Scores go to standard output or files, everything else to standard error.

Exit codes are those of ``framegauge --help``.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import click
from rich.console import Console
from rich.text import Text

from framegauge.runtime.commands.build_engines import engines_commands
from framegauge.runtime.commands.export_model import export_command
from framegauge.runtime.commands.judge_reports import gate_command, report_command
from framegauge.runtime.commands.score_sets import score_set_command
from framegauge.runtime.commands.score_videos import score_command
from framegauge.runtime.commands.show_models import (
    doctor_command,
    list_command,
    show_command,
    verify_command,
)
from framegauge.runtime.errors import BackendError, ScoreError, UsageError

FAILED, USAGE, NOT_HERE, INTERRUPTED = 1, 2, 4, 130


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit with its code."""
    try:
        code = commands.main(args=arguments, prog_name="framegauge", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        code = _complain("interrupted; no report was written", INTERRUPTED)
    except UsageError as error:
        code = _complain(str(error), USAGE)
    except BackendError as error:
        code = _complain(str(error), NOT_HERE)
    except ScoreError as error:
        code = _complain(str(error), FAILED)
    except BrokenPipeError:
        # Whoever read our output has gone; Python would complain again when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = FAILED
    except OSError as error:
        code = _complain(str(error), FAILED)
    sys.exit(code or 0)


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done, and every gate passed; 1 the run failed; 2 the request is wrong; "
    "3 done, and not as was asked (a gate, a --check); 4 the backend or model asked for is not "
    "available here; 130 interrupted.",
)
@click.version_option(package_name="framegauge")
def commands() -> None:
    """Score video frames against their references, with metrics as deployable graphs."""


for command in (list_command, show_command, verify_command, doctor_command, export_command):
    commands.add_command(command)
for command in (score_command, gate_command, report_command, score_set_command):
    commands.add_command(command)
commands.add_command(engines_commands)


def _complain(words: str, code: int) -> int:
    Console(stderr=True).print(Text.assemble(("error: ", "bold red"), words), soft_wrap=True)
    return code
