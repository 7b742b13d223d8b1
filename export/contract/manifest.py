"""What a model file says about itself: the JSON in ``metadata_props["framegauge"]``.

The runtime, the engines and other hosts read it, and none of them knows a metric by name.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any, Literal, Self, get_args

from framegauge.export.contract.formats import FORMATS, Format
from framegauge.export.contract.interface import (
    Aggregate,
    Input,
    Missing,
    Output,
    SelfTest,
    WeightsFile,
)
from framegauge.export.contract.rounding import Rounding
from framegauge.export.contract.soundness import (
    check_inputs,
    check_outputs,
    check_self_test,
    check_types,
)
from framegauge.export.contract.spec import Grid

KEY = "framegauge"
SCHEMA = 1

Precision = Literal["fp32", "fp16"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)


class ManifestError(ValueError):
    """A model file that is not ours, is damaged, or comes from a newer release."""


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """Everything a host must know to score frames with a model.

    Attributes:
        format: Pixel format of the frames.
        inputs: In the graph's order.
        outputs: In the graph's order.
        aggregates: Scores of a whole clip beyond the pooled ones.
        precision: Of the graph's arithmetic; ``fp16`` is convolutions in half where the scores
            hold it, float32 for all else.
        quantise: Bits the distorted frame is rounded to first, ``None`` if it is taken as it is.
        crop_border: Pixels cut from every side first.
        chroma: How subsampled chroma reaches luma's size, ``None`` where nothing asks for it.
        weights: Weights files inside the model.
        missing: Outputs that its entries have and it has not.
        rounding: Of a model in ``fp16``, what half precision does to each score.
        versions: Of the software that made it.
        self_test: How a host proves that it runs the model rightly.
        schema: Version of this form.
    """

    format: str
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    aggregates: tuple[Aggregate, ...] = ()
    precision: Precision = "fp32"
    quantise: int | None = None
    crop_border: int = 0
    chroma: str | None = None
    weights: tuple[WeightsFile, ...] = ()
    missing: tuple[Missing, ...] = ()
    rounding: tuple[Rounding, ...] = ()
    versions: dict[str, str] = field(default_factory=dict)
    self_test: SelfTest
    schema: int = SCHEMA

    @property
    def form(self) -> Format:
        """The pixel format of the frames."""
        return FORMATS[self.format]

    @property
    def scores(self) -> tuple[Output, ...]:
        """The outputs that are scores, for people."""
        return tuple(output for output in self.outputs if output.kind == "score")

    @property
    def least(self) -> int:
        """Smallest height and width of a frame that every output accepts, in pixels."""
        return max(output.least for output in self.outputs)

    def to_json(self) -> str:
        """The manifest as JSON, with keys in a fixed order."""
        facts = dataclasses.asdict(self)
        for name in ("missing", "rounding"):
            if not facts[name]:
                del facts[name]  # as releases wrote it that had no such field
        return json.dumps(facts, allow_nan=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str | None, *, file: str) -> Self:
        """The manifest that a model file holds.

        Args:
            text: The metadata entry, ``None`` if the file has none.
            file: Name of the file, for errors.

        Raises:
            ManifestError: There is none, it is damaged, or its schema is newer than ours.
        """
        if text is None:
            raise ManifestError(
                f"{file} is not a framegauge model: it has no {KEY!r} entry in its metadata. "
                "Make one with `framegauge export`."
            )
        try:
            facts: dict[str, Any] = json.loads(text, parse_constant=_refuse)
            schema = facts["schema"]
            if type(schema) is not int or schema < 1:
                raise TypeError(f"schema is {schema!r}")
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise ManifestError(
                f"The manifest of {file} cannot be read ({error!r}). Export the model again."
            ) from error
        if schema > SCHEMA:
            raise ManifestError(
                f"{file} has a manifest of schema {schema}, and this release reads up to "
                f"{SCHEMA}. Update framegauge, or export the model again with this release."
            )
        try:
            manifest = cls(
                **{
                    **facts,
                    "inputs": tuple(
                        Input(**{**each, "dims": tuple(each["dims"])}) for each in facts["inputs"]
                    ),
                    "outputs": tuple(
                        Output(**{**each, "grid": each["grid"] and Grid(**each["grid"])})
                        for each in facts["outputs"]
                    ),
                    "aggregates": tuple(Aggregate(**each) for each in facts["aggregates"]),
                    "weights": tuple(WeightsFile(**each) for each in facts["weights"]),
                    "missing": tuple(
                        Missing(**{**each, "needs": tuple(each["needs"])})
                        for each in facts.get("missing", ())
                    ),
                    "rounding": tuple(Rounding(**each) for each in facts.get("rounding", ())),
                    "self_test": _self_test(facts["self_test"]),
                }
            )
            check_self_test(manifest.self_test, manifest.inputs, manifest.outputs)
            return manifest
        except ManifestError:
            raise
        except (TypeError, KeyError, AttributeError, ValueError, OverflowError) as error:
            raise ManifestError(
                f"The manifest of {file} lacks something or has too much ({error}). "
                "Export the model again."
            ) from error

    def __post_init__(self) -> None:
        """Check what the rest relies on."""
        if self.format not in FORMATS:
            raise ManifestError(
                f"A model's format is one of {', '.join(FORMATS)}; this one says {self.format!r}. "
                "Export the model again with this release."
            )
        if self.precision not in PRECISIONS:
            raise ManifestError(
                f"A model's precision is one of {', '.join(PRECISIONS)}; this one says "
                f"{self.precision!r}. Export the model again with this release."
            )
        if not self.scores:
            raise ManifestError("The model names no scores. Export it again.")
        check_types(self)
        check_inputs(self.form, self.inputs)
        check_outputs(self.outputs, self.aggregates)
        if self.crop_border < 0 or self.quantise not in (None, 8):
            raise ValueError(
                f"crop_border is {self.crop_border} and quantise {self.quantise}, and should be at "
                "least 0, and 8 or null"
            )


def _self_test(facts: dict[str, Any]) -> SelfTest:
    return SelfTest(
        **{
            **facts,
            "sizes": tuple((height, width) for height, width in facts["sizes"]),
            "colour": facts["colour"] and tuple(tuple(row) for row in facts["colour"]),
            "scores": tuple(
                {name: tuple(values) for name, values in run.items()} for run in facts["scores"]
            ),
        }
    )


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no number")
