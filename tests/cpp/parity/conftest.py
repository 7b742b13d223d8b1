"""The C interface called from Python, with arrays as models take them."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from framegauge.export.contract.formats import Format
from framegauge.export.contract.roles import FRAME_ROLES

# The structs of framegauge.h, field by field.


class ModelOptions(ctypes.Structure):
    """``framegauge_model_options``."""

    _fields_ = (
        ("struct_size", ctypes.c_size_t),
        ("path", ctypes.c_char_p),
        ("bytes", ctypes.c_void_p),
        ("byte_count", ctypes.c_size_t),
        ("provider", ctypes.c_int32),
        ("device", ctypes.c_int32),
        ("threads", ctypes.c_int32),
        ("skip_self_test", ctypes.c_int32),
        ("env", ctypes.c_void_p),
        ("session_options", ctypes.c_void_p),
        ("use_global_threads", ctypes.c_int32),
        ("log_severity", ctypes.c_int32),
        ("log", ctypes.c_void_p),
        ("log_user", ctypes.c_void_p),
        ("cuda_stream", ctypes.c_void_p),
    )


class OutputFacts(ctypes.Structure):
    """``framegauge_output``."""

    _fields_ = (
        ("struct_size", ctypes.c_size_t),
        ("label", ctypes.c_char_p),
        ("entry", ctypes.c_char_p),
        ("unit", ctypes.c_char_p),
        ("kind", ctypes.c_int32),
        ("better", ctypes.c_int32),
        ("ideal", ctypes.c_double),
        ("low", ctypes.c_double),
        ("high", ctypes.c_double),
        ("tolerance", ctypes.c_double),
        ("relative", ctypes.c_double),
        ("least", ctypes.c_uint32),
        ("masked", ctypes.c_int32),
        ("roles", ctypes.c_size_t),
        ("transfer", ctypes.c_char_p),
        ("ends", ctypes.c_int32),
    )


class Frame(ctypes.Structure):
    """``framegauge_frame``."""

    _fields_ = (
        ("struct_size", ctypes.c_size_t),
        ("role", ctypes.c_char_p),
        ("format", ctypes.c_char_p),
        ("width", ctypes.c_uint32),
        ("height", ctypes.c_uint32),
        ("planes", ctypes.c_void_p * 4),
        ("strides", ctypes.c_ssize_t * 4),
        ("memory", ctypes.c_int32),
        ("device", ctypes.c_int32),
        ("stream", ctypes.c_void_p),
        ("matrix", ctypes.c_int32),
        ("range", ctypes.c_int32),
        ("chroma_siting", ctypes.c_int32),
    )


class Library:
    """libframegauge through ctypes: scores of arrays as models take them."""

    def __init__(self, path: Path) -> None:
        self.calls = ctypes.CDLL(str(path))
        self.calls.framegauge_last_error.restype = ctypes.c_char_p
        self.calls.framegauge_scorer_error.restype = ctypes.c_char_p

    def score(
        self,
        model: Path,
        form: Format,
        feed: Mapping[str, Sequence[np.ndarray]],
        *,
        matrix: int = 0,
        range: int = 0,
        chroma_siting: int = 0,
    ) -> dict[str, list[float]]:
        """Scores by label, one for each sample.

        Args:
            model: The file.
            form: Its pixel format.
            feed: By role, its planes with a batch axis.
            matrix: In FRAMEGAUGE_ numbers, for all frames.
            range: The same.
            chroma_siting: The same.
        """
        options = ModelOptions(ctypes.sizeof(ModelOptions), str(model).encode())
        handle, scorer = ctypes.c_void_p(), ctypes.c_void_p()
        opened = self.calls.framegauge_model_open(ctypes.byref(options), ctypes.byref(handle))
        assert opened == 0, self.calls.framegauge_last_error()
        outputs = []
        facts = OutputFacts(ctypes.sizeof(OutputFacts))
        while not self.calls.framegauge_model_get_output(
            handle, ctypes.c_size_t(len(outputs)), ctypes.byref(facts)
        ):
            outputs.append((facts.label.decode(), facts.kind))
        self.calls.framegauge_scorer_create(handle, ctypes.byref(scorer))
        self.calls.framegauge_model_close(handle)

        batch = len(next(iter(feed.values()))[0])
        frames = [
            _frame(form, role, [plane[n, ...] for plane in planes], matrix, range, chroma_siting)
            for n in np.arange(batch)
            for role, planes in feed.items()
        ]
        pointers = (ctypes.POINTER(Frame) * len(frames))(*map(ctypes.pointer, frames))
        values = (ctypes.c_double * (batch * len(outputs)))()
        status = self.calls.framegauge_scorer_score(
            scorer,
            pointers,
            ctypes.c_size_t(len(frames)),
            values,
            ctypes.c_size_t(len(values)),
        )
        assert status == 0, self.calls.framegauge_scorer_error(scorer)
        self.calls.framegauge_scorer_destroy(scorer)
        rows = np.reshape(values, (batch, len(outputs)))
        return {
            label: rows[:, column].tolist()
            for column, (label, kind) in enumerate(outputs)
            if kind == 0
        }


def _frame(
    form: Format,
    role: str,
    planes: Sequence[np.ndarray],
    matrix: int,
    range: int,
    chroma_siting: int,
) -> Frame:
    """One sample of one role; its arrays must stay alive while it is used."""
    frame = Frame(ctypes.sizeof(Frame), role.encode(), matrix=matrix, range=range)
    frame.chroma_siting = chroma_siting
    if role in FRAME_ROLES:
        # Words of more than 8 bits lack the axis of their bytes.
        size = dict(zip(form.planes[0].dims, planes[0].shape, strict=False))
        frame.width, frame.height = size["W"], size["H"]
        stacked = 3 if form.dtype == "float32" else 1
        memory = [part for plane in planes for part in (plane if stacked > 1 else [plane])]
    else:
        (tensor,) = planes
        if tensor.ndim == 3:
            frame.height, frame.width = tensor.shape[1:]
        memory = list(tensor) if tensor.ndim == 3 else [tensor.reshape(1)]
    for index, part in enumerate(memory):
        assert part.flags.c_contiguous
        frame.planes[index] = part.ctypes.data
    return frame


@pytest.fixture(scope="session")
def library(plain: Any) -> Library:
    """The installed library, called through its C interface."""
    return Library(plain.prefix / "lib" / "libframegauge.so")
