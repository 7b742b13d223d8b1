"""What was assumed of a clip, or done to it, before it was scored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import av

from framegauge.runtime.sources.conversion import Rendition
from framegauge.runtime.sources.facts import Facts

Treatment = Mapping[str, Any]
"""As the report of a set has it; empty if a clip was taken as it is and says all of itself."""

_REMARKS = ("from_container", "container_differs", "cropped", "film_grain", "mismatch_ignored")


def treated(rendition: Rendition, facts: Facts) -> dict[str, Any]:
    """What of a clip is not as the model takes it.

    Args:
        rendition: What it became.
        facts: What it was.
    """
    told = rendition.to_json(facts)
    found: dict[str, Any] = {}
    if facts.assumed:
        found["assumed"] = {name: told[name] for name in facts.assumed}
    for name in _REMARKS:
        if told[name]:
            found[name] = told[name]
    if told["converted"]:
        into = {name: value for name, value in told["converted"].items() if value is not None}
        found["converted"] = {"from": facts.pixel_format, **into}
    if told["scaled"]:
        found["scaled"] = told["scaled"]
    if any(part.is_alpha for part in av.VideoFormat(facts.pixel_format).components):
        found["alpha"] = "dropped"
    return found


def in_words(clip: Treatment) -> Iterator[str]:
    """The same for people, in words that many clips share."""
    for name, value in clip.get("assumed", {}).items():
        yield f"{name} assumed to be {value}"
    for name in clip.get("from_container", ()):
        yield f"{name} from the container"
    for name, value in clip.get("container_differs", {}).items():
        yield f"{name} of the stream taken, not the container's {value}"
    if "cropped" in clip:
        yield "cropped as the container says"
    if "film_grain" in clip:
        yield f"film grain {clip['film_grain']}"
    for name in clip.get("mismatch_ignored", ()):
        yield f"{name} differs and is ignored"
    if "converted" in clip:
        first, *into = clip["converted"].values()
        yield f"{first} converted to {', '.join(into)}"
    if "scaled" in clip:
        yield f"scaled by {clip['scaled']['scaler']}"
    if "alpha" in clip:
        yield "alpha dropped"
    if "unknown_pixels" in clip:
        yield "pixels left out where a flow is not known"
