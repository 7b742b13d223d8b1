"""Whose data an input of a model is: its role, and what follows from it."""

from __future__ import annotations

from framegauge.export.contract.formats import Dim

PAIR = ("reference", "distorted")
"""The two frames of every comparison."""

INTERPOLATED = ("previous", "next")
"""The frames that an interpolated one was made from: inputs, nobody's result."""

SPAN = 2
"""How many frames away a neighbour may be."""

NEIGHBOURS: dict[str, tuple[str, int]] = {
    f"{owner}_{way}" + (f"_{step}" if step > 1 else ""): (owner, sign * step)
    for owner in PAIR
    for step in range(1, SPAN + 1)
    for way, sign in (("previous", -1), ("next", 1))
}
"""Neighbours in a video's own sequence: whose they are, and how many frames away."""

FRAME_ROLES = (*PAIR, *INTERPOLATED, *NEIGHBOURS)

SEQUENCE_FLOWS: dict[str, tuple[str, str]] = {
    f"flow_{way}_{owner}_{neighbour}": (
        (owner, f"{owner}_{neighbour}") if way == "to" else (f"{owner}_{neighbour}", owner)
    )
    for owner in PAIR
    for neighbour in ("previous", "next")
    for way in ("to", "from")
}
"""Flows between a frame and its neighbour: where each begins and ends."""

# float32 all of them, by the word that their roles begin with; ``H`` and ``W`` are the frame's.
_TENSORS: dict[str, tuple[Dim, ...]] = {
    "flow": ("N", 2, "H", "W"),
    "logits": ("N", 1),
    "merged": ("N", 3, "H", "W"),
}
_SINGLE: dict[str, tuple[Dim, ...]] = {
    "mask": ("N", 1, "H", "W"),
    "time": ("N",),
    "frame_rate": ("N",),
}

FACTS: dict[str, tuple[Dim, ...]] = {"colour": ("N", 3, 4), "siting": ("N", 2)}
"""Parts of a frame that are no samples, but what its samples mean, ``float32``.

``colour`` is the affine map from code values (Y, Cb, Cr) to RGB in [0, 1]. ``siting`` is where the
first chroma sample lies below and right of the first luma sample, in luma samples, in [0, 1].
"""

SITINGS: dict[str, tuple[float, float]] = {
    "left": (0.5, 0.0),
    "centre": (0.5, 0.5),
    "topleft": (0.0, 0.0),
    "top": (0.0, 0.5),
    "bottomleft": (1.0, 0.0),
    "bottom": (1.0, 0.5),
}
"""Where chroma of 4:2:0 lies, by the names of ITU-T H.273, figure 10: rows down, columns across."""


def siting_of(name: str, *, down: int, across: int) -> tuple[float, float]:
    """Place of the first chroma sample, in luma samples, where chroma is subsampled so.

    Args:
        name: One of :data:`SITINGS`.
        down: Rows of luma for one of chroma; 1 has no room to be sited in.
        across: The same for columns.
    """
    row, column = SITINGS[name]
    return (row if down > 1 else 0.0, column if across > 1 else 0.0)


def owner(role: str) -> str:
    """The video that a frame is of; what interpolated frames are made from is the reference's."""
    if role in NEIGHBOURS:
        return NEIGHBOURS[role][0]
    return "distorted" if role == "distorted" else "reference"


def frames_away(role: str) -> int:
    """How many frames after the one that is judged a neighbour is, below 0 before; else 0."""
    if role in INTERPOLATED:
        return -1 if role == "previous" else 1
    return NEIGHBOURS[role][1] if role in NEIGHBOURS else 0


def tensor_dims(role: str) -> tuple[Dim, ...]:
    """Axes of an input that is no frame, by its role; all of them are ``float32``.

    Raises:
        ValueError: No input has that role.
    """
    if role in _SINGLE:
        return _SINGLE[role]
    for word, dims in _TENSORS.items():
        if role.startswith(word):
            return dims
    raise ValueError(
        f"No input has the role {role!r}. Roles: {', '.join(FRAME_ROLES)}, "
        f"{', '.join(f'{word}...' for word in _TENSORS)}, {', '.join(_SINGLE)}."
    )


def input_name(role: str, part: str) -> str:
    """Name of a model's input: the role, and the part of the frame if it has several."""
    return f"{role}_{part}" if part else role
