"""What a frame, a stream or a container says of its colours, by FFmpeg's names."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Self, get_args

import av
from av.video.codeccontext import VideoCodecContext

from framegauge.export.contract.colour_map import Matrix, Range
from framegauge.runtime.errors import UsageError
from framegauge.runtime.sources.code_points import (
    MATRICES,
    PRIMARIES,
    RANGES,
    TRANSFERS,
    light_of,
    same_primaries,
)

# FFmpeg's filters call two of them by other names than its decoders.
_ALIASES = {
    "pq": "smpte2084",
    "hlg": "arib-std-b67",
    "bt470m": "gamma22",
    "bt470bg": "gamma28",
}


@dataclass(frozen=True, kw_only=True)
class ColourTags:
    """Names of what is said, ``None`` for what is not.

    Attributes:
        matrix: How luma and chroma were made from colours.
        range: Which code values are black and white.
        transfer: The transfer function.
        primaries: The primaries.
    """

    matrix: str | None = None
    range: str | None = None
    transfer: str | None = None
    primaries: str | None = None

    @classmethod
    def given(cls, *, matrix: str | None, range: str | None, transfer: str | None) -> Self:
        """What is asked to be taken in place of what is said.

        Args:
            matrix: One of :data:`~framegauge.export.contract.colour_map.MATRICES`.
            range: ``limited`` or ``full``.
            transfer: ``pq``, ``hlg`` or one of
                :data:`~framegauge.runtime.sources.code_points.TRANSFERS`.

        Raises:
            UsageError: One is not known.
        """
        transfers = (*_ALIASES, *TRANSFERS.values())
        for flag, value, allowed in (
            ("--matrix", matrix, get_args(Matrix)),
            ("--range", range, get_args(Range)),
            ("--transfer", transfer, transfers),
        ):
            if value is not None and value not in allowed:
                raise UsageError(
                    f"{flag} takes one of {', '.join(allowed)}; got {value!r}. Choose one."
                )
        return cls(matrix=matrix, range=range, transfer=_ALIASES.get(transfer or "", transfer))

    @classmethod
    def of(cls, carrier: av.VideoFrame | VideoCodecContext) -> Self:
        """Those of a decoded frame, or of a decoder that has not begun: then of the container.

        FFmpeg fills in from the stream what the container does not say. RGB has no matrix, and no
        other range than full.
        """
        layout = carrier.format
        rgb = layout is not None and is_rgb(layout)
        full = layout is not None and layout.name.startswith("yuvj")
        return cls(
            # Planes of luma and chroma that call themselves RGB, as FLV has them, say nothing.
            matrix=None if rgb or carrier.colorspace == 0 else MATRICES.get(carrier.colorspace),
            range=None if rgb else "full" if full else RANGES.get(carrier.color_range),
            transfer=TRANSFERS.get(carrier.color_trc),
            primaries=PRIMARIES.get(carrier.color_primaries),
        )

    def said(self) -> dict[str, str]:
        """What is said, by its name."""
        return {name: value for name, value in vars(self).items() if value is not None}

    def completed(self, other: Self) -> Self:
        """The same, with what another says where this says nothing."""
        return type(self)(**{**other.said(), **self.said()})

    def kept(self, names: Collection[str]) -> Self:
        """Some of it, and of the others nothing."""
        return type(self)(**{name: value for name, value in vars(self).items() if name in names})

    def added_by(self, other: Self) -> list[str]:
        """The names of which another says something, and this nothing."""
        return [name for name in other.said() if name not in self.said()]

    def contradicted(self, other: Self, *, besides: Self) -> dict[str, str]:
        """What another says otherwise than this, but for that of which a third says something."""
        mine = self.said()
        return {
            name: value
            for name, value in other.said().items()
            if name in mine and mine[name] != value and name not in besides.said()
        }

    def changed_in(self, now: Self) -> set[str]:
        """The names in which a later frame's colours mean something else than this one's.

        A curve of the same light is no other, and primaries go with what says none.
        """
        changed = {
            name for name in ("matrix", "range") if getattr(self, name) != getattr(now, name)
        }
        if light_of(self.transfer) != light_of(now.transfer):
            changed.add("transfer")
        if not same_primaries(self.primaries, now.primaries):
            changed.add("primaries")
        return changed

    def listed(self, names: Collection[str]) -> str:
        """Some of it in words.

        Example:
            >>> ColourTags(matrix="bt709").listed({"matrix", "range"})
            'matrix bt709, range not said'
        """
        return ", ".join(
            f"{name} {value or 'not said'}" for name, value in vars(self).items() if name in names
        )


NOTHING_SAID = ColourTags()


def is_rgb(layout: av.VideoFormat) -> bool:
    """Whether samples of a pixel format are colours themselves."""
    return layout.is_rgb or layout.has_palette
