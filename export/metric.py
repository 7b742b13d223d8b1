"""The form that every metric and loss has: a module that scores frames, one number a sample."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, get_args, get_origin, get_type_hints

from torch import Tensor, nn

from framegauge.export.features import Features, Frame
from framegauge.export.formats import FRAME_ROLES, Dim, tensor_dims
from framegauge.export.manifest import Aggregate
from framegauge.export.reduction import Reduction, masked_mean, pixel_mean, reduce_samples
from framegauge.export.spec import Option, Spec, Value


class Metric(nn.Module, ABC):
    """A metric as a graph: options are fixed when it is made, inputs arrive in ``forward``.

    A subclass has a ``SPEC`` and a :meth:`score`; its keyword arguments are its options, with
    their types and defaults.
    """

    SPEC: ClassVar[Spec]
    moment_names: ClassVar[tuple[str, ...]] = ()

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        """Make the module.

        Args:
            reduction: What ``forward`` returns: the mean of the samples' scores, their sum, or
                the scores themselves, ``(N,)``.
        """
        super().__init__()
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

    @abstractmethod
    def score(self, features: Features) -> Tensor:
        """One score for each sample, ``(N,)``."""

    def moments(self, features: Features) -> list[Tensor]:
        """Numbers for each sample, ``(N,)``, that a clip's aggregate score is made of.

        One for each of ``moment_names``.
        """
        return []

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
            ValueError: Shapes differ or do not fit the metric.
        """
        features = eager_features(
            self.spec, {"distorted": distorted, "reference": reference}, depth
        )
        return reduce_samples(self.score(features), self.reduction)


class MapMetric(Metric):
    """A metric that can show where on the frame its score comes from."""

    @abstractmethod
    def map(self, features: Features) -> Tensor:
        """The map, ``(N, 1, h, w)``, on the grid that the Spec gives."""


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
            mask: Weights, ``(N, 1, H, W)``, 1 = counts. The score is then
                ``sum(map * mask) / sum(mask)`` of each sample. Only for maps on the frame's grid.
            depth: Bits of a code value, for metrics of planes.

        Returns:
            The scores, reduced as the module was told.

        Raises:
            ValueError: Shapes differ or do not fit the metric.
        """
        if mask is None:
            return super().forward(distorted, reference, depth=depth)
        values = self.map(
            eager_features(self.spec, {"distorted": distorted, "reference": reference}, depth)
        )
        if mask.shape != values.shape:
            raise ValueError(
                f"{self.spec.name} takes a mask of the shape of its map, {tuple(values.shape)}, "
                f"got {tuple(mask.shape)}."
            )
        return reduce_samples(masked_mean(values, mask), self.reduction)


def eager_features(spec: Spec, given: Mapping[str, Tensor], depth: int = 8) -> Features:
    """What eager code gives, by role, checked.

    Args:
        spec: Facts of the metric that will look at it.
        given: A tensor for each of the Spec's inputs: frames, and tensors with the axes that
            :func:`framegauge.export.formats.tensor_dims` says.
        depth: Bits of a code value, for metrics of planes.

    Raises:
        ValueError: Shapes differ from each other, do not fit the metric, or are too small.
    """
    shapes = {role: tuple(tensor.shape) for role, tensor in given.items()}
    channels = {"rgb": (3,), "luma": (1, 3), "plane": (1,)}[spec.reads]
    first = next(iter(given.values()))
    for role, tensor in given.items():
        wanted: list[tuple[Dim, ...]] = [("N", count, "H", "W") for count in channels]
        if role not in FRAME_ROLES:
            wanted = [tensor_dims(role)]
        if not any(_fits(tensor, dims) for dims in wanted):
            allowed = " or ".join(f"({', '.join(map(str, dims))})" for dims in wanted)
            raise ValueError(f"{spec.name} takes {role} {allowed}, got {tuple(tensor.shape)}.")
        both_frames = role in FRAME_ROLES and next(iter(given)) in FRAME_ROLES
        pictures = tensor.ndim == first.ndim == 4
        if (
            tensor.shape[0] != first.shape[0]
            or (pictures and tensor.shape[-2:] != first.shape[-2:])
            or (both_frames and tensor.shape != first.shape)
        ):
            listed = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
            raise ValueError(f"{spec.name} takes inputs of one batch and size, got {listed}.")
    pictures_only = [tensor for tensor in given.values() if tensor.ndim == 4]
    height, width = pictures_only[0].shape[-2:] if pictures_only else (spec.least, spec.least)
    if min(height, width) < spec.least:
        raise ValueError(
            f"{spec.name} needs frames of at least {spec.least}x{spec.least} pixels, got "
            f"{width}x{height}. Scale the frames up, or leave {spec.name} out."
        )
    return Features(
        {
            role: _eager_frame(spec, tensor, depth) if role in FRAME_ROLES else tensor
            for role, tensor in given.items()
        }
    )


def _fits(tensor: Tensor, dims: Sequence[Dim]) -> bool:
    return tensor.ndim == len(dims) and all(
        isinstance(dim, str) or dim == length
        for dim, length in zip(dims, tensor.shape, strict=True)
    )


def _eager_frame(spec: Spec, tensor: Tensor, depth: int) -> Frame:
    if spec.reads == "plane":
        return Frame(None, {spec.plane or "y": tensor}, depth)
    if tensor.shape[1] == 1:
        return Frame(None, {"y": tensor}, depth=1)  # a peak of one: luma in [0, 1] as it is
    return Frame(lambda: tensor)


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
