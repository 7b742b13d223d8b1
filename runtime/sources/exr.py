"""Damage in OpenEXR images, whose missing blocks FFmpeg's decoder leaves black and does not report.

Reference:
    OpenEXR File Layout, Academy Software Foundation: magic number, header, offset table, blocks.
"""

from __future__ import annotations

import struct
import zlib
from math import ceil

MAGIC = b"\x76\x2f\x31\x01"
_TILED, _OTHER_PARTS = 0x200, 0x1800  # the latter: deep samples, several parts
_LINES = {0: 1, 1: 1, 2: 1, 3: 16, 4: 32, 5: 16, 6: 32, 7: 32, 8: 32, 9: 256}
_ZIP = (2, 3)
_SAMPLE = {0: 4, 1: 2, 2: 4}


def exr_damage(content: bytes) -> str | None:
    """What is wrong with an image, ``None`` if nothing is seen or it is no EXR of one flat part.

    Blocks have to lie where the table says, and bear the number that they have there. Those of ZIP
    are unpacked, for the sake of the checksum in them.
    """
    if not content.startswith(MAGIC) or int.from_bytes(content[4:8], "little") & _OTHER_PARTS:
        return None
    try:
        return _damage(content)
    except (struct.error, ValueError, IndexError, KeyError, ZeroDivisionError):
        return "its header cannot be read"


def _damage(content: bytes) -> str | None:
    attributes, table = _attributes(content)
    left, top, right, bottom = struct.unpack("<4i", attributes["dataWindow"])
    width, height = right - left + 1, bottom - top + 1
    compression = attributes["compression"][0]
    tiled = int.from_bytes(content[4:8], "little") & _TILED
    if not tiled:
        lines = _LINES[compression]
        numbers: list[tuple[int, ...]] = [(line,) for line in range(top, bottom + 1, lines)]
    else:
        across, down, mode = struct.unpack("<IIB", attributes["tiles"])
        if mode & 15:
            return None  # several sizes of one image: the least blocks are not counted here
        lines = down
        numbers = [
            (x, y, 0, 0) for y in range(ceil(height / down)) for x in range(ceil(width / across))
        ]
        width = across
    for place, number in enumerate(numbers):
        (offset,) = struct.unpack_from("<Q", content, table + 8 * place)
        block = _block(content, offset, number)
        if block is None:
            return f"block {place} of {len(numbers)} is missing or cut off"
        if compression in _ZIP and not _unpacks(block, width * lines, attributes["channels"]):
            return f"the checksum of block {place} of {len(numbers)} does not fit"
    return None


def _attributes(content: bytes) -> tuple[dict[str, bytes], int]:
    """The header's attributes, and where the offset table begins."""
    attributes = {}
    place = 8
    while content[place]:
        name_end = content.index(b"\0", place)
        kind_end = content.index(b"\0", name_end + 1)
        (size,) = struct.unpack_from("<I", content, kind_end + 1)
        start = kind_end + 5
        attributes[content[place:name_end].decode("latin-1")] = content[start : start + size]
        place = start + size
    return attributes, place + 1


def _block(content: bytes, offset: int, number: tuple[int, ...]) -> bytes | None:
    """The bytes of a block, ``None`` where it is not there or not whole."""
    header = struct.Struct(f"<{len(number)}iI")
    if offset + header.size > len(content):
        return None
    *found, size = header.unpack_from(content, offset)
    start = offset + header.size
    if tuple(found) != number or start + size > len(content):
        return None
    return content[start : start + size]


def _unpacks(block: bytes, pixels: int, channels: bytes) -> bool:
    """Whether a block of ZIP is intact; one that grew by packing is kept as it is."""
    try:
        zlib.decompress(block)
    except zlib.error:
        return len(block) >= pixels * _bytes_of_a_pixel(channels)
    return True


def _bytes_of_a_pixel(channels: bytes) -> int:
    total = 0
    place = 0
    while channels[place]:
        place = channels.index(b"\0", place) + 1
        kind, _, across, down = struct.unpack_from("<iIii", channels, place)
        total += _SAMPLE[kind] // (across * down)
        place += 16
    return total
