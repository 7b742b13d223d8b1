"""The bytes of a model file: its metadata, and the digest by which it knows itself.

Read without the onnx package: the metadata of an ONNX file is a handful of protocol-buffer fields.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

from framegauge.export.contract.manifest import KEY, Manifest, ManifestError

DIGEST_KEY = "framegauge.sha256"
"""Metadata entry with the SHA-256 of the whole file, its own 64 digits taken as zeros."""

BLANK = b"0" * 64

# Fields of ONNX's ModelProto and StringStringEntryProto, by their numbers in onnx.proto.
_METADATA, _ENTRY_KEY, _ENTRY_VALUE = 14, 1, 2
_DIGITS = re.compile(rb"[0-9a-f]{64}")


def read_manifest(content: bytes, *, file: str) -> Manifest:
    """What a model file says about itself, once it is known to be whole.

    Args:
        content: The file's bytes.
        file: Its name, for errors.

    Raises:
        ManifestError: It is not an ONNX file or not a model of ours, comes from another release,
            or is not as it was written.
    """
    entries = _entries(content, file)
    text = entries[KEY][1].decode("utf-8", "replace") if KEY in entries else None
    if DIGEST_KEY in entries:
        _check_digest(content, entries[DIGEST_KEY], file)
    manifest = Manifest.from_json(text, file=file)
    if DIGEST_KEY not in entries:
        raise ManifestError(
            f"{file} has no {DIGEST_KEY!r} entry in its metadata, by which it would be known to be "
            "whole. Export the model again."
        )
    return manifest


def sealed(content: bytes) -> bytes:
    """The bytes of a file with its digest in the place of zeros.

    Raises:
        ManifestError: There is no such place.
    """
    at, digits = _entries(content, "The model").get(DIGEST_KEY, (0, b""))
    if digits != BLANK:
        raise ManifestError("The model has no place for its digest. Export it again.")
    digest = hashlib.sha256(content).hexdigest().encode()
    return content[:at] + digest + content[at + len(digest) :]


def _check_digest(content: bytes, entry: tuple[int, bytes], file: str) -> None:
    at, digits = entry
    blank = b"".join((content[:at], BLANK, content[at + len(digits) :]))
    if _DIGITS.fullmatch(digits) is None or hashlib.sha256(blank).hexdigest().encode() != digits:
        raise ManifestError(
            f"{file} is damaged or was changed: its bytes are not those that it was written with. "
            "Export the model again, or copy it again from where it came."
        )


def _entries(content: bytes, file: str) -> dict[str, tuple[int, bytes]]:
    """The metadata entries, each with where its value begins in the file."""
    found: dict[str, tuple[int, bytes]] = {}
    try:
        for number, begin, end in fields(content, 0, len(content)):
            if number != _METADATA:
                continue
            key, value = b"", (end, b"")
            for part, first, last in fields(content, begin, end):
                if part == _ENTRY_KEY:
                    key = content[first:last]
                elif part == _ENTRY_VALUE:
                    value = first, content[first:last]
            name = key.decode()
            if name in found:
                raise ManifestError(
                    f"{file} has the metadata entry {name!r} twice. Export the model again."
                )
            found[name] = value
    except (IndexError, UnicodeDecodeError, _CutShortError) as error:
        raise not_onnx(file) from error
    return found


def not_onnx(file: str) -> ManifestError:
    """The error of a file that is no ONNX file."""
    return ManifestError(
        f"{file} is not an ONNX file, or is cut short. Make one with `framegauge export`."
    )


class _CutShortError(ValueError):
    """Bytes that are no protocol-buffer message."""


def fields(content: bytes | memoryview, begin: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Number, begin and end of the counted fields of a message; others are passed over.

    Args:
        content: The bytes that the message is part of.
        begin: Where it begins.
        end: Where it ends.

    Raises:
        ValueError: It is no message, or cut short.
        IndexError: It is cut short.
    """
    at = begin
    while at < end:
        tag, at = _varint(content, at)
        match tag & 7:
            case 0:  # a number of any length
                _, at = _varint(content, at)
            case 1:  # eight bytes
                at += 8
            case 5:  # four bytes
                at += 4
            case 2:  # counted bytes
                length, at = _varint(content, at)
                if at + length > end:
                    raise _CutShortError("a field is longer than its message")
                yield tag >> 3, at, at + length
                at += length
            case kind:
                raise _CutShortError(f"a field of kind {kind}")
    if at != end:
        raise _CutShortError("the last field is cut short")


def _varint(content: bytes | memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = content[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
        if shift > 63:
            raise _CutShortError("a number without an end")
