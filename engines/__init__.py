"""Models in, engines out: built, kept, found, proven.

What is named here is loaded when it is asked for, so that reading a store needs no builder.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from framegauge.engines.building.build import build as build
    from framegauge.engines.finding.resolve import resolve as resolve
    from framegauge.engines.identity.profile import Profile as Profile
    from framegauge.engines.identity.target import Target as Target
    from framegauge.engines.proving.verify import verify as verify
    from framegauge.engines.store.store import Store as Store

_HOMES = {
    "Profile": "identity.profile",
    "Store": "store.store",
    "Target": "identity.target",
    "build": "building.build",
    "resolve": "finding.resolve",
    "verify": "proving.verify",
}

__all__ = ["Profile", "Store", "Target", "build", "resolve", "verify"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
