"""Models in, engines out: built, kept, found, proven.

What is named here is loaded when it is asked for, so that reading a store needs no builder.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from framegauge.engines.building.adopt import adopt as adopt
    from framegauge.engines.building.build import build as build
    from framegauge.engines.building.tensorrt.compiler import BuildError as BuildError
    from framegauge.engines.finding.candidates import Candidate as Candidate
    from framegauge.engines.finding.candidates import Resolution as Resolution
    from framegauge.engines.finding.candidates import Validity as Validity
    from framegauge.engines.finding.resolve import resolve as resolve
    from framegauge.engines.identity.machine import FLAVOURS as FLAVOURS
    from framegauge.engines.identity.machine import Flavour as Flavour
    from framegauge.engines.identity.machine import Gpu as Gpu
    from framegauge.engines.identity.machine import TargetError as TargetError
    from framegauge.engines.identity.machine import flavours as flavours
    from framegauge.engines.identity.machine import gpu as gpu
    from framegauge.engines.identity.profile import PRESETS as PRESETS
    from framegauge.engines.identity.profile import Profile as Profile
    from framegauge.engines.identity.profile import Size as Size
    from framegauge.engines.identity.target import Target as Target
    from framegauge.engines.identity.target import parse_targets as parse_targets
    from framegauge.engines.proving.verify import verify as verify
    from framegauge.engines.store.store import Store as Store
    from framegauge.engines.store.stored_engine import StoredEngine as StoredEngine
    from framegauge.engines.store.trusted_files import StoreError as StoreError

_HOMES = {
    "BuildError": "building.tensorrt.compiler",
    "Candidate": "finding.candidates",
    "FLAVOURS": "identity.machine",
    "Flavour": "identity.machine",
    "Gpu": "identity.machine",
    "PRESETS": "identity.profile",
    "Profile": "identity.profile",
    "Resolution": "finding.candidates",
    "Size": "identity.profile",
    "Store": "store.store",
    "StoreError": "store.trusted_files",
    "StoredEngine": "store.stored_engine",
    "Target": "identity.target",
    "TargetError": "identity.machine",
    "Validity": "finding.candidates",
    "adopt": "building.adopt",
    "build": "building.build",
    "flavours": "identity.machine",
    "gpu": "identity.machine",
    "parse_targets": "identity.target",
    "resolve": "finding.resolve",
    "verify": "proving.verify",
}

__all__ = [
    "FLAVOURS",
    "PRESETS",
    "BuildError",
    "Candidate",
    "Flavour",
    "Gpu",
    "Profile",
    "Resolution",
    "Size",
    "Store",
    "StoreError",
    "StoredEngine",
    "Target",
    "TargetError",
    "Validity",
    "adopt",
    "build",
    "flavours",
    "gpu",
    "parse_targets",
    "resolve",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
