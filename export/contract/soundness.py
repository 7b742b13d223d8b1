"""What a manifest may say: refused here is what a damaged or hostile file would make hosts do."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection, Sequence
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from framegauge.export.contract.formats import Dim, Format
from framegauge.export.contract.interface import Aggregate, Input, Output, SelfTest
from framegauge.export.contract.roles import FRAME_ROLES, tensor_dims

# Of a value or a range, what may never matter: a self-test that allows all of it proves nothing.
MOST_RELATIVE = 0.1


def check_types(part: Any) -> None:
    """Refuse a value that is not of its field's type, in a dataclass and in those it holds.

    Raises:
        TypeError: There is one. A number that is not finite is none.
    """
    for name, hint in get_type_hints(type(part)).items():
        value = getattr(part, name)
        if not _fits(value, hint):
            choices = get_args(hint) if get_origin(hint) is Literal else ()
            wanted = f"one of {', '.join(map(str, choices))}" if choices else f"of type {hint}"
            raise TypeError(f"{name} is {value!r}, and should be {wanted}")


def check_inputs(form: Format, inputs: Sequence[Input]) -> None:
    """Refuse inputs that no model of a format has.

    Raises:
        ValueError: There are none, two have one name, or one has other axes or another type.
    """
    _check_names("inputs", [each.name for each in inputs])
    for each in inputs:
        dims, dtype = _layout(form, each)
        if (each.dims, each.dtype) != (dims, dtype):
            raise ValueError(
                f"{each.name} is {each.dtype} {each.dims}, and should be {dtype} {dims}"
            )


def check_outputs(outputs: Sequence[Output], aggregates: Sequence[Aggregate]) -> None:
    """Refuse outputs with limits that nothing could keep to, or that everything would.

    Raises:
        ValueError: There is one, or a clip's score is made of none of them.
    """
    _check_names("outputs", [each.name for each in outputs])
    for each in outputs:
        if each.least < 1:
            raise ValueError(f"{each.name} takes frames from {each.least} pixels")
        if each.tolerance < 0 or not 0 <= each.relative <= MOST_RELATIVE:
            raise ValueError(
                f"{each.name} has the tolerance {each.tolerance} + {each.relative} relative, and "
                f"should have at least 0, and up to {MOST_RELATIVE} relative"
            )
        if each.high is not None and each.tolerance > MOST_RELATIVE * (each.high - each.low):
            raise ValueError(
                f"{each.name} goes from {each.low} to {each.high}, too little for a tolerance of "
                f"{each.tolerance}"
            )
    moments = [output.name for output in outputs if output.kind == "moment"]
    for total in aggregates:
        if total.moment not in moments:
            raise ValueError(
                f"moment is {total.moment!r}, and should be one of {', '.join(moments)}"
            )
        if total.peak <= 0:
            raise ValueError(f"the peak of {total.name} is {total.peak}, and should be above 0")


def check_self_test(test: SelfTest, inputs: Sequence[Input], outputs: Sequence[Output]) -> None:
    """Refuse a self-test that leaves an output unproven.

    Raises:
        ValueError: A run lacks an output or a frame, or the colours are not what the model takes.
    """
    wanted = {each.name: test.batch for each in outputs if each.kind != "map"}
    for run in test.scores:
        found = {name: len(values) for name, values in run.items()}
        if found != wanted:
            raise ValueError(f"the self-test has {found} values, and should have {wanted}")
    rows = [len(row) for row in test.colour or ()]
    if rows != ([4, 4, 4] if any(each.part == "colour" for each in inputs) else []):
        raise ValueError(f"the self-test's colours are {test.colour}")


def _layout(form: Format, each: Input) -> tuple[tuple[Dim, ...], str]:
    """Axes and type of an input."""
    if each.part == "colour":
        return (3, 4), "float32"
    if each.role not in FRAME_ROLES:
        return tensor_dims(each.role), "float32"
    for plane in form.planes:
        if plane.part == each.part:
            return ("N", *plane.dims), form.dtype
    raise ValueError(f"{each.name} is a plane that {form.name} has not: {each.part!r}")


def _check_names(kind: str, names: Collection[str]) -> None:
    if not names or len(set(names)) != len(names):
        raise ValueError(f"the {kind} are {', '.join(names) or 'none'}: each should be there once")


def _fits(value: object, hint: Any) -> bool:
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is float:
        return type(value) is not bool and isinstance(value, int | float) and math.isfinite(value)
    if origin is Literal:
        return value in arguments
    if origin in (Union, UnionType):
        return any(_fits(value, each) for each in arguments)
    if origin is dict:
        return isinstance(value, dict) and all(
            _fits(key, arguments[0]) and _fits(each, arguments[1]) for key, each in value.items()
        )
    if origin is tuple:
        kinds = arguments[:1] * len(value) if isinstance(value, tuple) else ()
        if arguments[-1] is not ...:
            kinds = arguments
        return (
            isinstance(value, tuple) and len(value) == len(kinds) and all(map(_fits, value, kinds))
        )
    if dataclasses.is_dataclass(value):
        check_types(value)
    return type(value) is hint
