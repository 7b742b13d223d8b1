"""How long a file says it is, in bytes: what tells a whole file from one that was cut off.

Formats that are a chain of parts, each with its size, are walked along; only headers are read.

References:
    RFC 8794, sections 4 to 6 (EBML: Matroska, WebM); ISO/IEC 14496-12, section 4.2 (boxes: MP4,
    QuickTime); Multimedia Programming Interface and Data Specifications 1.0 (RIFF: AVI), 1991;
    other chains in :mod:`~framegauge.runtime.sources.chains`.
"""

from __future__ import annotations

import io
from typing import BinaryIO

from framegauge.runtime.sources.chains import LONGEST_HEADER, BrokenChainError, Walk, chain, padding

_ELEMENT = 16  # more than the longest header of an EBML element
_EBML = b"\x1a\x45\xdf\xa3"
_BOXES = (b"ftyp", b"styp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"sidx", b"moof")


class Extent:
    """The end that a file's headers call for, found while its bytes pass by.

    Attributes:
        total: Bytes that have passed.
        tail: The last of them.
    """

    def __init__(self) -> None:
        self.total = 0
        self._walk: Walk | None = _headers()
        self._wanted = next(self._walk)
        self.tail = b""
        self._broken: BrokenChainError | None = None

    def pass_by(self, part: bytes) -> None:
        """Take notice of the next bytes of the file."""
        window = self.tail + part
        self.total += len(part)
        self._follow(window, LONGEST_HEADER)
        self.tail = window[-(LONGEST_HEADER - 1) :]

    def declared_end(self) -> int:
        """The least number of bytes called for, 0 if the format does not say; all have passed.

        Raises:
            BrokenChainError: Its parts do not follow each other as their sizes say.
        """
        self._follow(self.tail, 1)
        if self._wanted == self.total:
            self._send(b"")
        if self._broken:
            raise self._broken
        return self._wanted

    def _follow(self, window: bytes, least: int) -> None:
        start = self.total - len(window)
        while self._walk is not None and self._wanted + least <= self.total:
            place = self._wanted - start
            self._send(window[place : place + LONGEST_HEADER])

    def _send(self, header: bytes) -> None:
        if self._walk is None:
            return
        try:
            self._wanted = self._walk.send(header)
        except StopIteration as stop:
            self._wanted, self._walk = stop.value, None
        except BrokenChainError as error:  # told at the end, not to the library that is reading
            self._broken, self._walk = error, None


def declared_end(file: BinaryIO) -> int:
    """The least number of bytes that the headers in a seekable file call for, 0 if they do not.

    Raises:
        BrokenChainError: Its parts do not follow each other as their sizes say.
    """
    walk = _headers()
    position = next(walk)
    size = file.seek(0, io.SEEK_END)
    while position <= size:
        file.seek(position)
        try:
            position = walk.send(file.read(LONGEST_HEADER))
        except StopIteration as stop:
            return int(stop.value)
    return position


def _headers() -> Walk:
    head = yield 0
    if head.startswith(_EBML):
        return (yield from _elements(head))
    if head.startswith(b"RIFF"):
        size = int.from_bytes(head[4:8], "little")
        return 0 if size in (0, 0xFFFFFFFF) else 8 + size
    if head[4:8] in _BOXES:
        return (yield from _boxes(head))
    return (yield from chain(head))


def _elements(head: bytes) -> Walk:
    """Elements one after the other; one of unknown size, as in live streams, is entered."""
    position = 0
    while True:
        name = _length(head[:1])
        size = _length(head[name : name + 1])
        if not name or not size or len(head) < name + size:
            # Junk after the last element is not missed; half a header is half an element.
            return position + 1 + len(head) if len(head) < _ELEMENT and name else position
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


def _boxes(head: bytes) -> Walk:
    position, in_pieces = 0, False
    while head:
        if not all(32 <= letter < 127 or letter == 0xA9 for letter in head[4:8]):
            if in_pieces:
                yield from padding(position, head, "a box of MP4")
            return position  # padding or another program's trailer, which players skip too
        in_pieces = in_pieces or head[4:8] == b"moof"
        size = int.from_bytes(head[:4], "big")
        if size == 1:
            size = int.from_bytes(head[8:16], "big")
        if len(head) < 8:
            return position + 8
        if size < 8:
            return position  # 0: to the end of the file
        position += size
        head = yield position
    return position
