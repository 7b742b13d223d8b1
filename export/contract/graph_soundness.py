"""What a model's graph may hold: refused here is what could run without end or fill a machine.

ONNX has loops, graphs within graphs and operators from elsewhere, and constants that make gigabytes
out of nothing. No metric needs any of it, and whoever loads a model may not have made it.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from framegauge.export.contract.protocol_buffers import NoMessageError, fields, whole_numbers

# What the catalogue's graphs are made of, and what PyTorch's exporter makes of further functions of
# arithmetic and selection.
_CATALOGUES = (
    "Abs Add And AveragePool Cast CastLike Concat Conv ConvTranspose Div Expand Floor Gather "
    "GatherND Greater GreaterOrEqual GridSample Identity IsNaN Less LessOrEqual Log MatMul Max "
    "MaxPool Min Mod Mul Pad Pow Range ReduceMean ReduceSum Relu Reshape Resize Shape Slice Sqrt "
    "Squeeze Sub Transpose Unsqueeze Where"
)
_FURTHER = (
    "Acos Acosh ArgMax ArgMin Asin Asinh Atan Atanh Ceil Celu Clip Compress Constant "
    "ConstantOfShape Cos Cosh CumSum DepthToSpace Einsum Elu Equal Erf Exp Flatten "
    "GatherElements Gelu Gemm GlobalAveragePool GlobalMaxPool HardSigmoid HardSwish "
    "InstanceNormalization IsInf LayerNormalization LeakyRelu LogSoftmax Mean Neg Not Or "
    "PRelu Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMin "
    "ReduceProd ReduceSumSquare Round ScatterElements ScatterND Selu Sigmoid Sign Sin Sinh Size "
    "Softmax Softplus Softsign SpaceToDepth Split Sum Tan Tanh Tile TopK Trilu Xor"
)
OPERATORS = frozenset([*_CATALOGUES.split(), *_FURTHER.split()])
"""Operators that a graph may have, all of ONNX's own; none holds a graph or draws by chance."""

MOST_NODES = 2**16
"""Nodes of a graph, and constants of one."""

MOST_NUMBER = 2**16
"""Greatest magnitude of a whole number that a graph holds, but for the open end of a slice."""

MOST_PRODUCT = 2**24
"""Greatest product of the whole numbers that say how large a tensor is to be."""

_OWN_DOMAINS = (b"", b"ai.onnx")
_OPEN = 2**63 - 1
_SHOWN = 60
# By operator, which of its inputs say how large what it gives is to be.
_SIZED = {
    "ConstantOfShape": (0,),
    "Expand": (1,),
    "Pad": (1,),
    "Range": (0, 1, 2),
    "Resize": (2, 3),
    "Tile": (1,),
}
# Of ONNX's types of tensors, by their numbers in onnx.proto, how one value of them is packed.
_PACKED = {1: "<f", 6: "<i", 7: "<q", 11: "<d"}
_INT32, _INT64 = 6, 7
# Of a tensor, the fields that may hold its values, and how each is packed where it is no varint.
_FLOATS, _NUMBERS = 4, 7
_VALUES = {_FLOATS: "<f", 5: None, _NUMBERS: None, 9: "", 10: "<d"}


class GraphError(ValueError):
    """A graph with something in it that no metric needs; its words go on from the file's name."""


@dataclass(frozen=True)
class _Tensor:
    """A constant: its type, and for each field that holds values its number, begin and end."""

    name: bytes
    type: int
    values: tuple[tuple[int, int, int], ...]


@dataclass
class _Found:
    """What there is in a graph: operators with the names of their inputs, and constants."""

    nodes: list[tuple[str, tuple[bytes, ...]]] = field(default_factory=list)
    constants: dict[bytes, _Tensor] = field(default_factory=dict)


def check_graph(content: bytes) -> None:
    """Refuse a graph that could run without end, fill the memory, or is not whole.

    Args:
        content: The bytes of an ONNX file.

    Raises:
        GraphError: It has what no metric needs, or keeps weights elsewhere.
        NoMessageError: It is no ONNX file.
    """
    found = _Found()
    for number, _, first, last in fields(content, 0, len(content)):
        match number:
            case 7:
                _read_graph(content, first, last, found)
            case 8:
                for inner, _, begin, end in fields(content, first, last):
                    if inner == 1:
                        _check_domain(content[begin:end])
            case 20 | 25:
                raise _needless("functions or steps of training")
    for operator, inputs in found.nodes:
        for index in _SIZED.get(operator, ()):
            if index < len(inputs) and inputs[index] in found.constants:
                _check_size(operator, _numbers(content, found.constants[inputs[index]]))


def _read_graph(content: bytes, begin: int, end: int, found: _Found) -> None:
    for number, _, first, last in fields(content, begin, end):
        match number:
            case 1:
                _read_node(content, first, last, found)
            case 5:
                tensor = _tensor(content, first, last)
                found.constants[tensor.name] = tensor
            case 15:
                raise _needless("sparse constants")
        if max(len(found.nodes), len(found.constants)) > MOST_NODES:
            raise _needless(f"more than {MOST_NODES} nodes or constants")


def _read_node(content: bytes, begin: int, end: int, found: _Found) -> None:
    operator, output = "", b""
    inputs: list[bytes] = []
    held: list[_Tensor] = []
    for number, _, first, last in fields(content, begin, end):
        value = content[first:last]
        match number:
            case 1:
                inputs.append(value)
            case 2:
                output = value
            case 4:
                operator = value.decode("utf-8", "replace")
                if operator not in OPERATORS:
                    raise _needless(f"the operator {operator[:_SHOWN]!r}")
            case 5:
                held += _attribute(content, first, last)
            case 7:
                _check_domain(value)
    found.nodes.append((operator, tuple(inputs)))
    if operator == "Constant" and held:
        found.constants[output] = held[-1]


def _attribute(content: bytes, begin: int, end: int) -> Iterator[_Tensor]:
    """The constants that an attribute holds."""
    values = []
    for number, _, first, last in fields(content, begin, end):
        match number:
            case 2 | 7:
                values.append((_FLOATS, first, last))
            case 3 | 8:
                values.append((_NUMBERS, first, last))
                _check_numbers(whole_numbers(content, first, last))
            case 5 | 10:
                yield _tensor(content, first, last)
            case 6 | 11:
                raise _needless("graphs within its nodes")
            case 22 | 23:
                raise _needless("sparse constants")
    if values:
        yield _Tensor(b"", 0, tuple(values))


def _tensor(content: bytes, begin: int, end: int) -> _Tensor:
    name, kind, values = b"", 0, []
    for number, _, first, last in fields(content, begin, end):
        match number:
            case 2:
                kind = next(whole_numbers(content, first, last), 0)
            case 8:
                name = content[first:last]
            case 13:
                raise GraphError(
                    "keeps weights in a file beside it, which could change unseen. Save it with "
                    "all its weights inside, as `framegauge export` does."
                )
            case _ if number in _VALUES:
                values.append((number, first, last))
    tensor = _Tensor(name, kind, tuple(values))
    if kind in (_INT32, _INT64):
        _check_numbers(_numbers(content, tensor))
    return tensor


def _numbers(content: bytes, tensor: _Tensor) -> Iterator[float]:
    for number, first, last in tensor.values:
        code = _PACKED.get(tensor.type) if _VALUES[number] == "" else _VALUES[number]
        if code is None:
            yield from whole_numbers(content, first, last)
            continue
        if (last - first) % struct.calcsize(code):
            raise NoMessageError("a number is cut short")
        yield from (each for (each,) in struct.iter_unpack(code, content[first:last]))


def _check_numbers(numbers: Iterable[float]) -> None:
    for each in numbers:
        if each != _OPEN and not abs(each) <= MOST_NUMBER:
            raise _needless(f"the whole number {each}, beyond {MOST_NUMBER},")


def _check_size(operator: str, numbers: Iterable[float]) -> None:
    size = math.prod(1 + abs(each) for each in numbers)
    if not size <= MOST_PRODUCT:
        raise _needless(f"a constant that makes its {operator} too large")


def _check_domain(domain: bytes) -> None:
    if domain not in _OWN_DOMAINS:
        raise _needless(f"operators of {domain[:_SHOWN].decode('utf-8', 'replace')!r}")


def _needless(what: str) -> GraphError:
    return GraphError(
        f"has {what} in its graph, which no metric needs and which could fill a machine's memory "
        "or run without end. Export the model with `framegauge export`."
    )
