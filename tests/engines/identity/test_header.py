import struct
from collections.abc import Callable
from typing import Any

import pytest

from framegauge.engines.identity.header import Header, HeaderError
from framegauge.engines.identity.sidecar import Sidecar


def plan(tag: Any = b"ftrt", form: Any = 0, rest: Any = b"\0" * 64) -> Any:
    """The first bytes of a plan, as NVIDIA's trtexec reads its version from them."""
    return tag + struct.pack("<I", form) + b"\0" * 16 + bytes([10, 9, 0, 34]) + rest


def test_a_plan_of_tensorrt_says_its_version_and_no_gpu() -> None:
    header = Header.read(plan(), file="x.plan")

    assert header == Header(
        flavour="tensorrt", version="10.9.0.34", architectures=None, length=None
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it starts with b''"),
        (b"ONNX" + b"\0" * 64, "it starts with b'ONNX'"),
        (plan()[:30], "not a TensorRT engine"),
        (plan(form=1), "of form 1"),
    ],
)
def test_what_is_no_engine_is_refused(content: Any, message: str) -> None:
    with pytest.raises(HeaderError, match=message):
        Header.read(content, file="x.plan")


def test_an_rtx_engine_of_unknown_architectures_is_not_guessed_at(
    made: Callable[..., tuple[bytes, Sidecar]],
) -> None:
    content = bytearray(made()[0])
    content[32:36] = struct.pack("<I", 1 << 6 | 8)

    assert Header.read(bytes(content), file="x").architectures is None
