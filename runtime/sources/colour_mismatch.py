"""Whether code values of two clips mean the same light and colours, or are compared anyway."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

from framegauge.export.contract.colour_map import MATRICES
from framegauge.runtime.errors import ScoreError, UsageError
from framegauge.runtime.sources.code_points import same_primaries
from framegauge.runtime.sources.facts import Facts

OnColour = Literal["error", "ignore"]

HEEDED_BY_PLANES = ("transfer", "primaries")
"""What says whether planes may be compared at all; matrix and range change no score of theirs."""

_AS_THEY_ARE = (
    "or compare code values as they are, by metrics that read planes, with "
    "--on-colour-mismatch ignore"
)


def check_choice(on_mismatch: str) -> None:
    """Refuse what is no choice.

    Raises:
        UsageError: It is none.
    """
    if on_mismatch not in get_args(OnColour):
        raise UsageError(
            f"--on-colour-mismatch takes one of {', '.join(get_args(OnColour))}; got "
            f"{on_mismatch!r}. Choose one."
        )


def differences(facts: Mapping[str, Facts], *, converted: bool) -> dict[str, str]:
    """What code values of two clips mean otherwise, each with the words that refuse it.

    Args:
        facts: What is known of them.
        converted: Matrix and range of one are brought to the other's.
    """
    reference, distorted = facts["reference"], facts["distorted"]
    found = {}
    if reference.light != distorted.light:
        found["transfer"] = (
            f"The reference is {_lit(reference)} and the distorted video {_lit(distorted)}. Their "
            "code values mean different light, and no score of them means anything. Tone-map one "
            f"of them first, correct what they say with --transfer, {_AS_THEY_ARE}."
        )
    if not same_primaries(reference.primaries, distorted.primaries):
        found["primaries"] = (
            f"The reference has the primaries {reference.primaries} and the distorted video "
            f"{distorted.primaries}: their code values mean different colours. Bring one of them "
            f"to the other's first, {_AS_THEY_ARE}."
        )
    if converted or None in (reference.matrix, distorted.matrix):
        return found
    words = (
        f"{reference.name} is {reference.matrix}, {reference.range} range, and {distorted.name} is "
        f"{distorted.matrix}, {distorted.range} range: their code values mean different colours. "
        "Allow a conversion with --convert reference, correct what the streams say with --matrix "
        f"and --range, {_AS_THEY_ARE}."
    )
    return found | {
        name: words
        for name in ("matrix", "range")
        if getattr(reference, name) != getattr(distorted, name)
    }


def check_differences(found: Mapping[str, str], on_mismatch: OnColour, *, reads_rgb: bool) -> None:
    """Refuse differences that were not allowed, or that something reads RGB across.

    Args:
        found: What :func:`differences` gave.
        on_mismatch: What was asked for.
        reads_rgb: Some metric makes RGB of the code values.

    Raises:
        ScoreError: There are some.
    """
    if not found:
        return
    words = next(iter(found.values()))
    if on_mismatch == "error":
        raise ScoreError(words)
    if reads_rgb:
        raise ScoreError(
            f"{words.replace(f', {_AS_THEY_ARE}', '')} Code values as they are are compared by "
            "metrics that read planes alone, such as psnr_y: --metrics names one that reads RGB."
        )


def check_matrix(facts: Facts, what: str) -> None:
    """Refuse a clip whose matrix none is here for, for what needs one.

    Args:
        facts: Of the clip.
        what: What needs it.

    Raises:
        ScoreError: There is none.
    """
    if facts.matrix not in (None, *MATRICES):
        raise ScoreError(
            f"{facts.name} is coded with the matrix {facts.matrix}; {what} takes "
            f"{', '.join(MATRICES)}. Score it as it is, by metrics that read planes, such as "
            "psnr_y, or say which of them to use with --matrix."
        )


def _lit(facts: Facts) -> str:
    kind = {"pq": "HDR", "hlg": "HDR", "sdr": "SDR"}.get(facts.light, facts.light)
    return f"{kind} ({facts.transfer or 'unspecified'})"
