"""What can go wrong between frames and a report, by who has to act.

UsageError(ValueError)      the request makes no sense: ask otherwise     exit code 2
ScoreError(RuntimeError)    the frames or files do not allow a score      exit code 1
BackendError(RuntimeError)  what was asked for is not available here      exit code 4
"""

from __future__ import annotations


class UsageError(ValueError):
    """The request itself is wrong: an unknown name, a flag that does not fit, a bad expression."""


class ScoreError(RuntimeError):
    """The run failed: a file, a stream, a mismatch of the two videos, a model that lies."""


class BackendError(RuntimeError):
    """The backend, engine or package asked for is not available on this machine."""


def first_line(error: Exception) -> str:
    """The first line of an error's words, or else its type."""
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
