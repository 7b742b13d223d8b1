"""What an engine is for: the TensorRT flavour, and the GPUs.

Sources: NVIDIA's TensorRT and TensorRT-RTX support matrices. What the installed builder offers was
read from ``tensorrt_rtx`` 1.7.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from framegauge.engines.identity.gpu_names import ARCHITECTURE, architecture_of
from framegauge.engines.identity.machine import FLAVOURS, Flavour, Gpu, TargetError, flavours, gpu

Compatibility = Literal["none", "ampere_plus", "same_compute_capability"]

COMPATIBILITIES: tuple[Compatibility, ...] = get_args(Compatibility)

# What tensorrt_rtx can build for where there is no GPU.
RTX_ARCHITECTURES = ("sm75", "sm80", "sm86", "sm89", "sm120", "sm121")
PORTABLE, LOCAL = "rtx", "local"
# Offered by the builder, and not in NVIDIA's list of GPUs that TensorRT-RTX supports.
UNLISTED = frozenset({"sm80"})


@dataclass(frozen=True, kw_only=True)
class Target:
    """The GPUs that one engine is for.

    Attributes:
        flavour: Which TensorRT builds and runs it.
        architectures: Compute capabilities, ``sm89``, ascending; several in a portable engine.
        compatibility: TensorRT's hardware compatibility level, ``none`` for the GPU it was built
            on alone. RTX engines need none.
    """

    flavour: Flavour
    architectures: tuple[str, ...]
    compatibility: Compatibility = "none"

    def __post_init__(self) -> None:
        """BuildOrder the architectures, and refuse what cannot be built."""
        if self.flavour not in FLAVOURS:
            raise ValueError(f"A flavour is one of {', '.join(FLAVOURS)}; got {self.flavour!r}.")
        if self.compatibility not in COMPATIBILITIES:
            raise ValueError(
                f"--compatibility takes one of {', '.join(COMPATIBILITIES)}; got "
                f"{self.compatibility!r}."
            )
        for name in self.architectures:
            if ARCHITECTURE.fullmatch(name) is None:
                raise ValueError(f"An architecture is written sm89, sm120, ...; got {name!r}.")
        if not self.architectures:
            raise ValueError("A target names at least one architecture, such as sm89.")
        if len(self.architectures) > 1 and self.flavour != "tensorrt_rtx":
            raise ValueError("Only tensorrt_rtx puts several architectures into one engine.")
        if self.compatibility != "none" and self.flavour != "tensorrt":
            raise ValueError(
                "--compatibility is for the flavour tensorrt. An RTX engine for many GPUs is "
                "--target rtx."
            )
        ordered = sorted(set(self.architectures), key=_number)
        object.__setattr__(self, "architectures", tuple(ordered))

    def __str__(self) -> str:
        """The target as ``--target`` takes it, with what it is compatible with."""
        if self.is_portable:
            return PORTABLE
        level = "" if self.compatibility == "none" else f" ({self.compatibility})"
        return "+".join(self.architectures) + level

    @property
    def is_portable(self) -> bool:
        """Whether it is one engine for every RTX architecture."""
        return self.architectures == RTX_ARCHITECTURES

    @property
    def capabilities(self) -> tuple[str, ...]:
        """What decides where it runs: architectures, or the level that stands in their place."""
        if self.compatibility == "ampere_plus":
            return (self.compatibility,)
        level = () if self.compatibility == "none" else (self.compatibility,)
        return (*self.architectures, *level)

    def fit(self, architecture: str) -> Literal["exact", "compatible", "portable"] | None:
        """How an engine of this target fits a GPU, ``None`` if it does not."""
        if self.compatibility == "ampere_plus":
            is_own = architecture in self.architectures
            return "exact" if is_own else "compatible" if _number(architecture) >= 80 else None
        if architecture not in self.architectures:
            return None
        if len(self.architectures) > 1:
            return "portable"
        return "exact" if self.compatibility == "none" else "compatible"


def parse_targets(
    text: str,
    *,
    flavour: Flavour | None = None,
    compatibility: Compatibility = "none",
    find_gpu: Callable[[], Gpu] = gpu,
) -> list[Target]:
    """The engines that ``--target`` asks for.

    Args:
        text: ``rtx`` for one portable engine, ``local`` for the GPU at hand, or architectures with
            commas, ``sm75,sm89``, for one engine each; ``sm86+sm89`` is one engine for both. GPUs
            stand for theirs: ``L40S``, ``RTX 4090``.
        flavour: Which TensorRT; ``None`` for the one that fits: tensorrt for the GPU at hand where
            it is installed, tensorrt_rtx for everything else.
        compatibility: Hardware compatibility level, for the flavour tensorrt.
        find_gpu: What tells the GPU at hand.

    Raises:
        ValueError: The text is not a target, or the flavour cannot build it.
        TargetError: It needs a GPU, and there is none.
    """
    words = list(dict.fromkeys(word.strip().lower() for word in text.split(",") if word.strip()))
    if not words:
        raise ValueError("--target takes rtx, local, or architectures such as sm86,sm89.")
    found = [_target(word, flavour, compatibility, find_gpu) for word in words]
    return list(dict.fromkeys(found))


def notes(target: Target) -> list[str]:
    """What a user should know of a target before relying on it."""
    unlisted = sorted(UNLISTED.intersection(target.architectures))
    if target.flavour != "tensorrt_rtx" or target.is_portable or not unlisted:
        return []
    return [
        f"{', '.join(unlisted)}: the RTX builder offers it, and NVIDIA's list of supported GPUs "
        "has it not"
    ]


def _target(
    word: str, flavour: Flavour | None, level: Compatibility, find_gpu: Callable[[], Gpu]
) -> Target:
    names: tuple[str, ...] = RTX_ARCHITECTURES
    if word != PORTABLE:
        names = (find_gpu().architecture,) if word == LOCAL else _architectures(word)
    is_rtx = set(names) <= set(RTX_ARCHITECTURES)
    fits = is_rtx and level == "none" and (word != LOCAL or "tensorrt" not in flavours())
    chosen = flavour or ("tensorrt_rtx" if fits else "tensorrt")
    if chosen == "tensorrt_rtx" and not is_rtx:
        raise ValueError(
            f"tensorrt_rtx builds for {', '.join(RTX_ARCHITECTURES)}; got {word}. Use the flavour "
            "tensorrt on a machine with that GPU."
        )
    target = Target(flavour=chosen, architectures=names, compatibility=level)
    if chosen == "tensorrt" and word != LOCAL:
        _check_local("+".join(names), find_gpu)
    return target


def _architectures(word: str) -> tuple[str, ...]:
    """Those that a word of ``--target`` names, with a plus between several."""
    try:
        return tuple(map(architecture_of, word.split("+")))
    except ValueError as error:
        raise ValueError(
            f"--target takes rtx, local, or architectures such as sm86,sm89; got {word!r}. {error} "
            f"RTX architectures: {', '.join(RTX_ARCHITECTURES)}."
        ) from error


def _check_local(word: str, find_gpu: Callable[[], Gpu]) -> None:
    """Refuse an architecture that only a GPU of its own can build for, where it is not at hand."""
    try:
        found = find_gpu().architecture
    except TargetError as error:
        raise TargetError(
            f"TensorRT builds for {word} on such a GPU alone, and none can be used here. Run this "
            f"on a machine with one; RTX GPUs need none: {', '.join(RTX_ARCHITECTURES)}."
        ) from error
    if found != word:
        raise TargetError(
            f"TensorRT builds for {word} on such a GPU alone, and the one here is {found}. Use "
            "--target local, or a machine with that GPU."
        )


def _number(architecture: str) -> int:
    return int(architecture.removeprefix("sm"))
