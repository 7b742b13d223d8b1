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
# Of its other messages, those through which tensors are reached; and the field of a tensor that
# says where its values lie if not in the file.
_TENSOR, _OUTSIDE = "TensorProto", 13
_WAYS = {
    "ModelProto": {7: "GraphProto", 25: "FunctionProto"},
    "GraphProto": {1: "NodeProto", 5: _TENSOR, 15: "SparseTensorProto"},
    "FunctionProto": {7: "NodeProto", 11: "AttributeProto"},
    "NodeProto": {5: "AttributeProto"},
    "AttributeProto": {
        **{5: _TENSOR, 6: "GraphProto", 10: _TENSOR, 11: "GraphProto"},
        **{22: "SparseTensorProto", 23: "SparseTensorProto"},
    },
    "SparseTensorProto": {1: _TENSOR, 2: _TENSOR},
}
_DIGITS = re.compile(rb"[0-9a-f]{64}")


def read_manifest(content: bytes, *, file: str) -> Manifest:
    """What a model file says about itself, once it is known to be whole.

    Args:
        content: The file's bytes.
        file: Its name, for errors.

    Raises:
        ManifestError: It is not an ONNX file or not a model of ours, or comes from another release.
        DamagedError: It is not as it was written.
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


def metadata(content: bytes, *, file: str) -> dict[str, str]:
    """The metadata entries of an ONNX file.

    Args:
        content: The file's bytes.
        file: Its name, for errors.

    Raises:
        ManifestError: It is not an ONNX file, or has an entry twice.
    """
    return {
        name: value.decode("utf-8", "replace")
        for name, (_, value) in _entries(content, file).items()
    }


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


def check_whole(content: bytes, *, file: str) -> None:
    """Refuse an ONNX file whose weights lie beside it: its hash would say nothing of them.

    Args:
        content: The file's bytes.
        file: Its name, for errors.

    Raises:
        ManifestError: Its weights lie elsewhere, or it is not an ONNX file.
    """
    ahead = [("ModelProto", 0, len(content))]
    try:
        while ahead:
            kind, begin, end = ahead.pop()
            for number, first, last in _fields(content, begin, end):
                if kind == _TENSOR and number == _OUTSIDE:
                    raise ManifestError(
                        f"{file} keeps weights in a file beside it, which could change unseen. "
                        "Save it with all its weights inside, as `framegauge export` does."
                    )
                if number in _WAYS.get(kind, {}):
                    ahead.append((_WAYS[kind][number], first, last))
    except (IndexError, _CutShortError) as error:
        raise _not_onnx(file) from error


def _check_digest(content: bytes, entry: tuple[int, bytes], file: str) -> None:
    at, digits = entry
    blank = b"".join((content[:at], BLANK, content[at + len(digits) :]))
    if _DIGITS.fullmatch(digits) is None or hashlib.sha256(blank).hexdigest().encode() != digits:
        raise DamagedError(
            f"{file} is damaged or was changed: its bytes are not those that it was written with. "
            "Export the model again, or copy it again from where it came."
        )


def _entries(content: bytes, file: str) -> dict[str, tuple[int, bytes]]:
    """The metadata entries, each with where its value begins in the file."""
    found: dict[str, tuple[int, bytes]] = {}
    try:
        for number, begin, end in _fields(content, 0, len(content)):
            if number != _METADATA:
                continue
            key, value = b"", (end, b"")
            for part, first, last in _fields(content, begin, end):
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
        raise _not_onnx(file) from error
    return found


def _not_onnx(file: str) -> ManifestError:
    return ManifestError(
        f"{file} is not an ONNX file, or is cut short. Make one with `framegauge export`."
    )


class DamagedError(ManifestError):
    """A model file whose bytes are not those that it was written with."""


class _CutShortError(ValueError):
    """Bytes that are no protocol-buffer message."""


def _fields(content: bytes, begin: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Number, begin and end of the counted fields of a message; others are passed over."""
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


def _varint(content: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = content[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
        if shift > 63:
            raise _CutShortError("a number without an end")
