"""Which inputs of models may be not known in places: what looks at them leaves pixels out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from framegauge.export.contract.interface import Output
from framegauge.runtime.errors import ScoreError
from framegauge.runtime.sources.flow_files import Array


def maskable(outputs: Iterable[Output], roles: Sequence[str]) -> frozenset[str]:
    """Those of the roles that are looked at within a mask alone, by everything that does.

    Args:
        outputs: What the models give.
        roles: What they take.
    """
    whole = {role for each in outputs if not each.masked for role in each.inputs}
    return frozenset(roles) - whole


def known_together(known: Mapping[str, Array], *, where: str = "") -> Array:
    """The pixels that are judged: those where all flows are known.

    Args:
        known: By role, 1 or 0 for each pixel, ``(1, H, W)``; perhaps within a ``mask``. Where there
            is a ``flow_reference``, ``flow`` is what is judged.
        where: Of which frame, for errors.

    Raises:
        ScoreError: There is no such pixel; or the flow that is judged is not known where it would
            be, which would leave out just what a method failed at.
    """
    together: Array = np.minimum.reduce(list(known.values()))
    if not together.any():
        alone = [role for role, each in known.items() if not each.any()]
        names = alone[0] if alone else " and ".join(known)
        raise ScoreError(
            f"There is no pixel to judge{where}: of {names} nothing is known. Leave it out, or "
            "write it again."
        )
    if {"flow", "flow_reference"} <= set(known):
        others = np.minimum.reduce([each for role, each in known.items() if role != "flow"])
        lacking = int(np.sum(others > together))
        if lacking:
            raise ScoreError(
                f"The flow{where} is not known at {lacking} pixels where flow_reference is. A flow "
                "that is judged has a value there, however wrong: write one."
            )
    return together
