"""What a model file says about itself: the JSON in ``metadata_props["framegauge"]``.

The runtime, the engines and other hosts read it, and none of them knows a metric by name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
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
from framegauge.export.contract.json_form import field_names, made, parsed, plain
from framegauge.export.contract.rounding import Rounding
from framegauge.export.contract.soundness import (
    check_aggregates,
    check_bound_colour,
    check_inputs,
    check_names,
    check_outputs,
    check_roles,
    check_self_test,
)

KEY = "framegauge"
SCHEMA = 2

Precision = Literal["fp32", "fp16"]
# What entries and formats are written with.
_PLAIN = re.compile(r"[A-Za-z0-9_.,;=\[\]+-]+")
PRECISIONS: tuple[Precision, ...] = get_args(Precision)


class ManifestError(ValueError):
    """A model file that is not ours, is damaged, or comes from another release."""


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """Everything a host must know to score frames with a model.

    Attributes:
        schema: Version of this form.
        required: Names of fields that a reader must know, ``outputs.better`` with a dot where they
            are of a part. Who does not know one refuses the file; other unknown fields are kept.
        format: Pixel format of the frames.
        inputs: In the graph's order.
        outputs: In the graph's order.
        aggregates: Scores of a whole clip beyond the pooled ones.
        precision: Of the graph's arithmetic; ``fp16`` is convolutions in half where the scores
            hold it, float32 for all else.
        quantise: Bits the distorted frame is rounded to first, ``None`` if it is taken as it is.
        crop_border: Pixels cut from every side first.
        matrix: What code values have to mean, where that is part of the graph; ``None`` where a
            host says it by a ``colour`` input, or nothing asks.
        range: The same for their range.
        chroma_siting: The same for where chroma lies, by a ``siting`` input; see
            :data:`~framegauge.export.contract.roles.SITINGS`.
        weights: Weights files inside the model.
        missing: Outputs that its entries have and it has not.
        rounding: Of a model in ``fp16``, what half precision does to each score.
        versions: Of the software that made it.
        self_test: How a host proves that it runs the model rightly.
        further: What the file says beside; kept and passed on.
    """

    schema: int = SCHEMA
    required: tuple[str, ...] = ()
    format: str
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    aggregates: tuple[Aggregate, ...] = ()
    precision: Precision = "fp32"
    quantise: int | None = None
    crop_border: int = 0
    matrix: str | None = None
    range: str | None = None
    chroma_siting: str | None = None
    weights: tuple[WeightsFile, ...] = ()
    missing: tuple[Missing, ...] = ()
    rounding: tuple[Rounding, ...] = ()
    versions: dict[str, str] = field(default_factory=dict)
    self_test: SelfTest
    further: Mapping[str, Any] = field(default_factory=dict)

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
        return json.dumps(plain(self), allow_nan=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str | None, *, file: str) -> Self:
        """The manifest that a model file holds.

        Args:
            text: The metadata entry, ``None`` if the file has none.
            file: Name of the file, for errors.

        Raises:
            ManifestError: There is none, it is damaged, or it is of a schema that is not ours.
        """
        if text is None:
            raise ManifestError(
                f"{file} is not a framegauge model: it has no {KEY!r} entry in its metadata. "
                "Make one with `framegauge export`."
            )
        try:
            facts = parsed(text)
            schema = facts["schema"] if isinstance(facts, dict) else None
            if type(schema) is not int or schema < 1:
                raise ValueError(f"schema is {schema!r}")
        except (ValueError, KeyError) as error:
            raise ManifestError(
                f"The manifest of {file} cannot be read ({error}). Export the model again."
            ) from error
        if schema != SCHEMA:
            raise ManifestError(_of_another_schema(file, schema, facts))
        unknown = _unknown(facts.get("required"))
        if unknown:
            raise ManifestError(
                f"{file} cannot be read without knowing {', '.join(unknown)}, which this release "
                "does not. Update framegauge, or export the model again with this release."
            )
        try:
            manifest = made(cls, facts)
            manifest.check()
            return manifest
        except ManifestError:
            raise
        except ValueError as error:
            raise ManifestError(
                f"The manifest of {file} is not as it should be: {error}. Export the model again."
            ) from error

    def __post_init__(self) -> None:
        """Check what the rest relies on."""
        if self.format not in FORMATS:
            raise ManifestError(
                f"A model's format is one of {', '.join(FORMATS)}; this one says {self.format!r}. "
                "Export the model again with this release."
            )
        if not self.scores:
            raise ManifestError("The model names no scores. Export it again.")
        check_inputs(self.form, self.inputs)
        check_outputs(self.outputs)
        if self.crop_border < 0 or self.quantise not in (None, 8):
            raise ValueError(
                f"crop_border is {self.crop_border} and quantise {self.quantise}, and should be at "
                "least 0, and 8 or null"
            )

    def check(self) -> None:
        """Check that its parts belong together.

        Raises:
            ValueError: They do not.
        """
        check_roles(self.outputs, self.inputs)
        moments = [output.name for output in self.outputs if output.kind == "moment"]
        check_aggregates(self.aggregates, moments)
        check_names(self.outputs, self.aggregates, self.missing)
        check_bound_colour(self.form, self.inputs, self.matrix, self.range, self.chroma_siting)
        check_self_test(self.self_test, self.inputs, self.outputs, self.aggregates)


def _unknown(required: object) -> list[str]:
    """Of the fields that a reader must know, those that are not known here."""
    if not isinstance(required, list):
        return []  # refused below, where types are
    known = field_names(Manifest)
    return [str(name) for name in required if name not in known]


def _of_another_schema(file: str, schema: int, facts: dict[str, Any]) -> str:
    if schema > SCHEMA:
        return (
            f"{file} has a manifest of schema {schema}, and this release reads {SCHEMA}. Update "
            "framegauge, or export the model again with this release."
        )
    return (
        f"{file} has a manifest of schema {schema}, and this release reads {SCHEMA}. Make the file "
        f"again: `{_command(facts)}`."
    )


def _command(facts: dict[str, Any]) -> str:
    """What makes a file of the first schema again, as far as it says how it was made."""
    try:
        outputs = [each for each in facts["outputs"] if each["kind"] == "score"]
        entries: dict[str, None] = {}
        for each in outputs:
            label, entry = str(each["name"]).partition(".")[0], str(each["entry"])
            is_named = "[" not in entry and label != entry
            entries[f"{label}={entry}" if is_named else entry] = None
        asked = ",".join(entries)
        maps = ",".join(
            str(each["name"]).removesuffix(".map")
            for each in facts["outputs"]
            if each["kind"] == "map"
        )
        lacking = [role for each in facts.get("missing", ()) for role in each["needs"]]
        without = ",".join(dict.fromkeys(map(str, lacking)))
        if not _PLAIN.fullmatch(f"{asked},{facts['format']},{maps},{without}"):
            raise ValueError  # nothing goes into a command that a shell would take for more
        words = ["framegauge export --metrics", f"'{asked}'"]
        words += ["--format", str(facts["format"])]
        words += [f"--maps {maps}"] if maps else []
        words += [f"--without {without}"] if without else []
        words += ["--quantise 8"] if facts.get("quantise") else []
        words += [f"--crop-border {int(facts['crop_border'])}"] if facts.get("crop_border") else []
        words += ["--precision fp16"] if facts.get("precision") == "fp16" else []
        return " ".join([*words, "-o FILE"])
    except (KeyError, TypeError, AttributeError, ValueError):
        return "framegauge export --metrics ENTRIES -o FILE"
