"""Where tables for people go."""

from __future__ import annotations

from rich.console import Console

_PIPE_COLUMNS = 200


def wide_console(*, stderr: bool = False) -> Console:
    """Standard output or error, in a pipe as wide as tables need."""
    console = Console(stderr=stderr)
    return console if console.is_terminal else Console(stderr=stderr, width=_PIPE_COLUMNS)
