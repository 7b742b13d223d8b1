"""A process that builds engines, one after another, as it is told on standard input.

The builder is native code, and a crash in it must not take a fleet's build with it. Each line of
input is an order as JSON; each line of output is ``progress``, ``failed`` or ``done``, the last
with the engine's bytes behind it: no file is left where a build is killed. Whatever the builder
itself prints goes to standard error.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import IO, Any

from framegauge.engines.building.tensorrt.compiler import BuildError, BuildOrder, compile_engine

_SECONDS_BETWEEN = 0.2


def main() -> None:
    """Build until the input ends."""
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)
        for line in sys.stdin.buffer:
            _answer(BuildOrder(**json.loads(line)), answers)


def _answer(order: BuildOrder, answers: IO[bytes]) -> None:
    last = 0.0

    def tell(**facts: Any) -> None:
        answers.write(json.dumps(facts).encode() + b"\n")
        answers.flush()

    def progress(phase: str, share: float) -> None:
        nonlocal last
        if time.monotonic() - last > _SECONDS_BETWEEN:
            last = time.monotonic()
            tell(kind="progress", phase=phase, share=share)

    try:
        engine = compile_engine(order, progress)
    except (BuildError, ValueError, OSError, MemoryError) as error:
        tell(kind="failed", words=str(error) or type(error).__name__)
    else:
        tell(kind="done", size=len(engine))
        answers.write(engine)
        answers.flush()


if __name__ == "__main__":
    main()
