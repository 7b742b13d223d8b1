"""What an engine file says of itself before anything is loaded: no GPU and no TensorRT needed.

TensorRT's plans start with the tag ``ftrt``, and their version is the four bytes from offset 24
(NVIDIA's ``trtexec --getPlanVersionOnly`` reads it there, from 8.6 on). RTX engines were found, by
building them with ``tensorrt_rtx`` 1.7, to have the tag ``vtrt``, the version at the same place,
the file's length at offset 16 and a bit for each architecture at offset 32.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from framegauge.engines.identity.machine import Flavour

LENGTH = 36
_HEADER = struct.Struct("<4sI8xQ4B4xI")
_TAGS: dict[bytes, Flavour] = {b"ftrt": "tensorrt", b"vtrt": "tensorrt_rtx"}
_BITS = {
    1 << bit: name for bit, name in enumerate(("sm75", "sm80", "sm86", "sm89", "sm120", "sm121"))
}


class HeaderError(ValueError):
    """A file that does not start as an engine does."""


@dataclass(frozen=True, kw_only=True)
class Header:
    """The start of an engine file.

    Attributes:
        flavour: Which TensorRT made it.
        version: Full version of that, ``1.7.1.116``.
        architectures: What it was built for, ascending; ``None`` where the file does not say, as
            TensorRT's plans do not.
        length: Length of the whole file in bytes; ``None`` where the file does not say.
    """

    flavour: Flavour
    version: str
    architectures: tuple[str, ...] | None
    length: int | None

    @classmethod
    def read(cls, engine: bytes, *, file: str) -> Header:
        """The header of an engine.

        Args:
            engine: Its bytes, or the first 36 of them.
            file: Its name, for errors.

        Raises:
            HeaderError: These are not the bytes of an engine.
        """
        if len(engine) < LENGTH or bytes(engine[:4]) not in _TAGS:
            raise HeaderError(
                f"{file} is not a TensorRT engine: it starts with {bytes(engine[:4])!r}, and one "
                f"starts with {' or '.join(str(tag) for tag in _TAGS)}."
            )
        tag, form, length, *version, mask = _HEADER.unpack(engine[:LENGTH])
        if form != 0:
            raise HeaderError(
                f"{file} is a TensorRT engine of form {form}, whose version is not known to be "
                "readable. Update framegauge."
            )
        is_rtx = _TAGS[tag] == "tensorrt_rtx"
        known = is_rtx and 0 < mask < 1 << len(_BITS)
        return cls(
            flavour=_TAGS[tag],
            version=".".join(map(str, version)),
            architectures=tuple(name for bit, name in _BITS.items() if mask & bit)
            if known
            else None,
            length=length if is_rtx else None,
        )
