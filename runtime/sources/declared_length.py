"""How long a file says it is, in bytes: what tells a whole file from one that was cut off.

References:
    RFC 8794, sections 4 to 6 (EBML: Matroska, WebM); ISO/IEC 14496-12, section 4.2 (boxes: MP4,
    QuickTime); Multimedia Programming Interface and Data Specifications 1.0 (RIFF: AVI), 1991.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import BinaryIO

_HEADER = 16
_EBML = b"\x1a\x45\xdf\xa3"
_BOXES = (b"ftyp", b"styp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"sidx", b"moof")

# Yields where the next header lies, takes the bytes there (fewer only at the end of the file).
# Returns the end, where what follows is no more of the format.
_Walk = Generator[int, bytes, int]


class Extent:
    """The end that a file's headers call for, found while its bytes pass by.

    Attributes:
        total: Bytes that have passed.
    """

    def __init__(self) -> None:
        self.total = 0
        self._walk: _Walk | None = _headers()
        self._wanted = next(self._walk)
        self._tail = b""

    def pass_by(self, part: bytes) -> None:
        """Take notice of the next bytes of the file."""
        window = self._tail + part
        self.total += len(part)
        self._follow(window, _HEADER)
        self._tail = window[-(_HEADER - 1) :]

    def declared_end(self) -> int:
        """The least number of bytes called for, 0 if the format does not say; all have passed."""
        self._follow(self._tail, 1)
        return self._wanted

    def _follow(self, window: bytes, least: int) -> None:
        start = self.total - len(window)
        while self._walk is not None and self._wanted + least <= self.total:
            place = self._wanted - start
            self._send(window[place : place + _HEADER])

    def _send(self, header: bytes) -> None:
        if self._walk is None:
            return
        try:
            self._wanted = self._walk.send(header)
        except StopIteration as stop:
            self._wanted, self._walk = stop.value, None


def declared_end(file: BinaryIO) -> int:
    """The least number of bytes that the headers in a seekable file call for, 0 if they do not."""
    walk = _headers()
    position = next(walk)
    while True:
        file.seek(position)
        header = file.read(_HEADER)
        if not header:
            return position
        try:
            position = walk.send(header)
        except StopIteration as stop:
            return int(stop.value)


def _headers() -> _Walk:
    head = yield 0
    if head.startswith(_EBML):
        return (yield from _elements(head))
    if head.startswith(b"RIFF"):
        size = int.from_bytes(head[4:8], "little")
        return 0 if size in (0, 0xFFFFFFFF) else 8 + size
    if head[4:8] in _BOXES:
        return (yield from _boxes(head))
    return 0


def _elements(head: bytes) -> _Walk:
    """Elements one after the other; one of unknown size, as in live streams, is entered."""
    position = 0
    while True:
        name = _length(head[:1])
        size = _length(head[name : name + 1])
        if not name or not size or len(head) < name + size:
            # Junk after the last element is not missed; half a header is half an element.
            return position + 1 + len(head) if len(head) < _HEADER and name else position
        value = int.from_bytes(head[name : name + size], "big") & ((1 << 7 * size) - 1)
        position += name + size
        if value != (1 << 7 * size) - 1:
            if head.startswith(b"\x18\x53\x80\x67"):
                return position + value  # the segment is all there is
            position += value
        head = yield position


def _length(first: bytes) -> int:
    """Bytes of a number whose first byte this is, 0 if it begins none."""
    return 9 - first[0].bit_length() if first and first[0] else 0


def _boxes(head: bytes) -> _Walk:
    position = 0
    while True:
        if not all(32 <= letter < 127 or letter == 0xA9 for letter in head[4:8]):
            return position  # padding or another program's trailer, which players skip too
        size = int.from_bytes(head[:4], "big")
        if size == 1:
            size = int.from_bytes(head[8:16], "big")
        if len(head) < 8:
            return position + 8
        if size < 8:
            return position  # 0: to the end of the file
        position += size
        head = yield position
