"""One frame to judge, with everything that models take beside it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from framegauge.runtime.sources.planes import Planes

Pair = tuple[int, Planes, Planes]
"""Index of a frame in the reference, its planes, and those of the distorted frame."""


class Case(NamedTuple):
    """One frame to judge, and everything that models take beside the pair.

    Attributes:
        number: Index of the frame in the reference.
        reference: Its planes.
        distorted: Those of the distorted frame.
        further: By role, planes of further frames, and tensors without a batch axis.
        zeroed: Outputs that are 0 here by their own rule, since neighbours that they look at would
            lie beyond the clip's ends.
    """

    number: int
    reference: Planes
    distorted: Planes
    further: Mapping[str, Planes | NDArray[np.float32]] = MappingProxyType({})
    zeroed: frozenset[str] = frozenset()
