"""Published systems: weighted sums of losses, with every term by its name."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from torch import Tensor, nn

from framegauge.export.contract.entry import nearest
from framegauge.export.contract.spec import Spec
from framegauge.export.eager import at_least_float32, check_tensors, eager_features, full_precision
from framegauge.export.features import Features
from framegauge.export.maths.reduction import Reduction, reduce_samples
from framegauge.export.metric import Metric

TOTAL = "total"


@dataclass(frozen=True, kw_only=True)
class Term:
    """One loss of a system.

    Attributes:
        weight: Its factor in the total; 0 for what authors print and do not train on.
        loss: What gives it.
        roles: What the system calls an input of the loss, where it is something else.
        training: Whether it looks at a part of a network that no model is given.
    """

    weight: float
    loss: Metric
    roles: Mapping[str, str] = field(default_factory=dict)
    training: bool = False

    @property
    def needs(self) -> tuple[str, ...]:
        """The system's inputs that it looks at."""
        return tuple(self.roles.get(role, role) for role in self.loss.spec.inputs)

    @property
    def symmetric(self) -> bool:
        """Whether the system's frame and its reference can be exchanged."""
        read = {"reference", "distorted"}.intersection(self.needs)
        return not read or (len(read) == 2 and self.loss.spec.symmetric)

    def score(self, features: Features) -> Tensor:
        """Its value for each sample, unweighted, ``(N,)``."""
        if not self.roles:
            return self.loss.score(features)
        inputs = self.loss.spec.inputs
        return self.loss.score(features.renamed(dict(zip(inputs, self.needs, strict=True))))


class System(Metric):
    """Losses that were published as one: ``total`` is their weighted sum.

    A term whose inputs are not given is left out, and with it the total: a total with terms missing
    is never given. Terms of weight 0 are no part of it.

    Attributes:
        parts: The terms by name, in the order of the outputs.
    """

    def __init__(self, parts: Mapping[str, Term], *, reduction: Reduction = "mean") -> None:
        """Make the system.

        Args:
            parts: The terms by name.
            reduction: As for every metric.

        Raises:
            ValueError: A weight is below zero or not finite, or none is above.
        """
        super().__init__(reduction=reduction)
        for name, part in parts.items():
            if not 0 <= part.weight < float("inf"):
                got = f"got {part.weight} for {name}"
                raise ValueError(f"{self.SPEC.name} takes finite weights of at least 0, {got}.")
        if not any(part.weight for part in parts.values()):
            raise ValueError(f"{self.SPEC.name} has no term of a weight above 0. Give one.")
        self.parts = dict(parts)
        self.losses = nn.ModuleDict({name: part.loss for name, part in parts.items()})

    @property
    def spec(self) -> Spec:
        """The facts of the total, with the inputs of every term."""
        counted = [(part.weight, part.loss.spec) for part in self.parts.values() if part.weight]
        specs = [part.loss.spec for part in self.parts.values()]
        ideals = [weight * fact for weight, spec in counted if (fact := spec.ideal) is not None]
        highs = [weight * fact for weight, spec in counted if (fact := spec.high) is not None]
        return replace(
            self.SPEC,
            ideal=sum(ideals) if len(ideals) == len(counted) else None,
            low=sum(weight * spec.low for weight, spec in counted),
            high=sum(highs) if len(highs) == len(counted) else None,
            least=max(spec.least for spec in specs),
            tolerance=sum(weight * spec.tolerance for weight, spec in counted),
            relative=max(spec.relative for _, spec in counted),
            inputs=tuple(dict.fromkeys(r for part in self.parts.values() for r in part.needs)),
            symmetric=all(part.symmetric for part in self.parts.values() if part.weight),
            weights=tuple(dict.fromkeys(name for spec in specs for name in spec.weights)),
        )

    @property
    def training_inputs(self) -> set[str]:
        """The inputs that no model can be given."""
        return {role for part in self.parts.values() if part.training for role in part.needs}

    def missing(self, without: Collection[str]) -> dict[str, tuple[str, ...]]:
        """What cannot be computed without some inputs, and which of them it needs.

        Args:
            without: Inputs that are not given.
        """
        found = {
            name: tuple(role for role in part.needs if role in without)
            for name, part in self.parts.items()
        }
        counted = (found[name] for name, part in self.parts.items() if part.weight)
        everything = tuple(dict.fromkeys(role for needs in counted for role in needs))
        return {name: needs for name, needs in {TOTAL: everything, **found}.items() if needs}

    def terms(self, features: Features, without: Collection[str] = ()) -> dict[str, Tensor]:
        """The terms that can be computed, unweighted, ``(N,)`` each.

        Args:
            features: What is given.
            without: Inputs that are not.
        """
        missing = self.missing(without)
        return {
            name: features.once(part.score, features)
            for name, part in self.parts.items()
            if name not in missing
        }

    def scores(self, features: Features, without: Collection[str] = ()) -> dict[str, Tensor]:
        """The total, if nothing of it is missing, then the terms, ``(N,)`` each.

        Args:
            features: What is given.
            without: Inputs that are not.
        """
        terms = self.terms(features, without)
        if TOTAL in self.missing(without):
            return terms
        first, *rest = (each.weight * terms[n] for n, each in self.parts.items() if each.weight)
        return {TOTAL: sum(rest, first), **terms}

    def score(self, features: Features) -> Tensor:
        """The total, ``(N,)``."""
        return self.scores(features)[TOTAL]

    def breakdown(self, **given: Tensor) -> dict[str, Tensor]:
        """The terms in eager code, and the total if nothing of it is missing.

        Args:
            given: Frames and other tensors by role, as the Spec's ``inputs`` names them.

        Returns:
            Each by its name, reduced as the module was told.

        Raises:
            ValueError: There is no such input, or shapes differ.
            TypeError: Something is no tensor.
        """
        wanted = self.spec.inputs
        check_tensors(self.SPEC.name, given)
        for role in given:
            if role not in wanted:
                raise ValueError(
                    f"{self.SPEC.name} with these options has no input {role!r}"
                    f"{nearest(role, wanted)} Its inputs: {', '.join(wanted)}."
                )
        without = [role for role in wanted if role not in given]
        terms = [part for name, part in self.parts.items() if name not in self.missing(without)]
        if not terms:
            raise ValueError(
                f"Nothing of {self.SPEC.name} can be computed from {', '.join(given) or 'nothing'}."
                f" Its inputs: {', '.join(wanted)}."
            )
        read = {role for part in terms for role in part.needs if not part.training}
        looked_at = {role: given[role] for role in wanted if role in read}
        shown = eager_features(self.spec, looked_at, check_range=self.check_range)
        rest = {role: at_least_float32(each) for role, each in given.items() if role not in read}
        with full_precision(given):
            scores = self.scores(shown.joined(rest), without)
            return {name: reduce_samples(each, self.reduction) for name, each in scores.items()}

    def forward(
        self, distorted: Tensor | None = None, reference: Tensor | None = None, **given: Tensor
    ) -> Tensor:
        """The total in eager code.

        Args:
            distorted: Frames to judge, ``(N, 3, H, W)`` RGB in ``[0, 1]``.
            reference: What they should be, same shape and range.
            given: What else the Spec's ``inputs`` names.

        Returns:
            The totals, reduced as the module was told.

        Raises:
            ValueError: An input is missing or not wanted, or shapes differ.
        """
        frames = {"distorted": distorted, "reference": reference}
        given |= {role: frame for role, frame in frames.items() if frame is not None}
        without = [role for role in self.spec.inputs if role not in given]
        if TOTAL in self.missing(without):
            raise ValueError(
                f"The total of {self.SPEC.name} needs {', '.join(self.missing(without)[TOTAL])}. "
                "Give it, or take the terms that there are from breakdown()."
            )
        return self.breakdown(**given)[TOTAL]


def weighted_names(text: str, known: Collection[str], *, of: str) -> dict[str, float]:
    """Weights by name, from ``"1*Charb+0.01*VGG"``, as several authors write their losses.

    Args:
        text: Weight, ``*`` and name, joined by ``+``.
        known: The names there are; upper and lower case are the same.
        of: Whose they are, for errors.

    Raises:
        ValueError: The text has another form, or a name is unknown or comes twice.

    Example:
        >>> weighted_names("1*L1+0.05*VGG22", ["l1", "vgg22"], of="flavr")
        {'l1': 1.0, 'vgg22': 0.05}
    """
    weights: dict[str, float] = {}
    for word in text.replace(" ", "").split("+"):
        number, _, name = word.lower().partition("*")
        try:
            weight = float(number)
        except ValueError:
            raise ValueError(
                f"{word!r} in the loss of {of} is not weight*name. Write 1*{next(iter(known))}, "
                "and + between two."
            ) from None
        if name not in known or name in weights:
            problem = "comes twice in" if name in weights else "is none of"
            raise ValueError(
                f"{name!r} {problem} the losses of {of}{nearest(name, known)} "
                f"Names: {', '.join(known)}."
            )
        weights[name] = weight
    return weights
