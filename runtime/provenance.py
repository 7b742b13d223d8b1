"""What scores were computed by, and what could not be, for the report."""

from __future__ import annotations

from typing import Any

from framegauge.runtime.scorer import Scorer
from framegauge.runtime.shelf import Pick


def model_facts(scorer: Scorer, picked: Pick) -> dict[str, Any]:
    """The models, as the report has them."""
    manifests = [model.manifest for model in scorer.models]
    return {
        "origin": picked.origin,
        "format": scorer.form.name,
        "precision": manifests[0].precision,
        "quantise": manifests[0].quantise,
        "crop_border": manifests[0].crop_border,
        "chroma": next((each.chroma for each in manifests if each.chroma), None),
        "entries": [output.entry for output in scorer.outputs if output.kind == "score"],
        "sha256": [model.sha256 for model in scorer.models],
        "files": [model.path.name for model in scorer.models],
    }


def missing_of(scorer: Scorer) -> dict[str, tuple[str, ...]]:
    """Scores that the models' entries have and the models have not, and the inputs each needs."""
    return {
        each.name: each.needs
        for model in scorer.models
        for each in model.manifest.missing
        if each.name not in scorer.labels
    }
