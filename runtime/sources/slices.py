"""Damage in the slices of H.264, H.265 and H.266 that their decoders do not report.

Reference:
    ITU-T H.264, H.265 and H.266, section 7.4: within a unit no three bytes of zero follow each
    other (7.4.1 and 7.4.2); ISO/IEC 14496-15 (units with their lengths, as MP4 keeps them).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from av.buffer import Buffer

_ZEROS = bytes(3)

# Pictures of equally many slices after which one of fewer is taken for incomplete.
_PICTURES = 8


@dataclass(frozen=True)
class _Coding:
    """Where a codec's units tell what they are.

    Attributes:
        kind: The type of a unit, from its first two bytes.
        slices: The types of slices.
        length: From a stream's header, how many bytes hold a unit's length.
    """

    kind: Callable[[bytes], int]
    slices: range
    length: Callable[[bytes], int]


# H.264's type 0 has no use, and is what remains where zeros lie on the beginning of a slice.
_CODINGS = {
    "h264": _Coding(lambda unit: unit[0] & 31, range(6), lambda header: (header[4] & 3) + 1),
    "hevc": _Coding(
        # Units of a further layer, the other eye's or an enhancement, are none of the picture's.
        lambda unit: unit[0] >> 1 & 63 if not (unit[0] & 1 or unit[1] >> 3) else 64,
        range(32),
        lambda header: (header[21] & 3) + 1,
    ),
    "vvc": _Coding(
        lambda unit: unit[1] >> 3 if not unit[0] & 63 else 64,
        range(12),
        lambda header: (header[0] >> 1 & 3) + 1,
    ),
}


class Slices:
    """The slices of one stream, looked at while its packets pass by."""

    def __init__(self, codec: str, header: bytes | None) -> None:
        """Prepare for a stream.

        Args:
            codec: FFmpeg's name of its decoder.
            header: Its header as the container keeps it.
        """
        self._coding = _CODINGS.get(codec)
        # H.264's decoder notices slices that are missing by itself.
        self._counts = codec != "h264"
        self._length = 0
        if self._coding and header and not header.startswith(b"\0\0") and len(header) > 21:
            self._length = self._coding.length(header)
        self._usual = 0
        self._pictures = 0

    def damage(self, packet: Buffer) -> str | None:
        """What is wrong with the slices of a picture, ``None`` if nothing is seen."""
        if not self._coding:
            return None
        slices = [
            unit
            for unit in self._units(bytes(packet))
            if len(unit) > 1 and self._coding.kind(unit) in self._coding.slices
        ]
        if any(_ZEROS in unit for unit in slices):
            return "a part of it was overwritten with zeros"
        return self._missing(len(slices)) if slices else None

    def _missing(self, count: int) -> str | None:
        """Notice a picture of fewer slices, where all before were of the same number."""
        if not self._counts:
            return None
        self._usual = self._usual or count
        if count == self._usual:
            self._pictures += 1
            return None
        if count < self._usual and self._pictures >= _PICTURES:
            return f"it has {count} slices, and all pictures before had {self._usual}"
        self._counts = False
        return None

    def _units(self, packet: bytes) -> Iterator[bytes]:
        if not self._length:
            yield from (unit.rstrip(b"\0") for unit in packet.split(b"\0\0\1"))
            return
        start = 0
        while start + self._length < len(packet):
            end = start + self._length
            size = int.from_bytes(packet[start:end], "big")
            yield packet[end : end + size].rstrip(b"\0")
            start = end + size
