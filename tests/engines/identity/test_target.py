import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from framegauge.engines.identity import target as targets
from framegauge.engines.identity.machine import FLAVOURS, Gpu, Platform, TargetError, flavours, gpu
from framegauge.engines.identity.target import RTX_ARCHITECTURES, Target, notes, parse_targets

H100 = Gpu(index=0, name="NVIDIA H100", architecture="sm90", driver="13.0")
RTX4090 = Gpu(index=0, name="NVIDIA GeForce RTX 4090", architecture="sm89", driver="13.0")


NO_DRIVER = """
from cuda.bindings import driver
from framegauge.engines.identity.machine import TargetError, gpu

def missing(flags):
    raise RuntimeError("libcuda.so.1 cannot be opened")

driver.cuInit = missing
try:
    gpu()
except TargetError as error:
    print(error)
"""


def no_gpu() -> None:
    raise TargetError("There is no GPU")


def test_rtx_is_one_engine_for_what_the_installed_builder_offers() -> None:
    module = pytest.importorskip("tensorrt_rtx")
    offered = [name.lower() for name in module.ComputeCapability.__members__ if "SM" in name]

    (target,) = parse_targets("rtx", find_gpu=no_gpu)

    assert target.flavour == "tensorrt_rtx"
    assert list(target.architectures) == offered
    assert target.is_portable
    assert str(target) == "rtx"


def test_architectures_with_commas_are_an_engine_each() -> None:
    made = parse_targets("sm120, SM75,sm75", find_gpu=no_gpu)

    assert [target.architectures for target in made] == [("sm120",), ("sm75",)]


def test_architectures_with_a_plus_are_one_engine_in_ascending_order() -> None:
    (target,) = parse_targets("sm120+sm86", find_gpu=no_gpu)

    assert target.architectures == ("sm86", "sm120")
    assert str(target) == "sm86+sm120"


def test_local_without_a_gpu_says_what_can_be_built_instead() -> None:
    with pytest.raises(TargetError, match="no GPU"):
        parse_targets("local", find_gpu=no_gpu)


@pytest.mark.parametrize(
    ("installed", "found", "flavour"),
    [
        ({"tensorrt_rtx": "1.7"}, RTX4090, "tensorrt_rtx"),
        ({"tensorrt": "10.9", "tensorrt_rtx": "1.7"}, RTX4090, "tensorrt"),
        ({"tensorrt_rtx": "1.7"}, H100, "tensorrt"),
    ],
)
def test_local_takes_the_flavour_that_fits_the_gpu(
    monkeypatch: pytest.MonkeyPatch, installed: dict[str, Any], found: Any, flavour: str
) -> None:
    monkeypatch.setattr(targets, "flavours", lambda: installed)

    (target,) = parse_targets("local", find_gpu=lambda: found)

    assert (target.flavour, target.architectures) == (flavour, (found.architecture,))


def test_a_flavour_asked_for_is_taken() -> None:
    (target,) = parse_targets("local", flavour="tensorrt_rtx", find_gpu=lambda: RTX4090)

    assert target.flavour == "tensorrt_rtx"


@pytest.mark.parametrize(("word", "found"), [("sm90", no_gpu), ("sm100", lambda: H100)])
def test_tensorrt_builds_for_the_gpu_at_hand_alone(word: str, found: Any) -> None:
    with pytest.raises(TargetError, match=f"{word} on such a GPU alone"):
        parse_targets(word, find_gpu=found)


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("", {}, "--target takes rtx, local, or architectures"),
        ("toaster", {}, r"got 'toaster'\. No GPU .* RTX architectures: sm75, sm80"),
        ("sm89+", {}, "got 'sm89"),
        ("sm90", {"flavour": "tensorrt_rtx"}, "tensorrt_rtx builds for sm75.*; got sm90"),
        ("sm89+sm90", {"flavour": "tensorrt"}, "Only tensorrt_rtx puts several"),
        ("rtx", {"flavour": "tensorrt"}, "Only tensorrt_rtx puts several"),
        (
            "sm89",
            {"flavour": "tensorrt_rtx", "compatibility": "ampere_plus"},
            "--compatibility is for the flavour tensorrt",
        ),
        ("sm89", {"compatibility": "all"}, "--compatibility takes one of none, ampere_plus"),
    ],
)
def test_what_cannot_be_built_is_refused_by_name(
    text: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        parse_targets(text, find_gpu=lambda: RTX4090, **options)


@pytest.mark.parametrize(
    ("target", "fits"),
    [
        (Target(flavour="tensorrt_rtx", architectures=("sm89",)), {"sm89": "exact"}),
        (
            Target(flavour="tensorrt_rtx", architectures=RTX_ARCHITECTURES),
            dict.fromkeys(RTX_ARCHITECTURES, "portable"),
        ),
        (
            Target(flavour="tensorrt", architectures=("sm86",), compatibility="ampere_plus"),
            {"sm86": "exact"}
            | dict.fromkeys(("sm80", "sm89", "sm90", "sm120", "sm121"), "compatible"),
        ),
        (
            Target(
                flavour="tensorrt",
                architectures=("sm89",),
                compatibility="same_compute_capability",
            ),
            {"sm89": "compatible"},
        ),
    ],
)
def test_a_target_fits_the_gpus_it_was_built_for(target: Any, fits: Any) -> None:
    everything = (*RTX_ARCHITECTURES, "sm90")

    found = {name: target.fit(name) for name in everything if target.fit(name)}

    assert found == fits


def test_sm80_is_said_to_be_missing_from_the_published_list() -> None:
    (target,) = parse_targets("sm80", find_gpu=no_gpu)
    (other,) = parse_targets("sm86", find_gpu=no_gpu)

    assert "sm80" in notes(target)[0]
    assert notes(other) == []


def test_versions_are_those_of_the_installed_modules() -> None:
    module = pytest.importorskip("tensorrt_rtx")

    assert flavours()["tensorrt_rtx"] == module.__version__
    assert set(flavours()) <= set(FLAVOURS)


def test_the_platform_is_named_alike_on_every_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.system", lambda: "Windows")
    monkeypatch.setattr("platform.machine", lambda: "AMD64")

    assert Platform.here() == Platform(system="windows", machine="x86_64")


def test_no_driver_is_said_with_what_to_do_instead(
    python: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    done = python(NO_DRIVER)

    assert "There is no GPU 0" in done.stdout
    assert "--target rtx or --target sm89" in done.stdout


@pytest.mark.gpu
def test_the_gpu_at_hand_is_named() -> None:
    try:
        found = gpu()
    except TargetError as error:
        pytest.skip(str(error))

    assert found.name
