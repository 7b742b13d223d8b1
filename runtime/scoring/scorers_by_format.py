"""Models for the pixel formats that turn up in a run, each loaded once."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Self

from framegauge.export.contract.entry import find_listing
from framegauge.export.contract.interface import Aggregate, Output
from framegauge.runtime.backends.request import BackendRequest
from framegauge.runtime.errors import UsageError
from framegauge.runtime.models.model_files import Selection, Supply, catalogue, checked
from framegauge.runtime.scoring.provenance import backend_facts, model_facts
from framegauge.runtime.scoring.requests import ModelRequest, Tell
from framegauge.runtime.scoring.scorer import Scorer


@dataclass(kw_only=True)
class ScorersByFormat:
    """Scorers by pixel format, each loaded when it is first needed, and once.

    A context manager.

    Attributes:
        models: What they compute; model files are for one format, which they settle.
        backend: What computes it.
        supply: What gives models more than a pair of frames, ``None`` for nothing.
        tell: Called with a line of text while a model is made.
        loaded: The scorers, with what they were made from.
        failed: A model could not be made or loaded, for which no clip is to blame.
    """

    models: ModelRequest
    backend: BackendRequest
    supply: Supply | None = None
    tell: Tell | None = None
    loaded: dict[str, tuple[Scorer, Selection]] = field(default_factory=dict)
    failed: bool = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for scorer, _pick in self.loaded.values():
            scorer.close()
        self.loaded.clear()

    def of(self, format: Callable[[], str], *, flight: int = 1) -> Scorer:
        """The scorer of frames of a format, asked for only where no model files settle it.

        Args:
            format: Gives it.
            flight: Batches to score at a time, if it is not loaded yet.

        Raises:
            UsageError: The entries do not fit it, or its scores are not those of another format.
            BackendError: A model or the backend is not available here.
        """
        settled = self.models.files is not None
        if settled and self.loaded:
            return next(iter(self.loaded.values()))[0]
        name = "" if settled else format()
        if name not in self.loaded:
            self.failed = True
            scorer, picked = self._load(name, flight)
            self.failed = False
            name = scorer.form.name
            self.loaded[name] = scorer, picked
        return self.loaded[name][0]

    def _load(self, format: str, flight: int) -> tuple[Scorer, Selection]:
        picked = self.models.select(format, supply=self.supply, tell=self.tell)
        scorer = Scorer.of_selection(picked, self.backend, in_flight=flight)
        with ExitStack() as refused:
            refused.callback(scorer.close)
            for other, _ in self.loaded.values():
                if other.labels != scorer.labels:
                    raise UsageError(
                        f"Samples are {other.form.name} and {scorer.form.name}, whose usual "
                        f"metrics are {', '.join(other.labels)} and {', '.join(scorer.labels)}. "
                        "Name some that both take with --metrics, or convert with --convert."
                    )
            refused.pop_all()
        return scorer, picked

    @property
    def outputs(self) -> list[Output]:
        """The scores that any of them gives; empty if none was loaded."""
        scorers = [scorer for scorer, _ in self.loaded.values()]
        return [each for each in scorers[0].outputs if each.kind == "score"] if scorers else []

    @property
    def labels(self) -> list[str]:
        """Names of the scores, as soon as they are known: where entries are named, at once."""
        if self.loaded or self.models.metrics is None:
            return [each.name for each in self.outputs]
        entries = checked(self.models.metrics)
        listings = [find_listing(entry, catalogue()) for entry in entries]
        if any(listing.spec.kind == "system" for listing in listings):
            return []  # The terms are the model's to name.
        return [each.label(entry) for each, entry in zip(listings, entries, strict=True)]

    @property
    def aggregates(self) -> list[Aggregate]:
        """Scores of the whole set that moments make; empty if no model was loaded."""
        scorers = [scorer for scorer, _ in self.loaded.values()]
        return scorers[0].aggregates if scorers else []

    def selection(self, scorer: Scorer) -> Selection:
        """What one of the scorers was made from."""
        return self.loaded[scorer.form.name][1]

    def sha256(self, format: str) -> list[str]:
        """Hashes of the model files for a format."""
        return [model.sha256 for model in self.loaded[format][0].models]

    def to_json(self) -> list[dict[str, Any]]:
        """What the scores were computed by, for each format."""
        return [
            {**model_facts(scorer, picked), "backend": backend_facts(scorer)}
            for scorer, picked in self.loaded.values()
        ]
