"""All commands. Scores go to standard output or files, everything else to standard error.

Exit codes are those of ``framegauge --help``.
"""

from __future__ import annotations

import click

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
