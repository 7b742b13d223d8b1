"""What the metrics of one trace look at, each thing computed once for all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from operator import is_
from typing import Any, ParamSpec, TypeVar

from torch import Tensor

from framegauge.export.contract.roles import FRAME_ROLES
from framegauge.export.maths.colour import luma, rgb2gray

P = ParamSpec("P")
T = TypeVar("T")


class Frame:
    """One picture in the forms that metrics ask for; each form is computed when first asked for.

    Attributes:
        planes: Code values by plane, ``(N, 1, h, w)`` each, in ``[0, 2**depth)``. Empty for RGB.
        depth: Bits of a code value.
    """

    def __init__(
        self,
        rgb: Callable[[], Tensor] | None,
        planes: Mapping[str, Tensor] | None = None,
        depth: int = 8,
    ) -> None:
        """A frame of colours, of planes, or of planes that ``rgb`` turns into colours."""
        self._to_rgb = rgb
        self._rgb: Tensor | None = None
        self.planes = dict(planes or {})
        self.depth = depth

    @property
    def rgb(self) -> Tensor:
        """Colours, ``(N, 3, H, W)``, in ``[0, 1]``."""
        # Not functools.cached_property: its lock is no part of a compiled graph.
        if self._rgb is None:
            if self._to_rgb is None:
                raise ValueError("This frame has planes of luma only, and the metric reads RGB.")
            self._rgb = self._to_rgb()
        return self._rgb

    def plane(self, name: str) -> Tensor:
        """Code values of one plane, ``(N, 1, h, w)``, in ``[0, 2**depth)``."""
        if name not in self.planes:
            has = ", ".join(self.planes) or "no planes, only RGB"
            raise ValueError(
                f"The metric reads the plane {name!r}, and the frame has {has}. Planes are never "
                "made from RGB: export for a planar format such as yuv420p."
            )
        return self.planes[name]


class Features:
    """The frames and tensors of one trace, by role, and everything computed from them so far."""

    def __init__(self, given: Mapping[str, Frame | Tensor]) -> None:
        self._given = dict(given)
        self._known: dict[tuple[Any, ...], list[tuple[tuple[Any, ...], Any]]] = {}

    def frame(self, role: str) -> Frame:
        """The frame in the role given."""
        frame = self._given[role]
        if not isinstance(frame, Frame):
            raise TypeError(f"{role} is a tensor, not a frame.")
        return frame

    def tensor(self, role: str) -> Tensor:
        """The tensor in the role given: a flow, a mask, ..."""
        tensor = self._given[role]
        if not isinstance(tensor, Tensor):
            raise TypeError(f"{role} is a frame, not a tensor.")
        return tensor

    def rgb(self, role: str) -> Tensor:
        """Colours of a frame, ``(N, 3, H, W)``, in ``[0, 1]``."""
        return self.frame(role).rgb

    def luma(self, role: str, matrix: str) -> Tensor:
        """Luma of a frame, ``(N, 1, H, W)``, in ``[0, 1]``: its Y plane, or made from RGB.

        Args:
            role: Whose frame it is.
            matrix: A standard, or ``rgb2gray``, for which a Y plane is no substitute.
        """
        frame = self.frame(role)
        if matrix == "rgb2gray":
            return self.once(rgb2gray, frame.rgb)
        if "y" in frame.planes:
            return self.once(_normalised, frame.planes["y"], peak=2**frame.depth - 1)
        return self.once(luma, frame.rgb, matrix=matrix)

    def renamed(self, roles: Mapping[str, str]) -> Features:
        """The same trace, seen by a metric that calls what is given otherwise.

        Args:
            roles: For each of the metric's names, the role here. A tensor of colours in the place
                of a frame is taken as one.
        """
        given: dict[str, Frame | Tensor] = {}
        for name, role in roles.items():
            each = self._given[role]
            is_colours = name in FRAME_ROLES and isinstance(each, Tensor)
            given[name] = Frame(partial(self.tensor, role)) if is_colours else each
        return self._sharing(given)

    def joined(self, more: Mapping[str, Frame | Tensor]) -> Features:
        """The same trace with more given."""
        return self._sharing({**self._given, **more})

    def _sharing(self, given: Mapping[str, Frame | Tensor]) -> Features:
        other = Features(given)
        other._known = self._known
        return other

    def once(self, function: Callable[P, T], *given: P.args, **options: P.kwargs) -> T:
        """``function(*given, **options)``, computed at most once in this trace.

        Two calls are the same if the function, the objects given and the options are.
        """
        names = sorted(options)
        key = (function, *names, *(options[name] for name in names))
        # By `is`, not by id: a compiled graph would be one for these very tensors alone.
        for others, known in self._known.setdefault(key, []):
            if len(others) == len(given) and all(map(is_, others, given)):
                same: T = known
                return same
        result = function(*given, **options)
        self._known[key].append((given, result))
        return result


def _normalised(plane: Tensor, *, peak: int) -> Tensor:
    return plane / peak
