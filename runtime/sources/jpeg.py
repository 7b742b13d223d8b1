"""Where a JPEG image ends, which FFmpeg's decoder does not ask: it fills up what is missing.

Reference:
    ITU-T T.81, annex B: markers and their segments.
"""

from __future__ import annotations

import re

# Within coded samples 0xFF is followed by zero, or by one of the eight markers that restart.
_MARKER = re.compile(rb"\xff+([^\x00\xd0-\xd7\xff])", re.DOTALL)
_END = 0xD9
_WITHOUT_LENGTH = (0x01, 0xD8)


class Endings:
    """Whether the images of one stream are whole.

    Some cameras never write the marker of the end, which the first image shows; where nothing else
    tells how long an image is, such a stream is not whole.
    """

    def __init__(self, *, required: bool) -> None:
        """Prepare for a stream.

        Args:
            required: Nothing else says where an image ends.
        """
        self._required = required

    def is_cut(self, packet: bytes) -> bool:
        """Whether an image lacks the marker of its end, and the first one did not."""
        whole = is_whole(packet)
        self._required = self._required or whole
        return self._required and not whole


def is_whole(content: bytes) -> bool:
    """Whether a JPEG image goes on to its end; what comes after that does not matter."""
    place = 0
    while match := _MARKER.search(content, place):
        marker, place = match[1][0], match.end()
        if marker == _END:
            return True
        if marker not in _WITHOUT_LENGTH:
            place += int.from_bytes(content[place : place + 2], "big")
    return False
