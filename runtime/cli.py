"""The door of the command line: what happens between the shell and a command.

Exit codes are those of ``framegauge --help``. An interrupt is heeded from the first moment on, so
nothing that takes time is imported before it is.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

FAILED, USAGE, NOT_HERE, INTERRUPTED = 1, 2, 4, 130

TRACEBACK_VARIABLE = "FRAMEGAUGE_TRACEBACK"
"""Set to 1, Python's own account of an internal error is shown."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit with its code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = _run(given)
    except KeyboardInterrupt:
        code = _complain("interrupted; no report was written", INTERRUPTED)
    sys.exit(code)


def _run(arguments: list[str]) -> int:
    """Run a command: its exit code, after what went wrong was said."""
    _occupy_closed_streams()
    import click

    from framegauge.runtime.commands.program import commands
    from framegauge.runtime.errors import BackendError, ScoreError, UsageError

    try:
        code = commands.main(args=arguments, prog_name="framegauge", standalone_mode=False)
        if sys.stdout is not None:
            sys.stdout.flush()
        return code or 0
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return error.exit_code
    except click.ClickException as error:
        context = error.ctx if isinstance(error, click.UsageError) else None
        usage = f"{context.get_usage()}\n" if context else ""
        return _complain(error.format_message(), error.exit_code, before=usage)
    except click.Abort as error:
        raise KeyboardInterrupt from error
    except UsageError as error:
        return _complain(str(error), USAGE)
    except BackendError as error:
        return _complain(str(error), NOT_HERE)
    except ScoreError as error:
        return _complain(str(error), FAILED)
    except BrokenPipeError:
        # Whoever read our output has gone; Python would complain again when it exits.
        _forget_output()
        return FAILED
    except OSError as error:
        _forget_output()
        return _complain(_words(error), FAILED)
    except MemoryError:
        return _complain(f"the memory does not suffice for {_command(arguments)}.", FAILED)
    except Exception as error:
        return _internal(error, arguments)


def _internal(error: Exception, arguments: list[str]) -> int:
    """Say that something is wrong with the program itself."""
    kept = str(error).strip().splitlines()[:1]
    if os.environ.get(TRACEBACK_VARIABLE) == "1":
        import traceback

        sys.stderr.write("".join(traceback.format_exception(error)))
    return _complain(
        f"internal error in {_command(arguments)} ({': '.join([type(error).__name__, *kept])}). "
        f"Please report it, with what {TRACEBACK_VARIABLE}=1 shows.",
        FAILED,
    )


def _command(arguments: list[str]) -> str:
    import shlex

    return f"`framegauge {shlex.join(arguments)}`"


def _words(error: OSError) -> str:
    if error.filename is None:
        return str(error.strerror or error)
    return f"{error.filename} cannot be read or written: {error.strerror}."


def _complain(words: str, code: int, *, before: str = "") -> int:
    if sys.stderr is None:
        return code
    from framegauge.runtime.printable import printable

    is_terminal = sys.stderr.isatty() and "NO_COLOR" not in os.environ
    title = "\x1b[1;31merror:\x1b[0m" if is_terminal else "error:"
    sys.stderr.write(f"{printable(before)}{title} {printable(words)}\n")
    return code


def _occupy_closed_streams() -> None:
    """Let no file that is opened later be taken for a standard stream that the shell closed."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # The lowest number that is free, which is this one.
            os.open(os.devnull, os.O_RDWR)
    if sys.stdin is None:
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115 it lasts as long as we do


def _forget_output() -> None:
    """Leave nothing to be written when Python exits, where writing has failed."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
