"""What happens between the shell and a command: streams that are closed, interrupts, faults."""

import ast
import subprocess
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from framegauge.runtime.printable import printable

COMMANDS = Path(__file__).parents[3] / "runtime" / "commands"
PROGRAM = Path(sysconfig.get_path("scripts")) / "framegauge"

# Runs the command line with a fault in it.
BROKEN = """
import sys
from framegauge.runtime.cli import main
from framegauge.runtime.commands import judge_reports
def broken(path):
    raise {}
judge_reports.Report.read = broken
main(["gate", "a b.json", "--gate", "psnr>1"])
"""

# Is interrupted in the middle of importing what commands need.
INTERRUPTED = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "framegauge.runtime.commands.score_videos":
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Finder())
from framegauge.runtime.cli import main
main(["list"])
"""

LOADED = """
import sys
import framegauge.runtime.cli
print(sorted(name for name in sys.modules if name in ("numpy", "av", "click", "rich")))
"""


def shell(line: str, *words: object) -> subprocess.CompletedProcess[str]:
    """Runs a line of the shell, in which ``$0`` is the command."""
    return subprocess.run(
        ["sh", "-c", line, PROGRAM, *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def test_a_closed_standard_input_is_an_empty_video(distorted: str) -> None:
    done = shell('"$0" score - "$1" <&-', distorted)

    assert done.returncode == 1
    assert done.stderr.startswith("error: Standard input is empty")


def test_a_report_for_a_closed_standard_output_is_refused(reference: str, distorted: str) -> None:
    done = shell('"$0" score "$1" "$2" --metrics psnr_y --json - >&-', reference, distorted)

    assert done.returncode == 2
    assert "error: Standard output is closed" in done.stderr


def test_a_verdict_needs_no_standard_output(tmp_path: Path) -> None:
    report = tmp_path / "r.json"
    report.write_text('{"frames": [{"frameNum": 0, "metrics": {"vmaf": 80}}]}')

    done = shell('"$0" gate "$1" --gate "vmaf>90" >&-', report)

    assert (done.returncode, done.stderr) == (3, "")


def test_a_closed_standard_error_hides_words_and_no_code() -> None:
    assert shell('"$0" show missing.onnx 2>&-').returncode == 1


def test_a_full_device_is_said_once() -> None:
    done = shell('"$0" list >/dev/full')

    assert done.returncode == 1
    assert done.stderr == "error: No space left on device\n"


def test_an_interrupt_is_heeded_while_commands_are_loaded(python: Callable[..., Any]) -> None:
    done = python(INTERRUPTED)

    assert done.returncode == 130
    assert done.stderr == "error: interrupted; no report was written\n"


def test_nothing_that_takes_time_is_loaded_before_the_door(python: Callable[..., Any]) -> None:
    assert python(LOADED).stdout == "[]\n"


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("KeyError('x')", "internal error in `framegauge gate 'a b.json' --gate 'psnr>1'` (KeyEr"),
        ("RecursionError('deep\\nand deeper')", "(RecursionError: deep). Please report it"),
        ("MemoryError", "the memory does not suffice for `framegauge gate 'a b.json'"),
        ("OSError(5, 'Input/output error', 'x.json')", "x.json cannot be read or written: Input"),
    ],
)
def test_a_fault_is_one_line_and_says_what_was_run(
    python: Callable[..., Any], fault: str, said: str
) -> None:
    done = python(BROKEN.format(fault))

    assert done.returncode == 1
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_pythons_own_account_is_shown_where_it_is_asked_for(python: Callable[..., Any]) -> None:
    done = python(BROKEN.format("KeyError('x')"), FRAMEGAUGE_TRACEBACK="1")

    assert done.returncode == 1
    assert "Traceback (most recent call last)" in done.stderr
    assert "error: internal error in" in done.stderr


def test_a_missing_file_is_said_in_words(command: Callable[..., Any], tmp_path: Path) -> None:
    done = command("engines", "build", tmp_path / "m.onnx", "--target", "rtx", "--store", tmp_path)

    assert done.code == 1
    assert f"{tmp_path}/m.onnx cannot be read or written: No such file" in done.err


ODD = "a\x1b[31m\x07\x9b\u202e.onnx"


@pytest.mark.parametrize(
    "words",
    [
        ["show", ODD],
        ["gate", ODD, "--gate", "a>1"],
        ["score", ODD, ODD],
        ["score-set", ODD],
        ["engines", "build", ODD, "--target", "rtx"],
        ["engines", "regenerate", ODD],
        [ODD],
        ["list", ODD],
    ],
    ids=lambda words: words[0] if words[0].isascii() else "odd",
)
def test_names_that_a_terminal_would_obey_are_shown_escaped(
    command: Callable[..., Any], words: list[str]
) -> None:
    done = command(*words)

    assert done.code in (1, 2)
    assert not {"\x1b", "\x07", "\x9b", "\u202e"}.intersection(done.out + done.err)


def test_texts_of_a_report_are_shown_escaped(command: Callable[..., Any], tmp_path: Path) -> None:
    report = tmp_path / "r.json"
    report.write_text(
        '{"frames": [{"frameNum": 0, "metrics": {"\\u001b]0;[red]title\\u0007": 80}}]}'
    )

    done = command("report", report, "--html", tmp_path / "r.html")

    assert done.code == 0
    assert r"\x1b]0;[red]title" in done.out
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert not {"\x1b", "\x07"}.intersection(page)


def test_what_people_write_is_left_alone() -> None:
    text = "naïve 日本語 \u3000\u00a0🙂 a\tb\nc"

    assert printable(text) == text


def test_all_that_is_shown_goes_one_way() -> None:
    found = [
        f"{path.name}:{node.lineno}"
        for path in sorted(COMMANDS.glob("*.py"))
        if path.name != "terminal.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and (
            (isinstance(node.func, ast.Name) and node.func.id in ("Console", "print"))
            or (isinstance(node.func, ast.Attribute) and node.func.attr in ("echo", "secho"))
        )
    ]

    assert found == []
