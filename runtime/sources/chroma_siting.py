"""Where subsampled chroma lies, as far as a file says so of itself.

Reference:
    JFIF 1.02: chroma of a JPEG picture lies in the centre. YUV4MPEG2's colour-space words, as
    mjpegtools and FFmpeg write them: ``420jpeg``, ``420mpeg2``, ``420paldv``.
"""

from __future__ import annotations

_Y4M = b"YUV4MPEG2"
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
    if not head.startswith(_Y4M):
        return None
    words = head[:HEAD].partition(b"\n")[0].split()
    stated = [word[1:] for word in words if word.startswith(b"C")]
    return _WORDS.get(stated[-1]) if stated else None
