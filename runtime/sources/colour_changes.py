"""Colours, and turns, that a video states otherwise from some frame on."""

from __future__ import annotations

from collections.abc import Collection

import av

from framegauge.runtime.errors import ScoreError
from framegauge.runtime.sources.colour_tags import ColourTags


class ColourChanges:
    """What the first frame says, which every later one has to say too."""

    def __init__(self, name: str, container: ColourTags, *, given: Collection[str]) -> None:
        """Begin, before the first frame.

        Args:
            name: What messages call the video.
            container: What the container says, for frames that say nothing.
            given: The names of what was asked to be taken in place of what is said.
        """
        self._name = name
        self._container = container
        self._given = given
        self._first: tuple[ColourTags, int] | None = None

    def check(self, frame: av.VideoFrame, number: int) -> None:
        """Take notice of a frame.

        Raises:
            ScoreError: It is not as the first one.
        """
        seen = ColourTags.of(frame), frame.rotation
        if self._first is None:
            self._first = seen
        if seen == self._first:
            return
        (first, turned), (now, turned_now) = self._first, seen
        # Of what the first frame says itself the container says nothing for others: it may be
        # FFmpeg's word for what it found in that frame.
        told = self._container.kept(first.added_by(self._container))
        first, now = first.completed(told), now.completed(told)
        changed = first.changed_in(now) - set(self._given)
        if changed:
            flags = sorted(f"--{name}" for name in changed - {"primaries"})
            holds = f", or say what holds throughout with {', '.join(flags)}" if flags else ""
            raise ScoreError(
                f"{self._name} changes in the middle: it begins with {first.listed(changed)}, "
                f"frame {number} has {now.listed(changed)}. Split it where it changes and score "
                f"the parts{holds}."
            )
        # H.264 and HEVC may say it once, for all frames from there on.
        if turned_now not in (0, turned):
            raise ScoreError(
                f"{self._name} changes in the middle: it begins to be shown turned by {turned} "
                f"degrees, frame {number} by {turned_now}. Split it where it changes and score "
                "the parts."
            )
