"""Files that hold no video but the names of others, which FFmpeg would go and read.

What such a list plays changes when one of those files goes missing, and nothing in the list tells.
"""

from __future__ import annotations

import re
import shlex

from framegauge.runtime.errors import ScoreError

# FFmpeg's names of the formats.
_FORMATS = {
    "concat": "an ffconcat list",
    "dash": "a DASH manifest",
    "hls": "an HLS playlist",
    "imf": "an IMF composition",
    "rtsp": "an RTSP session",
    "sap": "a SAP announcement",
    "sdp": "an SDP session description",
    "webm_dash_manifest": "a DASH manifest",
}

# Refused before FFmpeg opens them, since that already reads the files they name.
_BEGINNINGS = {
    rb"#EXTM3U": "hls",
    rb"ffconcat version": "concat",
    rb"(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)*<MPD\b": "dash",
    rb"(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)*<CompositionPlaylist\b": "imf",
    rb"v=0\r?\no=": "sdp",
}
_READERS = {"concat": "-f concat -safe 0 ", "sdp": "-protocol_whitelist file,udp,rtp "}

HEAD = 1024
"""Bytes of the beginning that tell."""


def check_is_no_list(name: str, head: bytes = b"", format_name: str = "") -> None:
    """Refuse a list of other files.

    Args:
        name: What messages call it.
        head: How it begins.
        format_name: FFmpeg's name of its format, once it is open.

    Raises:
        ScoreError: It is such a list.
    """
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    begun = [kind for begins, kind in _BEGINNINGS.items() if re.match(begins, text, re.DOTALL)]
    for kind in (*begun, *format_name.split(",")):
        if kind in _FORMATS:
            raise ScoreError(
                f"{name} is {_FORMATS[kind]}, which points to other files, and a part of them may "
                "be missing unnoticed: one file with the whole video was wanted. Write one: "
                f"ffmpeg {_READERS.get(kind, '')}-i {shlex.quote(name)} -map 0:v:0 -c copy "
                "whole.mkv, and look for its warnings."
            )
