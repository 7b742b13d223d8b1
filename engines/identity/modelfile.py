"""A model file as engines see it: its bytes, their hash, and the manifest they hold.

Read without the onnx package: the metadata of an ONNX file is a handful of protocol-buffer fields.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from framegauge.engines.identity.sidecar_values import DIGEST
from framegauge.export.contract.manifest import KEY, Manifest, ManifestError

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


@dataclass(frozen=True, kw_only=True)
class ModelFile:
    """A model, read whole.

    Attributes:
        path: Where it lies.
        content: Its bytes.
        sha256: Of the bytes, in hex.
        manifest: What it says about itself.
    """

    path: Path
    content: bytes
    sha256: str
    manifest: Manifest

    @property
    def title(self) -> str:
        """The file's name, or what it computes where the name is a hash."""
        if DIGEST.fullmatch(self.path.stem) is None:
            return self.path.name
        labels = ",".join(output.name for output in self.manifest.scores)
        return f"{labels} ({self.manifest.format}, {self.manifest.precision})"

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Self:
        """The model in a file.

        Raises:
            OSError: The file cannot be read.
            ManifestError: It is not a model of ours, is damaged, or has its weights elsewhere.
        """
        content = Path(path).read_bytes()
        check_whole(content, file=str(path))
        return cls(
            path=Path(path),
            content=content,
            sha256=hashlib.sha256(content).hexdigest(),
            manifest=Manifest.from_json(metadata(content, file=str(path)).get(KEY), file=str(path)),
        )


def metadata(content: bytes, *, file: str) -> dict[str, str]:
    """The metadata entries of an ONNX file.

    Args:
        content: The file's bytes.
        file: Its name, for errors.

    Raises:
        ManifestError: It is not an ONNX file.
    """
    try:
        held = {}
        for number, entry in _fields(memoryview(content)):
            if number == _METADATA:
                parts = dict(_fields(entry))
                key, value = (
                    bytes(parts.get(part, b"")).decode() for part in (_ENTRY_KEY, _ENTRY_VALUE)
                )
                held[key] = value
    except (IndexError, ValueError) as error:
        raise _not_onnx(file) from error
    return held


def check_whole(content: bytes, *, file: str) -> None:
    """Refuse an ONNX file whose weights lie beside it: its hash would say nothing of them.

    Args:
        content: The file's bytes.
        file: Its name, for errors.

    Raises:
        ManifestError: Its weights lie elsewhere, or it is not an ONNX file.
    """
    ahead = [("ModelProto", memoryview(content))]
    try:
        while ahead:
            kind, message = ahead.pop()
            for number, part in _fields(message):
                if kind == _TENSOR and number == _OUTSIDE:
                    raise ManifestError(
                        f"{file} keeps weights in a file beside it, which could change unseen. "
                        "Save it with all its weights inside, as `framegauge export` does."
                    )
                if number in _WAYS.get(kind, {}):
                    ahead.append((_WAYS[kind][number], part))
    except (IndexError, ValueError) as error:
        if isinstance(error, ManifestError):
            raise
        raise _not_onnx(file) from error


def _not_onnx(file: str) -> ManifestError:
    return ManifestError(
        f"{file} is not an ONNX file, or is cut short. Make one with `framegauge export`."
    )


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Numbers and contents of the counted fields of a message; others are passed over."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        match tag & 7:
            case 0:  # a number of any length
                _, at = _varint(message, at)
            case 1:  # eight bytes
                at += 8
            case 5:  # four bytes
                at += 4
            case 2:  # counted bytes
                length, at = _varint(message, at)
                yield tag >> 3, message[at : at + length]
                at += length
            case kind:
                raise ValueError(f"a field of kind {kind}")
    if at != len(message):
        raise ValueError("the last field is cut short")


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
        if shift > 63:
            raise ValueError("a number without an end")
