"""Several entries side by side to train with: named terms and their weighted sum."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor, nn

from framegauge.export.contract.entry import nearest, parse_entries
from framegauge.export.eager import (
    as_features,
    check_shapes,
    check_tensors,
    check_values,
    full_precision,
)
from framegauge.export.maths.reduction import Reduction, check_reduction, reduce_samples
from framegauge.export.member import Member, members
from framegauge.export.metric import PixelMetric
from framegauge.export.networks.backbones import Weights
from framegauge.export.networks.weights import Source
from framegauge.export.system import System


class Losses(NamedTuple):
    """What a :class:`Suite` gives.

    Attributes:
        total: Weighted sum of the terms that have a factor, reduced as the suite was told.
        terms: Every term by its name, unweighted, reduced likewise.
    """

    total: Tensor
    terms: dict[str, Tensor]


class Suite(nn.Module):
    """Losses to train with, side by side: named terms and their weighted sum, from one pass.

    Luma, pyramids and the activations of a network are computed once for all members, as in an
    exported model. A term is called as a model's output would be: its entry's label, and of a
    system ``label.total`` and ``label.term``. A system's terms whose inputs are not given are left
    out, and with them its total.

    Example:
        >>> import torch
        >>> reference = torch.full((1, 3, 8, 8), 0.5)
        >>> suite = Suite("l1,mse,psnr", factors={"l1": 1.0, "mse": 10.0})
        >>> losses = suite(distorted=reference + 0.1, reference=reference)
        >>> losses.total.round(decimals=4), losses.terms["psnr"].round(decimals=2)
        (tensor(0.2000), tensor(20.))
    """

    def __init__(
        self,
        entries: str | Sequence[str],
        *,
        factors: Mapping[str, float] | None = None,
        weights: Weights | Mapping[str, Source] | None = None,
        reduction: Reduction = "mean",
        check_range: bool = True,
    ) -> None:
        """Make the losses.

        Args:
            entries: ``"census,mine=ssim[form=dssim]"``, or a list of entries.
            factors: What terms count in the total, by name. A term without a factor, or of factor
                0, is reported and not trained on; where no other of its entry counts it is
                computed without a gradient. Not given, every entry (of a system its total) has
                the factor 1.
            weights: Where the weights are of the entries that need some, by name.
            reduction: As for every metric; of the total and of each term.
            check_range: Whether values that no frame, flow or mask has are refused; see
                :func:`framegauge.export.eager.check_values`. It waits for the GPU.

        Raises:
            ValueError: An entry or a factor's name is unknown, two entries have one label, an
                entry reads planes of code values, or the total would fall as frames get worse.
            WeightsError: Weights are not available.
        """
        super().__init__()
        check_reduction(reduction)
        found = weights if isinstance(weights, Weights) else Weights(weights)
        entire = members(parse_entries(entries), found)
        self.members = [replace(member, without=frozenset()) for member in entire]
        self.losses = nn.ModuleDict({member.label: member.metric for member in self.members})
        self.reduction: Reduction = reduction
        self.check_range = check_range
        self.specs = {name: spec for each in self.members for name, spec in each.specs(8).items()}
        if factors is None:
            factors = {next(iter(member.specs(8))): 1.0 for member in self.members}
        for name, factor in factors.items():
            self._check_factor(name, factor)
        self.factors = {name: factor for name, factor in factors.items() if factor}
        for member in self.members:
            if member.metric.spec.reads == "plane":
                raise ValueError(
                    f"{member.label} reads a plane of code values, and a suite to train with is "
                    "given RGB or luma in [0, 1]. Leave it out."
                )

    def forward(self, **given: Tensor) -> Losses:
        """The terms and their weighted sum.

        Args:
            given: By role, what the members' Specs name: ``distorted`` and ``reference``,
                ``(N, 3, H, W)`` in ``[0, 1]``, neighbours, flows, ... With ``mask``,
                ``(N, 1, H, W)`` in [0, 1] or booleans, 1 = counts, a term of each pixel is
                ``sum(map * mask) / sum(mask)`` of each sample, and 0 without a gradient where no
                pixel counts; every member must then have such a map, or read a mask.

        Returns:
            Terms and total.

        Raises:
            ValueError: An input is missing or not wanted, shapes or values do not fit, or a mask
                is given to what cannot take one.
            TypeError: Something is no tensor.
        """
        present = [
            replace(member, without=frozenset(set(member.metric.spec.inputs) - set(given)))
            for member in self.members
        ]
        self._check(present, given)
        features = as_features(given)
        scores: dict[str, Tensor] = {}
        # Terms to train on come first: what others share with them is then there, with gradients.
        trained = {name.partition(".")[0] for name in self.factors}
        with full_precision(given):
            for member in sorted(present, key=lambda each: each.label not in trained):
                with torch.set_grad_enabled(torch.is_grad_enabled() and member.label in trained):
                    if "mask" in given and isinstance(member.metric, PixelMetric):
                        values = [member.metric.masked_score(features, features.tensor("mask"))]
                    else:
                        values = member.scores(features)
                scores.update(zip(member.specs(8), values, strict=True))
            parts = [factor * scores[name] for name, factor in self.factors.items()]
            total = sum(parts, torch.zeros_like(next(iter(scores.values()))))
            return Losses(
                reduce_samples(total, self.reduction),
                {
                    name: reduce_samples(scores[name], self.reduction)
                    for name in self.specs
                    if name in scores
                },
            )

    def _check_factor(self, name: str, factor: float) -> None:
        if name not in self.specs:
            raise ValueError(
                f"There is no term {name!r} to give a factor{nearest(name, self.specs)} "
                f"Terms: {', '.join(self.specs)}."
            )
        if not math.isfinite(factor):
            raise ValueError(f"The factor of {name} is {factor}. Give a finite number.")
        if self.specs[name].better == "higher" and factor > 0:
            raise ValueError(
                f"{name} rises as frames get better, and the total is made to fall. Give it a "
                "factor below 0, leave it out of factors to have it reported only, or take a "
                "loss in its place, as ssim[form=dssim] is."
            )
        if self.specs[name].better == "lower" and factor < 0:
            raise ValueError(
                f"{name} falls as frames get better, as the total is made to, and the factor "
                f"{factor} would turn it round. Give it a factor above 0."
            )

    def _check(self, present: Sequence[Member], given: Mapping[str, Tensor]) -> None:
        check_tensors("The suite", given)
        wanted = {role for member in self.members for role in member.metric.spec.inputs}
        for role in given:
            if role not in wanted | {"mask"}:
                raise ValueError(
                    f"The suite has no input {role!r}{nearest(role, wanted)} "
                    f"Its inputs: {', '.join(sorted(wanted))}."
                )
        for member in present:
            counted = [name for name in self.factors if name.partition(".")[0] == member.label]
            if not isinstance(member.metric, System):
                counted = [member.label]
            for name in counted:
                if lacking := member.needs(name):
                    raise ValueError(
                        f"{name} needs {', '.join(lacking)}. Give it, or leave {name} out"
                        f"{' of factors' if isinstance(member.metric, System) else ''}."
                    )
            if (
                "mask" in given
                and "mask" not in member.roles
                and not isinstance(member.metric, PixelMetric)
            ):
                raise ValueError(
                    f"{member.label} is no mean over pixels that a mask could weigh. Leave out "
                    "the mask, or the entry; some entries take one by an option, masked=true."
                )
            check_shapes(
                member.metric.spec,
                {role: given[role] for role in member.roles if role not in member.training_inputs},
            )
        if self.check_range:
            check_values("The suite", given)
