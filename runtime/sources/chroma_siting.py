"""Where subsampled chroma lies, as far as a file says so of itself.

Reference:
    JFIF 1.02: chroma of a JPEG picture lies in the centre. YUV4MPEG2's colour-space words, as
    mjpegtools and FFmpeg write them: ``420jpeg``, ``420mpeg2``, ``420paldv``. FFmpeg reads ``420``
    alone as ``420jpeg``, and so is it read here; where there is no word at all, nothing is said.
"""

from __future__ import annotations

from framegauge.runtime.sources.container import Readable

Y4M = b"YUV4MPEG2"
_WORDS = {b"420jpeg": "centre", b"420mpeg2": "left", b"420paldv": "topleft"}
# Longer than any header of a file that was meant as one.
HEAD = 1024


def stated_siting(codec: str, head: bytes) -> str | None:
    r"""The siting that a clip says, ``None`` if it says none.

    Args:
        codec: FFmpeg's name of its decoder.
        head: Its first bytes, at least :data:`HEAD` if it has them.

    Example:
        >>> stated_siting("rawvideo", b"YUV4MPEG2 W64 H64 F25:1 C420paldv\nFRAME")
        'topleft'
    """
    if codec == "mjpeg":
        return "centre"
    if not head.startswith(Y4M):
        return None
    words = head[:HEAD].partition(b"\n")[0].split()
    # mjpegtools' comment counts where no word for the colours does, as for FFmpeg.
    for start, also in ((b"C", {b"420": "centre"}), (b"XYSCSS=", {})):
        stated = [word[len(start) :].lower() for word in words if word.startswith(start)]
        if stated:
            return (_WORDS | also).get(stated[-1])
    return None


def header(stream: Readable) -> bytes:
    """The header of a YUV4MPEG2 stream, read from it; of any other its first bytes."""
    head = b""
    while len(head) < HEAD:
        wanted = len(Y4M) - len(head)
        if wanted <= 0 and (not head.startswith(Y4M) or head.endswith(b"\n")):
            break
        # Byte by byte once it is one: what comes after the header is not to be waited for.
        more = stream.read(max(1, wanted))
        if not more:
            break
        head += more
    return head


class BegunStream:
    """A stream whose first bytes were read before, and are given again."""

    def __init__(self, head: bytes, stream: Readable) -> None:
        self._head, self._stream = head, stream

    def read(self, size: int, /) -> bytes:
        """At most so many bytes, none at the end."""
        if not self._head:
            return self._stream.read(size)
        part, self._head = self._head[:size], self._head[size:]
        return part
