"""One pass over a set: every sample by every method, from a journal where it has the score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from framegauge.runtime.errors import ScoreError
from framegauge.runtime.pooling.gate import Gate
from framegauge.runtime.printable import printable
from framegauge.runtime.scoring.batches_in_flight import in_flight
from framegauge.runtime.scoring.loop import Progress
from framegauge.runtime.scoring.scorers_by_format import ScorersByFormat
from framegauge.runtime.sets.file_stamps import Stamps, stamps
from framegauge.runtime.sets.journal import Journal
from framegauge.runtime.sets.sample_scores import SampleScore, score_sample
from framegauge.runtime.sets.samples import Sample, Samples
from framegauge.runtime.sets.set_request import SetRequest


@dataclass(kw_only=True)
class SetRun:
    """What is scored, how, and what has come of it.

    Attributes:
        samples: The set.
        request: What is asked.
        loaded: The models.
        journal: What keeps the scores, ``None`` if nothing does.
        scores: By the sample's name and the method.
        gates: Those asked for, as soon as the labels are known.
    """

    samples: Samples
    request: SetRequest
    loaded: ScorersByFormat
    journal: Journal | None
    scores: dict[tuple[str, str], SampleScore] = field(default_factory=dict)
    gates: list[Gate] = field(default_factory=list)

    def score(self, progress: Progress | None) -> None:
        """Score everything, the methods of a sample one after another.

        Raises:
            UsageError: A gate names what is not scored; where entries are named, before any is.
            ScoreError: As :func:`score_sample`; the sample is named.
            BackendError: As there.
        """
        pairs = [
            (sample, method) for sample in self.samples.rows for method in self.samples.methods
        ]
        self._parse(self.loaded.labels)
        if progress:
            progress(0, len(pairs))
        for done, (sample, method) in enumerate(pairs, 1):
            self.scores[sample.name, method] = self._one(sample, method)
            self._parse(self.loaded.labels)
            if progress:
                progress(done, len(pairs))

    def _one(self, sample: Sample, method: str) -> SampleScore:
        try:
            if self.journal is not None:
                # Before they are read: a file that changes meanwhile is then scored again.
                files = stamps(sample, method)
                kept = self._kept(self.journal, sample, method, files)
                if kept is not None:
                    return kept
            score = score_sample(sample, method, self.loaded, self.request)
        except (ScoreError, OSError) as error:
            if self.request.keep_going and not self.loaded.failed:
                return SampleScore(error=printable(str(error)))
            raise ScoreError(
                f"Sample {sample.name}, {method}: {error} (--keep-going scores the others, and "
                "--resume FILE keeps what is scored.)"
            ) from error
        if self.journal is not None:
            sha256 = self.loaded.sha256(score.format)
            self.journal.keep(sample, method, files, score, sha256)
        return score

    def _kept(
        self, journal: Journal, sample: Sample, method: str, files: Stamps
    ) -> SampleScore | None:
        found = journal.score(sample, method, files)
        if found is None:
            return None
        score, sha256 = found
        several = score.count > 1
        flight = in_flight(score.size, self.request.backend.threads) if several else 1
        scorer = self.loaded.of(lambda: score.format, flight=flight)
        moments = {each.name for each in scorer.outputs if each.kind == "moment"}
        is_whole = score.left_out is not None or (
            list(score.frames) == scorer.labels and set(score.moments) == moments
        )
        return score if is_whole and sha256 == self.loaded.sha256(score.format) else None

    def _parse(self, labels: Sequence[str]) -> None:
        """Read the gates, once labels are known."""
        if self.gates or not labels:
            return
        methods = self.samples.methods
        self.gates = [
            Gate.parse(gate, labels=labels, methods=methods) for gate in self.request.gates
        ]
