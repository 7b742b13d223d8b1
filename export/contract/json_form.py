"""Frozen dataclasses as JSON and back, each value checked against the type of its field."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

MOST_WHOLE = 2**53
"""Greatest whole number: up to here every host reads the same one."""

MOST_REAL = 3.4028234663852886e38
"""Greatest magnitude of any other number, that of ``float32``."""

FURTHER = "further"
"""The field that keeps what an object holds beside its known fields."""

_MOST_DIGITS, _SHOWN = 4000, 60

T = TypeVar("T")

# Types of the fields of classes seen before: their names are evaluated once.
_KNOWN: dict[type[Any], dict[str, Any]] = {}


def parsed(text: str) -> Any:
    """The value that a JSON text stands for.

    Raises:
        ValueError: It is no JSON, an object has a key twice, or a number is not finite.
    """
    try:
        return json.loads(
            text,
            object_pairs_hook=_once,
            parse_constant=_refused,
            parse_float=_finite,
            parse_int=_whole,
        )
    except json.JSONDecodeError as error:
        raise ValueError(
            f"what is at line {error.lineno}, column {error.colno} is not as JSON has it"
        ) from None
    except RecursionError:
        raise ValueError("its values lie too deep in each other") from None


def made(kind: type[T], facts: Any, where: str = "") -> T:
    """A dataclass from the JSON object that :func:`plain` wrote.

    Fields that the class does not have are kept in its ``further``.

    Args:
        kind: The class.
        facts: The object.
        where: What to call it, for errors.

    Raises:
        ValueError: A field is missing, or a value is not of its field's type.
    """
    if not isinstance(facts, dict):
        raise ValueError(f"{where or 'it'} is {_short(facts)}, and should be an object")
    hints = _hints(kind)
    given = {
        name: _read(hint, facts[name], f"{where}.{name}" if where else name)
        for name, hint in hints.items()
        if name in facts and name != FURTHER
    }
    optional = {
        field.name
        for field in dataclasses.fields(kind)  # type: ignore[arg-type]
        if field.default is not dataclasses.MISSING
        or field.default_factory is not dataclasses.MISSING
    }
    lacking = [name for name in hints if name not in given and name not in optional]
    if lacking:
        raise ValueError(f"{where or 'it'} has no {', '.join(lacking)}")
    more = {name: value for name, value in facts.items() if name not in given}
    if more and FURTHER not in hints:
        raise ValueError(f"{where or 'it'} has {', '.join(more)} too many")
    return kind(**given, **({FURTHER: more} if more else {}))


def plain(value: Any) -> Any:
    """The same as JSON has it: dataclasses as objects, with what they were read with beside."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        known = {
            field.name: plain(getattr(value, field.name))
            for field in dataclasses.fields(value)
            if field.name != FURTHER
        }
        return {**known, **getattr(value, FURTHER, {})}
    if isinstance(value, tuple | list):
        return [plain(each) for each in value]
    if isinstance(value, Mapping):
        return {name: plain(each) for name, each in value.items()}
    return value


def field_names(kind: type[Any]) -> set[str]:
    """Names of all fields, those of the dataclasses in a field with a dot: ``outputs.better``."""
    names: set[str] = set()
    for name, hint in _hints(kind).items():
        if name == FURTHER:
            continue
        names.add(name)
        for inner in _classes(hint):
            names |= {f"{name}.{each}" for each in field_names(inner)}
    return names


def _hints(kind: type[Any]) -> dict[str, Any]:
    if kind not in _KNOWN:
        _KNOWN[kind] = get_type_hints(kind)
    return _KNOWN[kind]


def _classes(hint: Any) -> list[type[Any]]:
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return [hint]
    return [each for argument in get_args(hint) for each in _classes(argument)]


def _read(hint: Any, value: Any, where: str) -> Any:
    """A value of a type, from what JSON has."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any:
        return value
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return made(hint, value, where)
    if origin in (Union, UnionType):
        return _one_of(arguments, value, where)
    if origin is tuple and isinstance(value, list):
        kinds = arguments[:1] * len(value) if arguments[-1] is ... else arguments
        if len(kinds) == len(value):
            return tuple(
                _read(each, item, f"{where}[{n}]")
                for n, (each, item) in enumerate(zip(kinds, value, strict=True))
            )
    if origin is dict and isinstance(value, dict):
        return {name: _read(arguments[1], each, f"{where}.{name}") for name, each in value.items()}
    if origin is Literal:
        if any(type(value) is type(each) and value == each for each in arguments):
            return value
        raise ValueError(f"{where} is {_short(value)}, and should be one of {_listed(arguments)}")
    if _is_scalar(hint, value):
        return value
    raise ValueError(f"{where} is {_short(value)}, and should be {_word(hint)}")


def _one_of(kinds: tuple[Any, ...], value: Any, where: str) -> Any:
    if value is None and type(None) in kinds:
        return None
    wanted = [each for each in kinds if each is not type(None)]
    if len(wanted) == 1:
        return _read(wanted[0], value, where)
    if any(_is_scalar(each, value) for each in wanted):
        return value
    raise ValueError(f"{where} is {_short(value)}, and should be {_word(kinds)}")


def _is_scalar(hint: Any, value: object) -> bool:
    if hint in (int, float) and type(value) is int:
        return abs(value) <= MOST_WHOLE
    if hint is float:
        return type(value) is float and abs(value) <= MOST_REAL
    return isinstance(hint, type) and type(value) is hint


def _word(hint: Any) -> str:
    if isinstance(hint, tuple):
        return " or ".join(_word(each) for each in hint if each is not type(None))
    if get_origin(hint) in (tuple, dict):
        return "a list" if get_origin(hint) is tuple else "an object"
    words = {float: "a number", int: "a whole number", str: "a text", bool: "true or false"}
    return words.get(hint, str(hint))


def _listed(choices: tuple[Any, ...]) -> str:
    return ", ".join(map(str, choices))


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"{_short(name)} is there twice")
        found[name] = value
    return found


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:_SHOWN]} is too large a number")
    return value


def _whole(text: str) -> int:
    # Python itself reads no more than 4300.
    if len(text) > _MOST_DIGITS:
        raise ValueError(f"{text[:_SHOWN]} is too large a number")
    return int(text)


def _refused(constant: str) -> float:
    raise ValueError(f"{constant} is no number")
