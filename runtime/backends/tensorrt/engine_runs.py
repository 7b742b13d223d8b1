"""An engine's self-test on the GPU at hand, and Polygraphy's opinion of it."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import ExitStack, closing
from functools import cache

from framegauge.engines import Store, StoredEngine, verify
from framegauge.engines.proving.polygraphy_comparison import (
    Opinion,
    compare,
    runner_of_engine,
    runner_of_model,
)
from framegauge.engines.proving.verify import ProofRun, feed_of
from framegauge.export.contract.model_file import ModelFile
from framegauge.runtime.backends.gpu.cuda import Cuda
from framegauge.runtime.backends.onnx.onnx_session import OnnxSession
from framegauge.runtime.backends.tensorrt.tensorrt_session import TensorrtSession
from framegauge.runtime.cpu_count import usable_cpus


def trials(
    store: Store, held: StoredEngine, model: ModelFile | None, *, device: int
) -> Iterator[ProofRun]:
    """Run an engine at the ends of every profile, beside its model in ONNX Runtime.

    Args:
        store: The store it lies in.
        held: The engine.
        model: Its model, ``None`` if that is not at hand.
        device: Which GPU.

    Raises:
        StoreError: The engine is damaged.
        ScoreError: The engine cannot be loaded, or the model cannot.
        BackendError: ONNX Runtime or CUDA is not available.
    """
    sidecar, content = held.facts, store.read(held)
    recipe = sidecar.recipe
    with ExitStack() as open_ones:

        @cache
        def engine(index: int) -> TensorrtSession:
            session = TensorrtSession(
                content,
                sidecar.manifest,
                recipe.profiles,
                module=importlib.import_module(recipe.target.flavour),
                memory=Cuda(device),
                options=recipe.options,
                only=index,
            )
            return open_ones.enter_context(closing(session))

        reference = None
        if model is not None:
            reference = OnnxSession(model, threads=usable_cpus())
            open_ones.enter_context(closing(reference))
        yield from verify(sidecar, engine, reference)


def opinions(store: Store, held: StoredEngine, model: ModelFile) -> list[Opinion]:
    """What Polygraphy's comparator says of an engine at the least frames of each profile.

    Raises:
        StoreError: The engine is damaged.
        TargetError: Polygraphy runs the other flavour in this process.
        ImportError: Polygraphy is not installed.
    """
    sidecar, content = held.facts, store.read(held)
    manifest, flavour = sidecar.manifest, sidecar.recipe.target.flavour
    allowed = {each.name: (each.tolerance, each.relative) for each in manifest.scores}
    return [
        opinion
        for index, profile in enumerate(sidecar.recipe.profiles)
        for opinion in compare(
            runner_of_engine(content, flavour, index),
            runner_of_model(model.content),
            [feed_of(manifest, profile.least)],
            allowed,
        )
    ]
