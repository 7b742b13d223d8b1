"""Interpolation error (IE) of a frame, in 8-bit code values.

Reference:
    Baker, Scharstein, Lewis, Roth, Black and Szeliski, "A database and evaluation methodology for
    optical flow", IJCV 92, 2011, section 4 (IE and the normalised error NE).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor

from framegauge.export.contract.spec import Grid, Spec
from framegauge.export.features import Features
from framegauge.export.maths.reduction import Reduction, pixel_mean, safe_root
from framegauge.export.metric import MapMetric, PairMetric

SPEC = Spec(
    name="interpolation_error",
    title="Interpolation error, 8-bit code values",
    kind="metric",
    better="lower",
    ideal=0.0,
    low=0.0,
    high=255 * 3**0.5,
    unit="code values",
    least=2,
    tolerance=0.001,
    grid=Grid(),
    source="Baker et al., IJCV 2011; form=mae as RIFE and DAIN",
    aliases=("ie",),
)


def central_gradients(x: Tensor) -> tuple[Tensor, Tensor]:
    """Central differences across and down, one-sided at the border; same shapes."""
    gradients = []
    for axis in (-1, -2):
        size = x.shape[axis]
        inner = (x.narrow(axis, 2, size - 2) - x.narrow(axis, 0, size - 2)) / 2
        first = x.narrow(axis, 1, 1) - x.narrow(axis, 0, 1)
        last = x.narrow(axis, size - 1, 1) - x.narrow(axis, size - 2, 1)
        gradients.append(torch.cat([first, inner, last], axis))
    return gradients[0], gradients[1]


class InterpolationError(PairMetric, MapMetric):
    """Error of an interpolated frame on the scale of 8-bit code values, 0..255.

    The forms are not comparable with each other: on one pair they may be 44, 48 and 83.

    Example:
        >>> import torch
        >>> reference = torch.zeros(1, 3, 8, 8)
        >>> InterpolationError(form="mae")(reference + 0.1, reference)
        tensor(25.5000)
    """

    SPEC = SPEC

    def __init__(
        self,
        *,
        form: Literal["rms", "mae", "rms_all", "normalised"] = "rms",
        reduction: Reduction = "mean",
    ) -> None:
        """Make the metric.

        Args:
            form: ``rms``: root of the mean over pixels of the squared length of the RGB
                difference (Middlebury's IE). ``rms_all``: root of the mean over pixels and
                channels. ``mae``: mean absolute difference (RIFE, DAIN). ``normalised``: as
                ``rms``, each pixel divided by the reference's squared gradient plus one
                (Middlebury's NE).
            reduction: As for every metric.
        """
        super().__init__(reduction=reduction)
        self.form = form

    @property
    def spec(self) -> Spec:
        """The facts; only the RGB norms exceed 255, and only the normalised form is lopsided."""
        high = 255.0 if self.form in ("mae", "rms_all") else SPEC.high
        return replace(SPEC, high=high, symmetric=self.form != "normalised")

    def squares(self, features: Features) -> Tensor:
        """What is averaged, ``(N, 1, H, W)``: the square of the error, or its amount (mae)."""
        x, y = features.rgb("distorted"), features.rgb("reference")
        error = 255 * (x - y)
        match self.form:
            case "mae":
                return error.abs().mean(1, keepdim=True)
            case "rms_all":
                return error.square().mean(1, keepdim=True)
            case "normalised":
                across, down = central_gradients(255 * y)
                slope = (across.square() + down.square()).sum(1, keepdim=True)
                return error.square().sum(1, keepdim=True) / (slope + 1)
            case _:
                return error.square().sum(1, keepdim=True)

    def map(self, features: Features) -> Tensor:
        """Error of each pixel in code values, ``(N, 1, H, W)``."""
        squares = features.once(self.squares, features)
        return squares if self.form == "mae" else safe_root(squares)

    def score(self, features: Features) -> Tensor:
        """Error of each sample in code values, ``(N,)``."""
        mean = pixel_mean(features.once(self.squares, features))
        return mean if self.form == "mae" else safe_root(mean)
