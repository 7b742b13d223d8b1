"""Test frames of any size from an integer formula, for a model's self-test.

Every implementation must give these samples bit for bit, in unsigned 32-bit arithmetic that wraps::

    hash = 73856093*x ^ 19349663*y ^ 83492791*c ^ 2654435761*n ^ 40503*d
    hash = (hash ^ hash >> 16) * 73244475
    hash = hash ^ hash >> 16

``x``, ``y`` count the samples of a plane, ``c`` is the channel (0, 1, 2 = R, G, B or Y, U, V),
``n`` the frame in the batch, and ``d`` 0. The frame is a board of 16x16 squares of four kinds,
``(y/16 + x/16 + n) % 4``, in 8-bit values (``noise`` is ``hash``; ``error`` is ``hash`` at d = 1)::

    0  detail                (3*x + 5*y + 64*c) % 128 + noise % 128
    1  flat                  96 + 16*c
    2  dark                  noise % 8
    3  bright, low contrast  240 + noise % 8

The distorted frame adds, then clamps to [0, 255]: 0: error % 16 - 7;  1: 2;  2: error % 4 - 1;
3: -(error % 4). Chroma is drawn towards grey, 96 + value / 4. A sample of more than 8 bits is the
value shifted up, with the low bits of ``noise >> 20`` in the squares of detail; a float sample is
value / 255. Neighbours are their owner's pattern, moved to (x + 3 k, y + k), where ``k`` is 1
for the frame before, 2 for the one after, 3 and 4 for those two frames away; ``previous`` and
``next`` are the reference's.

Inputs that are no frames are floats from ``hash`` at ``d`` = the sum of the role's character
codes, with ``c`` the axis of a flow: flows ``(hash % 257 - 128) / 16``, masks ``hash % 4 > 0``,
times ``(1 + hash % 7) / 8``, logits ``(hash % 65 - 32) / 8``, frame rates ``24 + hash % 37``.
Merged frames are filled as masks, a channel each. NumPy is loaded when frames are made, not before:
hosts that only read a manifest do without it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from framegauge.export.contract.formats import Dim, Format
from framegauge.export.contract.interface import Input
from framegauge.export.contract.roles import FACTS, FRAME_ROLES, frames_away, input_name, owner

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]

VERSION = 2

# For the manifest; the module's own words say the same at length.
FORMULA = (
    "u32: h=73856093*x^19349663*y^83492791*c^2654435761*n^40503*d; h=(h^h>>16)*73244475; h^=h>>16;"
    " noise=h(d=0), error=h(d=1); square=(y/16+x/16+n)%4; value="
    "[(3*x+5*y+64*c)%128+noise%128, 96+16*c, noise%8, 240+noise%8][square];"
    " distorted: value+=[error%16-7, 2, error%4-1, -(error%4)][square]; clamp 0..255;"
    " chroma (c>0 of yuv): 96+value/4; depth b: (value<<(b-8))+(square==0 ?"
    " (noise>>20)&((1<<(b-8))-1) : 0); float: value/255;"
    " neighbours: their owner's at x+3*k,y+k, k=1 previous, 2 next, 3 previous_2, 4 next_2;"
    " d=sum of the role's codes: flow (h%257-128)/16, mask h%4>0, time (1+h%7)/8,"
    " logits (h%65-32)/8, frame_rate 24+h%37"
)

_WRAP = 0xFFFFFFFF
# By how many frames away a neighbour is, by how many steps of (1, 3) its pattern is moved.
_STEPS = {-1: 1, 1: 2, -2: 3, 2: 4}


def hashed(n: int | Integers, y: Integers, x: Integers, c: Integers, d: int) -> Integers:
    """The hash of a position, in ``[0, 2**32)``."""
    mixed = (73856093 * x) ^ (19349663 * y) ^ (83492791 * c) ^ (2654435761 * n) ^ (40503 * d)
    mixed &= _WRAP
    mixed = ((mixed ^ (mixed >> 16)) * 73244475) & _WRAP
    return mixed ^ (mixed >> 16)


def moved(role: str) -> tuple[int, int]:
    """How far up and to the left a neighbour's pattern is moved, in samples."""
    k = _STEPS[away] if (away := frames_away(role)) else 0
    return k, 3 * k


class Picture(Protocol):
    """A picture by a formula: code values at the positions given, as :func:`samples` has them."""

    def __call__(
        self, role: str, n: int, y: Integers, x: Integers, c: Integers, *, depth: int, chroma: bool
    ) -> Integers:
        """Code values, in ``[0, 2**depth)``."""


def samples(
    role: str, n: int, y: Integers, x: Integers, c: Integers, *, depth: int, chroma: bool
) -> Integers:
    """Code values of the test frame at the positions given, in ``[0, 2**depth)``.

    Args:
        role: One of the roles of frames.
        n: Which frame of the batch.
        y: Rows.
        x: Columns, broadcast against the rows.
        c: Channels, broadcast against both.
        depth: Bits of a sample, 8 to 16.
        chroma: The channels above 0 are chroma, to be drawn towards grey.
    """
    import numpy as np

    down, across = moved(role)
    y, x = y + down, x + across
    noise, error = hashed(n, y, x, c, 0), hashed(n, y, x, c, 1)
    square = (y // 16 + x // 16 + n) % 4
    value = np.choose(
        square,
        [(3 * x + 5 * y + 64 * c) % 128 + noise % 128, 96 + 16 * c, noise % 8, 240 + noise % 8],
    )
    if owner(role) == "distorted":
        value = value + np.choose(square, [error % 16 - 7, 2, error % 4 - 1, -(error % 4)])
    value = np.clip(value, 0, 255)
    if chroma:
        value = np.where(c > 0, 96 + value // 4, value)
    low_bits = (noise >> 20) & ((1 << (depth - 8)) - 1)
    code: Integers = (value << (depth - 8)) + np.where(square == 0, low_bits, 0)
    return code


def batch(
    form: Format, role: str, size: tuple[int, int], count: int, picture: Picture = samples
) -> dict[str, NDArray[Any]]:
    """Test frames in a model's input format, by the name of the input.

    Args:
        form: Pixel format of the model.
        role: Whose frames they are.
        size: Height and width in pixels.
        count: Frames in the batch.
        picture: What is on them.
    """
    import numpy as np

    feed = {}
    for index, plane in enumerate(form.planes):
        shape = form.shape(plane, *size)
        feed[input_name(role, plane.part)] = np.stack(
            [_plane(form, role, n, index, shape, picture) for n in range(count)]
        )
    return feed


def feed(
    form: Format,
    inputs: Iterable[Input],
    size: tuple[int, int],
    count: int,
    facts: Mapping[str, Sequence[Any] | None],
    picture: Picture = samples,
) -> dict[str, NDArray[Any]]:
    """Everything that a model takes, by the name of the input.

    Args:
        form: Pixel format of the model.
        inputs: What it takes.
        size: Height and width in pixels.
        count: Samples in the batch.
        facts: What the inputs hold that say what samples mean, by their part: ``colour`` and
            ``siting``, one for each sample of a self-test's batch; of a longer batch they repeat.
        picture: What is on the frames.
    """
    import numpy as np

    filled: dict[str, NDArray[Any]] = {}
    for each in inputs:
        if each.part in FACTS:
            held = np.array(facts[each.part], np.float32)
            filled[each.name] = held[np.arange(count) % len(held)]
        elif each.role not in FRAME_ROLES:
            filled[each.name] = tensor(each.role, each.dims, size, count)
        elif each.name not in filled:
            filled |= batch(form, each.role, size, count, picture)
    return {each.name: filled[each.name] for each in inputs}


def tensor(role: str, dims: tuple[Dim, ...], size: tuple[int, int], count: int) -> NDArray[Any]:
    """Test values of an input that is no frame, ``float32``.

    Args:
        role: A flow, mask, time, frame rate or logits.
        dims: Its axes, from ``N`` on.
        size: Height and width in pixels.
        count: Samples in the batch.
    """
    import numpy as np

    lengths = {"N": count, "H": size[0], "W": size[1]}
    shape = tuple(lengths[dim] if isinstance(dim, str) else dim for dim in dims)
    n, c, y, x = np.indices((*shape, *(1,) * (4 - len(shape))), sparse=True)
    h = hashed(n, y, x, c, sum(map(ord, role))).reshape(shape)
    if role.startswith("flow"):
        return ((h % 257 - 128) / 16).astype(np.float32)
    if role.startswith("logits"):
        return ((h % 65 - 32) / 8).astype(np.float32)
    if role == "time":
        return ((1 + h % 7) / 8).astype(np.float32)
    if role == "frame_rate":
        return (24 + h % 37).astype(np.float32)
    return (h % 4 > 0).astype(np.float32)


def _plane(
    form: Format, role: str, n: int, index: int, shape: tuple[int, ...], picture: Picture
) -> NDArray[np.uint8] | NDArray[np.float32]:
    import numpy as np

    grids: list[Integers] = list(np.indices(shape, sparse=True))
    if form.dtype == "float32":
        c, y, x = grids
        return (picture(role, n, y, x, c, depth=8, chroma=False) / 255).astype(np.float32)
    y, x = grids[0], grids[1]
    if form.depth > 8:
        grids = grids[:-1]
    c = grids[2] + index if len(grids) == 3 else np.full_like(y, index)
    if form.depth > 8:
        y, x, c = (grid[..., 0] for grid in (y, x, c)) if c.ndim > 2 else (y, x, c)
    value = picture(role, n, y, x, c, depth=form.depth, chroma=form.kind == "yuv")
    if form.depth == 8:
        return value.astype(np.uint8)
    words = (value << form.shift).astype("<u2")
    return words.view(np.uint8).reshape(shape)
