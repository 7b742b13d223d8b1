"""Damage in FFV1 that FFmpeg's decoder finds but hides behind the frame before.

Every other decoder at least reports what it concealed; this one only prints it. FFV1 is what
reference clips are kept in, so its checksums are verified here.

Reference:
    RFC 9043 (FFV1 versions 0, 1 and 3), section 4.9, the slice footer: three bytes of size, one of
    error status, four of CRC-32 (polynomial 0x04C11DB7, bits not reflected, beginning at 0).
"""

from __future__ import annotations

import zlib

_FOOTER = 8
_REFLECTED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


class Checksums:
    """The checksums of one stream. Old streams have none, which the first frames show."""

    def __init__(self) -> None:
        self._present = False

    def damaged(self, packet: bytes) -> bool:
        """Whether a slice of this frame differs from what the encoder wrote."""
        slices = _slices(packet)
        intact = [_remainder(part) == 0 for part in slices]
        self._present = self._present or any(intact)
        return self._present and not (intact and all(intact))


def _slices(packet: bytes) -> list[bytes]:
    """The slices with their footers, last first; none if the sizes do not add up."""
    slices = []
    end = len(packet)
    while end > 0:
        size = int.from_bytes(packet[max(0, end - _FOOTER) : end - 5], "big") + _FOOTER
        if end < _FOOTER or size > end:
            return []
        slices.append(packet[end - size : end])
        end -= size
    return slices


def _remainder(part: bytes) -> int:
    """The CRC over a slice and its own CRC, 0 if both agree."""
    # zlib's CRC-32 is the same polynomial with reflected bits and inverted ends.
    return zlib.crc32(part.translate(_REFLECTED), 0xFFFFFFFF) ^ 0xFFFFFFFF
