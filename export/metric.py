"""The form that every metric and loss has: a module that scores frames, one number a sample."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, get_args, get_origin, get_type_hints

from torch import Tensor, nn

from framegauge.export.contract.entry import Option
from framegauge.export.contract.interface import Aggregate
from framegauge.export.contract.spec import Spec, Value
from framegauge.export.eager import eager_features, full_precision
from framegauge.export.features import Features
from framegauge.export.maths.reduction import (
    Reduction,
    check_reduction,
    masked_mean,
    pixel_mean,
    reduce_samples,
)


class Metric(nn.Module, ABC):
    """A metric as a graph: options are fixed when it is made, inputs arrive in ``forward``.

    A subclass has a ``SPEC`` and a :meth:`score`; its keyword arguments are its options, with
    their types and defaults.

    Attributes:
        reduction: What ``forward`` returns: the mean of the samples' scores, their sum, or the
            scores themselves, ``(N,)``.
        check_range: Whether ``forward`` refuses values that no frame, flow or mask has; see
            :func:`framegauge.export.eager.check_values`. It costs a pass over the frames, and
            on a GPU a wait for it.
    """

    SPEC: ClassVar[Spec]
    check_range: bool = True
    moment_names: ClassVar[tuple[str, ...]] = ()

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        """Make the module.

        Args:
            reduction: What ``forward`` returns: the mean of the samples' scores, their sum, or
                the scores themselves, ``(N,)``.

        Raises:
            ValueError: There is no such reduction.
        """
        super().__init__()
        check_reduction(reduction)
        self.reduction: Reduction = reduction

    @property
    def spec(self) -> Spec:
        """The facts, as this module's options make them."""
        return self.SPEC

    def spec_at(self, depth: int) -> Spec:
        """The facts for frames whose code values have ``depth`` bits."""
        return self.spec

    @classmethod
    def options(cls) -> tuple[Option, ...]:
        """The options, as the signature of the class declares them."""
        hints = get_type_hints(cls.__init__)
        return tuple(
            _option(name, hints[name], parameter.default)
            for name, parameter in inspect.signature(cls.__init__).parameters.items()
            if name not in ("self", "reduction", "weights")
        )

    @classmethod
    def refuse_idle(cls, choice: str, **options: Value) -> None:
        """Refuse options that would change a label and no score.

        Args:
            choice: The option, as ``name=value``, beside which those have no effect.
            options: Those, as they were given.

        Raises:
            ValueError: One of them is not its default.
        """
        for option in cls.options():
            if option.name in options and options[option.name] != option.default:
                raise ValueError(
                    f"{cls.SPEC.name} reads no {option.name} with {choice}, got "
                    f"{options[option.name]}. Leave {option.name} out."
                )

    @abstractmethod
    def score(self, features: Features) -> Tensor:
        """One score for each sample, ``(N,)``."""

    def moments(self, features: Features) -> list[Tensor]:
        """Numbers for each sample, ``(N,)``, that a clip's aggregate score is made of.

        One for each of ``moment_names``.
        """
        return []

    def term_specs(self, depth: int) -> dict[str, Spec]:
        """The facts of the further scores that ``SPEC.terms`` names, in that order."""
        return {}

    def term_scores(self, features: Features) -> list[Tensor]:
        """Those scores, ``(N,)`` each; what they share with :meth:`score` is computed once."""
        return []

    def judge(self, given: Mapping[str, Tensor], depth: int = 8) -> Tensor:
        """The scores in eager code, in float32 at least, reduced as the module was told.

        Args:
            given: What the Spec's ``inputs`` names.
            depth: Bits of a code value, for metrics of planes.

        Raises:
            ValueError: Shapes or values do not fit.
        """
        features = eager_features(self.spec, given, depth, check_range=self.check_range)
        with full_precision(given):
            return reduce_samples(self.score(features), self.reduction)

    def aggregates(self, label: str, depth: int) -> list[Aggregate]:
        """Scores of a whole clip, from the means of :meth:`moments`.

        Args:
            label: Label of this metric's score.
            depth: Bits of a code value in the model's format.
        """
        return []


class PairMetric(Metric):
    """A metric of a distorted frame and its reference."""

    def forward(self, distorted: Tensor, reference: Tensor, *, depth: int = 8) -> Tensor:
        """Score frames in eager code.

        Args:
            distorted: Frames to judge, ``(N, 3, H, W)`` RGB in ``[0, 1]``. A metric of luma also
                takes ``(N, 1, H, W)`` in ``[0, 1]``; a metric of planes takes code values,
                ``(N, 1, H, W)`` in ``[0, 2**depth)``.
            reference: What they should be, same shape and range.
            depth: Bits of a code value, for metrics of planes.

        Returns:
            The scores, reduced as the module was told.

        Raises:
            ValueError: Shapes differ or do not fit the metric, or values are out of range.
        """
        return self.judge({"distorted": distorted, "reference": reference}, depth)


class MapMetric(Metric):
    """A metric that can show where on the frame its score comes from."""

    @abstractmethod
    def map(self, features: Features) -> Tensor:
        """The map, ``(N, 1, h, w)``, on the grid that the Spec gives."""

    def map_spec(self, spec: Spec) -> Spec:
        """Facts of the map's values, from those of the score: the same where that is their mean."""
        return spec


class PixelMetric(PairMetric, MapMetric):
    """A metric that is the mean of its map, one value a pixel."""

    def score(self, features: Features) -> Tensor:
        """Mean of the map, ``(N,)``."""
        return pixel_mean(features.once(self.map, features))

    def forward(
        self,
        distorted: Tensor,
        reference: Tensor,
        mask: Tensor | None = None,
        *,
        depth: int = 8,
    ) -> Tensor:
        """Score frames in eager code, all pixels or those that count.

        Args:
            distorted: Frames to judge, as :meth:`PairMetric.forward` takes them.
            reference: What they should be, same shape and range.
            mask: Weights in [0, 1] or booleans, ``(N, 1, H, W)``, 1 = counts. The score is then
                ``sum(map * mask) / sum(mask)`` of each sample, and 0 without a gradient where no
                pixel counts. Only for maps on the frame's grid.
            depth: Bits of a code value, for metrics of planes.

        Returns:
            The scores, reduced as the module was told.

        Raises:
            ValueError: Shapes differ or do not fit the metric, or values are out of range.
        """
        if mask is None:
            return super().forward(distorted, reference, depth=depth)
        given = {"distorted": distorted, "reference": reference, "mask": mask}
        features = eager_features(self.spec, given, depth, check_range=self.check_range)
        with full_precision(given):
            score = self.masked_score(features, features.tensor("mask"))
            return reduce_samples(score, self.reduction)

    def masked_score(self, features: Features, mask: Tensor) -> Tensor:
        """Mean of the map over the pixels that count, ``(N,)``.

        Args:
            features: What is given.
            mask: Weights of the map's shape, 1 = counts.

        Raises:
            ValueError: The mask has another shape.
        """
        values = features.once(self.map, features)
        if mask.shape != values.shape:
            raise ValueError(
                f"{self.spec.name} takes a mask of the shape of its map, {tuple(values.shape)}, "
                f"got {tuple(mask.shape)}."
            )
        return masked_mean(values, mask)


def _option(name: str, hint: Any, default: Value) -> Option:
    if get_origin(hint) is Literal:
        return Option(name=name, type="str", default=default, choices=get_args(hint))
    kinds: dict[Any, Literal["float", "int", "bool", "str"]] = {
        float: "float",
        int: "int",
        bool: "bool",
        str: "str",
    }
    return Option(name=name, type=kinds[hint], default=default)
