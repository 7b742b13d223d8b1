"""What is asked of scoring a set, as a value."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from framegauge.export.contract.bounded_file import MOST_MODEL, read_bounded
from framegauge.runtime.backends.request import BackendRequest
from framegauge.runtime.errors import ScoreError, UsageError
from framegauge.runtime.scoring.requests import FrameRequest, ModelRequest
from framegauge.runtime.sets.protocols import Protocol, find_protocol


@dataclass(frozen=True, kw_only=True)
class SetRequest:
    """What is asked of scoring a set; it can be pickled.

    Attributes:
        models: What is computed; the protocol's metrics if nothing is named.
        backend: What computes it.
        frames: How clips are read, and what may be done to frames that differ.
        protocol: Name of a protocol, ``None`` to score the frames as they are.
        gates: Bounds on pooled scores, of every method or of one.
        keep_going: Go on after a sample that fails: its method then has no means.
        resume: A file that keeps scores as they come, and gives those it has.
    """

    models: ModelRequest = field(default_factory=ModelRequest)
    backend: BackendRequest = field(default_factory=BackendRequest)
    frames: FrameRequest = field(default_factory=FrameRequest)
    protocol: str | None = None
    gates: tuple[str, ...] = ()
    keep_going: bool = False
    resume: Path | None = None

    def __post_init__(self) -> None:
        """Check that the protocol is one, and is left what it settles.

        Raises:
            UsageError: It is not.
        """
        if self.steps is None:
            return
        done = self.frames.scale, self.frames.convert, self.models.quantise
        if any(each is not None for each in done) or self.models.crop_border:
            raise UsageError(
                f"{self.protocol} settles size, format, rounding and cropping itself. Leave out "
                "--scale, --convert, --quantise and --crop-border, or the protocol."
            )

    @property
    def steps(self) -> Protocol | None:
        """The protocol, ``None`` if none was asked for."""
        return None if self.protocol is None else find_protocol(self.protocol)

    @property
    def scored(self) -> ModelRequest:
        """What is computed, the protocol's metrics in place of none."""
        if self.steps is None or self.models.metrics is not None or self.models.files is not None:
            return self.models
        return replace(self.models, metrics=self.steps.metrics)

    @property
    def settings(self) -> dict[str, Any]:
        """All that scores depend on beside the samples' files and what makes models.

        Raises:
            ScoreError: A model file cannot be read.
        """
        frames = asdict(self.frames)
        settings = {
            "metrics": self.scored.metrics,
            "models": [_sha256(path) for path in self.models.files or ()],
            "protocol": self.protocol,
            "scale": frames.pop("scale"),
            "convert": frames.pop("convert"),
            "quantise": self.models.quantise,
            "crop_border": self.models.crop_border,
        }
        return settings | {
            name: value if isinstance(value, tuple) else str(value)
            for name, value in frames.items()
            if value != getattr(_AS_USUAL, name)
        }


_AS_USUAL = FrameRequest()


def _sha256(path: Path) -> str:
    try:
        return hashlib.sha256(read_bounded(path, MOST_MODEL)).hexdigest()
    except OSError as error:
        raise ScoreError(f"The model {path} cannot be read: {error.strerror}.") from error
