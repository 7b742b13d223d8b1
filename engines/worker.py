"""A process that builds engines, one after another, as it is told on standard input.

The builder is native code, and a crash in it must not take a fleet's build with it. Each line of
input is an order as JSON with the file to write; each line of output is ``progress``, ``done`` or
``failed``. Whatever the builder itself prints goes to standard error.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from framegauge.engines.compiler import BuildError, Order, compile_engine

_SECONDS_BETWEEN = 0.2


def main() -> None:
    """Build until the input ends."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(2, 1)
        for line in sys.stdin:
            asked = json.loads(line)
            _answer(
                Order(**asked["order"]),
                Path(asked["output"]),
                _teller(answers.write, answers.flush),
            )


def _answer(order: Order, output: Path, tell: Callable[..., None]) -> None:
    last = 0.0

    def progress(phase: str, share: float) -> None:
        nonlocal last
        if time.monotonic() - last > _SECONDS_BETWEEN:
            last = time.monotonic()
            tell(kind="progress", phase=phase, share=share)

    try:
        output.write_bytes(compile_engine(order, progress))
    except (BuildError, ValueError, OSError, MemoryError) as error:
        tell(kind="failed", words=str(error) or type(error).__name__)
    else:
        tell(kind="done")


def _teller(write: Callable[[str], Any], flush: Callable[[], Any]) -> Callable[..., None]:
    def tell(**facts: Any) -> None:
        write(json.dumps(facts) + "\n")
        flush()

    return tell


if __name__ == "__main__":
    main()
