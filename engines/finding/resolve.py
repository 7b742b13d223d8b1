"""Which stored engine a run takes, by a written order, and why not the others.

The same model; a flavour and version that can load it; this GPU's architecture by itself, then by
hardware compatibility, then out of a portable engine; the tightest profile that holds the frames.

What loads what is NVIDIA's word, in the "Engine Compatibility" pages of TensorRT 11.1 and
TensorRT-RTX 1.7: RTX engines run on the release that built them alone, and TensorRT's too, unless
they were built with ``version_compatible``; those run on later releases of the same major version
as well. (That of 10 running on 11 is said on one page and not on another: it is refused here.)
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import get_args

from framegauge.engines.finding.candidates import Candidate, Fit, Resolution
from framegauge.engines.identity.machine import Flavour, Gpu, Platform
from framegauge.engines.identity.options import ALWAYS
from framegauge.engines.identity.profile import Size
from framegauge.engines.identity.sidecar import Recipe, Sidecar
from framegauge.engines.store.stored_engine import StoredEngine

# Fit, version, profile, flavour, store: less is better.
_Rank = tuple[int, tuple[int, ...], tuple[float, float], int, bool]

_FITS: tuple[Fit, ...] = get_args(Fit)
_SHORT = 12
# What each place of a rank compares, told of the one that loses by it.
_LESSER = (
    "fits the GPU less closely",
    "of an older version",
    "its profile is looser",
    "of a flavour that comes second",
    "the system's, and the user has one as good",
)


def resolve(
    model: str,
    stored: Iterable[StoredEngine],
    *,
    gpu: Gpu,
    flavours: Mapping[Flavour, str],
    size: Size | None = None,
    options: Mapping[str, str] | None = None,
    platform: Platform | None = None,
) -> Resolution:
    """Judge every stored engine for a run.

    Nothing is read but sidecars: that the bytes are whole is for :meth:`Store.read` to prove, and
    TensorRT's own verdict, which takes a GPU, for :meth:`Resolution.judged`.

    Args:
        model: SHA-256 of the model file, in hex.
        stored: What the store has.
        gpu: The GPU it shall run on.
        flavours: Full versions of the flavours that can load engines here, the preferred first.
        size: Batch, height and width of the frames; ``None`` if they are not known, which
            prefers the engine that takes the most.
        options: Builder options that it must have been built with, those that differ from the
            defaults; ``None`` for any.
        platform: What it shall run on; ``None`` for this machine.
    """
    here = platform or Platform.here()
    usable: list[tuple[_Rank, Candidate]] = []
    refused = []
    # Of two as good, the newer; the key makes the order certain.
    known = sorted(stored, key=lambda held: held.key)
    known.sort(key=lambda held: held.sidecar.created if held.sidecar else "", reverse=True)
    for held in known:
        sidecar = held.sidecar
        reasons = list(_refusals(held, model, gpu, flavours, size, options, here))
        if sidecar is None or reasons:
            fit = sidecar.recipe.target.fit(gpu.architecture) if sidecar else None
            refused.append(
                Candidate(held=held, fit=fit, verdict="refused", reason="; ".join(reasons))
            )
        else:
            usable.append(_ranked(held, sidecar, gpu, flavours, size))
    usable.sort(key=lambda pair: pair[0])
    ordered = [
        replace(each, verdict="usable", reason=f"{_lesser(rank, usable[0][0])}: {each.reason}")
        if index
        else each
        for index, (rank, each) in enumerate(usable)
    ]
    return Resolution(candidates=(*ordered, *refused))


def loads(recipe: Recipe, installed: str) -> bool:
    """Whether a version of a recipe's flavour can load its engine."""
    made, here = _numbers(recipe.version), _numbers(installed)
    if made == here:
        return True
    is_compatible = recipe.options.get("version_compatible") == "true"
    is_later = made[:1] == here[:1] and made < here
    return recipe.target.flavour == "tensorrt" and is_compatible and is_later


def _refusals(
    held: StoredEngine,
    model: str,
    gpu: Gpu,
    flavours: Mapping[Flavour, str],
    size: Size | None,
    options: Mapping[str, str] | None,
    platform: Platform,
) -> Iterator[str]:
    """Every reason not to take an engine; of another model's, that alone."""
    if held.sidecar is None:
        yield held.problem or "its sidecar cannot be read"
        return
    recipe = held.sidecar.recipe
    if recipe.model != model:
        yield f"of another model, {held.sidecar.file} ({recipe.model[:_SHORT]})"
        return
    if held.problem is not None:
        yield held.problem
    flavour, installed = recipe.target.flavour, flavours.get(recipe.target.flavour)
    if installed is None:
        yield f"{flavour} is not available here"
    elif not loads(recipe, installed):
        yield f"built by {flavour} {recipe.version}, and {installed} cannot load that"
    if recipe.target.fit(gpu.architecture) is None:
        yield f"for {recipe.target}, and the GPU is {gpu.architecture}"
    if recipe.platform != platform:
        made_for, here = (
            f"{each.system} on {each.machine}" for each in (recipe.platform, platform)
        )
        yield f"for {made_for}, and this is {here}"
    if any(recipe.options.get(name) != value for name, value in ALWAYS.items()):
        yield "built with TF32 on, which changes scores"
    if options is not None and dict(recipe.options) != {**options, **ALWAYS}:
        yield f"built with other options: {_listed(recipe.options)}"
    if size is not None and not any(each.holds(*size) for each in recipe.profiles):
        yield f"no profile holds {size}: {', '.join(map(str, recipe.profiles))}"
    yield from _failed(held.sidecar, gpu)


def _failed(sidecar: Sidecar, gpu: Gpu) -> Iterator[str]:
    """That the last self-test on such a GPU went wrong, if it did."""
    found = [each for each in sidecar.verifications if each.get("architecture") == gpu.architecture]
    if found and found[-1].get("passed") is not True:
        yield f"failed its self-test on {found[-1].get('gpu')} at {found[-1].get('time')}"


def _ranked(
    held: StoredEngine,
    sidecar: Sidecar,
    gpu: Gpu,
    flavours: Mapping[Flavour, str],
    size: Size | None,
) -> tuple[_Rank, Candidate]:
    """What orders the engines that could be taken, less is better; and one as if it were taken."""
    recipe = sidecar.recipe
    fit = recipe.target.fit(gpu.architecture) or "portable"
    holding = {
        index: profile.looseness(*size) if size else (-float(math.prod(profile.most)), 0.0)
        for index, profile in enumerate(recipe.profiles)
        if size is None or profile.holds(*size)
    }
    index = min(holding, key=lambda each: holding[each])
    flavour, made = recipe.target.flavour, _numbers(recipe.version)
    is_same = made == _numbers(flavours[flavour])
    rank = (
        _FITS.index(fit),
        () if is_same else tuple(-number for number in made),
        holding[index],
        list(flavours).index(flavour),
        held.is_system,
    )
    reason = f"{fit} fit for {gpu.architecture}, profile {recipe.profiles[index]}"
    if not is_same:
        reason += f", version-compatible, of {flavour} {recipe.version}"
    return rank, Candidate(held=held, fit=fit, verdict="chosen", reason=reason, profile=index)


def _lesser(rank: _Rank, best: _Rank) -> str:
    """By what an engine loses to the best."""
    for words, own, other in zip(_LESSER, rank, best, strict=True):
        if own != other:
            return words
    return "as good, and not newer"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)[:4]))


def _listed(options: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in options.items())
