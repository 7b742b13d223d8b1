"""Formats that are a chain of parts, each with its size, from the first byte of a file to the last.

What is cut from the end breaks off the chain, and so do most bytes that are lost in the middle.

References:
    RFC 3533 (Ogg); CompuServe, Graphics Interchange Format 89a, 1990; AV1 Bitstream & Decoding
    Process Specification, section 5.3 and annex B of the low-overhead format; the IVF layout of
    libvpx; SMPTE ST 377-1 (MXF), sections 6.3 and 7; Adobe Flash Video File Format 10.1, annex E;
    Microsoft Advanced Systems Format 01.20.03, sections 2, 3 and 5.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping

LONGEST_HEADER = 282
"""Bytes of the longest header, that of an Ogg page."""

Walk = Generator[int, bytes, int]
"""Yields where the next header lies, takes the bytes there (fewer only at the end of the file).

Returns the end, where what follows is no more of the format.
"""


class BrokenChainError(Exception):
    """A part does not begin where the one before ends."""


def chain(head: bytes) -> Walk:
    """The walk along a file that begins so; it ends at 0 where the format is no such chain."""
    for magic, walk in _CHAINS.items():
        if head.startswith(magic):
            return (yield from walk(head))
    return 0


def padding(position: int, head: bytes, wanted: str) -> Generator[int, bytes, None]:
    """Go on to the end over zeros, which some programs leave there; nothing else is taken."""
    start = position
    while head:
        if any(head):
            raise BrokenChainError(f"at byte {start} {wanted} was expected")
        position += len(head)
        head = yield position


def _ogg(head: bytes) -> Walk:
    position, pages = 0, dict[bytes, int]()
    while True:
        if not head.startswith(b"OggS"[: len(head)]):
            yield from padding(position, head, "an Ogg page")
            return position
        if len(head) < 27 or len(head) < 27 + head[26]:
            return position + len(head) + 1
        serial, number = head[14:18], int.from_bytes(head[18:22], "little")
        if number != pages.get(serial, number - 1) + 1:
            raise BrokenChainError(f"pages are missing before page {number}")
        pages[serial] = number
        position += 27 + head[26] + sum(head[27 : 27 + head[26]])
        ends = head[5] & 4
        head = yield position
        if not any(head) and not ends:
            return position + len(head) + 27  # the last page says that it is the last
        if not head:
            return position


def _gif(head: bytes) -> Walk:
    position = 13 + _colours(head[10:11])
    while True:
        head = yield position
        if head.startswith(b"\x3b"):
            return position + 1
        if head.startswith(b"\x2c"):
            position += 11 + _colours(head[9:10])
        elif head.startswith(b"\x21"):
            position += 2
        elif not head or head.startswith(b"\0"):
            position += 1
            continue
        else:
            raise BrokenChainError(f"at byte {position} a block of GIF was expected")
        while size := (yield position)[:1]:
            position += 1 + size[0]
            if not size[0]:
                break


def _colours(flags: bytes) -> int:
    """Bytes of the colour table that these flags announce."""
    return 3 * 2 ** (flags[0] % 8 + 1) if flags and flags[0] & 0x80 else 0


def _obu(head: bytes) -> Walk:
    position = 0
    while head:
        if head[0] & 0x80:
            raise BrokenChainError(f"at byte {position} a unit of AV1 was expected")
        if not head[0] & 2:
            return position  # without a size it reaches to the end
        start = 2 if head[0] & 4 else 1
        size = length = 0
        while (byte := head[start + length : start + length + 1]) and length < 8:
            size |= (byte[0] & 0x7F) << 7 * length
            length += 1
            if byte[0] < 0x80:
                break
        if not byte:
            return position + len(head) + 1
        position += start + length + size
        head = yield position
    return position


def _ivf(head: bytes) -> Walk:
    position = int.from_bytes(head[6:8], "little")
    while head := (yield position):
        if not any(head[:12]):
            yield from padding(position, head, "a frame of IVF")
            return position
        if len(head) < 12:
            return position + 12
        position += 12 + int.from_bytes(head[:4], "little")
    return position


def _mxf(head: bytes) -> Walk:
    position, closed = 0, True
    while head:
        if not head.startswith(b"\x06\x0e\x2b\x34"[: len(head)]):
            yield from padding(position, head, "a key of MXF")
            break
        long = head[16] & 0x7F if len(head) > 16 and head[16] > 0x80 else 0
        if len(head) < 17 + long:
            return position + len(head) + 1
        if head[4:13] == b"\x02\x05\x01\x01\x0d\x01\x02\x01\x01":
            closed = head[13] in (4, 0x11)  # the footer, or the index after it
        position += 17 + long + int.from_bytes(head[17 : 17 + long] or head[16:17], "big")
        head = yield position
    return position if closed else position + 17


def _flv(head: bytes) -> Walk:
    position = int.from_bytes(head[5:9], "big")
    while len(head := (yield position)) > 4:
        if head[4] & 0x1F not in (8, 9, 15, 18):
            yield from padding(position + 4, head[4:], "a tag of FLV")
            break
        position += 15 + int.from_bytes(head[5:8], "big")
    return position + 4  # the size of the last tag is repeated after it


def _asf(head: bytes) -> Walk:
    data = int.from_bytes(head[16:24], "little")
    head = yield data
    return data + max(24, int.from_bytes(head[16:24], "little"))  # indices may follow


_CHAINS: Mapping[bytes, Callable[[bytes], Walk]] = {
    b"OggS": _ogg,
    b"GIF8": _gif,
    b"\x12\0\x0a": _obu,
    b"DKIF": _ivf,
    b"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02\x01\x01\x02": _mxf,
    b"FLV\x01": _flv,
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11": _asf,
}
