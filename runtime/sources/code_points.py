"""Code points that streams and containers carry for their colours, with FFmpeg's names.

Reference:
    ITU-T H.273 (07/2024), tables 2 to 4. FFmpeg adds V-Gamut and V-Log as 256.
"""

from __future__ import annotations

MATRICES = {
    0: "gbr",
    1: "bt709",
    4: "fcc",
    5: "bt601",
    6: "bt601",
    7: "smpte240m",
    8: "ycgco",
    9: "bt2020",
    10: "bt2020c",
    11: "smpte2085",
    12: "chroma-derived-nc",
    13: "chroma-derived-c",
    14: "ictcp",
    15: "ipt-c2",
    16: "ycgco-re",
    17: "ycgco-ro",
}
RANGES = {1: "limited", 2: "full"}
TRANSFERS = {
    1: "bt709",
    4: "gamma22",
    5: "gamma28",
    6: "smpte170m",
    7: "smpte240m",
    8: "linear",
    9: "log100",
    10: "log316",
    11: "iec61966-2-4",
    12: "bt1361e",
    13: "iec61966-2-1",
    14: "bt2020-10",
    15: "bt2020-12",
    16: "smpte2084",
    17: "smpte428",
    18: "arib-std-b67",
    256: "vlog",
}
PRIMARIES = {
    1: "bt709",
    4: "bt470m",
    5: "bt470bg",
    6: "smpte170m",
    7: "smpte240m",
    8: "film",
    9: "bt2020",
    10: "smpte428",
    11: "smpte431",
    12: "smpte432",
    22: "ebu3213",
    256: "vgamut",
}

# Curves of displays for what a camera or a grader made for one: told apart by their dark end alone.
_GAMMAS = (
    *("bt709", "gamma22", "gamma28", "smpte170m", "smpte240m", "iec61966-2-4", "bt1361e"),
    *("iec61966-2-1", "bt2020-10", "bt2020-12"),
)
_LIGHTS = {"smpte2084": "pq", "arib-std-b67": "hlg"} | dict.fromkeys(_GAMMAS, "sdr")


USUAL_PRIMARIES = (None, "bt709", "bt470bg", "smpte170m", "smpte240m")
"""What silence may stand for: those of ordinary displays."""


def light_of(transfer: str | None) -> str:
    """What code values stand for: ``sdr``, ``pq``, ``hlg``, or the transfer's own name.

    Example:
        >>> light_of("iec61966-2-1"), light_of("smpte2084"), light_of("linear"), light_of(None)
        ('sdr', 'pq', 'linear', 'sdr')
    """
    return "sdr" if transfer is None else _LIGHTS.get(transfer, transfer)


def same_primaries(first: str | None, second: str | None) -> bool:
    """Whether two names stand for the same primaries; what is not said goes with any.

    Example:
        >>> same_primaries("smpte170m", "smpte240m"), same_primaries("bt709", "smpte432")
        (True, False)
    """
    # H.273: those of SMPTE 240M are functionally the same as those of SMPTE 170M.
    names = {"smpte170m" if each == "smpte240m" else each for each in (first, second)}
    return len(names - {None}) < 2
