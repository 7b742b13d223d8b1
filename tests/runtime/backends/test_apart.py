"""Self-tests in a process of their own, and the bounds that they have."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from framegauge.runtime.backends.apart import checks_apart
from framegauge.runtime.backends.model import Model
from framegauge.runtime.backends.request import BackendRequest
from framegauge.runtime.errors import ScoreError

ON_CPU = BackendRequest(backend="cpu")


@pytest.fixture
def greedy(
    tmp_path: Path, shipped: Callable[..., Path], resealed: Callable[[onnx.ModelProto], bytes]
) -> Callable[[int], Path]:
    """Writes a model that also makes two to some power floats, each step twice what was before."""

    def write(power: int) -> Path:
        model = onnx.load(shipped("mse", "rgb24"))
        graph = model.graph
        (score,) = (node for node in graph.node if graph.output[0].name in node.output)
        score.output[list(score.output).index(graph.output[0].name)] = "score"
        one = numpy_helper.from_array(np.zeros(1, np.float32), "double_0")
        graph.initializer.append(one)
        # Begun from what is only known in a run, or ONNX Runtime would compute it beforehand.
        graph.node.append(helper.make_node("ReduceSum", ["score"], ["double_1"], keepdims=1))
        for step in range(1, power):
            before, after = f"double_{step}", f"double_{step + 1}"
            graph.node.append(helper.make_node("Concat", [before] * 2, [after], axis=0))
        graph.node.append(helper.make_node("ReduceMax", [f"double_{power}"], ["top"], keepdims=0))
        graph.node.append(helper.make_node("Mul", ["top", "double_0"], ["nothing"]))
        graph.node.append(helper.make_node("Add", ["score", "nothing"], [graph.output[0].name]))
        path = tmp_path / "greedy.onnx"
        path.write_bytes(resealed(model))
        return path

    return write


def test_a_self_test_apart_is_the_same_as_here(shipped: Callable[..., Path]) -> None:
    path = shipped("default")

    checks, device = checks_apart(str(path), ON_CPU)

    assert (checks, device) == (Model(path, backend="cpu").self_test(), "cpu")


def test_a_model_that_takes_some_memory_runs(greedy: Callable[[int], Path]) -> None:
    checks, _ = checks_apart(str(greedy(10)), ON_CPU, 2**30)

    assert all(each.passed for each in checks)


def test_a_model_that_would_fill_the_memory_is_refused(greedy: Callable[[int], Path]) -> None:
    with pytest.raises(ScoreError, match=r"greedy\.onnx (cannot run its self-test|ended the proc)"):
        checks_apart(str(greedy(31)), ON_CPU, 2**30)


def test_a_process_that_ends_is_a_model_that_fails(tmp_path: Path) -> None:
    with pytest.raises(ScoreError, match=r"which may take 0\.0625 GiB of memory"):
        checks_apart(str(tmp_path / "m.onnx"), BrokenRequest(), 2**26)


class BrokenRequest(BackendRequest):
    """Ends the process that it is sent to."""

    def __reduce__(self) -> tuple[object, ...]:
        import os

        return os._exit, (9,)


def test_errors_are_those_of_this_process(tmp_path: Path) -> None:
    with pytest.raises(ScoreError, match=r"m\.onnx cannot be read: No such file"):
        checks_apart(str(tmp_path / "m.onnx"), ON_CPU)


def test_a_self_test_ends_when_its_time_is_over(
    shipped: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Over:
        """A timer whose time is over when it begins."""

        def __init__(self, seconds: float, call: Callable[..., None], arguments: Any) -> None:
            self.start = lambda: call(*arguments)

        def cancel(self) -> None:
            pass

    monkeypatch.setattr(threading, "Timer", Over)

    with pytest.raises(ScoreError, match=r"cannot run its self-test.*terminate flag"):
        Model(shipped("mse", "rgb24"), backend="cpu")
