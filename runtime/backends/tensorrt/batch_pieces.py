"""Batches cut into pieces that an engine's profiles hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from framegauge.export.contract.manifest import Manifest
from framegauge.runtime.backends.gpu.gpu_array import GpuArray
from framegauge.runtime.backends.session import Feed, size_of
from framegauge.runtime.errors import UsageError

if TYPE_CHECKING:
    from framegauge.engines import Profile


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Part of a batch.

    Attributes:
        profile: Index of the profile that holds it.
        feed: The inputs, cut.
        begin: Where it begins in the batch.
        end: Where it ends.
        known: How many of its first samples the piece before has too.
    """

    profile: int
    feed: Feed
    begin: int
    end: int
    known: int


def tightest(profiles: Mapping[int, Profile], batch: int, height: int, width: int) -> int | None:
    """The tightest profile that holds frames of a size, in pieces if need be; ``None`` if none."""
    fitting = {
        index: profile.looseness(batch, height, width)
        for index, profile in profiles.items()
        if profile.holds(min(batch, profile.most.batch), height, width)
    }
    return min(fitting, key=lambda index: fitting[index]) if fitting else None


def pieces_of(manifest: Manifest, profiles: Mapping[int, Profile], feed: Feed) -> list[Piece]:
    """The batch in pieces, in order.

    Args:
        manifest: What the model takes.
        profiles: The engine's, by index.
        feed: Every input by name, with a batch axis where the model has one.

    Raises:
        UsageError: No profile holds the frames, or an input is of another type than the model's.
    """
    for each in manifest.inputs:
        if feed[each.name].dtype != each.dtype:
            raise UsageError(
                f"{each.name} is {each.dtype}, got {feed[each.name].dtype}. Convert it first."
            )
    count, height, width = size_of(manifest, feed)
    index = tightest(profiles, count, height, width)
    if index is None:
        raise UsageError(
            f"The engine takes {', '.join(map(str, profiles.values()))}, and the frames are "
            f"{count} of {width}x{height}. Build one with a --profile that holds them."
        )
    profile, done = profiles[index], 0
    cut = []
    while done < count:
        end = min(count, done + profile.most.batch)
        # The last piece may be smaller than the profile's least: then it overlaps.
        begin = min(done, end - profile.least.batch)
        inputs = {
            each.name: _part(feed[each.name], begin, end)
            if each.dims[:1] == ("N",)
            else feed[each.name]
            for each in manifest.inputs
        }
        cut.append(Piece(profile=index, feed=inputs, begin=begin, end=end, known=done - begin))
        done = end
    return cut


def _part(values: NDArray[Any] | GpuArray, begin: int, end: int) -> NDArray[Any] | GpuArray:
    return values.part(begin, end) if isinstance(values, GpuArray) else values[begin:end]
