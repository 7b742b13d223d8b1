"""A model's self-test: its own frames, and what must come of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from framegauge.export.contract import selftest
from framegauge.export.contract.comparison import Comparison, worst
from framegauge.export.contract.manifest import Manifest
from framegauge.runtime.backends.session import Session
from framegauge.runtime.errors import ScoreError, UsageError, first_line

MOST_SECONDS = 300.0
"""Seconds after which a self-test ends as failed; the dearest network takes a tenth of it."""


@dataclass(frozen=True, kw_only=True)
class Check(Comparison):
    """One value of a self-test.

    Attributes:
        size: Height and width of the test frames.
        share: Of the output's tolerance, what is allowed.
    """

    size: tuple[int, int]
    share: float = 1.0

    @property
    def allowed(self) -> float:
        """How far apart they may be, in the output's unit."""
        return self.share * super().allowed


def checks(session: Session, path: Path) -> list[Check]:
    """Run a model's test frames, those that the session holds, and compare what comes out.

    Args:
        session: What runs it.
        path: The model's file, for errors.

    Raises:
        UsageError: The frames are of a version that this release does not know.
        ScoreError: The test cannot be run, or what comes out has another shape.
    """
    manifest = session.manifest
    test = manifest.self_test
    if test.pattern != selftest.VERSION:
        raise UsageError(
            f"{path} has test frames of version {test.pattern}, and this release knows "
            f"{selftest.VERSION}. Update framegauge, or export the model again."
        )
    # What a damaged file makes ONNX Runtime and NumPy raise has many types.
    try:
        with session.bounded(MOST_SECONDS):
            return [
                check
                for size, wanted in zip(test.sizes, test.scores, strict=True)
                if session.holds(test.batch, *size)
                for check in _compared(session, size, test.batch, wanted, test.share)
            ]
    except Exception as error:
        raise ScoreError(
            f"{path} cannot run its self-test on {session.device} ({first_line(error)}). The file "
            "may be damaged, or the device out of memory or broken: export the model again, or "
            "try another --backend."
        ) from error


def checks_beside(
    session: Session, other: Session, size: tuple[int, int], batch: int
) -> list[Check]:
    """The same at another size, where what another session gives is what is wanted.

    Args:
        session: What is to be proven.
        other: What is trusted.
        size: Height and width of the frames.
        batch: How many of them.
    """
    names = [each.name for each in session.manifest.outputs if each.kind != "map"]
    values = other.run(_feed(session.manifest, size, batch), names)
    wanted = {name: each.tolist() for name, each in values.items()}
    return list(_compared(session, size, batch, wanted))


def refuse_failed(found: Sequence[Check], path: Path, device: str) -> None:
    """Refuse a model that failed its self-test.

    Raises:
        ScoreError: A value is wrong; it is named.
    """
    for check in found:
        if not check.passed:
            raise ScoreError(
                f"{path} failed its self-test on {device}: {check.output.name} at "
                f"{check.size[1]}x{check.size[0]} should be {check.wanted:.9g}, and came out "
                f"as {check.got:.9g}. The file is damaged, or the backend computes wrongly; no "
                "score of it can be trusted. Export the model again, or try another --backend."
            )


def _compared(
    session: Session,
    size: tuple[int, int],
    batch: int,
    wanted: Mapping[str, Sequence[float]],
    share: float = 1.0,
) -> Iterator[Check]:
    """Every value, of several runs the one that is furthest off."""
    outputs = [output for output in session.manifest.outputs if output.kind != "map"]
    feed, names = _feed(session.manifest, size, batch), [each.name for each in outputs]
    runs = [session.run(feed, names) for _ in range(session.proving_runs)]
    for output in outputs:
        for shape in (run[output.name].shape for run in runs):
            if shape != (batch,):
                raise ScoreError(f"{output.name} has the shape {shape} on a batch of {batch}")
        values = (run[output.name].tolist() for run in runs)
        for want, *got in zip(wanted[output.name], *values, strict=True):
            yield worst(
                Check(output=output, size=size, wanted=want, got=each, share=share) for each in got
            )


def _feed(manifest: Manifest, size: tuple[int, int], batch: int) -> dict[str, NDArray[Any]]:
    """The self-test's inputs at one height and width, by name."""
    test = manifest.self_test
    return selftest.feed(manifest.form, manifest.inputs, size, batch, test.facts)
