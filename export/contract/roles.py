"""Whose data an input of a model is: its role, and what follows from it."""

from __future__ import annotations

from framegauge.export.contract.formats import Dim

FRAME_ROLES = ("reference", "distorted", "previous", "next")


def tensor_dims(role: str) -> tuple[Dim, ...]:
    """Axes of an input that is no frame, by its role; all of them are ``float32``.

    Raises:
        ValueError: No input has that role.
    """
    if role.startswith("flow"):
        return ("N", 2, "H", "W")
    if role.startswith("logits"):
        return ("N", 1)
    if role.startswith("merged"):
        return ("N", 3, "H", "W")
    known: dict[str, tuple[Dim, ...]] = {"mask": ("N", 1, "H", "W"), "time": ("N",)}
    if role not in known:
        raise ValueError(
            f"No input has the role {role!r}. Roles: {', '.join(FRAME_ROLES)}, flow..., logits..., "
            f"merged..., {', '.join(known)}."
        )
    return known[role]


def input_name(role: str, part: str) -> str:
    """Name of a model's input: the role, and the part of the frame if it has several."""
    return f"{role}_{part}" if part else role
