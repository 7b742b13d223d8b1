from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from framegauge.engines.finding.candidates import Resolution, Validity
from framegauge.engines.finding.resolve import resolve
from framegauge.engines.identity.machine import Gpu, Platform
from framegauge.engines.identity.profile import Profile, Size
from framegauge.engines.identity.sidecar import Sidecar
from framegauge.engines.identity.target import RTX_ARCHITECTURES, Target
from framegauge.engines.store.store import Store
from framegauge.engines.store.stored_engine import StoredEngine
from framegauge.export.contract.model_file import ModelFile

ADA = Gpu(index=0, name="NVIDIA GeForce RTX 4090", architecture="sm89", driver="13.0")
LINUX = Platform(system="linux", machine="x86_64")
RTX, TENSORRT = "1.7.1.116", "10.9.0.34"
SMALL, LARGE = Profile.parse("16x16/64x64/256x256x2"), Profile.parse("16x16/64x64/512x512x2")
PORTABLE = Target(flavour="tensorrt_rtx", architectures=RTX_ARCHITECTURES)


def tensorrt(architecture: str, compatibility: str = "none") -> Target:
    return Target(flavour="tensorrt", architectures=(architecture,), compatibility=compatibility)


@pytest.fixture
def keep(store: Store, made: Callable[..., tuple[bytes, Sidecar]]) -> Callable[..., StoredEngine]:
    """Puts an engine of the small model into the store, its recipe changed as told."""

    def put(
        *, created: str = "2026-01-02T03:04:05+00:00", verifications: tuple = (), **changes: object
    ) -> StoredEngine:
        content, sidecar = made(**changes)
        return store.put(content, replace(sidecar, created=created, verifications=verifications))

    return put


@pytest.fixture
def found(store: Store, model: ModelFile) -> Callable[..., Resolution]:
    """Resolves the small model among everything in the store."""

    def look(gpu: Gpu = ADA, size: Size | None = None, **changes: Any) -> Resolution:
        asked = {
            "flavours": {"tensorrt": TENSORRT, "tensorrt_rtx": RTX},
            "platform": LINUX,
        } | changes
        return resolve(model.sha256, store.entries(), gpu=gpu, size=size, **asked)

    return look


def refusal(resolution: Resolution) -> str:
    (candidate,) = resolution.candidates
    assert candidate.verdict == "refused"
    assert resolution.chosen is None
    return candidate.reason


def test_an_engine_that_fits_is_chosen(
    keep: Callable[..., StoredEngine], found: Callable[..., Resolution]
) -> None:
    held = keep()

    resolution = found()

    assert resolution.chosen == held
    (candidate,) = resolution.candidates
    assert (candidate.fit, candidate.verdict, candidate.profile) == ("exact", "chosen", 0)
    assert candidate.reason == "exact fit for sm89, profile 16x16/64x64/256x256x2"


def test_nothing_stored_is_nothing_chosen(found: Callable[..., Resolution]) -> None:
    assert found() == Resolution(candidates=())


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"model": "0" * 64}, "of another model, mse.onnx (000000000000)"),
        ({"version": "1.7.2.0"}, "built by tensorrt_rtx 1.7.2.0, and 1.7.1.116 cannot load that"),
        ({"version": "1.6.9.9"}, "built by tensorrt_rtx 1.6.9.9, and 1.7.1.116 cannot load that"),
        (
            {"target": Target(flavour="tensorrt_rtx", architectures=("sm86",))},
            "for sm86, and the GPU is sm89",
        ),
        (
            {"platform": Platform(system="windows", machine="x86_64")},
            "for windows on x86_64, and this is linux on x86_64",
        ),
        (
            {"platform": Platform(system="linux", machine="aarch64")},
            "for linux on aarch64, and this is linux on x86_64",
        ),
        ({"options": {}}, "built with TF32 on, which changes scores"),
        ({"options": {"tf32": "true"}}, "built with TF32 on, which changes scores"),
    ],
)
def test_an_engine_that_cannot_serve_is_refused_in_words(
    keep: Callable[..., StoredEngine],
    found: Callable[..., Resolution],
    changes: dict[str, Any],
    reason: str,
) -> None:
    keep(**changes)

    assert refusal(found()) == reason


def test_every_reason_is_told_at_once(
    keep: Callable[..., StoredEngine], found: Callable[..., Resolution]
) -> None:
    keep(target=tensorrt("sm86"), version="10.8.0.1")

    reason = refusal(found(size=Size(1, 600, 600)))

    assert reason == (
        "built by tensorrt 10.8.0.1, and 10.9.0.34 cannot load that; "
        "for sm86, and the GPU is sm89; "
        "no profile holds 600x600: 16x16/64x64/256x256x2"
    )


def test_a_flavour_that_is_not_installed_is_refused(
    keep: Callable[..., StoredEngine], found: Callable[..., Resolution]
) -> None:
    keep()

    assert refusal(found(flavours={"tensorrt": TENSORRT})) == "tensorrt_rtx is not available here"


def test_a_damaged_file_is_refused_with_what_is_wrong(
    keep: Callable[..., StoredEngine], found: Callable[..., Resolution]
) -> None:
    held = keep()
    held.path.write_bytes(b"short")

    assert refusal(found()).endswith("has 5 bytes, and its sidecar says 40.")


def test_a_sidecar_that_cannot_be_read_is_refused(
    keep: Callable[..., StoredEngine], found: Callable[..., Resolution]
) -> None:
    held = keep()
    (held.folder / f"{held.key}.json").write_text("{")

    assert "is not a sidecar" in refusal(found())


@pytest.mark.parametrize(
    ("version", "options", "is_loaded"),
    [
        ("10.9.0.34", {}, True),
        ("10.8.0.43", {"version_compatible": "true"}, True),
        ("10.8.0.43", {}, False),
        ("10.10.0.1", {"version_compatible": "true"}, False),
        ("9.3.0.1", {"version_compatible": "true"}, False),
    ],
)
def test_tensorrt_loads_its_own_version_and_compatible_ones_of_its_major(
    keep: Callable[..., StoredEngine],
    found: Callable[..., Resolution],
    version: str,
    options: dict[str, Any],
    is_loaded: bool,
) -> None:
    keep(target=tensorrt("sm89"), version=version, options={**options, "tf32": "false"})

    assert (found().chosen is not None) == is_loaded


def test_rtx_loads_no_other_release_whatever_the_options_say(
    keep: Callable[..., StoredEngine], found: Callable[..., Resolution]
) -> None:
    keep(version="1.6.0.1", options={"version_compatible": "true", "tf32": "false"})

    assert "cannot load that" in refusal(found())


def test_exact_comes_before_compatible_before_portable(
    keep: Callable[..., StoredEngine], found: Callable[..., Resolution]
) -> None:
    portable = keep(target=PORTABLE)
    compatible = keep(target=tensorrt("sm80", "ampere_plus"), version=TENSORRT)
    exact = keep(profiles=(LARGE,))

    resolution = found(size=Size(1, 64, 64))

    assert [each.held for each in resolution.candidates] == [exact, compatible, portable]
    assert [each.verdict for each in resolution.candidates] == ["chosen", "usable", "usable"]
    assert resolution.candidates[2].reason == (
        "fits the GPU less closely: portable fit for sm89, profile 16x16/64x64/256x256x2"
    )


def test_the_tightest_profile_that_holds_the_frames_is_chosen(
    keep: Callable[..., StoredEngine], found: Callable[..., Resolution]
) -> None:
    small, large = keep(profiles=(SMALL,)), keep(profiles=(LARGE,))

    assert found(size=Size(1, 200, 200)).chosen == small
    assert found(size=Size(1, 400, 200)).chosen == large
    assert found(size=Size(1, 200, 200)).candidates[1].reason.startswith("its profile is looser: ")


def test_the_tightest_profile_of_one_engine_is_named(
    keep: Callable[..., StoredEngine], found: Callable[..., Resolution]
) -> None:
    keep(profiles=(LARGE, SMALL))

    assert found(size=Size(2, 64, 64)).best.profile == 1
    assert found(size=Size(2, 300, 64)).best.profile == 0


def test_without_a_size_the_engine_that_takes_most_is_chosen(
    keep: Callable[..., StoredEngine], found: Callable[..., Resolution]
) -> None:
    keep(profiles=(SMALL,))
    large = keep(profiles=(LARGE,))

    assert found().chosen == large


def test_a_batch_that_no_profile_holds_is_refused(
    keep: Callable[..., StoredEngine], found: Callable[..., Resolution]
) -> None:
    keep()

    assert "no profile holds 64x64x3" in refusal(found(size=Size(3, 64, 64)))


def test_a_version_of_its_own_comes_before_a_compatible_one(
    keep: Callable[..., StoredEngine], found: Callable[..., Resolution]
) -> None:
    options = {"version_compatible": "true", "tf32": "false"}
    older = keep(target=tensorrt("sm89"), version="10.7.0.23", options=options)
    old = keep(target=tensorrt("sm89"), version="10.8.0.43", options=options)
    own = keep(target=tensorrt("sm89"), version=TENSORRT)

    resolution = found()

    assert [each.held for each in resolution.candidates] == [own, old, older]
    assert "version-compatible, of tensorrt 10.8.0.43" in resolution.candidates[1].reason


def test_the_flavour_named_first_is_preferred(
    keep: Callable[..., StoredEngine], found: Callable[..., Resolution]
) -> None:
    rtx, full = keep(), keep(target=tensorrt("sm89"), version=TENSORRT)

    assert found().chosen == full
    assert found(flavours={"tensorrt_rtx": RTX, "tensorrt": TENSORRT}).chosen == rtx


def test_options_that_were_asked_for_must_be_those_it_was_built_with(
    keep: Callable[..., StoredEngine], found: Callable[..., Resolution]
) -> None:
    keep()
    tuned = keep(options={"builder_optimization_level": "5", "tf32": "false"})

    resolution = found(options={"builder_optimization_level": "5"})

    assert resolution.chosen == tuned
    assert resolution.candidates[1].reason == "built with other options: tf32=false"


def test_the_users_engine_comes_before_the_systems(
    made: Callable[..., tuple[bytes, Sidecar]], model: ModelFile, tmp_path: Path
) -> None:
    content, sidecar = made()
    for name in ("user", "system"):
        Store(tmp_path / name, system=[]).put(content, sidecar)
    both = Store(tmp_path / "user", system=[tmp_path / "system"])

    resolution = resolve(
        model.sha256,
        both.entries(),
        gpu=ADA,
        flavours={"tensorrt_rtx": RTX},
        platform=LINUX,
    )

    assert [each.held.is_system for each in resolution.candidates] == [False, True]


def test_of_two_as_good_the_newer_is_chosen(
    keep: Callable[..., StoredEngine], found: Callable[..., Resolution]
) -> None:
    keep(created="2026-01-01T00:00:00+00:00", options={"max_aux_streams": "1", "tf32": "false"})
    newer = keep(
        created="2026-02-01T00:00:00+00:00", options={"max_aux_streams": "2", "tf32": "false"}
    )

    assert found().chosen == newer
    assert found().candidates[1].reason.startswith("as good, and not newer: ")


def test_the_order_of_the_store_changes_nothing(
    keep: Callable[..., StoredEngine], store: Store, model: ModelFile
) -> None:
    for streams in "123456":
        keep(options={"max_aux_streams": streams, "tf32": "false"})
    shuffled = store.entries()
    random.Random(7).shuffle(shuffled)
    asked = {"gpu": ADA, "flavours": {"tensorrt_rtx": RTX}, "platform": LINUX}

    assert resolve(model.sha256, shuffled, **asked) == resolve(
        model.sha256, store.entries(), **asked
    )


@pytest.mark.parametrize(
    ("runs", "is_taken"),
    [
        ([{"architecture": "sm89", "passed": False}], False),
        ([{"architecture": "sm89", "passed": True}], True),
        ([{"architecture": "sm86", "passed": False}], True),
        (
            [{"architecture": "sm89", "passed": False}, {"architecture": "sm89", "passed": True}],
            True,
        ),
        ([{"architecture": "sm89"}], False),
    ],
)
def test_the_last_self_test_on_such_a_gpu_decides(
    keep: Callable[..., StoredEngine],
    found: Callable[..., Resolution],
    runs: list[Any],
    is_taken: bool,
) -> None:
    keep(target=PORTABLE, verifications=tuple({"gpu": "A", "time": "B", **run} for run in runs))

    assert (found().chosen is not None) == is_taken


def test_an_engine_that_tensorrt_calls_invalid_gives_way_to_the_next(
    keep: Callable[..., StoredEngine], found: Callable[..., Resolution]
) -> None:
    portable, exact = keep(target=PORTABLE), keep()
    before = found()
    word = Validity(verdict="invalid", diagnostics=("OLD_CUDA_DRIVER",))

    after = before.judged(before.chosen, word)

    assert (before.chosen, after.chosen) == (exact, portable)
    assert after.candidates[0].reason.startswith("better ones were refused; ")
    assert after.candidates[1].reason == "TensorRT calls it invalid (OLD_CUDA_DRIVER)"


def test_an_engine_that_tensorrt_calls_suboptimal_is_used_and_reported(
    keep: Callable[..., StoredEngine], found: Callable[..., Resolution]
) -> None:
    held = keep()
    before = found()

    after = before.judged(before.chosen, Validity(verdict="suboptimal", diagnostics=("X",)))

    assert after.chosen == held
    assert after.best.reason.endswith("; TensorRT calls it suboptimal (X)")


def test_refusing_the_last_engine_leaves_none(
    keep: Callable[..., StoredEngine], found: Callable[..., Resolution]
) -> None:
    keep()
    before = found()

    after = before.refusing(before.chosen, "failed its self-test")

    assert refusal(after) == "failed its self-test"
