"""The entries of a suite: modules with the labels and the facts of their outputs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from framegauge.export.catalog import listings, make
from framegauge.export.contract.entry import Entry, find_listing, nearest
from framegauge.export.contract.spec import Spec, Value
from framegauge.export.features import Features
from framegauge.export.metric import Metric
from framegauge.export.networks.backbones import Weights
from framegauge.export.system import TOTAL, System


@dataclass(frozen=True, kw_only=True)
class Member:
    """One entry of a suite: how it was asked for, its module, and every option's value.

    Attributes:
        label: Name of its score; of a system's, the part before the dot.
        entry: As it was asked for.
        metric: The module.
        options: Every option, defaults too.
        without: Inputs of its own that the suite is not given.
    """

    label: str
    entry: str
    metric: Metric
    options: dict[str, Value]
    without: frozenset[str] = frozenset()

    @property
    def missing(self) -> dict[str, tuple[str, ...]]:
        """A system's outputs that cannot be computed, and the inputs that each needs."""
        return self.metric.missing(self.without) if isinstance(self.metric, System) else {}

    @property
    def roles(self) -> list[str]:
        """The inputs that it looks at."""
        if not isinstance(self.metric, System):
            return list(self.metric.spec.inputs)
        given = [part for name, part in self.metric.parts.items() if name not in self.missing]
        return list(dict.fromkeys(role for part in given for role in part.needs))

    def specs(self, depth: int) -> dict[str, Spec]:
        """The facts of its scores by their labels, at code values of ``depth`` bits."""
        if not isinstance(self.metric, System):
            terms = self.metric.term_specs(depth)
            return {
                self.label: self.metric.spec_at(depth),
                **{f"{self.label}.{name}": spec for name, spec in terms.items()},
            }
        parts = {
            name: replace(part.loss.spec_at(depth), inputs=part.needs)
            for name, part in self.metric.parts.items()
        }
        counted = [part.needs for part in self.metric.parts.values() if part.weight]
        inputs = tuple(dict.fromkeys(role for needs in counted for role in needs))
        total = replace(self.metric.spec_at(depth), inputs=inputs)
        return {
            f"{self.label}.{name}": spec
            for name, spec in {TOTAL: total, **parts}.items()
            if name not in self.missing
        }

    @property
    def training_inputs(self) -> set[str]:
        """Those that no model can be given."""
        return self.metric.training_inputs if isinstance(self.metric, System) else set()

    def needs(self, name: str) -> tuple[str, ...]:
        """The inputs that one of its outputs looks at and is not given."""
        if not isinstance(self.metric, System):
            return tuple(role for role in self.metric.spec.inputs if role in self.without)
        return self.missing.get(name.removeprefix(f"{self.label}."), ())

    def scores(self, features: Features) -> list[Tensor]:
        """Its scores in the order of :meth:`specs`, ``(N,)`` each."""
        if isinstance(self.metric, System):
            return list(self.metric.scores(features, self.without).values())
        return [self.metric.score(features), *self.metric.term_scores(features)]


def members(
    entries: Sequence[Entry], weights: Weights | None, without: Collection[str] = ()
) -> list[Member]:
    """The modules of the entries asked for, with the labels of their outputs.

    Args:
        entries: What to compute.
        weights: Where the weights are of the entries that need some.
        without: Inputs that are not given, by role.

    Raises:
        ValueError: An entry is unknown, two would have one label, or nothing of one can be
            computed without those inputs.
    """
    found: dict[str, Member] = {}
    for entry in entries:
        listing = find_listing(entry, listings())
        label = listing.label(entry)
        if label in found:
            raise ValueError(
                f"{found[label].entry} and {entry} would both be called {label!r}. Leave one out, "
                f"or name one: other={entry}."
            )
        options = {option.name: option.default for option in listing.options}
        metric = make(entry, weights=weights)
        lacking = {role for role in without if role in metric.spec.inputs}
        member = Member(
            label=label,
            entry=str(entry),
            metric=metric,
            options={**options, **listing.read(entry)},
        )
        found[label] = replace(member, without=frozenset(lacking | member.training_inputs))
    known = {role for member in found.values() for role in member.metric.spec.inputs}
    for role in without:
        if role not in known:
            raise ValueError(
                f"Nothing asked for takes {role!r}{nearest(role, known)} "
                f"Inputs: {', '.join(sorted(known))}."
            )
    for member in found.values():
        if member.without and not (member.missing and member.roles):
            raise ValueError(
                f"{member.label} needs {', '.join(sorted(member.without))}, which the model is not "
                "given. Give it, or leave the entry out."
            )
    return list(found.values())
