"""What a protocol does to frames before they are scored, and to scores within a mask."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import closing
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from framegauge.export.contract.clip_scores import finished
from framegauge.export.contract.interface import Aggregate
from framegauge.runtime.errors import ScoreError, UsageError
from framegauge.runtime.models.model_files import checked
from framegauge.runtime.scoring.scorer import Scorer
from framegauge.runtime.sets.protocols import Protocol
from framegauge.runtime.sets.sample_inputs import read_mask
from framegauge.runtime.sets.samples import Sample
from framegauge.runtime.sources.conversion import Rendition
from framegauge.runtime.sources.facts import Facts
from framegauge.runtime.sources.planes import Planes
from framegauge.runtime.sources.source import Source

Frame = NDArray[np.uint8]
Mask = NDArray[np.bool_]


def check_model(protocol: Protocol, scorer: Scorer) -> None:
    """Refuse models that a protocol cannot use.

    Raises:
        UsageError: They take another format, or score whole frames where there is a mask.
    """
    if scorer.form.name != "rgb24":
        raise UsageError(
            f"{protocol.name} scores rgb24 frames, and the model takes {scorer.form.name}. "
            "Export it with --format rgb24."
        )
    if not protocol.masked:
        return
    own = {str(entry) for entry in checked(protocol.metrics)}
    divided = _of_moments(scorer)
    whole = [
        each.name
        for each in scorer.outputs
        if each.kind == "score" and each.entry not in own and each.name not in divided
    ]
    if whole:
        raise UsageError(
            f"{', '.join(whole)} would be over whole frames, black outside the mask: "
            f"{protocol.name} scores within it. Leave it out; {protocol.metrics} and other kinds "
            "of PSNR can be had there."
        )


def scored_size(
    protocol: Protocol, reference: tuple[int, int], distorted: tuple[int, int]
) -> tuple[int, int]:
    """Width and height that a pair of frames of these sizes is scored at.

    Raises:
        ScoreError: The protocol has no way to bring the reference to the distorted frame's size.
    """
    twice = (2 * distorted[0], 2 * distorted[1])
    if reference == distorted or (protocol.reference and reference == twice):
        return distorted
    allowed = f", or {twice[0]}x{twice[1]}" if protocol.reference else ""
    raise ScoreError(
        f"The distorted frame is {distorted[0]}x{distorted[1]}, so {protocol.name} takes a "
        f"reference of that size{allowed}; it is {reference[0]}x{reference[1]}. Score the frames "
        "as the method made them."
    )


def scored_as(protocol: Protocol, facts: Mapping[str, Facts]) -> dict[str, Facts]:
    """What a pair of clips is once a protocol has prepared them.

    Raises:
        ScoreError: As :func:`scored_size`.
    """
    width, height = scored_size(protocol, *(each.size for each in facts.values()))
    return {**facts, "reference": replace(facts["reference"], width=width, height=height)}


def fitted(protocol: Protocol, reference: Frame, size: tuple[int, int]) -> Frame:
    """A reference brought to the size that is scored.

    Args:
        protocol: What says how.
        reference: Code values, ``(H, W, 3)``.
        size: Width and height, as :func:`scored_size` gives them.

    Example:
        >>> from framegauge.runtime.sets.protocols import find_protocol
        >>> xiph = find_protocol("xiph-2k")
        >>> fitted(xiph, np.array([[[1], [2]], [[3], [4]]], np.uint8), (1, 1)).item()
        3
    """
    width, height = size
    if reference.shape[:2] == (height, width):
        return reference
    if protocol.reference == "centre":
        top, left = height // 2, width // 2
        return reference[top : top + height, left : left + width]
    # As OpenCV's INTER_AREA halves 8-bit pictures: the mean of four, halves rounded up.
    wide = reference.astype(np.uint16)
    total = wide[0::2, 0::2] + wide[1::2, 0::2] + wide[0::2, 1::2] + wide[1::2, 1::2]
    halved: Frame = ((total + 2) >> 2).astype(np.uint8)
    return halved


def prepared(
    protocol: Protocol, mask: Mask | None, rendition: Rendition, source: Source
) -> Generator[Planes, None, None]:
    """Frames as a protocol wants them: 8 bits, of the scored size, black outside the mask."""
    with closing(source.frames(format="rgb24")) as frames:
        for (codes,) in frames:
            frame = fitted(protocol, codes, rendition.size)
            yield (frame if mask is None else frame * mask[..., None],)


def mask_of(sample: Sample, size: tuple[int, int]) -> Mask:
    """The mask that a sample names.

    Raises:
        UsageError: It names none.
        ScoreError: The file cannot be read, or does not fit.
    """
    if "mask" not in sample.further:
        raise UsageError(
            f"Sample {sample.name} has no mask, which the protocol scores within. Give a list "
            "with a column mask."
        )
    return read_mask(sample.further["mask"], size)


def within_mask(
    scorer: Scorer, values: Mapping[str, NDArray[np.float64]], mask: Mask
) -> dict[str, NDArray[np.float64]] | None:
    """Values of every frame with each PSNR that of the mask's pixels.

    ``None`` if the frames are equal there.
    """
    found = dict(values)
    share = float(mask.mean())
    for label, kind in _of_moments(scorer).items():
        (name,) = kind.of
        moments = values[name] / share
        if not moments.any():
            return None
        found[name] = moments
        found[label] = np.array([finished(kind, [moment]) for moment in moments.tolist()])
    return found


def _of_moments(scorer: Scorer) -> dict[str, Aggregate]:
    """Scores whose value for a frame is made of its moment as the clip's is of their mean."""
    moments = {each.name: each.entry for each in scorer.outputs if each.kind == "moment"}
    scores = {each.entry: each.name for each in scorer.outputs if each.kind == "score"}
    return {
        scores[moments[each.of[0]]]: each for each in scorer.aggregates if each.finish == "psnr"
    }
