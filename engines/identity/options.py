"""Builder options by name: whatever flags, settings and memory pools the installed module has.

Nothing here lists them: a newer TensorRT's options are found on it. TF32 is no option: it is off.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from framegauge.engines.identity.machine import Flavour
from framegauge.export.contract.entry import nearest

# What is set by other means, or is no value.
_OWN = {
    "flags",
    "hardware_compatibility_level",
    "num_compute_capabilities",
    "num_optimization_profiles",
    "profile_stream",
    "progress_monitor",
}
ALWAYS = {"tf32": "false"}
_ON_OFF = ("false", "true")
# What makes engines that the runtime cannot run: it neither refits nor streams weights, gives an
# engine no memory of its own, and runs on the GPU itself.
_UNSERVED = {
    *("refit", "refit_identical", "refit_individual", "strip_plan", "weight_streaming"),
    *("require_user_allocation", "safety_scope", "engine_capability"),
    *("default_device_type", "dla_core", "gpu_fallback"),
}
_NUMBER = re.compile(r"-?[0-9]{1,18}")


@dataclass(frozen=True, kw_only=True)
class BuilderOption:
    """One option of a builder configuration.

    Attributes:
        choices: The values it can take, in lower case; none for whole numbers.
        read: Its value now, as text.
        write: Sets it from text.
        is_fixed: Whether its default is the same on every machine.
    """

    choices: tuple[str, ...]
    read: Callable[[], str]
    write: Callable[[str], None]
    is_fixed: bool = True


def parse_options(pairs: Iterable[str]) -> dict[str, str]:
    """Options by name from ``NAME=VALUE`` each, in lower case.

    Raises:
        ValueError: One is not written so, or is given twice.
    """
    options: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = (part.strip().lower() for part in pair.partition("="))
        if not (name and equals and value):
            raise ValueError(
                "--builder-option takes NAME=VALUE, such as builder_optimization_level=5; got "
                f"{pair!r}."
            )
        if name in options:
            raise ValueError(f"--builder-option {name} is given twice. Keep one.")
        options[name] = value
    return options


def normalised(options: Mapping[str, str], flavour: Flavour) -> dict[str, str]:
    """The options that decide what is built: those that differ from defaults, and TF32 off.

    The module is loaded only if there are options to look up.

    Args:
        options: Values by name.
        flavour: Whose options; it must be installed.

    Raises:
        ValueError: The installed module has no such option, or it cannot take the value.
    """
    if not options:
        return dict(ALWAYS)
    module = importlib.import_module(flavour)
    builder = module.Builder(module.Logger(module.Logger.ERROR))
    defaults = offered(module, builder.create_builder_config())
    kept = {}
    for name, value in options.items():
        _check(name, value, defaults, f"{flavour} {module.__version__}")
        value = value if defaults[name].choices else str(int(value))
        if value != defaults[name].read() or not defaults[name].is_fixed:
            kept[name] = value
    return dict(sorted({**kept, **ALWAYS}.items()))


def apply(options: Mapping[str, str], module: Any, config: Any) -> None:
    """Set options on a builder configuration, and see that they took.

    Raises:
        ValueError: One did not, as the builder refuses some without a word.
    """
    config.clear_flag(module.BuilderFlag.TF32)
    known = offered(module, config)
    for name, value in options.items():
        if name in ALWAYS:
            continue
        _check(name, value, known, f"{module.__name__} {module.__version__}")
        try:
            known[name].write(value)
        except TypeError as error:
            # The module's own words are the signature of its function.
            raise ValueError(
                f"--builder-option {name} cannot be {value}. Leave it out, or name another value."
            ) from error
        if known[name].read() != value:
            raise ValueError(
                f"{module.__name__} {module.__version__} did not take --builder-option "
                f"{name}={value}: it is still {known[name].read()}. Leave it out."
            )


def offered(module: Any, config: Any) -> dict[str, BuilderOption]:
    """The options of a builder configuration, by their names in lower case."""
    flags = {
        name.lower(): _switch(flag, config.get_flag, config.set_flag, config.clear_flag)
        for name, flag in module.BuilderFlag.__members__.items()
    }
    previews = {
        name.lower(): _switch(
            feature,
            config.get_preview_feature,
            lambda each: config.set_preview_feature(each, True),
            lambda each: config.set_preview_feature(each, False),
        )
        for name, feature in module.PreviewFeature.__members__.items()
    }
    pools = {name.lower(): _pool(pool, config) for name, pool in _members(module.MemoryPoolType)}
    settings = {
        name.lower(): _setting(name, config)
        for name, held in vars(type(config)).items()
        if isinstance(held, property) and held.fset and name not in _OWN
        if isinstance(getattr(config, name), int) or _members(type(getattr(config, name)))
    }
    found = {**flags, **previews, **pools, **settings}
    return {name: found[name] for name in sorted(found) if name not in {*ALWAYS, *_UNSERVED}}


def _check(name: str, value: str, known: Mapping[str, BuilderOption], whose: str) -> None:
    if name in ALWAYS:
        raise ValueError(
            "TF32 is always off: rounded to it, SSIM moves by up to 0.02. Leave out "
            f"--builder-option {name}={value}."
        )
    if name in _UNSERVED:
        raise ValueError(
            f"--builder-option {name} makes engines that framegauge cannot run. Leave it out."
        )
    if name not in known:
        raise ValueError(
            f"{whose} has no builder option {name!r}{nearest(name, known)} Its options: "
            f"{', '.join(known)}."
        )
    choices = known[name].choices
    if (value not in choices) if choices else not _NUMBER.fullmatch(value):
        raise ValueError(
            f"--builder-option {name} takes {' or '.join(choices) or 'a whole number'}; got "
            f"{value!r}."
        )


def _switch(
    member: Any, is_on: Callable[[Any], bool], on: Callable[[Any], Any], off: Callable[[Any], Any]
) -> BuilderOption:
    return BuilderOption(
        choices=_ON_OFF,
        read=lambda: _ON_OFF[is_on(member)],
        write=lambda value: (on if value == "true" else off)(member),
    )


def _pool(member: Any, config: Any) -> BuilderOption:
    return BuilderOption(
        choices=(),
        read=lambda: str(config.get_memory_pool_limit(member)),
        write=lambda value: config.set_memory_pool_limit(member, int(value)),
        # That of a workspace is the memory of the GPU at hand.
        is_fixed=False,
    )


def _setting(name: str, config: Any) -> BuilderOption:
    kind = type(getattr(config, name))
    members = {word.lower(): member for word, member in _members(kind)}
    return BuilderOption(
        choices=tuple(members),
        read=lambda: str(getattr(getattr(config, name), "name", getattr(config, name))).lower(),
        write=lambda value: setattr(config, name, members[value] if members else int(value)),
    )


def _members(kind: Any) -> list[tuple[str, Any]]:
    return list(getattr(kind, "__members__", {}).items())
