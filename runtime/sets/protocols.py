"""Protocols: how the field scores a named test set, as data.

A protocol settles what is computed, what is done to frames first, and how samples become one
number. It is printed with the result, along with whatever the set did not keep to. Frames are
RGB of 8 bits: what has more is rounded, ``rint(255 p)``, as a written PNG would be.

Each says whose habit it is. Where evaluations of the same set differ, ``notes`` says how.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from framegauge.export.spec import nearest
from framegauge.runtime.errors import ScoreError, UsageError

Frame = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """How a test set is scored.

    Attributes:
        name: What it is called on the command line.
        title: The test set.
        metrics: Entries that are computed.
        source: Whose evaluation code does it so.
        reference: What is done to a reference twice as wide and high as the distorted frame:
            ``half``, the rounded mean of each 2x2 pixels; ``centre``, the middle half of its
            width and height; ``None``, nothing, and sizes must agree.
        masked: Both frames are black where a sample's mask is, PSNR divides by the mask's pixels,
            and samples with an empty mask, or equal within it, do not count.
        samples: How many the test set has.
        size: Width and height of what is scored, ``None`` if they vary.
        group_folders: Leading folders that name a sample's group, where folders are matched.
        averaging: How samples become one number.
        notes: What it leaves open, and how others differ.
    """

    name: str
    title: str
    metrics: str
    source: str
    samples: int
    reference: Literal["half", "centre"] | None = None
    masked: bool = False
    size: tuple[int, int] | None = None
    group_folders: int = 0
    averaging: str = "mean of the samples' scores, PSNR in dB"
    notes: tuple[str, ...] = ()


_SKIMAGE = "ssim_skimage=ssim[window=uniform;size=7;covariance=sample]"
_RIFE = "RIFE's benchmark code (hzwer/ECCV2022-RIFE)"
_SOFTSPLAT = "softmax splatting's benchmark code (sniklaus/softmax-splatting)"
_EMA = "EMA-VFI's benchmark code (MCG-NJU/EMA-VFI)"
_INPUTS = "The method's inputs are prepared in the same way, so the frames it makes are 2048x1080."

PROTOCOLS = (
    Protocol(
        name="vimeo90k",
        title="Vimeo-90K triplets, test list",
        metrics="psnr,ssim_3d",
        source=_RIFE,
        samples=3782,
        size=(448, 256),
        notes=(
            "RIFE takes its SSIM before rounding to 8 bits and its PSNR after; here both after.",
        ),
    ),
    Protocol(
        name="ucf101",
        title="UCF101, the 379 triplets of DVF, whole frames",
        metrics="psnr,ssim_3d",
        source=_RIFE,
        samples=379,
        size=(256, 256),
    ),
    Protocol(
        name="ucf101-masked",
        title="UCF101, the 379 triplets of DVF, within motion masks",
        metrics="psnr,ssim_luma[padding=replicate]",
        source="DVF's eval_voxelflow.m (liuziwei7/voxel-flow)",
        samples=379,
        masked=True,
        size=(256, 256),
        notes=("DVF rounds luma to 8 bits before SSIM, this does not.",),
    ),
    Protocol(
        name="snu-film",
        title="SNU-FILM, 310 triplets for each of easy, medium, hard and extreme",
        metrics="psnr,ssim_3d",
        source="CAIN's test code (myungsub/CAIN): both frames rounded to 8 bits",
        samples=1240,
        group_folders=1,
        notes=(
            "The levels are the groups: a column group, or folders easy, medium, hard, extreme.",
            "CAIN adds 1e-8 to the mean squared error, which takes 0.0004 dB at 40 dB.",
            "EMA-VFI's code does not round the made frame.",
        ),
    ),
    Protocol(
        name="xtest-4k",
        title="X4K1000FPS, X-TEST at 4096x2160, eightfold",
        metrics="psnr,ssim_3d",
        source=_EMA,
        samples=105,
        size=(4096, 2160),
        group_folders=1,
        notes=(
            "XVFI's own SSIM is another: luma in 16 to 235, a uniform 7x7 window, and the made "
            "frame's own span as its range.",
        ),
    ),
    Protocol(
        name="xtest-2k",
        title="X4K1000FPS, X-TEST reduced to 2048x1080, eightfold",
        metrics="psnr,ssim_3d",
        source=_EMA,
        reference="half",
        samples=105,
        size=(2048, 1080),
        group_folders=1,
        notes=(_INPUTS, "EMA-VFI's code does not round the reduced reference, this does."),
    ),
    Protocol(
        name="xiph-2k",
        title="Xiph, 8 clips of 100 frames, reduced to 2048x1080",
        metrics=f"psnr,{_SKIMAGE}",
        source=_SOFTSPLAT,
        reference="half",
        samples=392,
        size=(2048, 1080),
        notes=(_INPUTS,),
    ),
    Protocol(
        name="xiph-4k",
        title="Xiph, 8 clips of 100 frames, the centre 2048x1080 of 4096x2160",
        metrics=f"psnr,{_SKIMAGE}",
        source=_SOFTSPLAT,
        reference="centre",
        samples=392,
        size=(2048, 1080),
        notes=(_INPUTS,),
    ),
    Protocol(
        name="middlebury",
        title="Middlebury, the 12 sequences of OTHER",
        metrics="ie=interpolation_error[form=mae]",
        source=f"{_RIFE}, as DAIN's",
        samples=12,
        notes=("The benchmark's own IE is a root mean square: --metrics ie. They do not compare.",),
    ),
)


def find_protocol(name: str) -> Protocol:
    """The protocol called ``name``.

    Raises:
        UsageError: There is none.
    """
    for protocol in PROTOCOLS:
        if protocol.name == name:
            return protocol
    names = [protocol.name for protocol in PROTOCOLS]
    raise UsageError(
        f"There is no protocol {name!r}{nearest(name, names)} Protocols: {', '.join(names)}."
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


def fitted(protocol: Protocol, reference: Frame, size: tuple[int, int]) -> Frame:
    """A reference brought to the size that is scored.

    Args:
        protocol: What says how.
        reference: Code values, ``(H, W, 3)``.
        size: Width and height, as :func:`scored_size` gives them.

    Example:
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


def departures(
    protocol: Protocol, *, metrics: str | None, samples: int, sizes: Sequence[tuple[int, int]]
) -> list[str]:
    """What a run did not keep to, in words; empty if it kept to everything.

    Args:
        protocol: What was asked for.
        metrics: Entries that were asked for in place of its own, ``None`` if none were.
        samples: How many were scored.
        sizes: Widths and heights they were scored at.
    """
    found = []
    if metrics is not None and metrics != protocol.metrics:
        found.append(f"other metrics than its own ({protocol.metrics}) were asked for")
    if samples != protocol.samples:
        found.append(f"{samples} samples were scored, the test set has {protocol.samples}")
    others = sorted({size for size in sizes if protocol.size and size != protocol.size})
    if protocol.size and others:
        listed = ", ".join(f"{width}x{height}" for width, height in others[:3])
        wanted = f"{protocol.size[0]}x{protocol.size[1]}"
        found.append(f"frames of {listed} were scored, the test set's are {wanted}")
    return found
