"""Every name that is called on NVIDIA's modules is there in those that are installed."""

import ast
import re
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import tensorrt_rtx
from cuda.bindings import driver
from cuda.bindings import runtime as cudart
from cuda.core.utils import StridedMemoryView

from framegauge.runtime.backends.gpu import cuda, gpu_array
from framegauge.runtime.backends.onnx import onnx_session
from framegauge.runtime.backends.tensorrt import (
    execution_context,
    kernel_cache,
    loaded_engine,
    nvidia_log,
)

ROOT = Path(__file__).parents[3]

# What a variable or attribute of that name holds, in each file.
HOLDS = {
    loaded_engine: {
        "module": tensorrt_rtx,
        "_module": tensorrt_rtx,
        "_runtime": tensorrt_rtx.Runtime,
        "_engine": tensorrt_rtx.ICudaEngine,
        "engine": tensorrt_rtx.ICudaEngine,
        "config": tensorrt_rtx.IRuntimeConfig,
        "TensorFormat": tensorrt_rtx.TensorFormat,
        "TensorIOMode": tensorrt_rtx.TensorIOMode,
        "TensorLocation": tensorrt_rtx.TensorLocation,
        "CudaGraphStrategy": tensorrt_rtx.CudaGraphStrategy,
        "ExecutionContextAllocationStrategy": tensorrt_rtx.ExecutionContextAllocationStrategy,
        "DynamicShapesKernelSpecializationStrategy": (
            tensorrt_rtx.DynamicShapesKernelSpecializationStrategy
        ),
    },
    kernel_cache: {
        "config": tensorrt_rtx.IRuntimeConfig,
        "_kernels": tensorrt_rtx.IRuntimeCache,
    },
    nvidia_log: {
        "module": tensorrt_rtx,
        "runtime": tensorrt_rtx.Runtime,
        "kinds": tensorrt_rtx.EngineValidity,
        "reasons": tensorrt_rtx.EngineInvalidityDiagnostics,
        "ILogger": tensorrt_rtx.ILogger,
    },
    execution_context: {"_context": tensorrt_rtx.IExecutionContext},
    cuda: {
        "_cudart": cudart,
        "_driver": driver,
        "cudaMemcpyKind": cudart.cudaMemcpyKind,
        "cudaStreamCaptureMode": cudart.cudaStreamCaptureMode,
    },
    gpu_array: {"views": StridedMemoryView},
    onnx_session: {
        "onnxruntime": onnxruntime,
        "bound": onnxruntime.IOBinding,
        "_session": onnxruntime.InferenceSession,
    },
}

# Of `tensorrt_rtx` alone: NVIDIA's reference of TensorRT 11.4 has an IRuntimeConfig with the
# allocation strategy and nothing else.
RTX_ALONE = {
    "CudaGraphStrategy",
    "DynamicShapesKernelSpecializationStrategy",
    "cuda_graph_strategy",
    "dynamic_shapes_kernel_specialization_strategy",
    "attach",
}


def used(file: Any) -> Any:
    """Names that a file asks of others: the last name of what is asked, and the name asked for."""
    for node in ast.walk(ast.parse(Path(file).read_text())):
        if isinstance(node, ast.Attribute):
            inner = node.value
            holder = inner.attr if isinstance(inner, ast.Attribute) else getattr(inner, "id", "")
            yield holder, node.attr, node


@pytest.mark.parametrize("file", HOLDS, ids=lambda file: file.__name__.rpartition(".")[2])
def test_every_name_is_there(file: Any) -> None:
    holds = HOLDS[file]

    names = {(holder, name) for holder, name, _ in used(file.__file__) if holder in holds}

    # A holder that is never asked would mean that the table is of an older file.
    assert {holder for holder, _ in names} == set(holds)
    assert not [pair for pair in names if not hasattr(holds[pair[0]], pair[1])]


def test_what_rtx_alone_has_is_used_behind_a_question() -> None:
    tree = ast.parse(Path(loaded_engine.__file__).read_text())
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    asked = {
        function.name: {n.attr for n in ast.walk(function) if isinstance(n, ast.Attribute)}
        for function in functions
    }

    assert asked.pop("_rtx_config") >= RTX_ALONE
    assert not [name for name, attributes in asked.items() if attributes & RTX_ALONE]
    behind = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.If | ast.IfExp)]
    assert "self._rtx_config(cache) if self.is_rtx else None" in behind
    assert any("verdict(module" in each and "if self.is_rtx" in each for each in behind)


def test_cudas_answers_are_a_status_and_values() -> None:
    status, count = cudart.cudaGetDeviceCount()
    failed, words = cudart.cudaGetErrorString(status)

    assert int(failed) == 0
    assert isinstance(words, bytes | str)
    assert count is None or count >= 0


def test_the_types_of_tensors_have_numpys_names() -> None:
    types = tensorrt_rtx.DataType

    assert tensorrt_rtx.nptype(types.FLOAT) is np.float32
    assert tensorrt_rtx.nptype(types.UINT8) is np.uint8


@pytest.mark.parametrize("extra", ["tensorrt", "rtx"])
def test_what_is_imported_of_cuda_is_asked_for(extra: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    names = {re.match(r"[\w-]+", each)[0] for each in project["optional-dependencies"][extra]}

    # `cuda.bindings` and `cuda.core`; the first has the second among its own only lately.
    assert {"cuda-python", "cuda-core"} <= names
