"""What became of each stored engine when one was looked for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from framegauge.engines.store.stored_engine import StoredEngine

Fit = Literal["exact", "compatible", "portable"]
Verdict = Literal["chosen", "usable", "refused"]


@dataclass(frozen=True, kw_only=True)
class Validity:
    """What TensorRT itself says of an engine on a GPU, before it is loaded.

    Attributes:
        verdict: Its word for it; a suboptimal engine runs, and one built anew may run faster.
        diagnostics: Its reasons.
    """

    verdict: Literal["valid", "suboptimal", "invalid"]
    diagnostics: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Verdict and reasons, for people."""
        reasons = f" ({', '.join(self.diagnostics)})" if self.diagnostics else ""
        return f"TensorRT calls it {self.verdict}{reasons}"


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One stored engine, judged for a run.

    Attributes:
        held: The engine.
        fit: How it fits the GPU, ``None`` if it does not.
        verdict: Whether it is taken, could be, or must not be.
        reason: Why, in words.
        profile: Index of its tightest profile that holds the frames; where no size was asked
            for, of its largest; ``None`` if it was refused.
        validity: TensorRT's own word, where it was asked.
    """

    held: StoredEngine
    fit: Fit | None
    verdict: Verdict
    reason: str
    profile: int | None = None
    validity: Validity | None = None


@dataclass(frozen=True, kw_only=True)
class Resolution:
    """Every stored engine, judged for a run.

    Attributes:
        candidates: The best first; those that were refused last.
    """

    candidates: tuple[Candidate, ...]

    @property
    def best(self) -> Candidate | None:
        """The candidate that is taken, ``None`` if nothing fits."""
        return next((each for each in self.candidates if each.verdict == "chosen"), None)

    @property
    def chosen(self) -> StoredEngine | None:
        """The engine that is taken, ``None`` if nothing fits."""
        return self.best.held if self.best else None

    def refusing(self, held: StoredEngine, reason: str) -> Resolution:
        """The same without an engine that proved unusable when it was tried: the next is chosen."""
        return self._with(held, verdict="refused", reason=reason, profile=None)

    def judged(self, held: StoredEngine, validity: Validity) -> Resolution:
        """The same with TensorRT's own word on an engine: an invalid one is refused."""
        if validity.verdict == "invalid":
            return self._with(
                held, verdict="refused", reason=str(validity), profile=None, validity=validity
            )
        (before,) = [each for each in self.candidates if each.held is held]
        words = before.reason if validity.verdict == "valid" else f"{before.reason}; {validity}"
        return self._with(held, reason=words, validity=validity)

    def _with(self, held: StoredEngine, **changes: object) -> Resolution:
        judged = [
            replace(each, **changes) if each.held is held else each  # type: ignore[arg-type]
            for each in self.candidates
        ]
        taken = any(each.verdict == "chosen" for each in judged)
        usable = [each for each in judged if each.verdict != "refused"]
        if usable and not taken:
            words = f"better ones were refused; {usable[0].reason}"
            usable[0] = replace(usable[0], verdict="chosen", reason=words)
        refused = [each for each in judged if each.verdict == "refused"]
        return Resolution(candidates=(*usable, *refused))
