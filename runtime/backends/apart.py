"""A self-test in a process of its own, whose memory is bounded: the model may be anybody's."""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing import get_context

from framegauge.runtime.backends.gpu.cuda import no_gpu
from framegauge.runtime.backends.model import Model
from framegauge.runtime.backends.request import BackendRequest
from framegauge.runtime.backends.selftest import Check
from framegauge.runtime.backends.session import Device
from framegauge.runtime.errors import ScoreError

MOST_MEMORY = 4 * 2**30
"""Bytes of memory that a self-test may take; the dearest network takes a tenth of it."""


def checks_apart(
    path: str, request: BackendRequest, memory: int = MOST_MEMORY
) -> tuple[list[Check], Device]:
    """What a model's self-test gives, and where it ran.

    Args:
        path: The model's file.
        request: What is to run it.
        memory: Bytes of memory that it may take on the CPU.

    Raises:
        UsageError: The file is not a model of ours.
        BackendError: The backend is not available here.
        ScoreError: The file is missing or damaged, or the test cannot be run, or not within
            bounds.
    """
    # Not forked: what this process has loaded, threads of it too, stays here.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        try:
            return pool.submit(_checks, path, request, memory).result()
        except (BrokenProcessPool, MemoryError) as error:
            raise ScoreError(
                f"{path} ended the process that ran its self-test, which may take "
                f"{memory / 2**30:g} GiB of memory. The file may be damaged or hostile: export the "
                "model again."
            ) from error


def _checks(path: str, request: BackendRequest, memory: int) -> tuple[list[Check], Device]:
    # CUDA's drivers reserve more than they use.
    if request.backend == "cpu" or no_gpu() is not None:
        _bound_memory(memory)
    model = Model(
        path,
        backend=request.backend,
        device=request.device,
        self_test=False,
        build_missing=request.build_missing,
    )
    return model.self_test(), model.device


def _bound_memory(most: int) -> None:
    """Let this process take no more memory, where the system can see to that."""
    if sys.platform == "win32":
        return
    import resource

    # What is reserved and not used does not count, as it would for the space of addresses.
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))
