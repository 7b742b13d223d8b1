"""The bytes of a model file: its metadata, and the digest by which it knows itself.

Read without the onnx package: the metadata of an ONNX file is a handful of protocol-buffer fields.
"""

from __future__ import annotations

import hashlib
import re

from framegauge.export.contract.graph_soundness import GraphError, check_graph
from framegauge.export.contract.manifest import KEY, Manifest, ManifestError
from framegauge.export.contract.protocol_buffers import NoMessageError, fields

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
        ManifestError: It is not a model of ours, or comes from another release.
        DamagedError: It is not an ONNX file, or not as it was written.
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


def check_sound(content: bytes, *, file: str) -> None:
    """Refuse an ONNX file whose graph is not to be run, or lies elsewhere in part.

    Args:
        content: The file's bytes.
        file: Its name, for errors.

    Raises:
        ManifestError: It could run without end or fill the memory, has weights elsewhere, or is
            not an ONNX file.
    """
    try:
        check_graph(content)
    except GraphError as error:
        raise ManifestError(f"{file} {error}") from error
    except NoMessageError as error:
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
        for number, _, begin, end in fields(content, 0, len(content)):
            if number != _METADATA:
                continue
            key, value = b"", (end, b"")
            for part, _, first, last in fields(content, begin, end):
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
    except (UnicodeDecodeError, NoMessageError) as error:
        raise _not_onnx(file) from error
    return found


def _not_onnx(file: str) -> DamagedError:
    return DamagedError(
        f"{file} is not an ONNX file, or is cut short. Make one with `framegauge export`."
    )


class DamagedError(ManifestError):
    """A file that is no ONNX file, or whose bytes are not those that it was written with."""
