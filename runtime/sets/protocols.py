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

from framegauge.export.contract.entry import nearest
from framegauge.runtime.errors import UsageError


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
        name="vimeo90k-septuplet",
        title="Vimeo-90K septuplets, test list, the fourth frame",
        metrics="psnr,ssim_3d",
        source="FLAVR's test code (tarun005/FLAVR)",
        samples=7824,
        size=(448, 256),
        notes=(
            "FLAVR does not round the made frame, and adds 1e-8 to the mean squared error, which "
            "takes 0.0004 dB at 40 dB.",
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


def departures(
    protocol: Protocol,
    *,
    metrics: str | None,
    samples: int,
    sizes: Sequence[tuple[int, int]],
    alpha: int = 0,
) -> list[str]:
    """What a run did not keep to, in words; empty if it kept to everything.

    Args:
        protocol: What was asked for.
        metrics: Entries that were asked for in place of its own, ``None`` if none were.
        samples: How many were scored, by every method; those that it leaves out itself too.
        sizes: Widths and heights they were scored at.
        alpha: How many had an alpha channel, which was dropped.
    """
    found = []
    if metrics is not None and metrics != protocol.metrics:
        found.append(f"other metrics than its own ({protocol.metrics}) were asked for")
    if samples != protocol.samples:
        were = "1 sample was" if samples == 1 else f"{samples} samples were"
        found.append(f"{were} scored, the test set has {protocol.samples}")
    others = sorted({size for size in sizes if protocol.size and size != protocol.size})
    if protocol.size and others:
        listed = ", ".join(f"{width}x{height}" for width, height in others[:3])
        wanted = f"{protocol.size[0]}x{protocol.size[1]}"
        found.append(f"frames of {listed} were scored, the test set's are {wanted}")
    if alpha:
        had = "1 sample had" if alpha == 1 else f"{alpha} samples had"
        found.append(f"{had} an alpha channel, which was dropped")
    return found
