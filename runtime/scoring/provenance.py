"""What scores were computed by, and what could not be, for the report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from framegauge.runtime.backends.model import describe
from framegauge.runtime.models.model_files import Selection
from framegauge.runtime.scoring.scorer import Scorer


def model_facts(scorer: Scorer, picked: Selection) -> dict[str, Any]:
    """The models, as the report has them: where they differ, a list with a value for each file."""
    manifests = [model.manifest for model in scorer.models]
    return {
        "origin": picked.origin,
        "format": scorer.form.name,
        "precision": _common([each.precision for each in manifests]),
        "quantise": _common([each.quantise for each in manifests]),
        "crop_border": _common([each.crop_border for each in manifests]),
        "entries": [output.entry for output in scorer.outputs if output.kind == "score"],
        "sha256": [model.sha256 for model in scorer.models],
        "files": [model.path.name for model in scorer.models],
    }


def backend_facts(scorer: Scorer) -> dict[str, Any]:
    """What ran the first model, and under ``others`` what ran those that something else did."""
    first = describe(scorer.models[0])
    others = [
        {"file": model.path.name, **facts}
        for model in scorer.models[1:]
        if (facts := describe(model)) != first
    ]
    return first | ({"others": others} if others else {})


def missing_of(scorer: Scorer) -> dict[str, tuple[str, ...]]:
    """Scores that the models' entries have and the models have not, and the inputs each needs."""
    return {
        each.name: each.needs
        for model in scorer.models
        for each in model.manifest.missing
        if each.name not in scorer.labels
    }


def _common(values: Sequence[Any]) -> Any:
    return values[0] if all(each == values[0] for each in values) else list(values)
