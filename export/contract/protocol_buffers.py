"""The fields of protocol-buffer messages, which ONNX files are, read without a library."""

from __future__ import annotations

from collections.abc import Iterator

COUNTED, NUMBER = 2, 0
"""How a field is written: bytes with their count before them, or one number of any length."""

# By how a field is written, its bytes where they are always as many.
_FIXED = {1: 8, 5: 4}
_MOST_SHIFT = 63


class NoMessageError(ValueError):
    """Bytes that are no protocol-buffer message, or are cut short."""


def fields(content: bytes, begin: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """The fields of a message, one after the other.

    Args:
        content: Bytes.
        begin: Where the message begins in them.
        end: Where it ends.

    Yields:
        The field's number, how it is written, and where its value begins and ends.

    Raises:
        NoMessageError: There is none.
    """
    at = begin
    while at < end:
        tag, at = _varint(content, at, end)
        kind, first = tag & 7, at
        if kind == NUMBER:
            _, at = _varint(content, at, end)
        elif kind in _FIXED:
            at += _FIXED[kind]
        elif kind == COUNTED:
            length, first = _varint(content, at, end)
            at = first + length
        else:
            raise NoMessageError(f"a field of kind {kind}")
        if at > end:
            raise NoMessageError("a field is longer than its message")
        yield tag >> 3, kind, first, at


def whole_numbers(content: bytes, begin: int, end: int) -> Iterator[int]:
    """Signed numbers of 64 bits: the one of a field that is a number, or those packed in bytes.

    Raises:
        NoMessageError: They are cut short.
    """
    at = begin
    while at < end:
        value, at = _varint(content, at, end)
        value &= 2**64 - 1
        yield value - 2**64 if value >= 2**63 else value


def _varint(content: bytes, at: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while at < end:
        byte = content[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
        if shift > _MOST_SHIFT:
            break
    raise NoMessageError("a number without an end")
