"""The report of a clip: read from JSON, written as JSON, CSV and a page."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

from framegauge.runtime.atomic_files import write_text, write_texts
from framegauge.runtime.reports import report_json, report_reading
from framegauge.runtime.reports.scored_clip import ScoredClip


@dataclass(frozen=True, kw_only=True, eq=False)
class Report(ScoredClip):
    """A clip's scores, with the forms that they are read and written in."""

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Self:
        """The report in a file, ours or libvmaf's, which may be XML.

        Pooled values and gates are computed from the frames again, whatever the file says.

        Raises:
            ScoreError: The file cannot be read, is no report, or comes from a newer release.
        """
        parts = report_reading.read(path)
        report = cls(**{**parts, "gates": ()})
        return report.with_gates(parts["gates"])

    def to_json(self) -> str:
        """The report as JSON, a superset of libvmaf's; ``report.schema.json`` describes it."""
        return "".join(report_json.chunks(self))

    def to_csv(self) -> str:
        """The scores of the frames as CSV: ``Frame`` and one column for each label.

        A score that is not finite is an empty cell.
        """
        return "".join(self._csv())

    def to_html(self, *, title: str | None = None) -> str:
        """The report as one HTML page that needs nothing else.

        Args:
            title: Heading of the page; the distorted video's name if there is none.
        """
        # Only a page needs the template engine and the plotting library.
        from framegauge.runtime.reports import page

        return page.to_html([self], names=None if title is None else [title], stills=self.stills)

    def write_json(self, path: str | os.PathLike[str]) -> None:
        """Write :meth:`to_json` to a file that appears only when it is complete."""
        write_text(path, report_json.chunks(self))

    def write_csv(self, path: str | os.PathLike[str]) -> None:
        """Write :meth:`to_csv` to a file that appears only when it is complete."""
        write_text(path, self._csv())

    def write_html(self, path: str | os.PathLike[str], *, title: str | None = None) -> None:
        """Write :meth:`to_html` to a file that appears only when it is complete."""
        write_text(path, [self.to_html(title=title)])

    def write(
        self,
        *,
        json: str | os.PathLike[str] | None = None,
        csv: str | os.PathLike[str] | None = None,
        html: str | os.PathLike[str] | None = None,
    ) -> None:
        """Write some of the forms to files that appear together, when all are complete.

        Args:
            json: Where to write :meth:`to_json`, ``-`` for standard output.
            csv: The same for :meth:`to_csv`.
            html: The same for :meth:`to_html`.

        Raises:
            UsageError: A file cannot be written there.
            OSError: The disk is full or failed, and which file; none was made or replaced.
        """
        texts: dict[str | os.PathLike[str], Iterable[str]] = {}
        if json is not None:
            texts[json] = report_json.chunks(self)
        if csv is not None:
            texts[csv] = self._csv()
        if html is not None:
            texts[html] = [self.to_html()]
        write_texts(texts)

    def _csv(self) -> Iterator[str]:
        yield ",".join(("Frame", *self.labels)) + "\n"
        for number, scores in self.frames.rows():
            cells = (repr(score) if math.isfinite(score) else "" for score in scores)
            yield ",".join((str(number), *cells)) + "\n"
