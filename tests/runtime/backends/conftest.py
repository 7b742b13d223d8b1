"""A GPU that is none: memory in NumPy arrays, and engines played by ONNX Runtime.

It refuses what CUDA and TensorRT refuse, and what they do not notice: memory that is not there,
that is given back while a stream uses it, or that is not aligned; calls while another GPU is
current; shapes outside a profile, runs without addresses, contexts in two threads at once, graphs
of a context that was changed since; and engines with code of the host, unless that is allowed.
"""

from __future__ import annotations

import contextlib
import gc
import hashlib
import struct
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from framegauge.engines.identity.machine import Flavour, Gpu, Platform, TargetError
from framegauge.engines.identity.profile import Profile
from framegauge.engines.identity.sidecar import Recipe, Sidecar
from framegauge.engines.identity.target import Target
from framegauge.engines.store.store import STORE_VARIABLE, SYSTEM_VARIABLE, Store
from framegauge.engines.store.stored_engine import StoredEngine
from framegauge.export.contract.manifest import Manifest
from framegauge.export.contract.model_file import ModelFile
from framegauge.runtime.backends.gpu.cuda import CudaError
from framegauge.runtime.backends.request import Machine
from framegauge.runtime.backends.tensorrt.tensorrt_session import TensorrtSession

VERSION = "1.7.1.116"
HEAD = 36
ALIGNMENT = 256
HOST_CODE = "host-code"


class RecordedMemory:
    """Memory and streams that count what is done with them."""

    def __init__(self, index: int = 0, *, fails: str = "") -> None:
        self.index, self.fails = index, fails
        self.calls: Counter[str] = Counter()
        self.held: dict[int, np.ndarray[Any, Any]] = {}
        self.locked: dict[int, np.ndarray[Any, Any]] = {}
        self.streams: set[int] = set()
        self.captured: dict[int, list[Callable[[], None]]] = {}
        # What each stream was given to do since it was last waited for, by the addresses used.
        self.unfinished: dict[int, set[int]] = defaultdict(set)
        self._thread = threading.local()

    def _called(self, name: str) -> None:
        assert getattr(self._thread, "depth", 0), "another GPU is the current one"
        self.calls[name] += 1
        if name == self.fails:
            raise CudaError(f"CUDA failed on GPU 0: {name}.")

    @contextlib.contextmanager
    def current(self) -> Iterator[None]:
        self._thread.depth = getattr(self._thread, "depth", 0) + 1
        try:
            yield
        finally:
            self._thread.depth -= 1

    def allocate(self, size: int) -> int:
        self._called("allocate")
        room = np.full(max(1, size) + ALIGNMENT, 0xAA, np.uint8)
        begin = -room.ctypes.data % ALIGNMENT
        memory = room[begin : begin + max(1, size)]
        self.held[memory.ctypes.data] = memory
        return memory.ctypes.data

    def free(self, pointer: int) -> None:
        self._called("free")
        if getattr(self._thread, "captures", False):
            self._thread.captures = False
            raise CudaError("CUDA failed on GPU 0: memory was freed within a capture.")
        self._check_finished(pointer)
        del self.held[pointer]

    def page_locked(self, size: int) -> Any:
        memory = np.full(max(1, size), 0x55, np.uint8)
        self.locked[memory.ctypes.data] = memory
        return memory

    def unlock(self, memory: Any) -> None:
        self._called("unlock")
        self._check_finished(memory.ctypes.data)
        del self.locked[memory.ctypes.data]

    def upload(self, pointer: int, source: Any, stream: int) -> None:
        self._called("upload")
        self.at(pointer, source.nbytes, stream)[:] = source
        self.unfinished[stream].add(source.ctypes.data)

    def download(self, target: Any, pointer: int, stream: int) -> None:
        self._called("download")
        target[:] = self.at(pointer, target.nbytes, stream)
        self.unfinished[stream].add(target.ctypes.data)

    def copy(self, target: int, source: int, size: int, stream: int) -> None:
        self._called("copy")
        self.at(target, size, stream)[:] = self.at(source, size, stream)

    def stream(self) -> int:
        stream = max(self.streams, default=100) + 1
        self.streams.add(stream)
        return stream

    def drop_stream(self, stream: int) -> None:
        self._called("drop_stream")
        self.streams.remove(stream)

    def wait(self, stream: int) -> None:
        assert stream in self.streams
        self.unfinished[stream].clear()

    def begin_capture(self, stream: int) -> None:
        self.captured[stream] = []
        self._thread.captures = True
        if gc.isenabled():
            gc.collect()  # as may happen at any time

    def end_capture(self, stream: int) -> Any:
        self._called("end_capture")
        calls = tuple(self.captured.pop(stream))
        if not self._thread.captures:
            raise CudaError("CUDA failed on GPU 0: the capture was spoilt.")
        self._thread.captures = False
        return calls

    def launch(self, graph: Any, stream: int) -> None:
        self._called("launch")
        for call in graph:
            call()

    def drop_graph(self, graph: Any) -> None:
        self._called("drop_graph")

    def at(self, pointer: int, size: int, stream: int = 0) -> Any:
        """Bytes at an address, which must lie within memory that is held, for a stream to use."""
        for start, memory in self.held.items():
            if start <= pointer and pointer + size <= start + memory.size:
                self.unfinished[stream].update([start] if stream else [])
                return memory[pointer - start : pointer - start + size]
        raise AssertionError(f"{size} bytes at {pointer} are not held")

    def _check_finished(self, pointer: int) -> None:
        for stream, used in self.unfinished.items():
            assert pointer not in used, f"stream {stream} still uses the memory"


class OnGpu:
    """An array of another library that says it lies on a GPU."""

    def __init__(self, memory: RecordedMemory, values: Any, *, device: int = 0) -> None:
        self.shape, self.device = values.shape, device
        with memory.current():
            pointer = memory.allocate(values.nbytes)
        self.values = memory.held[pointer][: values.nbytes].view(values.dtype).reshape(values.shape)
        self.values[...] = values
        self.streams: list[int | None] = []

    def __dlpack_device__(self) -> tuple[int, int]:
        return 2, self.device

    def __dlpack__(self, stream: int | None = None, **_: Any) -> Any:
        self.streams.append(stream)
        return self.values.__dlpack__()


def read(memory: RecordedMemory, array: Any) -> Any:
    """What a GPU array holds."""
    found = memory.at(array.pointer, array.nbytes)
    return found.view(array.dtype).reshape(array.shape).copy()


class RecordedMachine(Machine):
    """A machine with such a GPU, whose engines are all of one model."""

    def __init__(
        self,
        model: Path,
        *,
        architecture: str = "sm89",
        flavour: Flavour = "tensorrt_rtx",
        **played: Any,
    ) -> None:
        self.cuda = RecordedMemory()
        self.nvidia = played_module(model, self.cuda, flavour, **played)
        self._flavour, self._architecture = flavour, architecture

    def no_gpu(self) -> str | None:
        return None

    def flavours(self) -> dict[Flavour, str]:
        return {self._flavour: VERSION}

    def gpu(self, index: int) -> Gpu:
        if index:
            raise TargetError(f"There is no GPU {index} to be used here.")
        return Gpu(index=0, name="Recorded", architecture=self._architecture, driver="13.0")

    def module(self, flavour: Flavour) -> Any:
        return self.nvidia

    def memory(self, index: int) -> RecordedMemory:
        return self.cuda


def played_module(
    model: Path,
    memory: RecordedMemory,
    flavour: Flavour = "tensorrt_rtx",
    *,
    profiles: tuple[Profile, ...] | None = None,
    validity: str = "VALID",
    loads: bool = True,
    kept: bytes = b"",
    compiled: bytes | None = b"kernels",
    bias: float = 0.0,
    replay_bias: float = 0.0,
    starts: bool = True,
    room: int = 99,
    dtype: Any = np.float32,
    form: str = "linear",
    place: str = "device",
) -> Any:
    """NVIDIA's module, as far as it is called, whose engines run ``model``.

    Args:
        model: What every engine computes.
        memory: Where tensors lie.
        flavour: Which module.
        profiles: Profiles of the engines, ``None`` for those that :func:`stored` wrote into one.
        validity: What is said of them.
        loads: Whether they can be loaded.
        kept: A kernel cache that is accepted, empty if every one is.
        compiled: What a run adds to the kernel cache, ``None`` if that cannot be read.
        bias: Added to every output.
        replay_bias: The same, by graphs alone.
        starts: Whether CUDA starts.
        room: Contexts that there is memory for.
        dtype: Type of the outputs.
        form: Format of every tensor.
        place: Where every tensor is to lie.
    """
    session = onnxruntime.InferenceSession(model.read_bytes(), providers=["CPUExecutionProvider"])
    held = {each.key: each.value for each in onnx.load(model).metadata_props}["framegauge"]
    manifest = Manifest.from_json(held, file=str(model))
    module = SimpleNamespace(
        __name__=flavour,
        __version__=VERSION,
        ILogger=_Logger,
        TensorIOMode=SimpleNamespace(INPUT="in", OUTPUT="out"),
        TensorFormat=SimpleNamespace(LINEAR="linear"),
        TensorLocation=SimpleNamespace(DEVICE="device"),
        EngineValidity=SimpleNamespace(VALID="VALID", SUBOPTIMAL="SUBOPTIMAL", INVALID="INVALID"),
        EngineInvalidityDiagnostics=SimpleNamespace(
            __members__={"VERSION_MISMATCH": 1, "UNSUPPORTED_CC": 2, "OLD_CUDA_DRIVER": 4}
        ),
        ExecutionContextAllocationStrategy=SimpleNamespace(ON_PROFILE_CHANGE="on change"),
        CudaGraphStrategy=SimpleNamespace(WHOLE_GRAPH_CAPTURE="whole"),
        DynamicShapesKernelSpecializationStrategy=SimpleNamespace(EAGER="eager"),
        nptype=lambda dtype: dtype,
        contexts=[],
        configs=[],
        refused=threading.Event(),
    )

    class Runtime:
        engine_host_code_allowed = False

        def __init__(self, logger: Any) -> None:
            if not starts:
                raise TypeError("pybind11::init(): factory function returned nullptr")
            self.logger = logger

        def get_engine_validity(self, content: bytes) -> tuple[str, int]:
            return validity, 0 if validity == "VALID" else 2

        def deserialize_cuda_engine(self, content: bytes) -> Any:
            if not loads:
                self.logger.log("error", "Error Code 1: the engine was not liked")
                return None
            words = content[HEAD:].decode(errors="replace").split()
            if HOST_CODE in words:
                words.remove(HOST_CODE)
                if not self.engine_host_code_allowed:
                    self.logger.log("error", "Error Code 4: host code is not allowed")
                    return None
            held = profiles
            if held is None:
                held = tuple(Profile.parse(each).fitted(manifest) for each in words)
            return _Engine(
                session,
                manifest,
                memory,
                held,
                module,
                kept=kept,
                compiled=compiled,
                biases=(bias, bias + replay_bias),
                room=room,
                facts=(dtype, form, place),
            )

    module.Runtime = Runtime
    return module


class _Logger:
    ERROR, INTERNAL_ERROR = "error", "internal error"

    def __init__(self) -> None:
        pass


class _Engine:
    def __init__(
        self,
        session: Any,
        manifest: Manifest,
        memory: RecordedMemory,
        profiles: tuple[Profile, ...],
        module: Any,
        *,
        kept: bytes,
        compiled: bytes | None,
        biases: tuple[float, float],
        room: int,
        facts: tuple[Any, str, str],
    ) -> None:
        self.session, self.memory, self.module = session, memory, module
        self.kept, self.compiled, self.biases, self.room = kept, compiled, biases, room
        self.dtype, self.form, self.place = facts
        self.types = {
            each.name: np.uint8 if "uint8" in each.type else np.float32
            for each in session.get_inputs()
        }
        self.profiles = [profile.shapes(manifest) for profile in profiles]
        self.given = [each.name for each in session.get_inputs()]
        self.made = [each.name for each in session.get_outputs()]
        self.num_io_tensors = len(self.given) + len(self.made)
        self.num_optimization_profiles = len(profiles)

    def get_tensor_name(self, index: int) -> str:
        # Not the order of the graph: nobody promises that.
        return [*reversed(self.given), *reversed(self.made)][index]

    def get_tensor_mode(self, name: str) -> str:
        return "in" if name in self.given else "out"

    def get_tensor_dtype(self, name: str) -> Any:
        return self.types.get(name, self.dtype)

    def get_tensor_format(self, name: str, profile: int) -> str:
        return self.form

    def get_tensor_location(self, name: str) -> str:
        return self.place

    def create_runtime_config(self) -> Any:
        config = _Config(self.kept, self.compiled)
        self.module.configs.append(config)
        return config

    def create_execution_context(self, how: Any) -> Any:
        context = _Context(self, how)
        self.module.contexts.append(context)
        return context


class _Config:
    def __init__(self, kept: bytes, compiled: bytes | None) -> None:
        self.kept, self.compiled = kept, compiled
        self.cache: Any = None

    def set_execution_context_allocation_strategy(self, strategy: Any) -> None:
        self.strategy = strategy

    def create_runtime_cache(self) -> Any:
        return _Kernels(self.kept, self.compiled)

    def set_runtime_cache(self, cache: Any) -> bool:
        self.cache = cache
        return True


class _Kernels:
    def __init__(self, accepted: bytes, compiled: bytes | None) -> None:
        self.accepted, self.compiled, self.taken = accepted, compiled, b""

    def deserialize(self, content: bytes) -> bool:
        if self.accepted and content != self.accepted:
            return False
        self.taken = content
        return True

    def serialize(self) -> bytes | None:
        return self.taken or self.compiled


class _Context:
    def __init__(self, engine: _Engine, how: Any) -> None:
        self.engine, self.how = engine, how
        self.profile: int | None = None
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.addresses: dict[str, int] = {}
        self.changes = 0
        self.busy = threading.Lock()

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        assert self.busy.acquire(blocking=False), "two threads in one context"
        try:
            yield
        finally:
            self.busy.release()

    def set_optimization_profile_async(self, index: int, stream: int) -> bool:
        self.profile, self.shapes, self.changes = index, {}, self.changes + 1
        if self.engine.module.contexts.index(self) < self.engine.room:
            return True
        self.engine.module.refused.set()
        return False

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        assert self.profile is not None
        least, _, most = self.engine.profiles[self.profile][name]
        self.changes += 1
        self.shapes[name] = shape
        return all(a <= b <= c for a, b, c in zip(least, shape, most, strict=True))

    def set_tensor_address(self, name: str, pointer: int) -> bool:
        assert pointer % ALIGNMENT == 0, f"{name} is not aligned"
        self.changes += 1
        self.addresses[name] = pointer
        return True

    def infer_shapes(self) -> list[str]:
        for name, shape in self.shapes.items():
            if shape != self.shapes.get(name.replace("reference", "distorted"), shape):
                raise RuntimeError("condition '==' violated: heights differ")
        return [name for name in self.engine.given if name not in self.shapes]

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        if name in self.shapes:
            return self.shapes[name]
        return (next(iter(self.shapes.values()))[0],)

    def execute_async_v3(self, stream: int) -> bool:
        before = self.changes
        plain, replayed = self.engine.biases

        def call() -> None:
            assert self.changes == before, "a graph of a context that was changed since"
            self._compute(stream, replayed)

        captured = self.engine.memory.captured.get(stream)
        if captured is not None:
            captured.append(call)
        else:
            self._compute(stream, plain)
        return True

    def _compute(self, stream: int, bias: float) -> None:
        with self.alone():
            engine = self.engine
            feed = {}
            for each in engine.session.get_inputs():
                dtype = np.dtype(np.uint8 if "uint8" in each.type else np.float32)
                shape = self.shapes[each.name]
                size = int(np.prod(shape)) * dtype.itemsize
                found = engine.memory.at(self.addresses[each.name], size, stream)
                feed[each.name] = found.view(dtype).reshape(shape).copy()
            for name, values in zip(
                engine.made, engine.session.run(engine.made, feed), strict=True
            ):
                biased = np.ascontiguousarray(values + np.float32(bias))
                target = engine.memory.at(self.addresses[name], biased.nbytes, stream)
                target[:] = biased.reshape(-1).view(np.uint8)


@pytest.fixture
def cuda() -> RecordedMemory:
    """Memory of a GPU that is none."""
    return RecordedMemory()


@pytest.fixture
def session(cuda: RecordedMemory) -> Callable[..., TensorrtSession]:
    """Loads an engine that ONNX Runtime plays, onto :func:`cuda`."""

    def load(
        model: Path,
        *profiles: str,
        flavour: Flavour = "tensorrt_rtx",
        cache: Any = None,
        lanes: int = 4,
        only: int | None = None,
        plays: Path | None = None,
        **played: Any,
    ) -> TensorrtSession:
        manifest = ModelFile.read(model).manifest
        sizes = tuple(Profile.parse(each).fitted(manifest) for each in profiles)
        module = played_module(plays or model, cuda, flavour, **{"profiles": sizes, **played})
        loaded = TensorrtSession(
            b"an engine",
            manifest,
            sizes,
            module=module,
            memory=cuda,
            cache=cache,
            lanes=lanes,
            only=only,
        )
        loaded.module = module  # type: ignore[attr-defined]
        return loaded

    return load


@pytest.fixture
def on_gpu(cuda: RecordedMemory) -> Callable[..., OnGpu]:
    """Puts values onto :func:`cuda`, as another library would."""

    def put(values: Any, device: int = 0) -> OnGpu:
        return OnGpu(cuda, values, device=device)

    return put


@pytest.fixture
def gpu_array_of() -> type[OnGpu]:
    """An array of another library on some memory."""
    return OnGpu


@pytest.fixture
def machine() -> type[RecordedMachine]:
    """A machine with a GPU that is none."""
    return RecordedMachine


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The store that a run looks into, empty."""
    monkeypatch.setenv(STORE_VARIABLE, str(tmp_path / "store"))
    monkeypatch.delenv(SYSTEM_VARIABLE, raising=False)
    return Store()


@pytest.fixture
def stored(store: Store) -> Callable[..., StoredEngine]:
    """Puts bytes that start as an RTX engine for SM89 does into the store."""

    def put(
        model: Path,
        *profiles: str,
        into: Store = store,
        manifest: Manifest | None = None,
        **changes: Any,
    ) -> StoredEngine:
        file = ModelFile.read(model)
        options = changes.get("options", {"tf32": "false"})
        code = [HOST_CODE] if options.get("version_compatible") == "true" else []
        body = " ".join([*profiles, *code]).encode()
        head = struct.pack("<4sIQQ4B4sI", b"vtrt", 0, 2, HEAD + len(body), 1, 7, 1, 116, b"vtrt", 8)
        content = head + body
        recipe = Recipe(
            **{
                "model": file.sha256,
                "profiles": tuple(Profile.parse(each).fitted(file.manifest) for each in profiles),
                "target": Target(flavour="tensorrt_rtx", architectures=("sm89",)),
                "version": VERSION,
                "options": options,
                "platform": Platform.here(),
                **changes,
            }
        )
        return into.put(
            content,
            Sidecar(
                recipe=recipe,
                file=model.name,
                manifest=manifest or file.manifest,
                engine=hashlib.sha256(content).hexdigest(),
                size=len(content),
                created="2026-01-02T03:04:05+00:00",
            ),
        )

    return put
