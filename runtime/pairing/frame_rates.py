"""What to do about two videos whose frame rates differ."""

from __future__ import annotations

from fractions import Fraction
from typing import Literal

from framegauge.runtime.errors import ScoreError

OnRate = Literal["error", "index", "drop"]


def rate_steps(
    reference: Fraction | None, distorted: Fraction | None, on_mismatch: OnRate
) -> tuple[int, int]:
    """Frames of each video for each pair, from their rates.

    Raises:
        ScoreError: The rates differ, and that was not allowed or no whole number of frames can
            be dropped.
    """
    if reference is None or distorted is None or on_mismatch == "index":
        return 1, 1
    ratio = reference / distorted
    # Containers round rates to their clocks; 23.976 against 24, which is 0.1 %, stays a mismatch.
    if abs(ratio - 1) < Fraction(1, 2000):
        return 1, 1
    if on_mismatch == "error":
        raise ScoreError(
            f"The reference has {float(reference):g} frames a second and the distorted video "
            f"{float(distorted):g}. Compare them frame by frame with --on-rate-mismatch index, or "
            "drop frames of the faster one with --on-rate-mismatch drop."
        )
    for steps, multiple in (((round(ratio), 1), ratio), ((1, round(1 / ratio)), 1 / ratio)):
        whole = max(steps)
        if whole > 1 and abs(multiple / whole - 1) < Fraction(1, 2000):
            return steps
    raise ScoreError(
        f"{float(reference):g} and {float(distorted):g} frames a second: neither is a whole "
        "multiple of the other, so dropping frames cannot align them. Convert one first."
    )
