"""PSNR of one plane of code values, as libvmaf computes it.

Reference:
    Netflix, libvmaf, feature ``psnr``: peak ``2^b - 1``, at most ``6 b + 12`` dB.
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from torch import Tensor

from framegauge.export.contract.interface import Aggregate
from framegauge.export.contract.spec import Plane, Spec
from framegauge.export.features import Features
from framegauge.export.metric import PairMetric
from framegauge.export.metrics.psnr import decibels, mean_squared_error


def _spec(name: str, plane: Plane, title: str) -> Spec:
    return Spec(
        name=name,
        title=f"Peak signal-to-noise ratio of the {title} plane",
        kind="metric",
        better="higher",
        ideal=60.0,
        low=0.0,
        high=60.0,
        unit="dB",
        tolerance=0.01,
        reads="plane",
        planes=(plane,),
        source="libvmaf",
    )


class PlanePSNR(PairMetric):
    """PSNR of a plane: mean squared error of code values against the peak of their depth."""

    PLANE: ClassVar[Plane]
    moment_names = ("mse",)

    def spec_at(self, depth: int) -> Spec:
        """The facts at a depth: the ideal is the cap, ``6 * depth + 12`` dB."""
        return replace(self.spec, ideal=6.0 * depth + 12, high=6.0 * depth + 12)

    def error(self, features: Features) -> Tensor:
        """Mean squared error of each sample in code values, ``(N,)``."""
        planes = (features.frame(role).plane(self.PLANE) for role in ("distorted", "reference"))
        return features.once(mean_squared_error, *planes)

    def score(self, features: Features) -> Tensor:
        """Decibels of each sample, ``(N,)``."""
        depth = features.frame("reference").depth
        error = features.once(self.error, features)
        return decibels(error, peak=2**depth - 1, cap=6 * depth + 12)

    def moments(self, features: Features) -> list[Tensor]:
        """The mean squared error, from which a clip's PSNR is made."""
        return [features.once(self.error, features)]

    def aggregates(self, label: str, depth: int) -> list[Aggregate]:
        """PSNR of the clip's mean squared error, libvmaf's ``apsnr``."""
        return [
            Aggregate(
                name=f"a{label}",
                of=(f"{label}.mse",),
                finish="psnr",
                peak=2.0**depth - 1,
                cap=6.0 * depth + 12,
            )
        ]


class PSNRY(PlanePSNR):
    """PSNR of the luma plane.

    Example:
        >>> import torch
        >>> reference = torch.zeros(1, 1, 8, 8)
        >>> PSNRY()(reference + 25.5, reference)
        tensor(20.)
    """

    SPEC = _spec("psnr_y", "y", "luma")
    PLANE = "y"


class PSNRCb(PlanePSNR):
    """PSNR of the first chroma plane."""

    SPEC = _spec("psnr_cb", "u", "Cb")
    PLANE = "u"


class PSNRCr(PlanePSNR):
    """PSNR of the second chroma plane."""

    SPEC = _spec("psnr_cr", "v", "Cr")
    PLANE = "v"
