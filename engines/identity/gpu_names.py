"""GPUs by the names that people know them by, and the architecture of each.

Source: NVIDIA's public list of compute capabilities, developer.nvidia.com/cuda/gpus.
"""

from __future__ import annotations

import re
from difflib import get_close_matches

ARCHITECTURE = re.compile(r"sm[1-9][0-9]{1,2}")

_LISTED = {
    "sm70": "V100, Titan V, Quadro GV100",
    "sm75": "T4, Titan RTX, Quadro RTX 8000, Quadro RTX 6000, Quadro RTX 5000, Quadro RTX 4000, "
    "RTX 2080 Ti, RTX 2080 Super, RTX 2080, RTX 2070 Super, RTX 2070, RTX 2060 Super, RTX 2060, "
    "GTX 1660 Ti, GTX 1660 Super, GTX 1660, GTX 1650 Ti, GTX 1650 Super, GTX 1650",
    "sm80": "A100, A30",
    "sm86": "A40, A10, A10G, A16, A2, RTX A6000, RTX A5500, RTX A5000, RTX A4500, RTX A4000, "
    "RTX A2000, "
    "RTX 3090 Ti, RTX 3090, RTX 3080 Ti, RTX 3080, RTX 3070 Ti, RTX 3070, RTX 3060 Ti, RTX 3060, "
    "RTX 3050 Ti, RTX 3050",
    "sm87": "AGX Orin, Orin NX, Orin Nano",
    "sm89": "L4, L40, L40S, RTX 6000 Ada, RTX 5000 Ada, RTX 4500 Ada, RTX 4000 Ada, RTX 2000 Ada, "
    "RTX 4090, RTX 4080 Super, RTX 4080, RTX 4070 Ti Super, RTX 4070 Ti, RTX 4070 Super, "
    "RTX 4070, RTX 4060 Ti, RTX 4060, RTX 4050",
    "sm90": "H100, H200, GH200",
    "sm100": "B200, GB200",
    "sm103": "B300, GB300",
    "sm120": "RTX PRO 6000 Blackwell, RTX PRO 5000 Blackwell, RTX PRO 4500 Blackwell, "
    "RTX PRO 4000 Blackwell, RTX PRO 2000 Blackwell, RTX 5090, RTX 5080, RTX 5070 Ti, RTX 5070, "
    "RTX 5060 Ti, RTX 5060, RTX 5050",
    "sm121": "GB10",
}
# What drivers and shops add to a name, and does not tell GPUs of one name apart.
_ADDED = re.compile(
    r"nvidia|geforce|tesla|jetson|graphics|gpu|laptop|generation|workstation|server|edition"
    r"|pcie|sxm\d*|nvl|hbm\d\w*|\d+gb"
)


def _plain(name: str) -> str:
    """A name's words without what is added, joined."""
    words = re.findall(r"[a-z0-9]+", name.lower())
    return "".join(word for word in words if not _ADDED.fullmatch(word))


_NAMES = {
    _plain(name): (name, architecture)
    for architecture, names in _LISTED.items()
    for name in names.split(", ")
}


def architecture_of(word: str) -> str:
    """The architecture that a word names: itself, or that of a GPU.

    Raises:
        ValueError: No GPU that is known is called so; those nearest are named.

    Example:
        >>> [architecture_of(name) for name in ("NVIDIA GeForce RTX 4090", "l40s", "sm_90")]
        ['sm89', 'sm89', 'sm90']
    """
    written = word.strip().lower().replace("sm_", "sm")
    if ARCHITECTURE.fullmatch(written):
        return written
    plain = _plain(word)
    if plain in _NAMES:
        return _NAMES[plain][1]
    near = get_close_matches(plain, _NAMES, n=3, cutoff=0.6)
    found = ", ".join("{} ({})".format(*_NAMES[each]) for each in near)
    raise ValueError(
        f"No GPU called {word.strip()!r} is known{f'; near it: {found}' if found else ''}. Name "
        "its compute capability: sm89 is 8.9; `nvidia-smi --query-gpu=compute_cap --format=csv` "
        "tells it."
    )
